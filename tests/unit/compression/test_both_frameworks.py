"""Compressed in PyTorch and in Keras: the same numbers, zeros where they were. Each framework has its own process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
FRAMEWORKS = ("pytorch", "keras")
ALONE = ("float16", "int8", "sharing")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compressed")


@pytest.fixture(scope="module")
def answers(folder):
    """PyTorch first: Keras takes its weights."""
    quiet = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    found = {}
    for framework in FRAMEWORKS:
        done = subprocess.run(
            [sys.executable, "-m", "tests.unit.compression.measured", framework, str(folder)],
            cwd=ROOT,
            env={**os.environ, **quiet},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found[framework] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", [*ALONE, "steps"])
def test_both_frameworks_give_the_same_values(answers, folder, name):
    one, other = (dict(np.load(folder / f"{framework}-{name}.npz")) for framework in FRAMEWORKS)
    assert one.keys() == other.keys()
    for array in one:
        np.testing.assert_allclose(one[array], other[array], rtol=0, atol=16 if array == "bytes" else 0)


@pytest.mark.parametrize("name", [*ALONE, "tuned"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_zero_stays_a_zero(answers, framework, name):
    assert answers[framework]["alone"][name]["zeros"]


def test_stages_weigh_and_judge_alike_in_both(answers):
    here, there = (answers[framework]["steps"]["stages"] for framework in FRAMEWORKS)
    assert [stage[0] for stage in here] == [stage[0] for stage in there]
    for (_, size, accuracy), (_, also, other_accuracy) in zip(here, there, strict=True):
        assert abs(size - also) <= 16  # the arrays' order in the header
        assert accuracy == pytest.approx(other_accuracy, abs=1e-4)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_pruned_zeros_stay_zeros_and_the_saved_model_holds_the_values_as_read_back(answers, framework):
    found = answers[framework]["steps"]
    assert found["zeros"]
    assert found["saved"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_shared_values_stay_shared_while_they_learn(answers, framework):
    found = answers[framework]["alone"]["tuned"]
    assert found["moved"]
    assert 5 < found["values"] <= 9  # eight and zero


@pytest.mark.parametrize(
    ("framework", "sample"),
    [("pytorch", "digits-lenet5"), ("pytorch", "mnist1d-transformer"), ("keras", "digits-lenet5")],
)
def test_a_shared_value_moves_by_the_sum_of_its_members_gradients(answers, framework, sample):
    """Han et al. 2016, arXiv:1510.00149, equation 3: the gradients are those of the whole batch, entry by entry."""
    step = answers[framework]["moved"][sample]
    assert step["names"]
    assert step["worst"] < 1e-4
    assert step["equal"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_gradients_are_summed_as_in_the_papers_figure(answers, framework):
    """Figure 3: by value, from the smallest: -0.03, 0.04, 0.02, 0.04."""
    gradient, codes = answers[framework]["figure"]
    np.testing.assert_allclose(gradient, np.array([-0.03, 0.04, 0.02, 0.04])[codes], atol=1e-7)
