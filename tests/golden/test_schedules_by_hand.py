"""Schedules and the next masks of dynamic ones, by hand, with the source of each."""

from math import cos, pi

import numpy as np
import pytest

from core.plan import ScheduleChoice
from core.schedules import SCHEDULES, dns, rigl


def test_cubic_begins_with_the_initial_sparsity():
    """arXiv:1710.01878, eq. 1, 0.2 to 0.8 in 4 steps: 0.8 - 0.6 x 27/64, 8/64, 1/64, 0."""
    assert SCHEDULES["cubic"].amounts(0.8, 4, 0.2) == pytest.approx([0.546875, 0.725, 0.790625, 0.8])


def test_cubic_is_fast_first_unlike_what_intel_calls_cube():
    """Trap: INC "cube" is (t / T)³: 1/64 of the way after a quarter, where Zhu and Gupta are at 37/64."""
    assert SCHEDULES["cubic"].amounts(0.64, 4)[0] == pytest.approx(0.37)


def test_linear():
    assert SCHEDULES["linear"].amounts(0.8, 4, 0.2) == pytest.approx([0.35, 0.5, 0.65, 0.8])


def test_twenty_percent_of_what_is_left_in_every_round():
    """arXiv:1803.03635: after n rounds 1 - 0.8^n."""
    assert SCHEDULES["exponential"].amounts(1 - 0.8**3, 3) == pytest.approx([0.2, 0.36, 0.488])


def test_exponential_from_an_initial_sparsity():
    """Half way from a density of 1/2 to one of 1/8: the geometric mean, 1/4."""
    assert SCHEDULES["exponential"].amounts(0.875, 2, 0.5) == pytest.approx([0.75, 0.875])


@pytest.mark.parametrize("name", ["linear", "cubic", "exponential", "cosine"])
def test_an_initial_sparsity_above_the_final_one_is_clamped_to_it(name):
    """Trap: NNCF clamps its exponential to the target epoch instead of the target."""
    assert SCHEDULES[name].amounts(0.5, 5, 0.9) == [0.5] * 5


def test_cosine():
    """Intel Neural Compressor: s (1 - cos(π t / 2 T)), at the half 1 - √½."""
    assert SCHEDULES["cosine"].amounts(0.8, 2) == pytest.approx([0.8 * (1 - cos(pi / 4)), 0.8])


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_curves_run_over_the_whole_way_and_never_fall(schedule):
    curve = schedule.curve(0.9, ScheduleChoice(schedule.name, steps=4, initial=0.1), 20)
    assert [place for place, _ in curve] == [point / 20 for point in range(21)]
    shares = [share for _, share in curve]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(0.9)
    assert shares[0] == pytest.approx(
        0.1 if "initial" in schedule.settings else 0 if schedule.name == "iterative" else 0.9
    )


def test_dynamic_schedules_are_at_full_sparsity_from_the_start():
    assert [name for name, schedule in SCHEDULES.items() if schedule.dynamic] == ["rigl", "dns"]
    assert SCHEDULES["rigl"].amounts(0.9, 7) == SCHEDULES["dns"].amounts(0.9, 7) == [0.9]


def test_rigl_exchanges_less_and_less():
    """arXiv:1911.11134: α / 2 (1 + cos(t π / T_end))."""
    at = [rigl.drop_fraction(progress, 0.3, 0.75) for progress in (0, 0.375, 0.75, 1)]
    assert at == pytest.approx([0.3, 0.15, 0, 0])


def test_rigl_drops_the_smallest_weight_and_grows_the_largest_gradient():
    weight = np.array([4, -1, 2, 0, 0, 0], np.float32)
    gradient = np.array([99, 1, 99, 3, -9, 1], np.float32)
    kept, new = rigl.update(weight, gradient, weight != 0, 1 / 3)
    np.testing.assert_array_equal(kept, [True, False, True, False, True, False])
    np.testing.assert_array_equal(new, [False, False, False, False, True, False])


def test_rigl_may_take_back_what_it_just_dropped_and_then_nothing_starts_anew():
    """Grown are those not in θ without the dropped ones: a dropped weight with the largest gradient stays as it is."""
    weight = np.array([4, -1, 2, 0, 0, 0], np.float32)
    kept, new = rigl.update(weight, np.array([0, 10, 0, 3, 9, 1], np.float32), weight != 0, 1 / 3)
    np.testing.assert_array_equal(kept, weight != 0)
    assert not new.any()


@pytest.mark.parametrize("fraction", [0, 0.2, 0.5, 1])
def test_rigl_keeps_the_count_under_any_ties(fraction):
    rng = np.random.default_rng(1)
    weight, gradient = (rng.integers(-1, 2, (5, 4, 3)).astype(np.float32) for _ in range(2))
    kept = rng.random((5, 4, 3)) < 0.4
    found, new = rigl.update(weight * kept, gradient, kept, fraction)
    assert found.sum() == kept.sum()
    assert not (new & kept).any()
    assert (found & ~kept).sum() == new.sum() <= int(fraction * kept.sum())


def test_surgery_masks_below_and_splices_above():
    """|w| = 1, 2, 3, 4, the third hidden so far; two are to be masked.

    Against t count 1 / 0.9, 2 / 0.9, 3 / 1.1 and 4 / 0.9: the first two go, the third comes back, t = 3 / 1.1 = 2.727:
    a = 2.4545, b = 3. Mean 2.5 and deviation 1.118 make c = 0.2033. (arXiv:1608.04493, eq. 3.)
    """
    found = dns.update(np.array([1, -2, 3, -4], np.float32), np.array([True, True, False, True]), 2)
    np.testing.assert_array_equal(found.kept, [False, False, True, True])
    assert (found.below, found.above, found.factor) == pytest.approx((2.454545, 3.0, 0.203279), rel=1e-5)


def test_surgery_becomes_rarer():
    """arXiv:1608.04493, section 3.3: σ(0) = 1, never rising. 1 / (1 + γ t) with γ t = 1 at the end."""
    chances = [dns.chance(progress, 0.5) for progress in (0, 0.125, 0.25, 0.49999, 0.5, 1)]
    assert chances == pytest.approx([1, 0.8, 2 / 3, 0.5, 0, 0], abs=1e-4)


def test_surgery_leaves_what_lies_between_the_thresholds():
    """1.05 is larger than 1, but it was hidden, and not by enough larger to come back."""
    found = dns.update(np.array([1.0, 1.05], np.float32), np.array([True, False]), 1)
    np.testing.assert_array_equal(found.kept, [True, False])
    assert found.below == pytest.approx(1.0)
    assert found.above > 1.05


@pytest.mark.parametrize("count", [0, 1, 13, 23, 24])
def test_surgery_meets_its_count_and_its_thresholds_say_the_same(count):
    rng = np.random.default_rng(count)
    weight, kept = rng.standard_normal((4, 6)).astype(np.float32), rng.random((4, 6)) < 0.5
    found, size = dns.update(weight, kept, count), np.abs(weight)
    assert (~found.kept).sum() == count
    near = 1e-6 * size.max()
    assert (size[~found.kept] < found.above + near).all()
    assert (size[found.kept] >= found.below - near).all()
    changed = found.kept != kept
    assert ((size[changed] < found.below + near) | (size[changed] >= found.above - near)).all()
