"""TensorFlow's SavedModel."""

from core.backends._base import LoadedModel
from core.formats._base import Format, given


class SavedModel(Format):
    """A folder that TensorFlow and its servers open."""

    name = "saved_model"
    title = "SavedModel"
    suffix = "-saved_model"
    frameworks = ("keras",)
    elsewhere = "SavedModel is TensorFlow's own format, for networks of Keras: take ONNX."
    about = "A folder for TensorFlow and TensorFlow Serving."

    def snippet(self, model: LoadedModel, file_name: str) -> str:
        arguments = ", ".join(f'"{name}": tf.constant({code})' for name, code in given(model).items())
        return (
            "import tensorflow as tf\n"
            "\n"
            f'model = tf.saved_model.load("{file_name}")\n'
            f'found = model.signatures["serving_default"](**{{{arguments}}})\n'
            "y = found[min(found)].numpy()\n"
        )
