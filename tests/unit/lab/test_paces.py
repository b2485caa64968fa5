"""Batches find their size; estimates keep to their time."""

import pytest

from core.lab.paces import FIRST, LARGEST, SMALLEST, Paces

MODEL = ("model", "x")


def settled(fixed, each, macs=1000, rounds=30):
    """The batch a model ends up with that takes ``fixed`` seconds a call and ``each`` a sample."""
    paces = Paces()
    for _ in range(rounds):
        samples = paces.batch(MODEL, macs)
        paces.took(MODEL, fixed + each * samples, samples)
    return paces.batch(MODEL, macs)


def test_a_quick_model_gets_large_batches():
    assert settled(0.001, 1e-6) == LARGEST


def test_a_slow_model_gets_batches_after_which_others_soon_have_their_turn():
    samples = settled(0.001, 2e-3)
    assert 0.02 < 2e-3 * samples < 0.2


def test_a_very_slow_model_gets_the_smallest_batches():
    assert settled(0.0, 0.5) == SMALLEST


def test_a_call_with_a_high_fixed_cost_is_not_made_for_a_few_samples():
    samples = settled(0.15, 1e-4, macs=10**8)
    assert samples / (0.15 + 1e-4 * samples) > 0.5 * LARGEST / (0.15 + 1e-4 * LARGEST)


def test_the_first_batch_says_nothing_about_the_pace():
    paces = Paces()
    first = paces.batch(MODEL, 1000)
    assert not paces.known(MODEL)
    paces.took(MODEL, 30.0, first)
    assert paces.known(MODEL)
    assert paces.batch(MODEL, 1000) == first


@pytest.mark.parametrize(("macs", "samples"), [(1000, FIRST), (10**10, SMALLEST)])
def test_large_models_begin_with_few_samples(macs, samples):
    assert Paces().batch(MODEL, macs) == samples
