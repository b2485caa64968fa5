"""A network written in a format, opened again in a clean process, and compared: the side that holds the framework."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import clean_process, paths
from core.artefacts_check import SAMPLES, quality_of
from core.backends._base import LoadedModel, no_poll
from core.calibrating import all_of, calibration_batches
from core.datasets import Parts
from core.errors import BadModel
from core.export_queue.work import Phase
from core.exports import Made, Refused, keep
from core.formats import FORMATS, Format
from core.inputs import Inputs, Several
from core.plan import Plan

#: Random samples to compare on where there is no data, and a length for axes that take any.
_WITHOUT_DATA, _ANY_SIZE = 64, 16
#: Training samples that quantised formats are calibrated on where there is no plan.
_CALIBRATION = 256
#: Told what comes now.
Tell = Callable[[Phase], None]


def _say_nothing(phase: Phase) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class Probe:
    """What a copy is compared on.

    Attributes:
        x: Samples.
        labels: Theirs, where there are any.
        calibration: Samples to calibrate with.
        of_samples: How many there would be in all.
    """

    x: Inputs
    labels: NDArray[Any] | None
    calibration: Inputs
    of_samples: int

    @classmethod
    def of(cls, model: LoadedModel, parts: Parts | None, plan: Plan | None = None) -> "Probe":
        """Test samples of data that fits the network, or random ones; the plan's samples to calibrate with."""
        if parts is None:
            x = _random(model)
            return cls(x, None, x, len(x))
        calibration = parts.x_train[:_CALIBRATION]
        if plan is not None:
            calibration = all_of(calibration_batches(model, plan, parts, {}, no_poll)())[0]
        return cls(parts.x_test[:SAMPLES], parts.y_test[:SAMPLES], calibration, len(parts.x_test))


def export(
    model: LoadedModel, name: str, folder: Path, stem: str, probe: Probe, tell: Tell = _say_nothing
) -> Made | Refused:
    """Write the network and open it again; what came of it is kept as ``FORMAT.json`` beside it.

    Args:
        model: The network.
        name: One of ``FORMATS``.
        folder: Is made.
        stem: What the file is called, without suffix.
        probe: What to compare on.
        tell: Told what comes now.

    Raises:
        PruneError: It could not be written, or did not open.
    """
    form = FORMATS[name]
    paths.made(folder)
    sentence = form.refuses(model)
    try:
        found = Refused(form.name, sentence) if sentence else _made(model, form, folder, stem, probe, tell)
    except BadModel as err:
        found = Refused(form.name, str(err))
    keep(found, folder)
    return found


def _made(model: LoadedModel, form: Format, folder: Path, stem: str, probe: Probe, tell: Tell) -> Made:
    tell(Phase.WRITING)
    path, seconds = _timed(lambda: form.write(model, folder, stem, probe.calibration))
    snippet = form.snippet(model, path.name)
    tell(Phase.OPENING)
    outputs, open_seconds = _timed(lambda: clean_process.outputs(path, snippet, probe.x))
    tell(Phase.COMPARING)
    expected = model.predict(probe.x)
    quality = "r2" if model.output == "regression" else "accuracy"
    arrays = form.constants(model, path)
    return Made(
        format=form.name,
        file_name=path.name,
        bytes=size(path),
        seconds=seconds,
        snippet=snippet,
        difference=clean_process.difference(expected, outputs),
        largest=float(np.abs(expected).max(initial=0.0)),
        samples=len(probe.x),
        accuracy=_worth(outputs, model, probe)[quality],
        accuracy_before=_worth(expected, model, probe)[quality],
        quality=quality,
        zeros=_zeros(list(model.arrays().values())),
        zeros_found=None if arrays is None else _zeros(list(arrays)),
        open_seconds=open_seconds,
        notes=form.notes(model, path),
        of_samples=probe.of_samples,
        calibrated=len(probe.calibration) if form.quantised else 0,
    )


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def _worth(outputs: NDArray[Any], model: LoadedModel, probe: Probe) -> dict[str, float | None]:
    if probe.labels is None or (model.output != "regression" and not model.classes):
        return {"accuracy": None, "r2": None}
    return quality_of(outputs, probe.labels, model.output, model.classes)


def _zeros(arrays: list[NDArray[Any]]) -> int:
    """Zero entries of everything with two axes or more: kernels, whatever way they are turned."""
    return sum(int(array.size - np.count_nonzero(array)) for array in arrays if array.ndim > 1)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = monotonic()
    return work(), round(monotonic() - began, 2)


def _random(model: LoadedModel) -> Inputs:
    rng = np.random.default_rng(0)
    arrays = []
    for shape, kind in zip(model.input_shapes, model.input_types, strict=True):
        wanted = (_WITHOUT_DATA, *(_ANY_SIZE if n is None else n for n in shape))
        whole = "int" in kind or kind == "bool"
        arrays.append(rng.integers(0, 2, wanted).astype(kind) if whole else rng.normal(size=wanted).astype(np.float32))
    return arrays[0] if len(arrays) == 1 else Several(tuple(arrays), model.input_names)
