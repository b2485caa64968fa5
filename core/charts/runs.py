"""Runs as lines, colours and sentences: what every chart and table of runs shares."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.charts.achieved import Achieved
from core.charts.theme import Palette
from core.charts.words import brief, duration, of_units
from core.controls import Role, role
from core.jobs.job import Event, JobState, Run
from core.measurement import Measurement


@dataclass(frozen=True)
class Point:
    """One measured state of a run, on the validation split."""

    phase: str
    step: int
    epoch: int
    measurement: Measurement


@dataclass(frozen=True)
class Line:
    """A run with its colour and every state it was measured in, in time's order."""

    run: Run
    colour: str
    role: Role
    points: tuple[Point, ...]

    @property
    def latest(self) -> Measurement | None:
        """The newest measurement, None before the first."""
        return self.points[-1].measurement if self.points else None

    @property
    def achieved(self) -> Achieved | None:
        """What is gone, as measured at the end or last; None before the first pruning step."""
        pruned = [point for point in self.points if point.phase != "dense"]
        if self.run.after is not None or not pruned:
            return achieved(self.run)
        return Achieved(pruned[-1].measurement.sparsity, final=pruned[-1].step >= self.run.plan.schedule.steps)


def points(events: Iterable[Event]) -> tuple[Point, ...]:
    """The measured states among a run's events; one that a continued run measured again replaces the old one."""
    found: dict[tuple[str, int, int], Point] = {}
    for event in events:
        if event.kind == "point":
            data = event.data
            point = Point(
                str(data["phase"]),
                int(data.get("step") or 0),
                int(data.get("epoch") or 0),
                Measurement.from_dict(data["measurement"]),
            )
            found[point.phase, point.step, point.epoch] = point
    return tuple(found.values())


def lines(runs: Sequence[Run], events: Mapping[str, Sequence[Event]], theme: Palette) -> tuple[Line, ...]:
    """Every run as a line, oldest first. Controls are grey, the others take the series colours in order of creation."""
    made: list[Line] = []
    coloured = 0
    for run in sorted(runs, key=lambda one: (one.created, one.id)):
        kind = role(run.plan)
        colour = theme.control
        if kind is Role.PRUNED:
            colour = theme.series[coloured % len(theme.series)]
            coloured += 1
        made.append(Line(run, colour, kind, points(events.get(run.id, ()))))
    return tuple(made)


def untouched_first(lines: Sequence[Line]) -> list[Line]:
    """The lines, those last whose dense model is the one that came: others trained it before they pruned."""
    return sorted(lines, key=lambda line: not (line.run.plan.preparation.epochs or line.run.plan.preparation.fresh))


def moving(runs: Iterable[Run]) -> bool:
    """Whether any of them may change by itself, so that the page keeps looking. A paused run stays as it is."""
    return any(not run.state.finished and (run.state is not JobState.PAUSED or run.asked == "cancel") for run in runs)


def achieved(run: Run) -> Achieved | None:
    """What a finished run removed, as measured; None before its end."""
    return Achieved(run.after.sparsity) if run.after is not None else None


def titles(runs: Sequence[Run]) -> dict[str, str]:
    """By id a title that no other of the runs has, newest first: ``magnitude 90 % (2)`` is the second of that title."""
    found: dict[str, str] = {}
    for run in reversed(runs):
        plain = text = title(run)
        number = 1
        while text in found.values():
            number += 1
            text = f"{plain} ({number})"
        found[run.id] = text
    return {run.id: found[run.id] for run in runs}


def title(run: Run, known: Achieved | None = None) -> str:
    """Its name, else what it does and how much is gone: ``magnitude 90 %``.

    Args:
        run: The run.
        known: What it achieved so far, where its measurements are at hand (:attr:`Line.achieved`).
    """
    if run.name:
        return run.name
    plan, kind = run.plan, role(run.plan)
    if kind is Role.DENSE:
        return "dense, fine-tuned"
    start = "random, control" if kind is Role.RANDOM else plan.criterion.replace("_", " ")
    known = achieved(run) or known
    units = of_units(plan)
    kind_of = units or (plan.structure if plan.structure != "unstructured" else "")
    what = f", {kind_of}" if kind_of else ""
    if known is not None:
        return (
            f"{start}{what}, {brief(known.sparsity)} of weights" if units else f"{start}{what} {brief(known.sparsity)}"
        )
    if plan.budget is not None:
        return f"{start}{what}, to a budget"
    if plan.overrides:
        return f"{start}{what}, by hand"
    return f"{start}, {brief(plan.sparsity)} of {units}" if units else f"{start}{what} {brief(plan.sparsity)}"


def state_line(run: Run) -> str:
    """Where it stands in a few words: ``epoch 8 of 12 · 1 min 10 s left``."""
    if run.asked == "cancel" and not run.state.finished:
        return "stopping"
    if run.asked == "pause" and run.state is JobState.RUNNING:
        return "pausing"
    if run.state is JobState.RUNNING:
        left = f" · {duration(run.eta)} left" if run.eta is not None else ""
        return run.text.removeprefix("Fine-tuning, ").lower().strip() + left if run.text else "running"
    if run.state is JobState.QUEUED:
        return "waiting for a free slot"
    if run.state is JobState.DONE and run.started is not None and run.ended is not None:
        return f"done in {duration(run.ended - run.started)}"
    return str(run.state)


def story(run: Run) -> str:
    """What happened to a run that did not reach its end, and what can be done; empty for any other."""
    if run.state is JobState.LOST:
        why = run.reason or "Its process vanished without a word. *Continue* takes it up from its last checkpoint."
        return f"{why} Nothing that was measured is lost."
    if run.state is JobState.FAILED:
        return (
            f"{run.reason or 'It failed.'} When the cause is mended, *Continue* takes it up from its last checkpoint."
        )
    if run.state is JobState.CANCELLED:
        return "It was cancelled. *Continue* takes it up from its last checkpoint; *Delete* removes it and its files."
    if run.state is JobState.PAUSED:
        return "It is paused: its memory is kept, no processor is used. *Resume* lets it go on."
    return ""
