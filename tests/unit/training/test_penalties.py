"""Training with a penalty shrinks what the penalty pulls at."""

from dataclasses import replace

import numpy as np
import pytest

from core.plan import Preparation
from tests.unit.training.conftest import recovering


@pytest.fixture
def trained(carried_out, plan):
    """Arrays after preparing with a penalty, nothing pruned."""
    known = {}

    def train(penalty, strength=0.0, epochs=25):
        if (penalty, strength) not in known:
            prepared = Preparation(epochs=epochs, penalty=penalty, strength=strength)
            result = carried_out(recovering(replace(plan, sparsity=0.0, preparation=prepared), "none"))
            known[penalty, strength] = result
        return known[penalty, strength]

    return train


def near_zero(result):
    arrays = result.model.arrays()
    weights = np.concatenate([arrays[name].ravel() for name in ("fc1.kernel", "fc2.kernel")])
    return float((np.abs(weights) < 0.02).mean())


def test_l1_drives_weights_to_zero_and_the_more_the_stronger(trained):
    shares = [near_zero(trained("none")), near_zero(trained("l1", 0.005)), near_zero(trained("l1", 0.02))]
    assert shares[0] + 0.1 < shares[1] < shares[2]
    assert trained("l1", 0.02).after.accuracy > 0.8


def test_l2_shrinks_the_large_ones(trained):
    plain, pulled = (trained(*given).model.arrays()["fc1.kernel"] for given in (("none",), ("l2", 0.02)))
    assert np.abs(pulled).max() < 0.7 * np.abs(plain).max()


def test_group_lasso_empties_whole_rows(trained):
    plain, pulled = (trained(*given).model.arrays()["fc1.kernel"] for given in (("none",), ("group_lasso", 0.08)))
    norms = [np.linalg.norm(kernel, axis=1) for kernel in (plain, pulled)]
    assert (norms[0] < 0.1).sum() < (norms[1] < 0.1).sum() >= 4


def test_slimming_makes_scales_small_and_leaves_the_kernels_alone(trained):
    plain, pulled = (trained(*given).model.arrays() for given in (("none",), ("bn_scale", 0.05)))
    assert (np.abs(plain["bn.scale"]) < 0.1).sum() < (np.abs(pulled["bn.scale"]) < 0.1).sum() >= 3
    assert np.abs(pulled["fc2.kernel"]).max() > 0.5


def test_what_slimming_made_small_is_what_is_cut(carried_out, plan):
    prepared = Preparation(epochs=25, penalty="bn_scale", strength=0.05)
    slim = replace(plan, preparation=prepared, structure="channel", criterion="bn_scale", sparsity=0.4)
    cut = carried_out(recovering(slim, "none"))
    random = carried_out(recovering(replace(slim, criterion="random"), "none"))
    assert cut.model.arrays()["fc1.kernel"].shape == (7, 4)
    assert cut.after.accuracy > cut.before.accuracy - 0.05
    assert cut.after.accuracy >= random.after.accuracy
