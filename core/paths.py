"""Every file and folder name, as a function. Nothing here touches the disk except ``made``."""

import os
from pathlib import Path

import platformdirs

from core.errors import Unavailable

#: The folder that holds ``core``, ``sample_models`` and ``app.py``: child processes start in it.
PROJECT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Where models, runs and the store live: ``TOPIARY_HOME``, else the user's data folder."""
    told = os.environ.get("TOPIARY_HOME")
    return Path(told).expanduser().resolve() if told else Path(platformdirs.user_data_dir("topiary", appauthor=False))


def made(folder: Path) -> Path:
    """The folder, made with its parents when it was missing.

    Raises:
        Unavailable: The system does not let us.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise Unavailable(f'The folder "{folder}" cannot be made: {err.strerror or err}.') from err
    return folder


def store(home: Path) -> Path:
    """The database of workspaces, models, runs and events."""
    return home / "store.sqlite"


def models(home: Path) -> Path:
    """The folder of uploaded models."""
    return home / "models"


def model_file(home: Path, sha256: str, suffix: str) -> Path:
    """One uploaded model, kept once whoever brought it."""
    return models(home) / f"{sha256}{suffix}"


def datasets(home: Path) -> Path:
    """The folder of uploaded data files."""
    return home / "data"


def uploads(home: Path) -> Path:
    """Files on their way in, before they were vetted."""
    return home / "uploads"


def runs(home: Path) -> Path:
    """The folder of all runs."""
    return home / "runs"


def run_folder(home: Path, run_id: str) -> Path:
    """Everything one run wrote."""
    return runs(home) / run_id


def home_of(run_folder: Path) -> Path:
    """The home that a run's folder lies in."""
    return run_folder.resolve().parent.parent


def log_file(folder: Path) -> Path:
    """What the job's process printed."""
    return folder / "log.txt"


def plan_file(folder: Path) -> Path:
    """The plan of a run, as it was asked for."""
    return folder / "plan.yaml"


def model_stem(folder: Path) -> Path:
    """The pruned model without its suffix; the backend adds that."""
    return folder / "model"


def weights_file(folder: Path) -> Path:
    """The pruned weights by ``layer.role`` in canonical order."""
    return folder / "weights.safetensors"


def masks_file(folder: Path) -> Path:
    """The masks as packed bits."""
    return folder / "masks.safetensors"


def recipe_file(folder: Path) -> Path:
    """The recipe: plan, fingerprints, exact counts, digest."""
    return folder / "recipe.yaml"


def result_file(folder: Path) -> Path:
    """What came of the run, as JSON."""
    return folder / "result.json"


def history_file(folder: Path) -> Path:
    """What happened in a run of the command line, one event a line."""
    return folder / "events.jsonl"


def histograms_file(folder: Path) -> Path:
    """Where the weights of every layer were before pruning and are at the end, as JSON."""
    return folder / "histograms.json"


def check_file(folder: Path) -> Path:
    """What came of running the exported model's snippet in a clean process, as JSON."""
    return folder / "check.json"


def exports_folder(folder: Path) -> Path:
    """The finished model in other formats, written when somebody asks for them."""
    return folder / "exports"


def made_file(exports: Path, name: str) -> Path:
    """What came of writing one format and opening it again, as JSON, beside the file."""
    return exports / f"{name}.json"


def export_queue(exports: Path) -> Path:
    """What of the formats is being made or waits for it: a note each, the process's own note, lock and log."""
    return exports / ".queue"


def export_work(exports: Path) -> Path:
    """Everything that is not finished yet, temporary files among it; empty while nothing is made."""
    return exports / ".work"


def export_slot(home: Path, number: int) -> Path:
    """Locked by whoever makes a format: so many are made at a time in a home."""
    return home / f"export-slot-{number}.lock"


def export_times(home: Path) -> Path:
    """How long the latest formats took, as JSON."""
    return home / "export-times.json"


def timing_file(home: Path, mark: str) -> Path:
    """Speeds that were measured of a network under a plan, as JSON."""
    return home / "timings" / f"{mark}.json"


def compressed_file(folder: Path) -> Path:
    """The compressed weights, as small as they get."""
    return folder / "compressed.safetensors"


def report_file(folder: Path) -> Path:
    """The report of the run, one HTML page."""
    return folder / "report.html"


def checkpoint_folder(folder: Path) -> Path:
    """Where an unfinished run can be taken up again."""
    return folder / "checkpoint"
