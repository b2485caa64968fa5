"""Runs as rows of a table: text to read, values to sort by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.charts.quality import main_quality
from core.charts.runs import Line, state_line, title, untouched_first
from core.charts.words import amount, count, milliseconds, number, plan_line, pruning_line, size
from core.controls import Role
from core.jobs.job import JobState
from core.measurement import Measurement


@dataclass(frozen=True)
class Column:
    """One column; ``numeric`` ones are set flush right and sort by value, largest first."""

    name: str
    title: str
    numeric: bool = False
    help: str = ""


@dataclass(frozen=True)
class Cell:
    """What is read and what is sorted by; None sorts last."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Entry:
    """One run. ``bar`` is the progress in [0, 1] of a run that is not at its end, None of any other."""

    id: str
    title: str
    colour: str
    quiet: bool
    bar: float | None
    cells: dict[str, Cell]


RUN, PLAN, STATE = Column("run", "run"), Column("plan", "plan"), Column("state", "state")
RESULTS = (
    Column("validation", "validation", True, "Accuracy on the validation split, as in the chart."),
    Column("test", "test", True, "Accuracy on the test split, measured when a run ends."),
    Column("f1", "macro F1", True, "On the test split; while a run goes on, on the validation split."),
    Column("parameters", "parameters", True, "Parameters left that are not zero."),
    Column("zipped", "zipped", True, "Bytes of the weights as a zipped file."),
    Column("macs", "MACs", True, "Multiply-adds for one sample, those with a zero weight left out."),
    Column("latency", "latency", True, "For one sample on this machine: median ± half the interquartile range."),
    Column("pace", "× dense", True, "Latency over the dense model's, timed in turn: below 1 is faster. Compare this."),
)
FULL = (RUN, PLAN, STATE, *RESULTS)
SHORT = (RUN, STATE, RESULTS[0], RESULTS[1], RESULTS[3])
#: Of a regression: R² in the place of accuracy, the mean absolute error in that of macro F1.
_VALUES = {
    "validation": Column("validation", "validation", True, "R² on the validation split, as in the chart."),
    "test": Column("test", "test", True, "R² on the test split, measured when a run ends."),
    "f1": Column("mae", "abs. error", True, "Mean absolute error; on the test split once a run has ended."),
}


def columns(full: Sequence[Column], regression: bool) -> tuple[Column, ...]:
    """The columns of a table of runs, those of a regression where it is one."""
    return tuple(_VALUES.get(column.name, column) if regression else column for column in full)


def entries(lines: Iterable[Line]) -> list[Entry]:
    """Every run with all its cells, newest first."""
    return [_entry(line) for line in reversed(list(lines))]


def dense_entry(lines: Sequence[Line], colour: str) -> Entry | None:
    """The untouched model as a first row, from the newest run that measured it; None before any did."""
    for line in reversed(untouched_first(lines)):
        validation = next((p.measurement for p in line.points if p.phase == "dense"), None)
        given = line.run.plan.preparation
        before = None if given.epochs or given.fresh else line.run.before  # else that is of a network trained anew
        if validation is not None or before is not None:
            cells = {"plan": Cell("untouched"), "state": Cell(""), **_results(validation, before)}
            cells["pace"] = Cell("1", 1.0)
            return Entry("", "dense model", colour, False, None, cells)
    return None


def _entry(line: Line) -> Entry:
    run = line.run
    unfinished = not run.state.finished
    cells = {
        "plan": _plan(line),
        "state": Cell(state_line(run), run.progress),
        **_results(line.latest, run.after),
        "pace": _pace(run.before, run.after),
    }
    bar = run.progress if unfinished and run.state is not JobState.QUEUED else None
    return Entry(run.id, title(run, line.achieved), line.colour, line.role is not Role.PRUNED, bar, cells)


def _plan(line: Line) -> Cell:
    plan, achieved = line.run.plan, line.achieved
    if line.role is Role.DENSE:
        return Cell(plan_line(plan), 0.0)
    return Cell(pruning_line(plan, achieved), achieved.sparsity if achieved else None)


def _results(validation: Measurement | None, test: Measurement | None) -> dict[str, Cell]:
    best = test or validation
    return {
        "validation": _quality(validation),
        "test": _quality(test),
        "f1": Cell(number(_of(best, "f1_macro")), _of(best, "f1_macro")),
        "mae": Cell(number(_of(best, "mae")), _of(best, "mae")),
        "parameters": Cell(count(best.nonzero) if best else "–", _of(best, "nonzero")),
        "zipped": Cell(size(best.zipped_bytes) if best else "–", _of(best, "zipped_bytes")),
        "macs": Cell(amount(_of(best, "effective_macs")), _of(best, "effective_macs")),
        "latency": Cell(milliseconds(_of(best, "latency_ms"), _of(best, "latency_spread_ms")), _of(best, "latency_ms")),
    }


def _quality(measured: Measurement | None) -> Cell:
    return Cell(main_quality(measured).of(measured), None if measured is None else measured.quality)


def _pace(before: Measurement | None, after: Measurement | None) -> Cell:
    dense, pruned = _of(before, "latency_ms"), _of(after, "latency_ms")
    ratio = pruned / dense if dense and pruned else None
    return Cell("–" if ratio is None else f"{ratio:.2f}", ratio)


def _of(measurement: Measurement | None, name: str) -> float | None:
    value = getattr(measurement, name) if measurement is not None else None
    return None if value is None else float(value)
