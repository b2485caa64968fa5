import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from core.lab.client import Lab

TINY = (sys.executable, str(Path(__file__).with_name("tiny_lab.py")))


@pytest.fixture
def tiny_command():
    return TINY


def tiny(home):
    made = Lab("tiny", home, command=TINY)
    yield made
    made.close()
    if made.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(made.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A lab of the tiny framework, shared by tests that leave it alive."""
    yield from tiny(tmp_path_factory.mktemp("home"))


@pytest.fixture
def own_lab(tmp_path):
    """A lab of one test's own, not started yet."""
    yield from tiny(tmp_path / "home")


@pytest.fixture
def model_file(tmp_path):
    """Writes a tiny model for data of two features and two classes; returns how the lab is told of it."""

    def write(name="model", seed=0, shape=(2, 2), **misbehaviour):
        kernel = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
        np.savez(tmp_path / f"{name}.npz", kernel=kernel, **misbehaviour)
        return {"path": str(tmp_path / f"{name}.npz"), "architecture": None, "output": None}

    return write


@pytest.fixture
def data_file(tmp_path):
    """Writes data of two features and two classes, with so many samples to validate on."""

    def write(validation=400):
        rng = np.random.default_rng(1)
        arrays = {}
        for part, samples in (("train", validation * 10), ("test", 50)):
            arrays[f"x_{part}"] = rng.normal(size=(samples, 2)).astype(np.float32)
            arrays[f"y_{part}"] = (arrays[f"x_{part}"].sum(axis=1) > 0).astype(np.int64)
        np.savez(tmp_path / "data.npz", **arrays)
        return {"name": str(tmp_path / "data.npz"), "scaling": "raw"}

    return write


@pytest.fixture
def plan():
    def make(data, **more):
        return {"model": "tiny", "data": data, "sparsity": 0.25, **more}

    return make
