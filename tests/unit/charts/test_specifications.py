"""Every kind of chart: valid Vega-Lite, built once, without data, dressed for light and dark."""

import json

import altair as alt
import pytest

from core.charts.axes import AXES
from core.charts.channels import channel_spec
from core.charts.histograms import histogram_spec, overlay_spec
from core.charts.schedule import schedule_spec
from core.charts.singular_values import singular_spec
from core.charts.theme import DARK, LIGHT, palette
from core.charts.tradeoff import tradeoff_spec, view_name
from core.charts.training import training_spec
from core.charts.waterfall import waterfall_spec

KINDS = {
    **{f"tradeoff {axis} {log}": (tradeoff_spec, axis, log) for axis in AXES for log in (True, False)},
    "schedule": (schedule_spec, "sparsity"),
    "loss": (training_spec, "loss"),
    "accuracy": (training_spec, "accuracy"),
    "importance": (histogram_spec, "importance", False),
    "log importance": (histogram_spec, "log importance", False),
    "weights": (histogram_spec, "weights", True),
    "overlay": (overlay_spec, "weights"),
    "channels": (channel_spec, True),
    "singular values": (singular_spec,),
    "waterfall": (waterfall_spec, "accuracy", 4),
}


@pytest.fixture(params=KINDS, ids=str)
def kind(request):
    build, *settings = KINDS[request.param]
    return lambda mode: build(*settings, mode)


def test_it_is_valid_vega_lite(kind):
    spec = kind("light")
    chart = alt.LayerChart if "layer" in spec else alt.Chart
    chart.validate({**spec, "data": {"name": "rows"}})


def test_it_is_built_once_and_holds_no_data(kind):
    assert kind("light") is kind("light")
    assert '"data":' not in json.dumps(kind("light"))


def test_light_and_dark_differ_only_in_colours(kind):
    light, dark = json.dumps(kind("light")), json.dumps(kind("dark"))
    assert light != dark
    assert [c for c in (LIGHT.ink, LIGHT.soft, LIGHT.kept, LIGHT.pruned) if c in dark] == []


def test_every_axis_that_is_drawn_has_a_title(kind):
    spec = kind("light")
    for part in (spec, *spec.get("layer", ())):
        for channel in ("x", "y"):
            drawn = part.get("encoding", {}).get(channel, {})
            assert "field" not in drawn or drawn["title"]


def test_each_axis_of_the_tradeoff_is_zoomed_by_itself():
    names = {view_name(axis, log) for axis in AXES for log in (True, False)}
    assert len(names) == 2 * len(AXES)
    watched = {param["name"] for param in tradeoff_spec("macs", True, "light")["params"]}
    assert {"pick", view_name("macs", True)} <= watched


def test_anything_but_dark_is_light():
    assert palette("dark") is DARK
    assert palette(None) is LIGHT
