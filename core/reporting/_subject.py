"""Everything that is known of one run, gathered from its folder and its events: what a page is made of."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError, safe_open

from core import paths
from core.backends import backend
from core.charts.moving import snapshots
from core.datasets import DATASETS
from core.errors import BadSetting, PruneError
from core.history import read_history
from core.jobs.job import Event, JobState, Run
from core.measurement import Measurement
from core.plan import Plan
from core.references import resolve
from core.results import LayerResult

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """One run to tell of. What it lacks is empty; the page then goes without.

    ``histograms`` are, by Weight name, ``edges``, counts ``before`` and ``after``, and how many are ``gone``;
    ``shapes`` the arrays' sides before and after; ``stages`` the steps of compression, ``exported`` what is known of
    each file that was written for elsewhere.
    """

    run: Run
    events: tuple[Event, ...]
    model: str
    framework: str
    data: str
    place: str = ""
    layers: tuple[LayerResult, ...] = ()
    histograms: Mapping[str, Values] = field(default_factory=dict)
    shapes: Mapping[str, tuple[Sequence[int], Sequence[int]]] = field(default_factory=dict)
    stages: tuple[Values, ...] = ()
    exported: tuple[Values, ...] = ()
    recipe: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


def of_run(run: Run, events: Iterable[Event], home: Path, *, data: str = "") -> Subject:
    """A run of the store, at its end or before it.

    Args:
        run: The run.
        events: All that happened to it.
        home: Where its folder lies.
        data: What a person calls its data; "" finds that out.
    """
    return _gathered(run, tuple(events), paths.run_folder(home, run.id), home, data=data)


def of_folder(folder: Path, home: Path) -> Subject:
    """What ``python -m core prune`` or ``run`` left in a folder.

    Raises:
        BadSetting: There is no result in it.
    """
    file = paths.result_file(folder)
    result = _json(file)
    if not {"plan", "before", "after"} <= set(result):
        raise BadSetting(
            f'"{folder}" holds no finished run: its {file.name} is missing or cannot be read. Give a folder that '
            "python -m core prune or run wrote with -o."
        )
    events = tuple(read_history(paths.history_file(folder), folder.name))
    ended = next((event for event in reversed(events) if event.kind == "finished"), None)
    measured = {**result, **(ended.data if ended is not None else {})}
    written = file.stat().st_mtime
    run = Run(
        id=str(folder.resolve()),
        workspace="",
        parent=None,
        name="",
        plan=Plan.from_dict(result["plan"]),
        state=JobState.DONE,
        created=events[0].time if events else written,
        started=events[0].time if events else None,
        ended=ended.time if ended is not None else written,
        progress=1.0,
        before=_measurement(measured["before"]),
        after=_measurement(measured["after"]),
    )
    return _gathered(run, events, folder, home, place=folder.name)


def _gathered(
    run: Run, events: tuple[Event, ...], folder: Path, home: Path, *, data: str = "", place: str = ""
) -> Subject:
    told = next((event.data for event in reversed(events) if event.kind == "finished"), {})
    result = _json(paths.result_file(folder)) if run.state is JobState.DONE else {}
    recipe = _text(paths.recipe_file(folder)) if run.state is JobState.DONE else ""
    title, framework = _model(run.plan.model, home, run.workspace)
    return Subject(
        run=run,
        events=events,
        model=title,
        framework=framework,
        data=data or _data(run.plan.data.name),
        place=place,
        layers=_layers(told.get("layers") or result.get("layers") or ()),
        histograms=_histograms(folder, run, events),
        shapes=_shapes(folder) if run.state is JobState.DONE else {},
        stages=tuple(result.get("stages") or told.get("stages") or ()),
        exported=tuple(_exported(folder)) if run.state is JobState.DONE else (),
        recipe=recipe or run.plan.to_yaml(),
        environment=_environment(recipe),
    )


def _measurement(values: Values) -> Measurement:
    """Of ``result.json``, which says less than an event: it does not tell on how many samples."""
    return Measurement.from_dict({"split": "test", "samples": 0, "of_samples": 0, **values})


def _model(ref: str, home: Path, workspace: str) -> tuple[str, str]:
    try:
        file = resolve(ref, home, workspace)
        return file.title, backend(file.framework).title
    except PruneError:  # it was moved or deleted; what was done to it is known all the same
        return Path(ref).name, ""


def _data(name: str) -> str:
    return DATASETS[name].title if name in DATASETS else Path(name).name


def _layers(rows: Iterable[Values]) -> tuple[LayerResult, ...]:
    return tuple(LayerResult(str(row["name"]), int(row["parameters"]), int(row["nonzero"])) for row in rows)


def _histograms(folder: Path, run: Run, events: tuple[Event, ...]) -> dict[str, Values]:
    """Those of the end, else as far as training has told."""
    if run.state is JobState.DONE and (written := _json(paths.histograms_file(folder))):
        return written
    known = snapshots(events)
    if not known:
        return {}
    start, now = known[min(known)]["layers"], known[max(known)]["layers"]
    return {
        name: {"edges": row["edges"], "before": start[name]["counts"], "after": row["counts"], "gone": row["gone"]}
        for name, row in now.items()
        if name in start
    }


def _shapes(folder: Path) -> dict[str, tuple[Sequence[int], Sequence[int]]]:
    """By Weight name the shapes before and after; only the files' heads are read."""
    after: dict[str, Sequence[int]] = {}
    before: dict[str, Sequence[int]] = {}
    try:
        with safe_open(paths.weights_file(folder), framework="numpy") as file:
            after = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        with safe_open(paths.masks_file(folder), framework="numpy") as file:
            before = json.loads((file.metadata() or {}).get("shapes", "{}"))
    except (OSError, ValueError, SafetensorError):
        return {}
    return {name: (tuple(before.get(name, shape)), shape) for name, shape in after.items()}


def _exported(folder: Path) -> Iterable[Values]:
    """What was found when files were opened again in a clean process; notes older than the run are of another one."""
    known = [paths.check_file(folder), *sorted(paths.exports_folder(folder).glob("*.json"))]
    try:
        written = paths.result_file(folder).stat().st_mtime_ns
        yield from filter(
            None, (_json(file) for file in known if file.is_file() and file.stat().st_mtime_ns >= written)
        )
    except OSError:
        return


def _environment(recipe: str) -> dict[str, str]:
    try:
        found = yaml.safe_load(recipe)
    except yaml.YAMLError:
        return {}
    told = found.get("environment") if isinstance(found, Mapping) else None
    return {str(name): str(value) for name, value in told.items()} if isinstance(told, Mapping) else {}


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
