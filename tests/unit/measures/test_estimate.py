"""An estimate is honest, cheap to refine, and ends in the full measurement."""

import numpy as np
import pytest

from core.errors import Superseded
from core.measures.estimate import Tally, interval, order


def test_the_interval_is_wilsons_when_the_population_is_huge():
    # Newcombe 1998, Statistics in Medicine 17, Table I, method 3.
    for correct, seen, low, high in ((81, 263, 0.2553, 0.3662), (1, 29, 0.0061, 0.1718)):
        middle, half = interval(correct, seen, 10**9)
        assert middle - half == pytest.approx(low, abs=5e-5)
        assert middle + half == pytest.approx(high, abs=5e-5)


def test_with_everything_seen_nothing_is_uncertain():
    assert interval(350, 360, 360) == (350 / 360, 0.0)


def test_the_interval_stays_within_zero_and_one_and_never_claims_certainty():
    for correct in (0, 50):
        middle, half = interval(correct, 50, 60)
        assert middle - half >= -1e-12
        assert middle + half <= 1 + 1e-12
        assert half > 0


def test_seeing_more_narrows_the_interval():
    widths = [interval(seen * 9 // 10, seen, 1000)[1] for seen in (10, 100, 500, 900, 1000)]
    assert widths == sorted(widths, reverse=True)


def test_nothing_seen_says_nothing():
    assert interval(0, 0, 100) == (0.5, 0.5)


def test_the_order_is_seeded_and_holds_every_sample_once():
    assert (order(50, 3) == order(50, 3)).all()
    assert (order(50, 3) != order(50, 4)).any()
    assert sorted(order(50, 3)) == list(range(50))


def tally(samples=100, asked=None, judge=None):
    labels = np.arange(samples) % 4
    wrong = np.arange(samples) % 10 == 0

    def judged(indices):
        if asked is not None:
            asked.extend(indices.tolist())
        return np.where(wrong, (labels + 1) % 4, labels)[indices], np.full(len(indices), 0.5)

    return Tally(labels, 4, 0, judge or judged)


def test_refining_predicts_each_sample_once():
    asked = []
    one = tally(asked=asked)
    while one.advance(30):
        pass
    assert sorted(asked) == list(range(100))
    assert one.finished
    assert one.accuracy() == (0.9, 0.0)
    assert one.quality().accuracy == pytest.approx(0.9)
    assert one.quality().loss == pytest.approx(0.5)


def test_what_was_seen_stays_when_the_next_batch_is_given_up():
    calls = []

    def judge(indices):
        calls.append(len(indices))
        if len(calls) == 2:
            raise Superseded
        return np.zeros(len(indices), np.int64), np.zeros(len(indices))

    one = tally(judge=judge)
    one.advance(40)
    with pytest.raises(Superseded):
        one.advance(40)
    assert one.seen == 40
    one.advance(40)
    assert one.seen == 80
