"""What can be taken away of a finished run."""

import re
from dataclasses import dataclass
from pathlib import Path

from core.charts.runs import title
from core.jobs.job import Run


@dataclass(frozen=True)
class Export:
    """One file: what it is called when it is taken away, and what is in it."""

    name: str
    title: str
    about: str
    path: Path
    file_name: str
    bytes: int


_KINDS = (
    ("model", "Model", "Opens in the plain framework, nothing of this app installed."),
    ("masks", "Masks", "Which weights are kept, as packed bits (safetensors)."),
    ("weights", "Weights", "Every array by layer, one order for both frameworks (safetensors)."),
    ("recipe", "Recipe", "The plan with exact counts and fingerprints, to run again without a browser (YAML)."),
)


def exports(run: Run) -> list[Export]:
    """The files that are there, the model first."""
    found = [(name, title, about, run.artefacts.get(name)) for name, title, about in _KINDS]
    return [
        Export(name, title, about, path, f"{_stem(run)}{_part(name)}{path.suffix}", path.stat().st_size)
        for name, title, about, path in found
        if path is not None and path.is_file()
    ]


def again(run: Run) -> str:
    """The command that carries out the recipe once more."""
    return f"python -m core run {_stem(run)}-recipe.yaml -o again"


def _part(name: str) -> str:
    return "" if name == "model" else f"-{name}"


def _stem(run: Run) -> str:
    """A file name a person recognises: the run's name, else the model and what was done."""
    model = run.plan.model.split(":")[-1].split("@")[0][:24]
    words = run.name or f"{model}-{title(run)}"
    return re.sub(r"[^a-zA-Z0-9]+", "-", words).strip("-").lower() or "pruned"
