"""Charts of the methods: two criteria, weights that move, schedules that exchange, qualities, costs, inputs."""

from dataclasses import replace

import numpy as np
import pytest

from core.charts.agreement import agreements, coefficient, decades, scatter_rows, scatter_spec
from core.charts.costs import scale_for
from core.charts.inputs import inputs_text, outputs
from core.charts.moving import moving_tiles, snapshots
from core.charts.picture import lone_colours, mask_picture
from core.charts.quality import QUALITIES, is_regression, main_quality, qualities
from core.charts.schedule import schedule_rows, schedule_spec
from core.charts.table import FULL, columns
from core.charts.theme import LIGHT
from core.charts.tradeoff import front
from core.charts.training import training_rows, training_spec
from core.jobs.job import Event
from core.measurement import Measurement
from core.plan import Preparation

VALUES = Measurement("validation", 90, 90, loss=0.4, mae=0.5, r2=0.9)
CLASSES = Measurement("validation", 90, 90, accuracy=0.96, f1_macro=0.91, loss=0.1)


def pool(name: str = "fc1.kernel", **changes) -> dict:
    """As the lab's ``compare`` answers of one pool of four units."""
    told = {
        "name": name,
        "layer": name.split(".")[0],
        "unit": "weight",
        "size": 4,
        "spearman": -0.8,
        "both": 1,
        "only_a": 1,
        "only_b": 0,
        "neither": 2,
        "index": np.array([0, 1, 2, 3]),
        "score_a": np.array([0.0, 0.01, 0.1, 1.0]),
        "score_b": np.array([10.0, 1.0, 0.1, 0.01]),
        "rank_a": np.array([0.25, 0.5, 0.75, 1.0]),
        "rank_b": np.array([1.0, 0.75, 0.5, 0.25]),
        "gone_a": np.array([True, True, False, False]),
        "gone_b": np.array([False, True, False, False]),
    }
    return told | changes


def compared(*pools: dict) -> dict:
    total = {name: sum(one[name] for one in pools) for name in ("size", "both", "only_a", "only_b", "neither")}
    return {"pools": list(pools), "total": total, "spearman": 0.25, "left_out": {}}


def test_every_unit_is_a_dot_with_both_scores_and_what_the_plan_does_with_it():
    rows = scatter_rows(compared(pool()), "ranks")
    assert [(row["x"], row["y"]) for row in rows] == [(0.25, 1.0), (0.5, 0.75), (0.75, 0.5), (1.0, 0.25)]
    assert [row["fate"] for row in rows] == ["only the first takes it", "both take it", "kept", "kept"]
    assert rows[1]["layer"] == "fc1" and rows[1]["a"] == "0.01" and rows[1]["unit"] == "weight 1"


def test_scores_are_drawn_by_their_decade_on_both_sides_of_zero():
    """The second's largest is negative, as GraSP's and movement's are: it lies as far below zero."""
    answer = compared(pool(score_b=np.array([-10.0, 1.0, 0.1, 0.05])))
    rows = scatter_rows(answer, "scores")
    assert decades(answer) == (-2, -2)
    assert [row["x"] for row in rows] == pytest.approx([0.0, 1.0, 2.0, 3.0])
    assert [row["y"] for row in rows] == pytest.approx([-4.0, 3.0, 2.0, 1.69897])
    axis = scatter_spec(("A", "B"), ("fc1",), "scores", "light", decades(answer))["encoding"]["y"]["axis"]
    assert "abs(datum.value) + -3" in axis["labelExpr"]


def test_the_few_smallest_scores_do_not_stretch_the_picture():
    scores = np.concatenate([[1e-30], np.full(150, 0.1), np.ones(49)])
    alike = dict.fromkeys(("index", "rank_a", "rank_b", "gone_a", "gone_b"), np.zeros(200))
    rows = scatter_rows(compared(pool(score_a=scores, score_b=scores, **alike)), "scores")
    assert [rows[place]["x"] for place in (0, 1, 199)] == pytest.approx([0.0, 1.0, 2.0])


def test_agreement_is_told_for_all_layers_first_then_for_each():
    total, first, second = agreements(compared(pool(), pool("fc2.kernel", both=0, only_a=0, only_b=0, neither=4)))
    assert (total.name, total.both, total.taken, total.spearman) == ("all layers", 1, 2, "0.25")
    assert (first.name, first.layer, first.shared, first.width(first.only_a)) == ("fc1", "fc1", "50.0\xa0%", "50.00%")
    assert first.spearman == "−0.80"
    assert (second.taken, second.width(0), second.shared) == (0, "0%", "–")


def test_a_correlation_nobody_can_tell_is_a_dash():
    assert coefficient(None) == "–"
    assert coefficient(-0.004) == "0.00"


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("scale", ["ranks", "scores"])
def test_layers_keep_their_colours_and_many_need_no_legend(mode, scale):
    few = scatter_spec(("A", "B"), ("x", "y"), scale, mode)
    assert few["encoding"]["color"]["scale"]["domain"] == ["x", "y"]
    assert few["encoding"]["x"]["title"].startswith("A: ")
    many = scatter_spec(("A", "B"), tuple("abcdefghijkl"), scale, mode)
    assert many["encoding"]["color"]["legend"] is None
    assert scatter_spec(("A", "B"), ("x", "y"), scale, mode) is few


def test_two_masks_are_one_picture_in_three_colours_turned_where_it_is_high():
    both, first, second = (np.zeros((3, 2)) for _ in range(3))
    both[0, 0] = first[1, 0] = second[2, 0] = 1
    picture = mask_picture(both, first, second, LIGHT)
    side = picture.shape[1] // 3
    assert picture.shape[:2] == (2 * side, 3 * side)
    shown = ["#" + bytes(picture[0, n * side, :3]).hex() for n in range(3)]
    assert shown == [LIGHT.pruned, *lone_colours(LIGHT)]
    assert "#" + bytes(picture[-1, -1, :3]).hex() == LIGHT.line


def snapshot(epoch: int, counts: list[int], gone: int = 0, **more) -> Event:
    layers = {"fc1.kernel": {"edges": [-1.0, -0.3, 0.3, 1.0], "counts": counts, "gone": gone}}
    return Event(epoch + 1, "a", 0.0, "histogram", {"epoch": epoch, "step": 0, "layers": layers, **more})


def test_weights_are_drawn_on_axes_that_stand_still_over_where_they_began():
    known = snapshots([snapshot(0, [4, 4, 4]), snapshot(1, [1, 10, 1]), snapshot(1, [2, 8, 2])])
    assert sorted(known) == [0, 1]
    (now,) = moving_tiles(known[1], known[0])
    (start,) = moving_tiles(known[0], known[0])
    assert now.plots[0].counts == (2, 8, 2)
    assert now.plots[0].outline == start.plots[0].heights == start.plots[0].outline
    assert now.size == start.size == 12
    assert "66.7\xa0% around 0" in now.note


def test_pruned_weights_are_counted_apart():
    known = snapshots([snapshot(0, [4, 4, 4]), snapshot(1, [2, 0, 2], gone=8)])
    (tile,) = moving_tiles(known[1], known[0])
    assert (tile.size, tile.sparsity) == (12, pytest.approx(2 / 3))
    assert tile.note.startswith("66.7\xa0% pruned")


def test_a_schedule_starts_after_the_preparation_and_tells_what_is_exchanged():
    rows = schedule_rows([0.8], 0, 10, before=5, exchanged=[(0.0, 0.3), (1.0, 0.0)])
    gone = [(row["epoch"], row["sparsity"]) for row in rows if row["kind"] == "gone"]
    assert gone == [(0, 0.0), (5, 0.8), (15, 0.8)]
    assert [(row["epoch"], row["sparsity"]) for row in rows if row["kind"] == "exchanged"] == [(5, 0.3), (15, 0.0)]


def test_both_schedule_charts_are_built_once():
    assert schedule_spec("sparsity", "dark", True) is schedule_spec("sparsity", "dark", True)
    assert len(schedule_spec("sparsity", "dark", True)["layer"]) > len(schedule_spec("sparsity", "dark")["layer"])


def test_preparation_and_exchanges_lie_on_the_learning_curve(made):
    plan = replace(made.plan, preparation=Preparation(epochs=2))
    prepare = replace(made.epoch(1, 1), data={**made.epoch(1, 1).data, "phase": "prepare"})
    events = [prepare, made.epoch(2, 3), snapshot(3, [1, 1, 1], exchanged=0.05), snapshot(4, [1, 1, 1], exchanged=0.0)]
    rows = training_rows(events, plan, "loss")
    assert [(row["epoch"], row["value"]) for row in rows if row["kind"] == "prepare"] == [(0, 2.0)]
    assert [(row["epoch"], row["text"]) for row in rows if row["kind"] == "exchanged"] == [
        (3, "5.0\xa0% of the kept weights exchanged")
    ]


def test_a_quality_that_only_points_know_is_drawn_of_them(made):
    point = {"phase": "epoch", "step": 1, "epoch": 2, "measurement": CLASSES.to_dict()}
    rows = training_rows([made.epoch(1, 2), Event(2, "a", 0.0, "point", point)], made.plan, "f1_macro")
    assert [(row["epoch"], row["value"]) for row in rows if row["kind"] == "epoch"] == [(2, 0.91)]


def test_of_a_regression_the_axes_say_r2_and_squared_error():
    titles = [str(training_spec(measure, "light", True)) for measure in ("r2", "loss")]
    assert "R²" in titles[0] and "mean squared error" in titles[1]


def test_quality_is_what_the_task_has():
    assert (main_quality(CLASSES).name, main_quality(VALUES).name) == ("accuracy", "r2")
    assert is_regression(VALUES) and not is_regression(CLASSES) and not is_regression(None)
    assert (qualities(False), qualities(True)) == (["accuracy", "f1_macro"], ["r2", "mae"])


@pytest.mark.parametrize(
    ("name", "now", "before", "change", "loss"),
    [
        ("accuracy", CLASSES, replace(CLASSES, accuracy=0.99), "−3.0", 0.03),
        ("r2", VALUES, replace(VALUES, r2=0.912), "−0.012", 0.012),
        ("mae", VALUES, replace(VALUES, mae=0.4), "+0.100", 0.1),
        ("mae", VALUES, VALUES, "±0", 0.0),
        ("accuracy", VALUES, VALUES, "–", 0.0),
    ],
)
def test_a_change_is_told_with_its_sign_and_an_error_that_grows_is_a_loss(name, now, before, change, loss):
    assert QUALITIES[name].change(now, before) == change
    assert QUALITIES[name].loss(now, before) == pytest.approx(loss)


def test_the_front_of_an_error_runs_along_the_bottom():
    ends = [(10.0, 0.5, "a"), (5.0, 0.4, "b"), (2.0, 0.9, "c"), (8.0, 0.6, "d")]
    assert [run for _, _, run in front(ends, rises=False)] == ["b", "c"]
    assert [run for _, _, run in front(ends)] == ["c"]


def test_a_regression_has_its_own_columns():
    titles = [column.title for column in columns(FULL, True)]
    assert "abs. error" in titles and "macro F1" not in titles
    assert columns(FULL, False) == FULL


@pytest.mark.parametrize(
    ("dense", "unit", "factor", "name"),
    [
        (1_560_000, "bytes", 1e6, "MB"),
        (2_300, "bytes", 1e3, "kB"),
        (109_224, "multiply-adds", 1e3, "k multiply-adds"),
        (25e6, "parameters", 1e6, "M parameters"),
        (3_000, "parameters", 1.0, "parameters"),
        (0.35, "ms", 1.0, "ms"),
        (1234.5, "", 1.0, ""),
    ],
)
def test_budgets_are_typed_in_units_with_few_digits(dense, unit, factor, name):
    scale = scale_for(dense, unit)
    assert (scale.factor, scale.unit) == (factor, name)
    assert scale.cost(scale.shown(dense)) == pytest.approx(dense, rel=1e-3)


def node(name: str, op: str, inputs: tuple = (), shape: tuple = ()) -> dict:
    return {"name": name, "op": op, "inputs": list(inputs), "shape": list(shape)}


@pytest.mark.parametrize(
    ("shapes", "names", "nodes", "text"),
    [
        ([[1, 8, 8]], ["x"], [node("x", "input")], "1 × 8 × 8"),
        ([[6]], ["x"], [node("x", "input")], "6 values"),
        ([[7]], ["x"], [node("x", "input"), node("e", "embedding", ("x",))], "7 tokens"),
        ([[None]], ["x"], [node("x", "input"), node("e", "embedding", ("x",))], "any tokens"),
        (
            [[7], [1]],
            ["text", "age"],
            [node("text", "input"), node("age", "input"), node("e", "embedding", ("text",))],
            "text, 7 tokens; age, 1 value",
        ),
    ],
)
def test_a_sample_is_told_in_words(shapes, names, nodes, text):
    known = {"input_shapes": shapes, "input_names": names, "nodes": [*nodes, node("y", "output", (), (3, 2))]}
    assert inputs_text(known) == text
    assert outputs(known) == 6


def test_nothing_to_compare_gives_no_rows():
    assert scatter_rows(compared(), "ranks") == []
    assert [row.taken for row in agreements(compared())] == [0]
