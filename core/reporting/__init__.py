"""Reports: one self-contained HTML page of a run, or of several side by side. Imports no framework."""

import re
from collections.abc import Sequence
from pathlib import Path

from core import artefacts
from core.charts.runs import title
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
    if len(runs) > 1:
        return f"comparison-of-{len(runs)}-runs.html"
    model = runs[0].plan.model.split(":")[-1].split("@")[0][:24]
    words = runs[0].name or f"{model}-{title(runs[0])}"
    return f"{re.sub(r'[^a-zA-Z0-9]+', '-', words).strip('-').lower() or 'run'}-report.html"
