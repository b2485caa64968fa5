import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.jobs import process, workspaces
from core.jobs.job import JobState
from core.jobs.local import LocalEngine
from core.plan import DataChoice, Plan, Recovery, ScheduleChoice


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def workspace() -> str:
    return workspaces.new_id()


@pytest.fixture
def plan() -> Plan:
    return Plan("sample:iris-mlp@pytorch", DataChoice("iris"), sparsity=0.5)


@pytest.fixture
def long_plan() -> Plan:
    """Long enough to be interrupted anywhere, short enough to wait for."""
    recovery = Recovery(epochs=60, batch_size=8, rate_schedule="cosine")
    schedule = ScheduleChoice("cubic", steps=3, epochs_between=10)
    return Plan("sample:iris-mlp@pytorch", DataChoice("iris"), sparsity=0.6, schedule=schedule, recovery=recovery)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def program(name: str) -> tuple[str, ...]:
    """What a LocalEngine starts instead of a real job."""
    return sys.executable, "-m", f"tests.unit.jobs.programs.{name}"


@pytest.fixture
def engines(home: Path) -> Iterator[Callable[..., LocalEngine]]:
    """Engines on one home; whatever they left running is ended."""
    made: list[LocalEngine] = []

    def engine(**settings: object) -> LocalEngine:
        made.append(LocalEngine(home, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield engine
    for store in (one.store for one in made):
        for held in store.all_held():
            store.change(held.run, (held.state,), state=JobState.CANCELLED)
            if held.pid is not None:
                process.kill_tree(held.pid, held.born)
    for one in made:
        for child in one._children:
            child.wait(10)
        one.store.close()
