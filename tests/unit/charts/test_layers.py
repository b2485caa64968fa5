"""Tiles, histograms, channels and pictures of layers."""

import numpy as np
import pytest

from core.charts.channels import channel_rows
from core.charts.histograms import histogram_rows, overlay_rows
from core.charts.layer import layer_facts, nonzero_counts
from core.charts.picture import colour_limit, filter_sheet, mosaic, sheet_words, weight_picture
from core.charts.theme import LIGHT
from core.charts.wall import ORDERS, mean_score, pruned_bins, tiles

EDGES = [0.0, 1.0, 2.0, 3.0, 4.0]


def pool(name: str, size: int, counts: list[int]) -> dict:
    return {
        "name": name,
        "layer": name,
        "title": name,
        "unit": "weight",
        "size": size,
        "shape": [size],
        "edges": EDGES,
        "counts": counts,
        "log_edges": [-2.0, -1.0, 0.0, 1.0, 2.0],
        "log_counts": counts,
        "weight_edges": [-2.0, -1.0, 0.0, 1.0, 2.0],
        "weight_counts": counts,
        "near_zero": 3,
        "dead": 0,
    }


POOLS = [pool("first", 10, [4, 3, 2, 1]), pool("second", 40, [10, 10, 10, 10])]
PLANNED = [
    {"name": "first", "size": 10, "removed": 7, "sparsity": 0.7, "threshold": 2.0},
    {"name": "second", "size": 40, "removed": 0, "sparsity": 0.0, "threshold": 0.1},
]


def drawn(order: str = "network", **settings: bool):
    given = {"importance": True, "weights": True, "log": False, **settings}
    return tiles(POOLS, PLANNED, order=order, **given)


@pytest.mark.parametrize(
    ("order", "first"), [("network", "first"), ("size", "second"), ("sparsity", "first"), ("importance", "first")]
)
def test_the_wall_is_sorted_as_asked(order, first):
    assert drawn(order)[0].pool == first
    assert order in ORDERS


def test_a_tile_shows_what_was_asked_for():
    assert [plot.subject for plot in drawn()[0].plots] == ["importance", "weights"]
    assert [plot.subject for plot in drawn(weights=False)[0].plots] == ["importance"]


def test_bins_below_the_threshold_are_pruned_and_none_where_nothing_goes():
    first, second = drawn()
    assert first.plots[0].pruned == 2
    assert second.plots[0].pruned == 0
    assert first.plots[1].pruned == 0


def test_a_pool_that_goes_whole_is_pruned_whole_whatever_its_threshold():
    whole = {"size": 10, "removed": 10, "threshold": 0.0}
    assert pruned_bins(EDGES, whole, log=False) == 4


def test_a_log_axis_places_the_threshold_by_its_logarithm():
    plan = {"size": 10, "removed": 5, "threshold": 1.0}
    assert pruned_bins([-2.0, -1.0, 0.0, 1.0], plan, log=True) == 2


def test_heights_are_shares_of_the_highest_bin():
    assert drawn()[0].plots[0].heights == (1.0, 0.75, 0.5, 0.25)


def test_the_note_says_what_goes_and_what_is_nearly_nothing():
    assert drawn()[0].note == "70.0\N{NO-BREAK SPACE}% pruned · 3 near zero"


def test_a_mean_score_is_the_mean_of_the_bins_middles():
    assert mean_score([0.0, 2.0, 4.0], [1, 3]) == 2.5
    assert mean_score([0.0, 1.0], [0]) == 0.0


def test_empty_bins_are_not_drawn_and_bins_below_the_threshold_are_marked():
    rows = histogram_rows(EDGES, [1, 0, 2, 3], threshold=2.0)
    assert [(row["low"], row["state"]) for row in rows] == [(0.0, "pruned"), (2.0, "kept"), (3.0, "kept")]


def test_models_over_each_other_have_the_same_area():
    rows = overlay_rows([("a", [0, 1, 2], [1, 3]), ("b", [0, 0.5, 1], [100, 100])])
    for name in "ab":
        mine = [row for row in rows if row["model"] == name]
        assert sum(row["density"] * (row["high"] - row["low"]) for row in mine) == pytest.approx(1)


def test_exact_zeros_leave_the_bin_that_holds_zero():
    assert nonzero_counts({"weight_edges": [-1.0, 0.0, 1.0], "weight_counts": [4, 9]}, 6) == [4, 3]


def test_channels_are_drawn_in_order_or_by_importance():
    assert [row["channel"] for row in channel_rows([1, 3, 2], None, by_score=True)] == [1, 2, 0]
    rows = channel_rows([1, 3, 2], [False, True, True], by_score=False)
    assert [row["state"] for row in rows] == ["pruned", "kept", "kept"]


def test_a_layers_facts_add_up_over_its_kernels():
    kernel = {"shape": [4, 5], "removed": 5}
    facts = layer_facts({"size": 40, "weights": [kernel, kernel], "near_zero": 4, "dead": 1})
    assert [value for _, value, _ in facts] == ["40", "25.0\N{NO-BREAK SPACE}%", "10.0\N{NO-BREAK SPACE}%", "1"]


def test_a_picture_shows_sign_strength_mask_and_gaps():
    values = np.array([[-1.0, 0.0], [1.0, np.nan]], np.float32)
    picture = weight_picture(values, LIGHT, np.array([[1.0, 1.0], [0.0, 1.0]]), limit=1.0)
    step = picture.shape[0] // 2
    negative, zero, pruned, gap = (picture[y * step, x * step] for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)))
    assert tuple(negative[:3]) == tuple(bytes.fromhex(LIGHT.negative[1:]))
    assert tuple(zero[:3]) == tuple(bytes.fromhex(LIGHT.panel[1:]))
    assert tuple(pruned[:3]) == tuple(bytes.fromhex(LIGHT.pruned[1:]))
    assert (negative[3], gap[3]) == (255, 0)


def test_a_few_outliers_do_not_pale_the_rest():
    values = np.ones(10_000, np.float32)
    values[0] = 1e6
    assert colour_limit(values) == pytest.approx(1)
    assert colour_limit(np.zeros(4, np.float32)) == 1


def test_filters_lie_side_by_side_with_gaps_between():
    sheet = mosaic(np.ones((4, 2, 2), np.float32), columns=2)
    assert sheet.shape == (5, 5)
    assert np.isnan(sheet[2]).all() and np.isnan(sheet[:, 2]).all()


def test_the_sheet_is_wider_than_high_and_says_what_it_shows():
    filters = np.arange(32 * 16, dtype=np.float32)[:, None, None] * np.ones((1, 3, 3), np.float32)
    sheet = filter_sheet(filters, 16)
    assert sheet.shape == (16 * 4 - 1, 32 * 4 - 1)
    assert sheet[0, 4] == 16  # second column: first input of the second output
    assert sheet_words(32, 16) == "one row per input, one column per output channel"
