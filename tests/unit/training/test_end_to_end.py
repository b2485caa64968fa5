"""Values, tokens and several inputs from a file to a pruned network in both frameworks; runs that are broken off.

Each framework gets one process of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", params=["pytorch", "keras"])
def answers(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    quiet = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.training.programs.end_to_end", request.param, str(folder)],
        cwd=ROOT,
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "said": done.stderr}


def test_a_regression_is_judged_by_its_errors(answers):
    assert answers["values"]["status"] == 0
    for when, floor in (("before", 0.8), ("after", 0.7)):
        measured = answers["values"][when]
        assert measured["accuracy"] is None
        assert measured["f1_macro"] is None
        assert measured["r2"] > floor
        assert 0 < measured["mae"] < 0.5
        assert measured["loss"] < 0.2
    assert set(answers["inspected"]) >= {"r2", "mae", "loss"}
    assert answers["values"]["after"]["sparsity"] == 0.5


@pytest.mark.parametrize("kind", ["tokens", "several"])
def test_networks_of_tokens_and_of_two_inputs_learn_and_are_pruned(answers, kind):
    assert answers[kind]["status"] == 0
    assert answers[kind]["before"]["accuracy"] > 0.85
    assert answers[kind]["after"]["accuracy"] > 0.85
    assert answers[kind]["after"]["sparsity"] >= 0.5


def test_channels_of_a_network_with_two_inputs_are_really_gone(answers):
    assert answers["several"]["after"]["parameters"] < 0.7 * answers["several"]["before"]["parameters"]


def test_what_is_exported_with_two_inputs_opens_and_agrees_in_a_clean_process(answers):
    assert answers["check"]["same"]


def test_a_classifier_given_values_ends_in_one_sentence(answers):
    assert answers["classifier"] == {"status": 2}
    last = answers["said"].strip().splitlines()
    assert [line for line in last if "The network gives 3 values a sample" in line]
    assert "Traceback" not in answers["said"]


@pytest.mark.parametrize("plan", ["rewound", "regrown and taught", "operated", "from scratch"])
def test_broken_off_a_run_goes_on_to_the_same_weights_and_masks(answers, plan):
    assert answers["broken off"][plan] == {"weights": True, "masks": True}
