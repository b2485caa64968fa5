"""Errors of a regression by hand, whole and from a part of a split."""

import numpy as np
import pytest

from core.errors import BadModel
from core.measures.estimate import ValueTally
from core.measures.values import errors


def test_errors_by_hand():
    found = errors(np.array([1.0, 2.0, 4.0]), np.array([[1.0], [3.0], [2.0]]))
    assert found.mse == pytest.approx(5 / 3)  # 0, 1, 4
    assert found.mae == pytest.approx(1.0)  # 0, 1, 2
    assert found.r2 == pytest.approx(1 - 5 / 2)  # about the mean 2: 1, 1, 0


def test_several_values_are_judged_about_their_own_means():
    targets = np.array([[0.0, 10.0], [2.0, 30.0]])  # spread 1 + 1 + 100 + 100
    found = errors(targets + np.array([[1.0, 0.0], [0.0, 3.0]]), targets)
    assert found.mse == pytest.approx(10 / 4)
    assert found.r2 == pytest.approx(1 - 10 / 202)


@pytest.mark.parametrize(("output", "r2"), [(5.0, 1.0), (4.0, 0.0)])
def test_targets_that_are_all_the_same_give_no_infinity(output, r2):
    assert errors(np.full((4, 1), output), np.full((4, 1), 5.0)).r2 == r2


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_network_that_diverged_has_no_errors_rather_than_nan(bad):
    found = errors(np.array([[bad], [1.0]]), np.zeros((2, 1)))
    assert (found.mse, found.mae, found.r2) == (None, None, None)


def test_another_number_of_values_is_named():
    with pytest.raises(BadModel, match="gives 3 values a sample; the data has 1 targets"):
        errors(np.zeros((5, 3)), np.zeros((5, 1)))


def test_a_part_of_a_split_is_added_to_and_ends_at_the_whole():
    rng = np.random.default_rng(0)
    targets = rng.standard_normal((50, 2))
    outputs = targets + 0.3 * rng.standard_normal((50, 2))
    tally = ValueTally(targets, 1, lambda rows: outputs[rows])
    assert tally.found() == {"loss": None, "mae": None, "r2": None}
    assert tally.advance(20) == 20
    part = tally.found()
    assert not tally.finished
    seen = tally.order[:20]
    assert part["r2"] == pytest.approx(errors(outputs[seen], targets[seen]).r2)
    tally.advance(1000)
    whole = errors(outputs, targets)
    assert tally.finished
    assert tally.found() == pytest.approx({"loss": whole.mse, "mae": whole.mae, "r2": whole.r2})
