"""What can be taken away of a finished run: its own files, and the model in other formats."""

import io
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core import paths
from core.artefacts import write_json
from core.charts.runs import title
from core.formats import FORMATS
from core.jobs.job import Run

#: Largest difference of any output at which a copy counts as the same, times the largest output where that is over 1.
TOLERANCE = 1e-4
#: What accuracy a quantised copy may lose.
_POINT = 0.01


@dataclass(frozen=True)
class Export:
    """One file: what it is called when it is taken away, and what is in it."""

    name: str
    title: str
    about: str
    path: Path
    file_name: str
    bytes: int


@dataclass(frozen=True)
class Made:
    """A format that was written, and opened again in a clean process.

    Attributes:
        format: Its name.
        file_name: Of the file or folder.
        bytes: Of all its files.
        seconds: Writing took.
        snippet: The lines that were run.
        difference: Largest one of any output on ``samples``; ``largest`` is the largest |output|.
        accuracy: There; ``accuracy_before`` is the network's own. None without data. Of a regression both are R².
        zeros: Zeros in the network's kernels; ``zeros_found`` those in the file's, None where it cannot be read back.
        open_seconds: Opening and predicting took, the import among it.
        notes: Sentences on what became of the network: which kernels a quantised file holds as integers.
        of_samples: Samples of the test split, of which the first ``samples`` were compared; 0 where that was not kept.
        calibrated: Training samples that a quantised file was calibrated on; 0 of the others.
    """

    format: str
    file_name: str
    bytes: int
    seconds: float
    snippet: str
    difference: float
    largest: float
    samples: int
    accuracy: float | None
    accuracy_before: float | None
    quality: str
    zeros: int
    zeros_found: int | None
    open_seconds: float
    notes: Sequence[str] = ()
    of_samples: int = 0
    calibrated: int = 0

    @property
    def same(self) -> bool:
        """Whether it gives what the network gives: outputs, or of a quantised copy the accuracy, and zeros."""
        if self.zeros_found is not None and self.zeros_found < self.zeros:
            return False
        if FORMATS[self.format].quantised and self.accuracy is not None and self.accuracy_before is not None:
            return self.accuracy >= self.accuracy_before - _POINT
        return self.difference <= TOLERANCE * max(1.0, self.largest)


@dataclass(frozen=True)
class Refused:
    """A format that this network cannot be had in, and why."""

    format: str
    refused: str


_KINDS = (
    ("model", "Model", "Opens in the plain framework, nothing of this app installed."),
    ("masks", "Masks", "Which weights are kept, as packed bits (safetensors)."),
    ("weights", "Weights", "Every array by layer, one order for both frameworks (safetensors)."),
    ("compressed", "Compressed weights", "As small as they get; the run's page has the few lines that read them."),
    ("recipe", "Recipe", "The plan with exact counts and fingerprints, to run again without a browser (YAML)."),
)


def exports(run: Run) -> list[Export]:
    """The files that are there, the model first."""
    found = [(name, title, about, run.artefacts.get(name)) for name, title, about in _KINDS]
    return [
        Export(name, title, about, path, f"{stem(run)}{_part(name)}{path.suffix}", path.stat().st_size)
        for name, title, about, path in found
        if path is not None and path.is_file()
    ]


def made(run_folder: Path, model_file: Path, name: str) -> Made | Refused | None:
    """What came of it before; None where nobody has tried, or the model is newer, or the note is of another version."""
    folder = paths.exports_folder(run_folder)
    note = paths.made_file(folder, name)
    try:
        if note.stat().st_mtime_ns < model_file.stat().st_mtime_ns:
            return None
        values = json.loads(note.read_text(encoding="utf-8"))
        found = (
            Refused(**values) if "refused" in values else Made(**{**values, "notes": tuple(values.get("notes", ()))})
        )
    except (OSError, ValueError, TypeError):
        return None
    return found if isinstance(found, Refused) or (folder / found.file_name).exists() else None


def made_path(run_folder: Path, found: Made) -> Path:
    """The file or folder."""
    return paths.exports_folder(run_folder) / found.file_name


def packed(path: Path) -> bytes:
    """A file's bytes; a folder as a zip archive that holds it."""
    if path.is_file():
        return path.read_bytes()
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.rglob("*")):
            archive.write(file, Path(path.name) / file.relative_to(path))
    return whole.getvalue()


def keep(found: Made | Refused, folder: Path) -> None:
    """Remember what came of it, beside the file."""
    write_json(paths.made_file(folder, found.format), asdict(found))


def again(run: Run) -> str:
    """The command that carries out the recipe once more."""
    return f"python -m core run {stem(run)}-recipe.yaml -o again"


def _part(name: str) -> str:
    return "" if name == "model" else f"-{name}"


def stem(run: Run) -> str:
    """A file name a person recognises: the run's name, else the model and what was done."""
    model = run.plan.model.split(":")[-1].split("@")[0][:24]
    words = run.name or f"{model}-{title(run)}"
    return re.sub(r"[^a-zA-Z0-9]+", "-", words).strip("-").lower() or "pruned"
