"""On the sample models: both frameworks measure alike, and an estimate's interval holds what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.measures.estimate import interval, order

SCRIPT = Path(__file__).with_name("measured_samples.py")
#: As the script writes them: LeNet-5 is right on 99.6 % of all 1,797 digits dense, and on ever fewer when pruned.
SPARSITIES = (0.0, 0.5, 0.8, 0.85, 0.9, 0.95)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Both frameworks' measurements, made at the same time in two processes."""
    folder = tmp_path_factory.mktemp("measured")
    running = {
        framework: subprocess.Popen(
            [sys.executable, str(SCRIPT), framework, str(folder / f"{framework}.npz")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for framework in ("pytorch", "keras")
    }
    for process in running.values():
        said, _ = process.communicate()
        assert process.returncode == 0, said[-3000:]
    return {framework: dict(np.load(folder / f"{framework}.npz")) for framework in running}


@pytest.fixture(scope="module")
def told(measured):
    return {framework: json.loads(str(values["told"])) for framework, values in measured.items()}


def test_multiply_adds_and_sizes_are_equal_in_both_frameworks(told):
    assert set(told["pytorch"]) == set(told["keras"])
    for name, torch in told["pytorch"].items():
        keras = told["keras"][name]
        assert sum(torch["macs"].values()) == sum(keras["macs"].values()), name
        for layer in torch["layers"]:
            assert torch["macs"].get(layer, 0) == keras["macs"].get(layer, 0), f"{name} {layer}"
        for key in ("parameters", "nonzero", "sparsity", "macs", "effective_macs", "dense_bytes", "sparse_bytes"):
            for state in ("dense", "half"):
                assert torch[state][key] == pytest.approx(keras[state][key], rel=1e-9), f"{name} {state} {key}"


def test_quality_is_equal_in_both_frameworks(told):
    for name, torch in told["pytorch"].items():
        for state in ("dense", "half"):
            for key in ("accuracy", "f1_macro", "loss"):
                assert torch[state][key] == pytest.approx(told["keras"][name][state][key], abs=1e-4), f"{name} {key}"


def test_lenet5_costs_what_a_pencil_says(told):
    # 1 x 8 x 8 pictures. conv1: 16 filters of 3 x 3 over 8 x 8; pool; conv2: 32 of 16 x 3 x 3 over 4 x 4; pool;
    # fc1: 32 * 2 * 2 = 128 to 120; fc2: 120 to 84; fc3: 84 to 10.
    expected = {"conv1": 64 * 16 * 9, "conv2": 16 * 32 * 144, "fc1": 128 * 120, "fc2": 120 * 84, "fc3": 840}
    for framework in ("pytorch", "keras"):
        assert told[framework]["digits-lenet5"]["macs"] == expected


def coverage(right, seen: int, subsets: int) -> float:
    """Share of seeded subsets whose interval holds the accuracy on all samples."""
    found = (interval(int(right[order(len(right), s)[:seen]].sum()), seen, len(right)) for s in range(subsets))
    return float(np.mean([abs(middle - right.mean()) <= half for middle, half in found]))


@pytest.mark.parametrize("seen", [100, 250, 500, 1000])
@pytest.mark.parametrize("sparsity", SPARSITIES[1:])
def test_the_95_percent_interval_holds_the_full_accuracy_92_to_98_percent_of_the_time(measured, sparsity, seen):
    right = measured["pytorch"][f"right {sparsity}"]
    assert 0.92 <= coverage(right, seen, 2000) <= 0.98, f"accuracy {right.mean():.3f}"


def test_over_200_subsets_of_every_size_and_sparsity_the_interval_holds_as_often(measured):
    """200 subsets of one case alone scatter by 1.5 points; all cases together say whether the rule holds."""
    cases = [(measured["pytorch"][f"right {s}"], seen) for s in SPARSITIES[1:] for seen in (100, 250, 500, 1000)]
    assert 0.92 <= np.mean([coverage(right, seen, 200) for right, seen in cases]) <= 0.98


@pytest.mark.parametrize("seen", [50, 100, 250])
def test_where_hardly_an_error_is_seen_the_interval_does_not_promise_too_much(measured, seen):
    """With a few errors in 1,797 the number seen takes few values; no interval can then hold exactly 95 %."""
    right = measured["pytorch"]["right 0.0"]
    assert right.mean() > 0.98
    assert coverage(right, seen, 2000) >= 0.9
