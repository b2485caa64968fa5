"""Eight-bit weights and activations, as another runtime computes them."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core.backends._base import LoadedModel
from core.calibrating import all_of, calibration_batches
from core.compression._base import Compressed, Context, Facts, Method
from core.compression.int8 import rounded
from core.errors import BadModel
from core.inputs import Inputs
from core.plan import Compression

#: The first that this network can be had in is taken.
_FILES = ("onnx-int8", "litert-int8")


class Int8Activations(Method):
    r"""Weights as in ``int8``; activations :math:`q = round(a / s) + z` with the range they take on the samples.

    The plan's calibration samples go through the network once. The file for the other runtime is then run on the test
    split: what it is worth there is what this step is worth, for the framework itself computes in floating point.
    Layers whose operation has no 8-bit form stay as they are, and are named.
    """

    name = "int8-activations"
    title = "8-bit weights and activations"
    formula = "q = round(w / s) for each output channel; activations q = round(a / s) + z, ranges from samples"
    reference = "Jacob et al. 2018, arXiv:1712.05877; Krishnamoorthi 2018, arXiv:1806.08342, section 3.1"
    note = "A quarter of the bytes and integer arithmetic in ONNX Runtime and LiteRT; needs samples to calibrate."

    def apply(self, before: Compressed, choice: Compression, context: Context) -> Compressed:
        from core.formats import FORMATS  # noqa: PLC0415 - written by whoever is asked to
        from core.int8.running import worth

        samples, model = _samples(before.model, context), before.model
        form = FORMATS[_possible(model)]
        with tempfile.TemporaryDirectory(prefix="topiary-int8-") as folder:
            context.doing(f"Calibrating for {form.title}")
            file = form.write(model, Path(folder), "model", samples)
            layers, size = _became(model, file), file.stat().st_size
            accuracy = None
            if context.parts is not None:
                accuracy = worth(model, file, *context.parts.split("test"), poll=context.poll)
        eight = [name for name, facts in layers.items() if facts["int8"]]
        kept = {name: rounded(model.arrays()[name]) for name in eight}
        worth_it = "" if accuracy is None else f", {_words(accuracy, model.output)} on the test split when run there"
        told = (f"{form.title}: {size:,} bytes{worth_it}.", *_told(layers))
        after = before.keeping(kept, told=told, layers=layers)
        return replace(after, accuracy=accuracy)


def _possible(model: LoadedModel) -> str:
    from core.formats import FORMATS  # noqa: PLC0415 - as above

    refused = {name: FORMATS[name].refuses(model) for name in _FILES}
    name = next((name for name, reason in refused.items() if not reason), None)
    if name is None:
        raise BadModel(f"This network cannot be had with 8-bit activations: {' '.join(refused.values())}")
    return name


def _samples(model: LoadedModel, context: Context) -> Inputs:
    batches = calibration_batches(model, context.plan, context.parts, {}, context.poll)
    return all_of(batches())[0]


def _became(model: LoadedModel, file: Path) -> dict[str, Facts]:
    from core.int8 import litert_file, onnx_file
    from core.int8.layers import became

    stored = (onnx_file if file.suffix == ".onnx" else litert_file).tensors(file)
    return {
        one.weight: {"bits": 8 if one.eight else 32, "int8": one.eight, "reason": one.reason, "broken": one.broken}
        for one in became(model, stored)
    }


def _words(accuracy: float, output: str) -> str:
    return f"R² {accuracy:.3f}" if output == "regression" else f"{accuracy:.2%} right"


def _told(layers: Mapping[str, Facts]) -> tuple[str, ...]:
    eight = sum(bool(facts["int8"]) for facts in layers.values())
    lines = [f"{eight} of {len(layers)} kernels are 8-bit integers in it."]
    lines += [f"{name} is not: {facts['reason']}." for name, facts in layers.items() if not facts["int8"]]
    broken = sum(int(facts["broken"]) for facts in layers.values())
    if broken:
        lines.append(f"{broken:,} zeros are no longer 0 in the file.")
    return tuple(lines)
