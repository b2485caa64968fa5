"""Selection is exact by rank, whatever the ties, however the scores are split, on every path through the search."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import selection
from core.errors import BadSetting, BadWeights
from core.scores import Scores

FEW_VALUES = st.sampled_from([0.0, -0.0, 0.5, 1.0, 2.0, np.inf, -np.inf])
ANY_VALUE = st.floats(width=32, allow_nan=False)
SCORES = st.lists(
    st.integers(0, 60).flatmap(lambda n: arrays(np.float32, n, elements=FEW_VALUES | ANY_VALUE)), min_size=1, max_size=4
)
ANY_SHAPE = st.lists(st.integers(1, 5), min_size=1, max_size=4).flatmap(
    lambda shape: arrays(np.float32, shape, elements=FEW_VALUES | ANY_VALUE)
)


def by_sorting(parts: list[np.ndarray], count: int) -> np.ndarray:
    joined = np.concatenate(parts)
    gone = np.zeros(joined.size, bool)
    gone[np.argsort(joined, kind="stable")[:count]] = True
    return gone


@pytest.fixture(params=["direct", "sampled"], scope="module")
def path(request: pytest.FixtureRequest):
    """Small sizes take the direct path; made tiny, the limits send the same scores through sampling and narrowing."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "sampled":
            for name, value in {"CHUNK": 7, "SAMPLE": 4, "DIRECT": 5}.items():
                patch.setattr(selection, name, value)
        yield


@given(parts=SCORES, data=st.data())
@settings(max_examples=25, deadline=None)
def test_exactly_the_lowest_go_and_of_equal_ones_the_first(path, parts, data):
    count = data.draw(st.integers(0, sum(p.size for p in parts)))
    gone = selection.lowest_together(parts, count)
    np.testing.assert_array_equal(np.concatenate(gone), by_sorting(parts, count))
    assert selection.counts_together(parts, count) == [int(g.sum()) for g in gone]


@given(values=ANY_SHAPE, data=st.data())
@settings(max_examples=25, deadline=None)
def test_scores_that_are_computed_when_looked_at_go_like_those_that_are_kept(path, values, data):
    turned = values.transpose(data.draw(st.permutations(range(values.ndim))))
    gone = data.draw(arrays(bool, turned.shape))
    for kept, lazy in (
        (np.abs(turned), Scores(turned, np.absolute)),
        (np.where(gone, np.float32(-np.inf), np.abs(turned)), Scores(turned, np.absolute, gone)),
    ):
        flat = np.ascontiguousarray(kept).reshape(-1)
        count = data.draw(st.integers(0, flat.size))
        flags = selection.lowest(lazy, count)
        assert flags.shape == turned.shape
        np.testing.assert_array_equal(flags.reshape(-1), by_sorting([flat], count))
        np.testing.assert_array_equal(lazy.whole(), flat)
        assert selection.counts_together([lazy, flat], count) == selection.counts_together([flat, flat], count)
        assert lazy.below(1.0) == (flat < 1).sum()
        if np.isfinite(flat[~flags.reshape(-1)].min(initial=np.inf)):
            assert selection.smallest_kept(lazy, flags) == flat[~flags.reshape(-1)].min()


def test_magnitudes_are_ranked_without_being_stored(monkeypatch):
    for name, value in {"CHUNK": 1 << 15, "SAMPLE": 1 << 14, "DIRECT": 1 << 18}.items():
        monkeypatch.setattr(selection, name, value)
    weight = np.random.default_rng(0).standard_normal((2000, 1000), np.float32)
    tracemalloc.start()
    gone = selection.lowest_together([Scores(weight, np.absolute)] * 4, 4_000_000)
    selection.smallest_kept(Scores(weight, np.absolute), gone[0])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - sum(flags.nbytes for flags in gone) < 3 * weight.size


@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5), data=st.data())
@settings(max_examples=25, deadline=None)
def test_counts_are_exact_when_all_scores_are_equal(path, sizes, data):
    count = data.draw(st.integers(0, sum(sizes)))
    gone = selection.lowest_together([np.zeros(n, np.float32) for n in sizes], count)
    np.testing.assert_array_equal(np.concatenate(gone), np.arange(sum(sizes)) < count)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9, 0.9999, 1.0])
@pytest.mark.parametrize("kind", ["normal", "mostly zero", "two values", "sorted"])
def test_large_arrays_agree_with_sorting(kind, share, monkeypatch):
    for name, value in {"CHUNK": 1 << 13, "SAMPLE": 1 << 9, "DIRECT": 1 << 10}.items():
        monkeypatch.setattr(selection, name, value)
    rng = np.random.default_rng(1)
    scores = np.abs(rng.standard_normal(200_001, np.float32))
    if kind == "mostly zero":
        scores[rng.random(scores.size) < 0.9] = 0
    elif kind == "two values":
        scores = rng.integers(0, 2, scores.size).astype(np.float32)
    elif kind == "sorted":
        scores.sort()
    parts, count = np.split(scores, [10, 70_000, 70_000]), round(share * scores.size)
    np.testing.assert_array_equal(np.concatenate(selection.lowest_together(parts, count)), by_sorting(parts, count))


@pytest.mark.parametrize("count", [-1, 5])
def test_more_than_there_is_cannot_go(count):
    with pytest.raises(BadSetting, match="0 to 4 can go"):
        selection.lowest(np.ones(4, np.float32), count)


@pytest.mark.parametrize("place", [0, 250, 499])
def test_scores_that_are_not_numbers_are_refused(path, place):
    scores = np.ones(500, np.float32)
    scores[place] = np.nan
    with pytest.raises(BadWeights, match="NaN"):
        selection.lowest(scores, 500)


def test_the_drawn_threshold_is_the_smallest_score_kept():
    scores = np.array([0.5, 0.1, 0.3, 0.1], np.float32)
    assert selection.smallest_kept(scores, selection.lowest(scores, 2)) == np.float32(0.3)
    assert selection.smallest_kept(scores, selection.lowest(scores, 4)) > 0.5
