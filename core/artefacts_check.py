"""Proof that an exported file opens without us: its loading snippet, run in a clean process, gives the same outputs.

Two processes, so that the caller imports no framework: the first opens file and data as Topiary does and writes inputs,
outputs and the snippet (``python -m core.artefacts_check …``); the second is a plain Python that
sees an empty folder with the model file, the inputs and the snippet, and nothing of this project.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from core import clean_process, paths, temporary
from core.artefacts import write_json
from core.export_queue.work import Phase
from core.plan import Plan

#: Samples of the test split at most.
SAMPLES = 2000


@dataclass(frozen=True)
class Check:
    """What came of it. ``difference`` is the largest one of any output, ``largest`` the largest |output| itself;
    ``accuracy``, or ``r2`` of a regression, is that of the clean process, on ``samples`` of ``of_samples`` of the test
    split. All of it took ``seconds``."""

    file_name: str
    snippet: str
    difference: float
    largest: float
    accuracy: float | None
    samples: int
    of_samples: int
    seconds: float
    r2: float | None = None

    @property
    def same(self) -> bool:
        """Whether the outputs agree within 1e-5 of the largest output, or of 1."""
        return self.difference <= 1e-5 * max(1.0, self.largest)


def check(run_folder: Path, model_file: Path, file_name: str, tell: Callable[[Phase], None] = lambda _: None) -> Check:
    """Run the snippet of a finished run's model file; what came of it is kept beside the file.

    Args:
        run_folder: The folder of the run, with its plan.
        model_file: Its model.
        file_name: What the person's copy is called; the snippet names it.
        tell: Told what comes now.

    Raises:
        JobFailed: The file does not open, in the words of whoever tried.
    """
    known = checked(run_folder, model_file, file_name)
    if known is not None:
        return known
    began = monotonic()
    with temporary.folder("check") as work:
        prepare = ["-m", "core.artefacts_check", str(run_folder), str(model_file), str(work), file_name]
        tell(Phase.LOADING)
        clean_process.run(prepare, paths.PROJECT, "The exported file could not be opened")
        about = json.loads((work / "about.json").read_text(encoding="utf-8"))
        tell(Phase.OPENING)
        expected, found = np.load(work / "expected.npy"), clean_process.opened(work / "clean")
        about |= quality_of(found, np.load(work / "labels.npy"), about.pop("output"), about.pop("classes"))
    about |= {
        "difference": clean_process.difference(expected, found),
        "largest": float(np.abs(expected).max(initial=0.0)),
    }
    result = Check(**about, seconds=round(monotonic() - began, 2))
    write_json(paths.check_file(run_folder), asdict(result))
    return result


def checked(run_folder: Path, model_file: Path, file_name: str) -> Check | None:
    """What came of it before; None where nobody has tried, the file is newer, or the note is not of this version."""
    kept = paths.check_file(run_folder)
    try:
        if kept.stat().st_mtime_ns < model_file.stat().st_mtime_ns:
            return None
        known = _read(json.loads(kept.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    return known if known is not None and known.file_name == file_name else None


def _read(values: Any) -> Check | None:
    """The note, if every field is there, no other, and of its type."""
    kinds = {"file_name": str, "snippet": str, "samples": int, "of_samples": int, "seconds": float}
    kinds |= {"difference": float, "largest": float}
    qualities = ("accuracy", "r2")
    if not isinstance(values, dict) or set(values) != {*kinds, *qualities}:
        return None
    if not all(isinstance(values[name], kind) for name, kind in kinds.items()):
        return None
    return Check(**values) if all(isinstance(values[name], float | None) for name in qualities) else None


def quality_of(
    outputs: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], kind: str, classes: int
) -> dict[str, float | None]:
    """Accuracy, or R² of a regression."""
    from core.measures.quality import quality
    from core.measures.values import errors

    if kind == "regression":
        return {"accuracy": None, "r2": errors(outputs, labels).r2}
    return {"accuracy": quality(outputs, labels, kind, classes).accuracy, "r2": None}


def prepare(run_folder: Path, model_file: Path, work: Path, file_name: str) -> None:
    """The first process: inputs, expected outputs, and the folder that the clean process sees."""
    from core.backends import backend_for
    from core.datasets import load
    from core.matching import matched

    plan = Plan.from_yaml(paths.plan_file(run_folder).read_text(encoding="utf-8"))
    model = backend_for(model_file).load(model_file)
    if plan.output is not None:
        model = model.with_output(plan.output)
    model, parts = matched(model, load(plan.data), told=plan.output is not None)
    x, labels = parts.x_test[:SAMPLES], parts.y_test[:SAMPLES]
    snippet = model.snippet(file_name)
    clean_process.sandbox(paths.made(work / "clean"), model_file, file_name, snippet, x)
    np.save(work / "expected.npy", model.predict(x))
    np.save(work / "labels.npy", labels)
    about = {"file_name": file_name, "snippet": snippet, "samples": len(x), "of_samples": len(parts.x_test)}
    write_json(work / "about.json", {**about, "output": model.output, "classes": model.classes})


if __name__ == "__main__":
    run, model, work = map(Path, sys.argv[1:4])
    prepare(run, model, work, sys.argv[4])
