"""The same architecture with the same weights in both frameworks: outputs, groups, costs, scores and masks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sample_models.architectures import ARCHITECTURES

ROOT = Path(__file__).resolve().parents[4]
#: Largest difference of scores, as a share of the largest score of a pool.
NEAR = 1e-5


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """PyTorch, then Keras with its weights, each in a process of its own: facts and arrays."""
    folder = tmp_path_factory.mktemp("architectures")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow", "OMP_NUM_THREADS": "1"}
    for framework in ("pytorch", "keras"):
        command = [sys.executable, str(Path(__file__).with_name("architectures.py")), framework, str(folder)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    return [
        (json.loads((folder / f"{framework}.json").read_text()), dict(np.load(folder / f"{framework}.npz")))
        for framework in ("pytorch", "keras")
    ]


def under(measured, prefix):
    """Both frameworks' arrays below a prefix, of the same names."""
    one, other = ({n: a for n, a in arrays.items() if n.startswith(f"{prefix}/")} for _, arrays in measured)
    assert one.keys() == other.keys()
    return [(name, one[name], other[name]) for name in one]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_outputs_agree_whole_and_masked(measured, name):
    (_, one), (_, other) = measured
    cases = [(n, one[n], other[n]) for n in one if n == f"outputs/{name}" or n.startswith(f"masked/{name}/")]
    assert len(cases) > 1
    for case, expected, found in cases:
        np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()), err_msg=case)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_groups_have_the_same_names_kinds_sizes_and_order(measured, name):
    (one, _), (other, _) = measured
    assert one[name]["groups"] == other[name]["groups"]
    assert all(cuttable and not estimated for *_, cuttable, estimated in one[name]["groups"])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_multiply_adds_agree_layer_by_layer(measured, name):
    (one, _), (other, _) = measured
    assert one[name]["macs"] == other[name]["macs"]
    assert one[name]["by layer"] == other[name]["by layer"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_scores_and_masks_agree(measured, name):
    for case, expected, found in under(measured, f"scores/{name}"):
        np.testing.assert_allclose(found, expected, rtol=0, atol=NEAR * expected.max(), err_msg=case)
    masks = under(measured, f"masks/{name}")
    assert masks
    for case, expected, found in masks:
        np.testing.assert_array_equal(found, expected, err_msg=case)
