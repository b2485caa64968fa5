"""Prune: drag thresholds, watch accuracy and size answer."""

import json

import pytest

from core.measurement import Measurement
from core.plan import DataChoice, Override, Plan
from pages.ui.layers import _override
from pages.ui.preview import Answer, Pool, settled
from pages.ui.result import result
from pages.ui.threshold import Edit
from pages.ui.trail import trail


def rows(app) -> dict[str, dict]:
    """What each row was given, by pool."""
    found = [json.loads(e.proto.json) for e in app.get("bidi_component") if e.proto.json]
    return {data["row"]["pool"]: data["row"] for data in found if "row" in data}


def test_every_layer_has_a_row_and_the_result_stands_beside(open_page, with_model, text_of):
    app = open_page(with_model, "prune")
    assert list(rows(app)) == ["conv1.kernel", "conv2.kernel", "fc1.kernel", "fc2.kernel", "fc3.kernel"]
    for words in ("Measured now", "validation set, whole", "What will really shrink", "What each class lost"):
        assert words in text_of(app)


def test_the_slider_redistributes_and_hits_the_total_exactly(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.slider(key="sparsity").set_value(80.0).run()
    assert state(app).plan.sparsity == pytest.approx(0.8)
    given = rows(app)
    assert sum(row["removed"] for row in given.values()) == round(0.8 * sum(row["size"] for row in given.values()))
    assert app.number_input(key="sparsity_exact").value == 80.0


def test_the_box_beside_the_slider_moves_it(open_page, with_model):
    app = open_page(with_model, "prune")
    app.number_input(key="sparsity_exact").set_value(33.3).run()
    assert app.slider(key="sparsity").value == 33.3


def test_undo_and_redo_and_reset(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.slider(key="sparsity").set_value(50.0).run()
    app.slider(key="sparsity").set_value(80.0).run()
    app.button(key="undo").click().run()
    assert state(app).plan.sparsity == pytest.approx(0.5)
    assert app.slider(key="sparsity").value == 50.0
    app.button(key="redo").click().run()
    assert state(app).plan.sparsity == pytest.approx(0.8)
    app.button(key="reset").click().run()
    assert state(app).plan.sparsity == 0
    assert app.button(key="reset").disabled


def test_only_criteria_that_suit_the_structure_are_offered(open_page, with_model, state):
    app = open_page(with_model, "prune")
    single = app.selectbox(key="criterion").options
    app.selectbox(key="structure").set_value("channel").run()
    assert not app.exception
    assert not app.error
    channel = app.selectbox(key="criterion").options
    assert len(channel) > len(single)
    assert {row["unit"] for row in rows(app).values()} == {"channels"}


def test_per_layer_thresholds_make_the_slider_idle(open_page, with_model):
    app = open_page(with_model, "prune")
    app.selectbox(key="allocation").set_value("thresholds").run()
    assert app.slider(key="sparsity").disabled
    assert all(row["removed"] == 0 for row in rows(app).values())


def test_starting_submits_the_plan_as_it_stands(open_page, with_model, home):
    from core.jobs.store import Store

    app = open_page(with_model, "prune")
    app.slider(key="sparsity").set_value(40.0).run()
    app.button(key="start_run").click().run()
    runs = Store(home).runs(with_model)
    assert [run.plan.sparsity for run in runs] == [pytest.approx(0.4)]


POOL = Pool("fc1.kernel", "fc1", "fc1", "weights", 200, "", "", (0.0, 1.0, [1]), (0.1, 1.0, [1]))


def answer(**changes) -> Answer:
    plan = Plan("sample:digits-lenet5", DataChoice("digits"))
    quality = (0.99, None, 0.99, 0.99, 0.99, 0.05)
    costs = {"recall_per_class": (1.0, 0.98), "parameters": 1000, "nonzero": 1000, "macs": 1000, "effective_macs": 1000, "dense_bytes": 4000, "zipped_bytes": 3600, "sparse_bytes": 4125}
    dense = Measurement("validation", 360, 360, *quality, **costs)
    now = Measurement(**{**dense.to_dict(), "nonzero": 400, "sparsity": 0.6, "effective_macs": 400, **changes})
    return Answer(plan, {"fc1.kernel": 120}, {"fc1.kernel": 0.3}, now, dense, ("zero", "<one>"), not now.estimated)


@pytest.mark.parametrize(
    ("act", "value", "made"),
    [
        ("threshold", 0.25, Override(threshold=0.25)),
        ("share", 0.125, Override(count=25)),
        ("lock", True, Override(count=120, locked=True)),
        ("lock", False, None),
        ("leave out", True, Override(excluded=True)),
        ("leave out", False, None),
    ],
)
def test_every_gesture_on_a_row_becomes_an_override(act, value, made):
    assert _override(Edit("fc1.kernel", act, value, "s"), POOL, answer()) == made


def test_a_dragged_threshold_is_kept_with_its_exact_count():
    plan = Plan(
        "sample:x", DataChoice("digits"), overrides={"a": Override(threshold=0.1), "b": Override(excluded=True)}
    )
    made = settled(plan, {"a": 7, "b": 0})
    assert made.overrides == {"a": Override(count=7, threshold=0.1), "b": Override(excluded=True)}
    assert settled(made, {"a": 9, "b": 0}) is made


def test_an_estimate_says_so_with_its_interval_and_on_how_many():
    shown = result(answer(accuracy=0.962, samples=500, of_samples=10_000, half_width=0.008), [], "PyTorch", cut=False)
    assert "estimate, 500 of 10,000" in shown
    assert "±" in shown
    assert "whole" not in shown


def test_scattered_zeros_are_not_sold_as_speed():
    assert "do not make PyTorch faster" in result(answer(), [], "PyTorch", cut=False)
    assert "file, dense" in result(answer(), [], "PyTorch", cut=False)
    assert "file, cut" in result(answer(), [], "PyTorch", cut=True)


def test_the_class_that_lost_most_is_named_and_escaped():
    shown = result(answer(recall_per_class=(1.0, 0.5)), [], "PyTorch", cut=False)
    assert "most: &lt;one&gt;, \N{MINUS SIGN}48.0 points" in shown


def test_the_trail_is_ordered_by_sparsity_and_marks_where_the_plan_stands():
    drawn = trail([(0.0, 0.99), (0.9, 0.5), (0.5, 0.98)], (0.8, 0.9))
    assert drawn.index("at 0.0") < drawn.index("at 50.0") < drawn.index("at 80.0") < drawn.index("at 90.0")
    assert 'class="here" style="left:80.00%' in drawn


def test_a_dragged_row_holds_while_the_others_share_the_rest(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.slider(key="sparsity").set_value(80.0).run()
    plan = state(app).plan
    state(app).edit(type(plan)(**{**vars(plan), "overrides": {"conv1.kernel": Override(threshold=0.2)}}))
    app.run()
    kept = state(app).plan.overrides["conv1.kernel"]
    given = rows(app)
    assert kept.count == given["conv1.kernel"]["removed"] > 0
    assert given["conv1.kernel"]["held"]
    assert sum(row["removed"] for row in given.values()) == round(0.8 * sum(row["size"] for row in given.values()))
    app.slider(key="sparsity").set_value(50.0).run()
    assert rows(app)["conv1.kernel"]["removed"] == kept.count
