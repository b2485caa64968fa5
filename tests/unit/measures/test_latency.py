"""Latency is the median of warm calls, with its spread."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import Cancelled
from core.measures.latency import latencies, latency


def stopwatch(*durations):
    """A clock and a model whose calls take so many milliseconds each, the last one for ever after."""
    now, left = [0.0], list(durations)

    def predict(x, batch_size):
        now[0] += (left.pop(0) if len(left) > 1 else left[0]) / 1000

    return SimpleNamespace(predict=predict), lambda: now[0]


X = np.zeros((1, 4), np.float32)


def test_slow_first_calls_do_not_count():
    model, clock = stopwatch(500, 400, 2)
    found = latency(model, X, warm_up=2, clock=clock)
    assert found.median_ms == pytest.approx(2)
    assert found.spread_ms == pytest.approx(0, abs=1e-9)


def test_median_and_interquartile_range_by_hand():
    model, clock = stopwatch(9, 1, 2, 3, 4, 100)
    found = latency(model, X, warm_up=1, repeats=5, clock=clock)
    assert found.median_ms == pytest.approx(3)
    assert found.spread_ms == pytest.approx(2), "one interruption of the machine changes neither"


def test_a_slow_model_is_timed_three_times_and_no_longer():
    model, clock = stopwatch(5000)
    calls = []
    latency(model, X, warm_up=1, clock=clock, poll=lambda done, total: calls.append(done))
    assert calls == [1, 2, 3]


def test_it_can_be_stopped():
    model, clock = stopwatch(1)

    def stop(done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        latency(model, X, clock=clock, poll=stop)


def test_models_timed_together_take_turns_call_by_call():
    now, calls = [0.0], []

    def model(name, milliseconds):
        def predict(x, batch_size):
            calls.append(name)
            now[0] += milliseconds / 1000

        return SimpleNamespace(predict=predict)

    found = latencies([model("dense", 4), model("pruned", 2)], X, warm_up=1, repeats=3, clock=lambda: now[0])
    assert [timing.median_ms for timing in found] == pytest.approx([4, 2])
    assert calls[2:] == ["dense", "pruned"] * 3
