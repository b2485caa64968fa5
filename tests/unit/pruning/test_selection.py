"""Selection is exact by rank, whatever the ties, however the scores are split, on every path through the search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import selection
from core.errors import BadSetting, BadWeights

FEW_VALUES = st.sampled_from([0.0, -0.0, 0.5, 1.0, 2.0, np.inf, -np.inf])
ANY_VALUE = st.floats(width=32, allow_nan=False)
SCORES = st.lists(
    st.integers(0, 60).flatmap(lambda n: arrays(np.float32, n, elements=FEW_VALUES | ANY_VALUE)), min_size=1, max_size=4
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
