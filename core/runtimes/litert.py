"""LiteRT, which was TensorFlow Lite."""

from pathlib import Path
from typing import Any

from core.backends._base import LoadedModel
from core.errors import BadModel, first_line
from core.inputs import Inputs, arrays_of
from core.runtimes._base import Call, Ready, Runtime
from core.runtimes._files import matched, refusal


class Interpreting(Ready):
    """One interpreter. It is made anew for each batch size: its tensors are laid out for one."""

    def __init__(self, content: bytes, names: tuple[str, ...], threads: int, file: Path) -> None:
        self._content, self._names, self.threads, self.file = content, names, threads, file

    def on(self, x: Inputs) -> Call:
        made = interpreter(self._content, self.threads)
        details = {_plain(one["name"]): one for one in made.get_input_details()}
        given = matched(x, self._names, {name: one["dtype"] for name, one in details.items()})
        try:
            for name, one in details.items():
                made.resize_tensor_input(one["index"], given[name].shape)
            made.allocate_tensors()
            for name, one in details.items():
                made.set_tensor(one["index"], given[name])
            made.invoke()
        except (RuntimeError, ValueError) as err:
            raise BadModel(f"LiteRT cannot take a batch of {len(arrays_of(x)[0])}: {first_line(err)}") from err
        return lambda: made.invoke()


class LiteRT(Runtime):
    """The flat file under XNNPACK. It has no switch for denormals."""

    name = "litert"
    title = "LiteRT"
    about = "The .tflite file on the CPU, as on a phone."
    flushes = False
    loader = """
from ai_edge_litert.interpreter import Interpreter

def load(path):
    interpreter = Interpreter(model_path=path)
    interpreter.allocate_tensors()
    return interpreter
"""

    def refuses(self, model: LoadedModel) -> str:
        return refusal(model, "litert", "ai_edge_litert", "LiteRT")

    def opened(self, model: LoadedModel, threads: int, folder: Path) -> Ready:
        file = model.write("litert", folder / "model.tflite")
        return Interpreting(file.read_bytes(), model.input_names, threads, file)


def interpreter(content: bytes, threads: int) -> Any:
    """An interpreter of a file's content.

    Raises:
        BadModel: LiteRT cannot carry it out.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        return Interpreter(model_content=content, num_threads=threads)
    except (RuntimeError, ValueError) as err:
        raise BadModel(f"LiteRT cannot open the network: {first_line(err)}") from err


def _plain(name: str) -> str:
    """``serving_default_tokens:0`` as ``tokens``."""
    return name.removeprefix("serving_default_").partition(":")[0]
