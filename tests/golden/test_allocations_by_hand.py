"""Allocations on numbers a reader can check by eye, with the source of each."""

import numpy as np
import pytest

from core.allocations import ALLOCATIONS, Claim
from core.allocations.lamp import Lamp
from core.plan import Sharing
from core.scores import Scores


def quota(size: int, amount: float) -> int:
    return round(size * amount)


def claim(name: str, *scores: float, **more) -> Claim:
    return Claim(name, np.array(scores, np.float32), more.pop("least", 0), more.pop("most", len(scores)), **more)


def shaped(name: str, *shape: int) -> Claim:
    size = int(np.prod(shape))
    return Claim(name, np.zeros(size, np.float32), 0, size, shape=shape)


def counts(name: str, claims: list[Claim], amount: float, **sharing) -> list[int]:
    return ALLOCATIONS[name].counts(claims, amount, quota, Sharing(**sharing))


def test_normalised_scores_are_divided_by_their_layers_norm():
    """3, 4 over 5 are 0.6, 0.8; 5, 12 over 13 are 0.38, 0.92: one of each goes. Trap: NNCF calls this plain global."""
    claims = [claim("a", 3, 4), claim("b", 5, 12)]
    assert counts("global_normalised", claims, 0.5) == [1, 1]
    assert counts("global", claims, 0.5) == [2, 0]


def test_lamp_scores_of_the_paper():
    """arXiv:2010.07611: w² / Σ of all that are not smaller: 1 / 14, 4 / 13, 9 / 9."""
    found = Lamp().ranked(Claim("a", Scores(np.array([[-3, 1, 2]], np.float32), np.absolute), 0, 3)).whole()
    np.testing.assert_allclose(found, [1 / 14, 4 / 13, 1])


def test_lamp_does_not_see_the_scale_of_a_layer():
    """The same numbers times ten: plain global empties the small layer, LAMP takes both alike."""
    claims = [claim("a", 0.1, 0.2, 0.3, 0.4), claim("b", 1, 2, 3, 4)]
    assert counts("global", claims, 0.5) == [4, 0]
    assert counts("lamp", claims, 0.5) == [2, 2]


def test_the_largest_weight_of_every_layer_is_the_last_to_go_in_lamp():
    claims = [claim("a", 1e-6, 1e-5), claim("b", 5, 5, 5, 5)]
    assert counts("lamp", claims, 4 / 6) == [1, 3]


def test_lamp_of_signed_scores_keeps_their_order():
    """-2, 0, 1 count as 0, 2, 3: 0, 4 / 13, 1."""
    np.testing.assert_allclose(Lamp().ranked(claim("a", 1, -2, 0)).whole(), [0, 4 / 13, 1])


def test_lamp_ranks_what_is_gone_lowest():
    found = Lamp().ranked(claim("a", -np.inf, 3, -np.inf, 4, least=2)).whole()
    np.testing.assert_allclose(found, [-np.inf, -np.inf, 9 / 25, 1])


def test_erk_of_lenet_300_100_with_its_last_layer_dense():
    """arXiv:1911.11134 and rigl/sparse_utils.py, 90 %: 26,620 of 266,200 stay.

    Ratios times sizes are 784 + 300, 300 + 100, 100 + 10 = 1084, 400, 110; ε = 26620 / 1594 = 16.70 would give the last
    layer a density of 16.70 x 110 / 1000 = 1.84, so it stays dense: ε = (26620 - 1000) / 1484 = 17.2642 keeps
    18714.34 and 6905.66 of the others.
    """
    claims = [shaped("fc1", 300, 784), shaped("fc2", 100, 300), shaped("fc3", 10, 100)]
    assert counts("erk", claims, 0.9) == [235200 - 18714, 30000 - 6906, 0]


def test_erk_of_a_small_convolutional_net():
    """8 x 3 x 3 x 3, 16 x 8 x 3 x 3 and 10 x 64 at 80 %: ratios times sizes are 17, 30, 74; 402 of 2008 stay,
    ε = 402 / 121: 56.48, 99.67 and 245.85."""
    claims = [shaped("c1", 8, 3, 3, 3), shaped("c2", 16, 8, 3, 3), shaped("fc", 10, 64)]
    assert counts("erk", claims, 0.8) == [216 - 56, 1152 - 100, 640 - 246]


def test_erk_with_power_zero_is_uniform():
    claims = [shaped("c1", 10, 10), shaped("c2", 20, 10)]
    assert counts("erk", claims, 0.5, power=0.0) == [50, 100]


def test_given_deviations_are_thresholds():
    """Han: -1, 1, -3, 3 deviate by √5 = 2.24, so 1 x takes the two ones, 2 x everything, 0.4 x nothing."""
    weights = Claim("a", Scores(np.array([-1, 1, -3, 3], np.float32), np.absolute), 0, 4)
    assert counts("deviations", [weights], 0.0, deviations=1.0) == [2]
    assert counts("deviations", [weights], 0.0, deviations=2.0) == [4]
    assert counts("deviations", [weights], 0.9, deviations=0.4) == [0]


def test_the_deviation_is_that_of_the_signed_weights():
    """1, 3 deviate by 1, though -1, 1, -3, 3 with the same sizes deviate by 2.24."""
    weights = Claim("a", Scores(np.array([1, 3, 1, 3], np.float32), np.absolute), 0, 4)
    assert counts("deviations", [weights], 0.0, deviations=1.5) == [2]
    assert counts("deviations", [weights], 0.0, deviations=0.9) == [0]


def test_deviations_are_found_so_that_the_total_is_met():
    small = Claim("a", Scores(np.array([-1, 1, -3, 3], np.float32), np.absolute), 0, 4)
    large = Claim("b", Scores(np.array([-10, 10, -30, 30], np.float32), np.absolute), 0, 4)
    assert counts("deviations", [small, large], 0.5) == [2, 2]
    assert counts("global", [small, large], 0.5) == [4, 0]


def test_below_the_average():
    """1, 2, 3, 10 have a mean of 4; of equal scores none is below it; what is gone does not weigh on it."""
    claims = [claim("a", 1, 2, 3, 10), claim("b", 2, 2, 2), claim("c", -np.inf, 1, 3, least=1)]
    assert counts("mean", claims, 0.99) == [3, 0, 2]


def test_isomorphic_ranks_only_among_those_alike():
    """Each class loses half: of 1, 2, 3, 4 the pool with 1 and 2, though all of the other class are larger."""
    claims = [claim("a", 1, 2, kin="conv"), claim("b", 3, 4, kin="conv"), claim("c", 100, 200, 300, 400, kin="linear")]
    assert counts("isomorphic", claims, 0.5) == [2, 0, 2]
    assert counts("global", claims, 0.5) == [2, 2, 0]


def test_equal_sensitivity_prunes_until_it_hurts_alike():
    """Δ = 1: the first can lose half, the second 70 %; linear between the points measured."""
    first = claim("a", *range(10), curve=((0.5, 1.0), (1.0, 3.0)))
    second = claim("b", *range(10), curve=((0.7, 1.0), (1.0, 10.0)))
    assert counts("sensitivity", [first, second], 0.6) == [5, 7]


def test_a_loss_that_fell_by_chance_counts_as_its_highest_before():
    """The curve 0.3 up to 50 %, 0.1 at 80 %, 2 at 100 % rises no more before 80 %."""
    first = claim("a", *range(10), curve=((0.5, 0.3), (0.8, 0.1), (1.0, 2.0)))
    second = claim("b", *range(10), curve=((0.1, 0.3), (1.0, 3.0)))
    assert counts("sensitivity", [first, second], 0.45) == [8, 1]


@pytest.mark.parametrize("name", [n for n, a in ALLOCATIONS.items() if a.follows_amount])
def test_whoever_follows_the_amount_meets_the_total_under_ties(name):
    claims = [claim("a", *[1] * 7), claim("b", *[1] * 11, kin="other"), claim("c", *[0] * 5, least=0, most=3)]
    found = counts(name, claims, 0.5)
    assert sum(found) == (12 if name != "uniform" else 4 + 6 + 2)
    assert found[2] <= 3
