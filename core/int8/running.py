"""Predictions of a file in another runtime, to measure what it is worth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.backends._base import Floats, LoadedModel, Poll, no_poll
from core.inputs import Inputs
from core.int8.onnx_file import kind_of
from core.measures.quality import quality
from core.measures.values import errors
from core.runtimes._files import matched
from core.runtimes.litert import interpreter
from core.runtimes.onnxruntime import session

_BATCH = 64


def predicted(model: LoadedModel, file: Path, x: Inputs, poll: Poll = no_poll) -> Floats:
    """The first output of an ONNX or LiteRT file for samples as the network takes them."""
    run = (_onnx if file.suffix == ".onnx" else _litert)(model, file)
    starts = range(0, len(x), _BATCH)
    parts = []
    for done, start in enumerate(starts, 1):
        parts.append(run(x[start : start + _BATCH]))
        poll(done, len(starts))
    found: Floats = np.concatenate(parts).astype(np.float32, copy=False)
    return found


def worth(model: LoadedModel, file: Path, x: Inputs, y: Any, poll: Poll = no_poll) -> float | None:
    """Accuracy of the file on samples and labels, or R² of a regression."""
    outputs = predicted(model, file, x, poll)
    if model.output == "regression":
        return errors(outputs, y).r2
    return quality(outputs, y, model.output, model.classes).accuracy


def _onnx(model: LoadedModel, file: Path) -> Callable[[Inputs], Any]:
    opened = session(file, 1)
    kinds = {one.name: kind_of(one.type) for one in opened.get_inputs()}
    first = [opened.get_outputs()[0].name]
    return lambda x: opened.run(first, matched(x, model.input_names, kinds))[0]


def _litert(model: LoadedModel, file: Path) -> Callable[[Inputs], Any]:
    runner = interpreter(file.read_bytes(), 1).get_signature_runner()
    kinds = {name: one["dtype"] for name, one in runner.get_input_details().items()}

    def run(x: Inputs) -> Any:
        outputs = runner(**matched(x, model.input_names, kinds))
        return outputs[min(outputs)]

    return run
