"""Prune: drag thresholds, watch accuracy and size answer."""

import json
import threading
import time
from dataclasses import replace

import pytest

from core import timings
from core.errors import BadSetting
from core.measurement import Measurement
from core.measures.speed import Speed
from core.plan import DataChoice, Override, Plan
from core.references import resolve
from pages.ui.choices import Choices, load, save
from pages.ui.layers import _override
from pages.ui.preview import Answer, Pool, settled
from pages.ui.result import result
from pages.ui.shrinking import _Measuring, _under_way
from pages.ui.state import pruning_mark
from pages.ui.threshold import Edit
from pages.ui.trail import trail
from pages.ui.waiting import Asked, awaited, begun


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
    costs = {
        "recall_per_class": (1.0, 0.98),
        "parameters": 1000,
        "nonzero": 1000,
        "macs": 1000,
        "effective_macs": 1000,
        "dense_bytes": 4000,
        "zipped_bytes": 3600,
        "sparse_bytes": 4125,
    }
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
    shown = "".join(
        result(answer(accuracy=0.962, samples=500, of_samples=10_000, half_width=0.008), [], "PyTorch", cut=False)
    )
    assert "estimate, 500 of 10,000" in shown
    assert "±" in shown
    assert "whole" not in shown


def test_scattered_zeros_are_not_sold_as_speed():
    assert "do not make PyTorch faster" in "".join(result(answer(), [], "PyTorch", cut=False))
    assert "file, dense" in "".join(result(answer(), [], "PyTorch", cut=False))
    assert "file, cut" in "".join(result(answer(), [], "PyTorch", cut=True))


def test_the_class_that_lost_most_is_named_and_escaped():
    shown = "".join(result(answer(recall_per_class=(1.0, 0.5)), [], "PyTorch", cut=False))
    assert "most: &lt;one&gt;, \N{MINUS SIGN}48.0 points" in shown


def test_the_trail_is_ordered_by_sparsity_and_marks_where_the_plan_stands():
    drawn = trail([(0.0, 0.99), (0.9, 0.5), (0.5, 0.98)], (0.8, 0.9))
    assert drawn.index("at 0.0") < drawn.index("at 50.0") < drawn.index("at 80.0") < drawn.index("at 90.0")
    assert 'class="here" style="left:80.00%' in drawn


def test_points_of_another_method_lie_beside_the_line():
    drawn = trail([(0.5, 0.98)], (0.8, 0.9), others=[(0.3, 0.6, "Random, channels")])
    assert "60.0\N{NO-BREAK SPACE}% at 30.0\N{NO-BREAK SPACE}% sparsity: Random, channels" in drawn
    assert "30.00%" not in drawn.split("clip-path")[1].split('"')[0]


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


def html(app) -> str:
    return "\n".join(block.value for block in app.html)


def keys(app) -> set[str]:
    """Keys of every number box there is."""
    return {box.key for box in app.number_input}


def test_criteria_are_listed_with_what_they_look_at(open_page, with_model):
    options = open_page(with_model, "prune").selectbox(key="criterion").options
    assert options[0] == "Magnitude · weights" and options[-1] == "Random · control"
    assert any(option.endswith("· measured loss") for option in options)


def test_2_4_decides_the_sparsity_and_its_numbers_are_typed(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.selectbox(key="structure").set_value("2:4").run()
    assert app.slider(key="sparsity").disabled
    assert "2:4 takes 50 %" in app.slider(key="sparsity").label
    assert app.number_input(key="sparsity_exact").value == 50.0
    app.number_input(key="number_1").set_value(8).run()
    assert state(app).plan.structure == "2:8"
    assert state(app).plan.sparsity == 0.75
    assert not app.error
    app.selectbox(key="structure").set_value("unstructured").run()
    assert not app.slider(key="sparsity").disabled
    assert "number_0" not in keys(app)


def test_numbers_that_make_no_family_member_are_refused_in_a_sentence(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.selectbox(key="structure").set_value("2:4").run()
    app.number_input(key="number_0").set_value(9).run()
    assert state(app).plan.structure == "2:4"
    assert not app.exception
    assert app.toast


def test_a_layer_that_a_structure_leaves_whole_says_why(open_page, with_model):
    app = open_page(with_model, "prune")
    assert "Left whole" not in html(app)
    app.selectbox(key="structure").set_value("kernel").run()
    assert set(rows(app)) == {"conv1.kernel", "conv2.kernel"}
    assert "Left whole" in html(app) and "fc1, fc2, fc3" in html(app)


@pytest.mark.parametrize(
    ("allocation", "shown"), [("global", set()), ("deviations", {"deviations"}), ("erk", {"power"})]
)
def test_a_setting_appears_only_where_it_matters(allocation, shown, open_page, with_model):
    app = open_page(with_model, "prune")
    app.selectbox(key="allocation").set_value(allocation).run()
    assert keys(app) & {"deviations", "power"} == shown


def test_a_multiple_of_the_deviation_takes_the_place_of_the_sparsity(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.selectbox(key="allocation").set_value("deviations").run()
    assert not app.slider(key="sparsity").disabled
    app.number_input(key="deviations").set_value(1.0).run()
    assert state(app).plan.sharing.deviations == 1.0
    assert app.slider(key="sparsity").disabled
    assert sum(row["removed"] for row in rows(app).values()) > 0
    app.number_input(key="deviations").set_value(None).run()
    assert not app.slider(key="sparsity").disabled


def test_samples_are_asked_for_only_where_a_criterion_looks_at_them(open_page, with_model, state):
    app = open_page(with_model, "prune")
    assert "calibration_batches" not in keys(app)
    app.selectbox(key="criterion").set_value("taylor").run()
    app.number_input(key="calibration_batches").set_value(2).run()
    assert state(app).plan.calibration_batches == 2
    assert app.run().number_input(key="calibration_size").proto.set_value, "a folded widget is told its value every run"
    groups = {group.key: group for group in app.get("button_group")}
    groups["calibration"].set_value("by_loss").run()
    assert not app.exception and not app.error
    assert state(app).plan.calibration == "by_loss"


def test_limits_are_obeyed_and_taken_back(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.slider(key="sparsity").set_value(60.0).run()
    app.number_input(key="limit_most").set_value(65.0).run()
    given = rows(app).values()
    assert all(row["removed"] <= 0.65 * row["size"] + 1 for row in given)
    assert sum(row["removed"] for row in given) == round(0.6 * sum(row["size"] for row in given))
    app.button(key="limits_reset").click().run()
    assert state(app).plan.limits.most == 1
    boxes = [app.run().number_input(key=key) for key in ("limit_most", "limit_least", "drawn")]
    assert all(box.proto.set_value for box in boxes), "else the browser makes them with their least value when opened"


def test_multiples_are_asked_for_only_where_units_are_removed(open_page, with_model):
    app = open_page(with_model, "prune")
    assert "limit_multiple" not in keys(app)
    app.selectbox(key="structure").set_value("channel").run()
    app.slider(key="sparsity").set_value(50.0).run()
    app.number_input(key="limit_multiple").set_value(8).run()
    assert all((row["size"] - row["removed"]) % 8 == 0 for row in rows(app).values() if row["size"] % 8 == 0)


def test_a_budget_finds_the_sparsity_and_says_what_it_comes_to(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.toggle(key="budget_on").set_value(True).run()
    assert not app.exception and not app.error
    budget = state(app).plan.budget
    assert budget.measure == "parameters" and budget.limit == pytest.approx(31_294 / 2)
    assert "found for the budget" in app.slider(key="sparsity").label
    assert app.number_input(key="sparsity_exact").value is None
    assert any("of 31.29 k" in caption.value for caption in app.caption)
    app.selectbox(key="budget_measure").set_value("macs").run()
    budget = state(app).plan.budget
    assert budget.measure == "macs" and budget.limit == pytest.approx(109_224 / 2)
    app.toggle(key="budget_on").set_value(False).run()
    assert state(app).plan.budget is None
    assert not app.slider(key="sparsity").disabled


def test_a_budget_out_of_reach_says_so_and_leaves_the_controls(open_page, with_model):
    app = open_page(with_model, "prune")
    app.selectbox(key="structure").set_value("kernel").run()
    app.toggle(key="budget_on").set_value(True).run()
    app.number_input(key="budget_limit").set_value(0.001).run()
    assert "out of reach" in app.error[0].value
    app.toggle(key="budget_on").set_value(False).run()
    assert not app.error and rows(app)


class Slot:
    """Where progress would be drawn."""

    def __init__(self):
        self.drawn = []

    def progress(self, share, text):
        self.drawn.append((share, text))

    def empty(self):
        self.drawn.append(None)


def test_a_slow_answer_shows_how_far_it_is_and_a_quick_one_shows_nothing():
    slot = Slot()
    assert awaited(begun("quick", lambda told: {"n": 1}), slot, "Scoring") == {"n": 1}
    assert slot.drawn == []

    def slow(told):
        for done in range(1, 11):
            time.sleep(0.08)
            told(done, 10)
        return {"n": 2}

    assert awaited(begun("slow", slow), slot, "Scoring") == {"n": 2}
    shares = [one[0] for one in slot.drawn[:-1]]
    assert len(shares) > 1 and shares == sorted(shares)
    assert "of 10" in slot.drawn[-2][1]
    assert slot.drawn[-1] is None


def test_who_is_interrupted_while_waiting_finds_the_same_question_again():
    go_on = threading.Event()
    asked = begun("one", lambda told: {"n": 1} if go_on.wait(5) else {})

    class Interrupting(Slot):
        def progress(self, share, text):
            raise KeyboardInterrupt  # as a rerun does

    with pytest.raises(KeyboardInterrupt):
        awaited(asked, Interrupting(), "Scoring")
    go_on.set()
    assert awaited(asked, Slot(), "Scoring") == {"n": 1}


def test_an_error_of_the_lab_is_raised_where_it_is_waited_for():
    def refuse(told):
        raise BadSetting("No.")

    with pytest.raises(BadSetting, match="No"):
        awaited(begun("bad", refuse), Slot(), "Scoring")


def test_a_regression_is_read_by_its_own_measures():
    quality = {"accuracy": None, "f1_macro": None, "r2": 0.95, "mae": 0.2, "recall_per_class": ()}
    shown = "".join(result(answer(**quality), [], "PyTorch", cut=False))
    assert "R²" in shown and "0.950" in shown and "absolute error" in shown
    assert "accuracy" not in shown and "What each class lost" not in shown


@pytest.fixture
def speeds():
    """An answer of the lab."""
    times = {"dense": {"median_ms": 2.0, "spread_ms": 0.1}, "now": {"median_ms": 1.9, "spread_ms": 0.1}}
    figures = {"ratio": 0.95, "low": 0.94, "high": 0.96, "pairs": 20, "ram": 125_000, "ram_now": 125_000}
    speed = {**Speed("native", "PyTorch", 1, 1).to_dict(), **times, **figures}
    costs = {"dense_bytes": 125_912, "zipped_bytes": 61_000, "sparse_bytes": 66_000}
    return {"dense": costs, "now": costs, "speeds": [speed], "denormals": [0, 0], "threads": 1}


def test_what_was_measured_stays_and_says_when_the_plan_has_moved_on(
    open_page, with_model, workspace, text_of, speeds, home
):
    plan = replace(load(workspace).plan, sparsity=0.5)
    kept = {"of": pruning_mark(plan), "model": plan.model, "answer": speeds}
    save(workspace, Choices(plan, views={"prune.timed": kept}))
    app = open_page(with_model, "prune")
    assert "1.90 of 2.00\N{NO-BREAK SPACE}ms" in text_of(app) and "of the plan before" not in text_of(app)
    app.slider(key="sparsity").set_value(60.0).run()
    assert "1.90 of 2.00\N{NO-BREAK SPACE}ms" in text_of(app) and "of the plan before" in text_of(app)
    assert not app.button(key="measure_speed").disabled
    found = timings.mark(resolve(plan.model, home).path, pruning_mark(load(workspace).plan), [1])
    timings.keep(home, found, speeds)
    app.run()
    assert "of the plan before" not in text_of(app), "measured of this very plan before, whoever asked for it"


def test_a_measurement_outlives_the_tab_that_asked_and_can_be_stopped(
    open_page, with_model, workspace, text_of, speeds
):
    plan, ended = load(workspace).plan, threading.Event()

    def measure(told):
        told(3, 10)
        assert ended.wait(100)
        return speeds

    going = _Measuring(pruning_mark(plan), plan.model, begun("", measure), threading.Event())
    _under_way()[workspace] = going
    app = open_page(with_model, "prune")  # another session than the one that asked
    assert app.get("progress") and not [button for button in app.button if button.key == "measure_speed"]
    ended.set()
    assert going.asked.future.result(60) is speeds
    app.run()
    assert "1.90 of 2.00\N{NO-BREAK SPACE}ms" in text_of(app) and not app.get("progress")
    _under_way()[workspace] = _Measuring("", plan.model, Asked(""), going.given_up)
    app.run()
    app.button(key="stop_measuring").click().run()
    assert going.given_up.is_set() and workspace not in _under_way()
