"""LiteRT, TensorFlow Lite's new name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.backends._base import LoadedModel
from core.formats._base import Format, given

NOT_PYTORCH = "LiteRT files of PyTorch networks need litert-torch, which brings JAX and more along: take ONNX."


class LiteRt(Format):
    """A flat file for phones and small boards."""

    name = "litert"
    title = "LiteRT"
    suffix = ".tflite"
    frameworks = ("keras",)
    about = "For phones and small boards (once TensorFlow Lite); built-in operations only."
    package = "ai-edge-litert"
    elsewhere = NOT_PYTORCH

    def snippet(self, model: LoadedModel, file_name: str) -> str:
        arguments = ", ".join(f'"{name}": {code}' for name, code in given(model).items())
        return (
            "from ai_edge_litert.interpreter import Interpreter\n"
            "\n"
            f'model = Interpreter("{file_name}").get_signature_runner()\n'
            f"found = model(**{{{arguments}}})\n"
            "y = found[min(found)]\n"
        )

    def constants(self, model: LoadedModel, path: Path) -> Iterator[np.ndarray[Any, Any]]:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = Interpreter(str(path), experimental_op_resolver_type=plain)
        for tensor in interpreter.get_tensor_details():
            try:
                yield interpreter.get_tensor(tensor["index"])
            except ValueError:  # nothing in it before the network runs: no constant
                continue
