"""How data is split: exactly, in proportion, always the same, nothing twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datasets import load
from core.datasets._base import evenly, held_out, parted
from core.errors import BadSetting
from core.plan import DataChoice


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 400), share=st.floats(0, 1))
def test_evenly_marks_exactly_as_many_as_asked(size, share):
    count = int(share * size)
    assert evenly(size, count).sum() == count


@settings(max_examples=25, deadline=None)
@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=200), seed=st.integers(0, 9))
def test_held_out_samples_and_the_rest_are_a_partition_in_proportion(labels, seed):
    y = np.array(labels, dtype=np.int64)
    count = len(y) // 3
    rest, out = held_out(y, count, seed)
    assert sorted([*rest, *out]) == list(range(len(y)))
    shares = np.bincount(y, minlength=5) * count / len(y)
    assert np.abs(np.bincount(y[out], minlength=5) - shares).max() <= 1


def test_another_seed_holds_out_other_samples():
    y = np.zeros(100, dtype=np.int64)
    assert set(held_out(y, 20, 0)[1]) != set(held_out(y, 20, 1)[1])


def test_a_part_of_another_name_is_refused():
    with pytest.raises(BadSetting, match='There is no part "dev"'):
        load(DataChoice("iris")).split("dev")


def test_one_changed_value_changes_the_fingerprint():
    x, y = np.zeros((10, 2), np.float32), np.arange(10, dtype=np.int64) % 2
    options = {"classes": "ab", "kind": "table", "validation": 2, "test": 2}
    first = parted("same", x, y, **options).fingerprint
    assert parted("same", x, y, **options).fingerprint == first
    x[3, 1] = 1e-6
    assert parted("same", x, y, **options).fingerprint != first


def test_scaling_keeps_the_fingerprint():
    raw, standard = (load(DataChoice("iris", scaling)).fingerprint for scaling in ("raw", "standard"))
    assert raw == standard


def test_digits_have_360_images_to_validate_and_360_to_test():
    parts = load(DataChoice("digits"))
    assert [len(parts.split(part)[1]) for part in ("train", "validation", "test")] == [1077, 360, 360]


def test_mnist1d_is_what_its_generator_draws_and_leaves_the_global_generators_alone(tmp_path, monkeypatch):
    import random

    from core.datasets import mnist1d

    kept = load(DataChoice("mnist1d"))
    monkeypatch.setattr(mnist1d, "user_cache_path", lambda name: tmp_path / name)
    before = random.getstate(), np.random.get_state()[1].copy()
    drawn = load(DataChoice("mnist1d"))
    assert drawn.fingerprint == kept.fingerprint
    assert random.getstate() == before[0]
    assert np.array_equal(np.random.get_state()[1], before[1])
    (cached,) = (tmp_path / "topiary").iterdir()
    cached.write_bytes(b"PK damaged")
    assert load(DataChoice("mnist1d")).fingerprint == kept.fingerprint
