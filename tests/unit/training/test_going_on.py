"""A run that was broken off anywhere goes on to the very weights of an unbroken one."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from core import paths
from core.errors import Cancelled
from core.plan import Preparation, ScheduleChoice
from tests.unit.training.conftest import Noting, recovering

PREPARATION = Preparation(epochs=4, fresh=True, penalty="l1", strength=1e-3)
PLANS = {
    "fine-tune": {},
    "rewind-initial": {},
    "rewind-early": {"rewind_epoch": 2},
    "rewind-rate": {"rate_schedule": "cosine"},
    "reinitialise": {},
    "distil": {"teacher_weight": 0.7},
    "scratch": {"class_weights": True},
    "fine-tune with statistics": {"recalibrate": True, "keep_best": True},
}


@pytest.fixture(params=PLANS)
def long_plan(plan, request):
    """Preparation, two steps, and a recovery."""
    rounds = replace(plan, preparation=PREPARATION, schedule=ScheduleChoice("cubic", 2, 3))
    structure = {"structure": "channel", "criterion": "l1_norm"} if request.param == "scratch" else {}
    return recovering(replace(rounds, **structure), request.param.split(" ")[0], epochs=4, **PLANS[request.param])


def polls_of(carried_out, plan):
    """How often an unbroken run asks whether it may go on, and what came of it."""
    report = Noting(cancel_after=10**9)
    result = carried_out(plan, report)
    return 10**9 - report._polls, result


def test_broken_off_anywhere_it_goes_on_to_the_same_weights(carried_out, long_plan):
    polls, whole = polls_of(carried_out, long_plan)
    for number, share in enumerate((0.1, 0.35, 0.6, 0.85)):
        name = f"broken{number}"
        with pytest.raises(Cancelled):
            carried_out(long_plan, Noting(cancel_after=int(polls * share)), name)
        report = Noting()
        mended = carried_out(long_plan, report, name)
        one, other = (paths.weights_file(result.folder).read_bytes() for result in (whole, mended))
        assert one == other, share
        assert report.of("started") == [{"continued": True}] or share == 0.1
        assert (mended.before, mended.plan) == (replace(whole.before, latency_ms=mended.before.latency_ms,
                latency_spread_ms=mended.before.latency_spread_ms), whole.plan)  # fmt: skip


@pytest.mark.parametrize("long_plan", ["rewind-early", "scratch", "fine-tune with statistics"], indirect=True)
def test_broken_off_again_and_again_it_arrives_all_the_same(carried_out, long_plan):
    whole = carried_out(long_plan)
    for polls in (*range(9, 30, 3), 10**9):
        with suppress(Cancelled):
            mended = carried_out(long_plan, Noting(cancel_after=polls), "often")
    assert paths.weights_file(mended.folder).read_bytes() == paths.weights_file(whole.folder).read_bytes()
    assert not paths.checkpoint_folder(mended.folder).exists()


def test_what_another_run_left_in_the_folder_is_neither_read_nor_spoilt(carried_out, plan):
    one = recovering(replace(plan, preparation=Preparation(epochs=3)), "rewind-early", rewind_epoch=1)
    other = replace(one, seed=9)
    polls, whole = polls_of(carried_out, one)
    with pytest.raises(Cancelled):
        carried_out(one, Noting(cancel_after=int(polls * 0.7)), "shared")
    with pytest.raises(Cancelled):
        carried_out(other, Noting(cancel_after=2), "shared")
    mended = carried_out(one, None, "shared")
    assert paths.weights_file(mended.folder).read_bytes() == paths.weights_file(whole.folder).read_bytes()


def test_epochs_are_counted_through_and_say_what_they_are_for(carried_out, plan):
    report = Noting()
    carried_out(replace(plan, preparation=Preparation(epochs=2), schedule=ScheduleChoice("iterative", 2, 1)), report)
    told = [(data["phase"], data["epoch"], data["step"]) for data in report.of("epoch")]
    assert told == [("prepare", 1, 0), ("prepare", 2, 0), ("recover", 3, 1), *(("recover", n, 2) for n in (4, 5, 6))]
    assert {data["epochs"] for data in report.of("epoch")} == {6}
    phases = [data["phase"] for data in report.of("point")]
    assert phases == ["prepare"] * 2 + ["dense", "pruned", "epoch", "pruned", *["epoch"] * 3, "final"]


def test_histograms_keep_their_edges_while_the_weights_move(carried_out, plan):
    report = Noting()
    prepared = Preparation(epochs=3, penalty="l1", strength=0.05)
    result = carried_out(replace(plan, preparation=prepared), report)
    seen = report.of("histogram")
    assert [data["epoch"] for data in seen] == [0, 1, 2, 3, 4, 5, 6]
    for name, size in (("fc1.kernel", 48), ("fc2.kernel", 36)):
        layers = [data["layers"][name] for data in seen]
        assert all(layer["edges"] == layers[0]["edges"] and len(layer["edges"]) == 40 for layer in layers)
        assert all(sum(layer["counts"]) + layer["gone"] == size for layer in layers)
        assert min(min(layer["counts"]) for layer in layers) >= 0
        assert layers[-1]["gone"] == result.masks[name].removed
        assert layers[0]["counts"] != layers[3]["counts"]


def test_what_leaves_the_axis_is_counted_at_its_end(carried_out, plan, model):
    report = Noting()
    carried_out(
        replace(plan, preparation=Preparation(epochs=2), recovery=replace(plan.recovery, learning_rate=3.0)), report
    )
    last = report.of("histogram")[-1]["layers"]["fc2.kernel"]
    assert sum(last["counts"]) + last["gone"] == 36
    assert np.abs(model.arrays()["fc2.kernel"]).max() < last["edges"][-1]
