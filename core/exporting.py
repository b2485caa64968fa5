"""A network written in a format, opened again in a clean process, and compared: the side that holds the framework.

``python -m core.exporting RUN_FOLDER MODEL_FILE FORMAT STEM`` is how the pages ask for it.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import clean_process, paths
from core.artefacts_check import SAMPLES, quality_of
from core.backends import backend_for
from core.backends._base import LoadedModel
from core.datasets import Parts, load
from core.errors import BadModel, PruneError
from core.exports import Made, Refused, keep
from core.formats import FORMATS, Format
from core.inputs import Inputs, Several
from core.matching import matched
from core.plan import Plan

#: Random samples to compare on where there is no data, and a length for axes that take any.
_WITHOUT_DATA, _ANY_SIZE = 64, 16
#: Training samples that quantised formats are calibrated on.
_CALIBRATION = 256


@dataclass(frozen=True)
class Probe:
    """What a copy is compared on: samples, their labels where there are any, and samples to calibrate with."""

    x: Inputs
    labels: NDArray[Any] | None
    calibration: Inputs

    @classmethod
    def of(cls, model: LoadedModel, parts: Parts | None) -> "Probe":
        """Test samples of data that fits the network, or random ones."""
        if parts is None:
            x = _random(model)
            return cls(x, None, x)
        return cls(parts.x_test[:SAMPLES], parts.y_test[:SAMPLES], parts.x_train[:_CALIBRATION])


def export(model: LoadedModel, name: str, folder: Path, stem: str, probe: Probe) -> Made | Refused:
    """Write the network and open it again; what came of it is kept as ``FORMAT.json`` beside it.

    Args:
        model: The network.
        name: One of ``FORMATS``.
        folder: Is made.
        stem: What the file is called, without suffix.
        probe: What to compare on.

    Raises:
        PruneError: It could not be written, or did not open.
    """
    form = FORMATS[name]
    paths.made(folder)
    sentence = form.refuses(model)
    try:
        found = Refused(form.name, sentence) if sentence else _made(model, form, folder, stem, probe)
    except BadModel as err:
        found = Refused(form.name, str(err))
    keep(found, folder)
    return found


def _made(model: LoadedModel, form: Format, folder: Path, stem: str, probe: Probe) -> Made:
    path, seconds = _timed(lambda: form.write(model, folder, stem, probe.calibration))
    snippet = form.snippet(model, path.name)
    outputs, open_seconds = _timed(lambda: clean_process.outputs(path, snippet, probe.x))
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


def main(run_folder: Path, model_file: Path, name: str, stem: str) -> None:
    """What the pages ask for: a finished run's model, compared on its own data."""
    plan = Plan.from_yaml(paths.plan_file(run_folder).read_text(encoding="utf-8"))
    model = backend_for(model_file).load(model_file)
    if plan.output is not None:
        model = model.with_output(plan.output)
    model, parts = matched(model, load(plan.data), told=plan.output is not None)
    export(model, name, paths.exports_folder(run_folder), stem, Probe.of(model, parts))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
    except PruneError as err:
        sys.exit(" ".join(str(err).split()))
