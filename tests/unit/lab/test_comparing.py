"""Asked through a lab: two criteria on one network."""

import numpy as np
import pytest

from core.errors import UnknownName


@pytest.fixture
def compared(lab, model_file, data_file, plan):
    def ask(a, b, **settings):
        question = {"model": model_file(shape=(2, 2)), "plan": plan(data_file(), **settings)}
        return lab.ask("compare", {**question, "criterion_a": a, "criterion_b": b})

    return ask


def test_a_criterion_beside_itself_agrees_in_everything(compared):
    found = compared("magnitude", "magnitude", sparsity=0.5)
    assert found["spearman"] == pytest.approx(1)
    assert found["total"] == {"size": 4, "both": 2, "only_a": 0, "only_b": 0, "neither": 2}
    assert found["left_out"] == {}


def test_scores_ranks_and_what_goes_of_both(compared):
    found = compared("magnitude", "random", sparsity=0.5)
    (pool,) = found["pools"]
    assert (found["criterion_a"], found["criterion_b"]) == ("magnitude", "random")
    assert (pool["name"], pool["layer"], pool["unit"], pool["size"]) == ("fc.kernel", "fc", "weight", 4)
    np.testing.assert_array_equal(pool["index"], range(4))
    for side in "ab":
        np.testing.assert_array_equal(np.argsort(pool[f"score_{side}"]), np.argsort(pool[f"rank_{side}"]))
        np.testing.assert_allclose(np.sort(pool[f"rank_{side}"]), [0.25, 0.5, 0.75, 1])
        assert pool[f"gone_{side}"].tolist() == (pool[f"rank_{side}"] <= 0.5).tolist()
    assert pool["both"] == int((pool["gone_a"] & pool["gone_b"]).sum())
    assert pool["both"] + pool["only_a"] == pool["both"] + pool["only_b"] == 2
    assert pool["spearman"] == pytest.approx(found["spearman"])


def test_orders_that_are_the_same_correlate_fully_whatever_the_scale(compared):
    assert compared("magnitude", "squared_magnitude")["spearman"] == pytest.approx(1)


def test_counts_fixed_by_hand_hold_for_both_and_thresholds_for_neither(compared):
    by_hand = {"fc.kernel": {"count": 3, "threshold": 99.0}}
    total = compared("magnitude", "random", overrides=by_hand)["total"]
    assert total["both"] + total["only_a"] == total["both"] + total["only_b"] == 3
    dragged = {"fc.kernel": {"threshold": 99.0}}
    assert compared("magnitude", "magnitude", sparsity=0.25, overrides=dragged)["total"]["both"] == 1


def test_an_unknown_criterion_is_named(compared):
    with pytest.raises(UnknownName, match="nonsense"):
        compared("magnitude", "nonsense")
