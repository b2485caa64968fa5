"""Eight-bit weights and activations, as another runtime computes them."""

from dataclasses import replace
from typing import TYPE_CHECKING

from core import temporary
from core.backends._base import LoadedModel
from core.calibrating import all_of, calibration_batches
from core.compression._base import Compressed, Context, Facts, Method
from core.compression.int8 import rounded
from core.errors import BadModel
from core.inputs import Inputs
from core.plan import Compression

if TYPE_CHECKING:
    from core.int8.layers import Became

#: The first that this network can be had in is taken.
_FILES = ("onnx-int8", "litert-int8")


class Int8Activations(Method):
    r"""Weights as in ``int8``; activations :math:`q = round(a / s) + z` with the range they take on the samples.

    The plan's calibration samples go through the network once. The file for the other runtime is then run on the test
    split: what it is worth there is what this step is worth, for the framework itself computes in floating point.
    Layers whose operation has no 8-bit form stay as they are, and are named. (Keras' own ``quantize`` and torchao
    convert dense layers only, and neither leaves a file for these runtimes.)
    """

    name = "int8-activations"
    title = "8-bit weights and activations"
    formula = "q = round(w / s) for each output channel; activations q = round(a / s) + z, ranges from samples"
    reference = "Jacob et al. 2018, arXiv:1712.05877; Krishnamoorthi 2018, arXiv:1806.08342, section 3.1"
    note = "A quarter of the bytes and integer arithmetic in ONNX Runtime and LiteRT; needs samples to calibrate."

    def misfit(self, model: LoadedModel, choice: Compression) -> str:
        name, sentence = _possible(model)
        return "" if name else sentence

    def apply(self, before: Compressed, choice: Compression, context: Context) -> Compressed:
        from core.formats import FORMATS  # noqa: PLC0415 - written by whoever is asked to
        from core.int8 import read
        from core.int8.layers import became, told
        from core.int8.running import worth

        samples, model = _samples(before.model, context), before.model
        name, sentence = _possible(model)
        if not name:
            raise BadModel(sentence)
        form = FORMATS[name]
        with temporary.folder("int8") as folder:
            context.doing(f"Calibrating for {form.title}")
            file = form.write(model, folder, "model", samples)
            kernels, size = became(model, read(file)), file.stat().st_size
            accuracy = None
            if context.parts is not None:
                accuracy = worth(model, file, *context.parts.split("test"), poll=context.poll)
        kept = {one.weight: rounded(model.arrays()[one.weight]) for one in kernels if one.eight}
        worth_it = "" if accuracy is None else f", {_words(accuracy, model.output)} on the test split when run there"
        words = (f"{form.title}: {size:,} bytes{worth_it}.", *told(kernels))
        after = before.keeping(kept, told=words, layers={one.weight: _facts(one) for one in kernels})
        return replace(after, accuracy=accuracy, file="" if accuracy is None else form.title)


def _possible(model: LoadedModel) -> tuple[str, str]:
    """The format, or "" and why there is none."""
    from core.formats import FORMATS  # noqa: PLC0415 - as above

    refused = {name: FORMATS[name].refuses(model) for name in _FILES}
    found = next((name for name, reason in refused.items() if not reason), "")
    return found, f"This network cannot be had with 8-bit activations: {' '.join(refused.values())}"


def _samples(model: LoadedModel, context: Context) -> Inputs:
    batches = calibration_batches(model, context.plan, context.parts, {}, context.poll)
    return all_of(batches())[0]


def _facts(one: "Became") -> Facts:
    return {"bits": 8 if one.eight else 32, "int8": one.eight, "reason": one.reason, "broken": one.broken}


def _words(accuracy: float, output: str) -> str:
    return f"R² {accuracy:.3f}" if output == "regression" else f"{accuracy:.2%} right"
