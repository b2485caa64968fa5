"""Two networks are timed in turn: what the machine does beside hits both, and the ratio stands."""

import numpy as np
import pytest

from core.errors import Cancelled
from core.measures.denormals import denormals
from core.measures.latency import LEAST_PAIRS, alone, interval, paired


class Machine:
    """A clock that only moves when somebody computes, and a slowness that changes with the time of day."""

    def __init__(self, slowness=lambda now: 1.0):
        self.now, self.slowness, self.calls = 0.0, slowness, []

    def call(self, name, milliseconds):
        def run():
            self.calls.append(name)
            self.now += milliseconds / 1000 * self.slowness(self.now)

        return run

    def clock(self):
        return self.now


def test_the_ratio_of_steady_times():
    machine = Machine()
    found = paired(machine.call("dense", 10), machine.call("pruned", 4), clock=machine.clock, seconds=100)
    assert (found.ratio, found.low, found.high, found.pairs) == (pytest.approx(0.4), *[pytest.approx(0.4)] * 2, 20)
    assert (found.first.median_ms, found.second.median_ms) == (pytest.approx(10), pytest.approx(4))


def test_pairs_begin_with_the_one_and_the_other_in_turn():
    machine = Machine()
    paired(machine.call("A", 60), machine.call("B", 60), pairs=2, warm_up=1, clock=machine.clock)
    assert "".join(machine.calls[8:]) == "ABBAAB" + "BAABBA", "after the warm-up, and a few calls to see how long"


def test_a_machine_that_grows_slower_all_the_time_favours_neither():
    machine = Machine(lambda now: 1 + 5 * now)
    found = paired(machine.call("A", 5), machine.call("B", 5), clock=machine.clock, seconds=100)
    assert found.ratio == pytest.approx(1, abs=0.03)
    assert found.low <= 1 <= found.high


def test_interruptions_of_two_thirds_of_all_calls_leave_the_ratio_alone():
    rng = np.random.default_rng(0)
    machine = Machine(lambda now: 1.0 if rng.random() < 1 / 3 else 1 + 9 * rng.random())
    found = paired(machine.call("A", 1), machine.call("B", 1), clock=machine.clock, seconds=100)
    assert 0.95 <= found.ratio <= 1.05
    assert found.first.spread_ms > 0.5, "and the spread says what kind of machine it was"


def test_a_busy_machine_is_asked_more_often():
    rng = np.random.default_rng(0)
    busy, quiet = Machine(lambda now: 1 + rng.random()), Machine()
    found = [paired(m.call("A", 20), m.call("B", 20), clock=m.clock, seconds=1e6) for m in (busy, quiet)]
    assert found[0].pairs > found[1].pairs == 20
    assert found[0].high - found[0].low < 0.05
    assert found[0].pairs % 2 == 0, "both begin equally often"
    odd = Machine()
    assert paired(odd.call("A", 20), odd.call("B", 20), pairs=7, clock=odd.clock, seconds=1e6).pairs == 8


def test_short_calls_are_repeated_within_a_pair_and_long_ones_are_not():
    for milliseconds, expected in ((0.05, 60), (2.0, 20), (15.0, 6), (500.0, 3)):
        machine = Machine()
        one, two = machine.call("A", milliseconds), machine.call("B", milliseconds)
        paired(one, two, pairs=2, warm_up=1, clock=machine.clock)
        assert machine.calls.count("A") == 4 + 2 * expected


def test_slow_networks_end_with_the_time_but_not_before_enough_pairs():
    machine = Machine()
    polled = []
    paired(
        machine.call("A", 5000),
        machine.call("B", 5000),
        seconds=1,
        clock=machine.clock,
        poll=lambda done, total: polled.append(done),
    )
    assert polled[-1] == LEAST_PAIRS


def test_it_can_be_stopped_after_any_pair():
    def stop(done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        paired(lambda: None, lambda: None, poll=stop)


@pytest.mark.parametrize(("count", "low", "high"), [(5, 1, 5), (6, 1, 6), (9, 2, 8), (20, 6, 15)])
def test_the_interval_of_a_median_is_that_of_order_statistics(count, low, high):
    """Ranks for 95 %: Conover, table A3; 6 of 20 and 15 of 20 are in every textbook."""
    assert interval([float(n) for n in range(1, count + 1)][::-1]) == (low, high)


def test_one_network_alone_has_median_and_spread():
    machine = Machine()
    assert alone(machine.call("A", 2), clock=machine.clock).median_ms == pytest.approx(2)


def test_denormals_are_counted_zero_and_the_smallest_normal_number_are_none():
    tiny = np.float32(np.finfo(np.float32).tiny)
    weights = np.array([0, tiny, -tiny, tiny / 2, -tiny / 1024, 1], np.float32)
    assert denormals({"a": weights, "b": weights.reshape(2, 3)}) == 4
