"""Runs and events made by hand, small enough to check by eye."""

from dataclasses import replace

import pytest

from core.charts.runs import lines
from core.charts.theme import LIGHT
from core.jobs.job import Event, JobState, Run
from core.measurement import Measurement
from core.plan import DataChoice, Plan, Recovery

PLAN = Plan("sample:digits-lenet5@pytorch", DataChoice("digits"), sparsity=0.9, recovery=Recovery(epochs=2))


def measured(accuracy: float | None, nonzero: int, sparsity: float = 0.0, zipped: int | None = 1000) -> Measurement:
    return Measurement(
        "validation",
        360,
        360,
        accuracy=accuracy,
        f1_macro=accuracy,
        loss=0.1,
        parameters=1000,
        nonzero=nonzero,
        sparsity=sparsity,
        macs=5000,
        effective_macs=5 * nonzero,
        dense_bytes=4000,
        zipped_bytes=zipped,
    )


def point(number: int, phase: str, epoch: int, measurement: Measurement, step: int = 0) -> Event:
    data = {"phase": phase, "step": step, "epoch": epoch, "measurement": measurement.to_dict()}
    return Event(number, "a", 0.0, "point", data)


def epoch(number: int, at: int, accuracy: float = 0.9) -> Event:
    data = {"epoch": at, "epochs": 2, "step": 1, "loss": 0.5, "accuracy": accuracy, "learning_rate": 0.001}
    return Event(number, "a", 0.0, "epoch", {**data, "validation_loss": 0.4, "validation_accuracy": accuracy})


def run(name: str, state: JobState = JobState.DONE, created: float = 0.0, plan: Plan = PLAN, **more: object) -> Run:
    return replace(Run(name, "w", None, "", plan, state, created=created), **more)


class Made:
    """The makers above, for tests."""

    plan, measured, point, epoch, run = PLAN, *map(staticmethod, (measured, point, epoch, run))

    @staticmethod
    def history(end: float = 0.97, left: int = 100) -> list[Event]:
        """Dense, pruned, healed in two epochs."""
        return [
            point(1, "dense", 0, measured(0.99, 1000)),
            point(2, "pruned", 0, measured(0.6, left, 0.9), 1),
            point(3, "epoch", 1, measured(0.9, left, 0.9), 1),
            point(4, "epoch", 2, measured(end, left, 0.9), 1),
        ]

    @staticmethod
    def lines(*pairs: tuple[Run, list[Event]]):
        """The runs as lines."""
        return lines([one for one, _ in pairs], {one.id: events for one, events in pairs}, LIGHT)


@pytest.fixture
def made() -> type[Made]:
    return Made
