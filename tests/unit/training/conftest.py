"""A tiny network, data it can learn, and a way to run plans and to break them off."""

from dataclasses import replace

import numpy as np
import pytest

from core.datasets import Parts
from core.errors import Cancelled
from core.experiment import run
from core.plan import DataChoice, Plan, Recovery
from core.reports import Silent
from tests.unit.training.tiny_network import tiny


class Noting:
    """A report that keeps what it is told, and may cancel at a given poll."""

    def __init__(self, cancel_after=None):
        self.events = []
        self._polls = cancel_after

    def event(self, kind, data):
        self.events.append((kind, data))

    def poll(self):
        if self._polls is not None:
            self._polls -= 1
            if self._polls < 0:
                raise Cancelled

    def of(self, kind, **wanted):
        found = [data for name, data in self.events if name == kind]
        return [data for data in found if all(data[key] == value for key, value in wanted.items())]


def clusters(samples, seed, shares=(1, 1, 1)):
    """Three clouds of points in four dimensions, as unevenly as asked for."""
    rng = np.random.default_rng(seed)
    y = np.sort(rng.choice(3, samples, p=np.array(shares) / sum(shares)))
    centres = np.array([[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]])
    return (centres[y] + 0.8 * rng.standard_normal((samples, 4))).astype(np.float32), y.astype(np.int64)


def parts_of(train, validation, test, **more):
    return Parts("clusters", ("a", "b", "c"), *train, *validation, *test, sample_kind="table", **more).signed()


@pytest.fixture(scope="session")
def parts():
    return parts_of(clusters(90, 0), clusters(60, 1), clusters(60, 2))


@pytest.fixture
def model():
    return tiny()


@pytest.fixture
def plan():
    recovery = Recovery(epochs=3, batch_size=16, learning_rate=0.05, optimiser="sgd", keep_best=False)
    return Plan("tiny", DataChoice("clusters"), sparsity=0.5, recovery=recovery)


@pytest.fixture
def carried_out(model, parts, tmp_path):
    """Run a plan on the tiny network; the folder is new unless it is named."""
    made = []

    def go(plan, report=None, name=None, **more):
        made.append(name)
        given = {"model": model, "parts": parts, "folder": tmp_path / (name or f"run{len(made)}"), **more}
        return run(plan, report or Silent(), **given)

    return go


def recovering(plan, method, **changes):
    """The plan with another recovery."""
    return replace(plan, recovery=replace(plan.recovery, method=method, **changes))
