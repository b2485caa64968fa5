"""Predictions of a file in another runtime, to measure what it is worth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.backends._base import Floats, LoadedModel, Poll, no_poll
from core.errors import BadModel, first_line
from core.inputs import Inputs
from core.int8.onnx_file import batches, fixed_batch, kind_of
from core.measures.quality import quality
from core.measures.values import errors
from core.runtimes._files import matched
from core.runtimes.litert import interpreter
from core.runtimes.onnxruntime import failures, session

#: One prediction of a batch.
Run = Callable[[Inputs], Any]
_BATCH = 64


def predicted(model: LoadedModel, file: Path, x: Inputs, poll: Poll = no_poll) -> Floats:
    """The first output of an ONNX or LiteRT file for samples as the network takes them.

    Raises:
        BadModel: The runtime cannot open the file or carry it out.
    """
    run, fixed = (_onnx if file.suffix == ".onnx" else _litert)(model, file)
    parts = []
    for batch in batches(x, _BATCH, fixed):
        parts.append(run(batch))
        poll(min(sum(map(len, parts)), len(x)), len(x))
    found: Floats = np.concatenate(parts)[: len(x)].astype(np.float32, copy=False)
    return found


def worth(model: LoadedModel, file: Path, x: Inputs, y: Any, poll: Poll = no_poll) -> float | None:
    """Accuracy of the file on samples and labels, or R² of a regression."""
    outputs = predicted(model, file, x, poll)
    if model.output == "regression":
        return errors(outputs, y).r2
    return quality(outputs, y, model.output, model.classes).accuracy


def _onnx(model: LoadedModel, file: Path) -> tuple[Run, int | None]:
    opened = session(file, 1)
    entries = opened.get_inputs()
    kinds = {one.name: kind_of(one.type) for one in entries}
    first = [opened.get_outputs()[0].name]

    def run(x: Inputs) -> Any:
        try:
            return opened.run(first, matched(x, model.input_names, kinds))[0]
        except failures() as err:
            raise BadModel(f"ONNX Runtime cannot carry the 8-bit file out: {first_line(err)}") from err

    return run, fixed_batch(entries)


def _litert(model: LoadedModel, file: Path) -> tuple[Run, int | None]:
    try:
        runner = interpreter(file.read_bytes(), 1).get_signature_runner()
        kinds = {name: one["dtype"] for name, one in runner.get_input_details().items()}
    except (RuntimeError, ValueError) as err:
        raise BadModel(f"LiteRT cannot open the 8-bit file: {first_line(err)}") from err

    def run(x: Inputs) -> Any:
        try:
            outputs = runner(**matched(x, model.input_names, kinds))
        except (RuntimeError, ValueError) as err:
            raise BadModel(f"LiteRT cannot carry the 8-bit file out: {first_line(err)}") from err
        return outputs[min(outputs)]

    return run, None
