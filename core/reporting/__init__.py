"""Reports: one self-contained HTML page of a run, or of several side by side. Imports no framework."""

from collections.abc import Sequence
from pathlib import Path

from core import artefacts
from core.exports import stem
from core.jobs.job import Run
from core.reporting._document import page
from core.reporting._subject import Subject, of_folder, of_run

__all__ = ["Subject", "file_name", "of_folder", "of_run", "page", "write"]


def write(subjects: Sequence[Subject], file: Path) -> Path:
    """Write the report of these runs, atomically.

    Raises:
        Unavailable: The disk is full or does not let us write.
    """
    return artefacts.write_text(file, page(subjects))


def file_name(runs: Sequence[Run]) -> str:
    """What a person's copy is called: ``digits-lenet5-magnitude-90-report.html``."""
    return f"comparison-of-{len(runs)}-runs.html" if len(runs) > 1 else f"{stem(runs[0])}-report.html"
