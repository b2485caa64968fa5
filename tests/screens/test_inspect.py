"""Inspect: all layers at once, one opened."""

import json

from pages.ui.services import store


def tiles(app) -> list[dict]:
    walls = [json.loads(e.proto.json) for e in app.get("bidi_component") if "tiles" in (e.proto.json or "")]
    return walls[0]["tiles"] if walls else []


def test_every_layer_has_a_tile_with_both_histograms(open_page, with_model):
    app = open_page(with_model, "look")
    assert [tile["layer"] for tile in tiles(app)] == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    assert all([plot["subject"] for plot in tile["plots"]] == ["importance", "weights"] for tile in tiles(app))
    assert all(sum(plot["counts"]) == tile["size"] for tile in tiles(app) for plot in tile["plots"])


def test_the_wall_is_sorted_as_asked_and_remembers_it(open_page, with_model):
    app = open_page(with_model, "look")
    app.selectbox(key="order").set_value("size").run()
    sizes = [tile["size"] for tile in tiles(open_page(with_model, "look"))]
    assert sizes == sorted(sizes, reverse=True)


def test_another_structure_shows_channels_under_a_criterion_that_ranks_them(open_page, with_model, state):
    app = open_page(with_model, "look")
    app.selectbox(key="structure").set_value("channel").run()
    assert state(app).plan.structure == "channel"
    assert all("channels" in tile["shape"] for tile in tiles(app))


def test_a_layer_opened_shows_numbers_histograms_picture_and_channels(open_page, with_model):
    app = open_page(with_model, "look")
    app.selectbox(key="layer").set_value("conv2").run()
    assert not tiles(app)
    assert [metric.label for metric in app.metric] == ["Weights", "Pruned by the plan", "Near zero", "Dead units"]
    assert app.metric[0].value == "4,608"
    assert len(app.get("vega_lite_chart")) == 3
    assert app.image
    app.button(key="all_layers").click().run()
    assert len(tiles(app)) == 5


def test_an_opened_layer_says_what_it_responds_to_and_what_a_cut_changes(open_page, with_model, state):
    app = open_page(with_model, "look")
    app.selectbox(key="layer").set_value("conv2").run()
    drawn = [json.loads(e.proto.json) for e in app.get("bidi_component") if "units" in (e.proto.json or "")]
    assert len(drawn[0]["units"]) == 32 and all(
        unit["image"].startswith("data:image/png") for unit in drawn[0]["units"]
    )
    state(app).set_view("inspect.unit", ["conv2.kernel", drawn[0]["units"][0]["unit"]])
    app.run()
    assert not app.exception
    assert [metric.label for metric in app.metric][4:6] == ["Accuracy without it", "Predictions that flip"]
    app.button(key="hurt_0").click().run()
    assert not app.exception
    assert state(app).view("inspect.number", 0) >= 1


def test_without_a_finished_run_the_overlay_says_what_to_do(open_page, with_model):
    assert not store().runs(with_model)
    app = open_page(with_model, "look")
    app.selectbox(key="layer").set_value("fc3").run()
    assert any("When a run of this model is finished" in caption.value for caption in app.caption)


def test_a_remembered_layer_that_another_model_lacks_gives_way_to_all(open_page, with_model, state):
    app = open_page(with_model, "look")
    state(app).set_view("inspect.layer", "no such layer")
    app.run()
    assert not app.exception
    assert len(tiles(app)) == 5


def html(app) -> str:
    return "\n".join(block.value for block in app.html)


def looked_at(app, view: str):
    """The page with another of its views."""
    app.get("button_group")[0].set_value(view).run()
    assert not app.exception and not app.error
    return app


def test_the_methods_are_searched_by_any_word_and_by_kind(open_page, with_model):
    app = looked_at(open_page(with_model, "look"), "methods")
    assert html(app).count("<tr>") > 60
    app.text_input(key="method_words").set_value("tanaka").run()
    assert "SynFlow" in html(app) and html(app).count("<tr>") == 2
    app.text_input(key="method_words").set_value("no such method").run()
    assert any("No method has" in box.value for box in app.info)


def test_two_criteria_stand_side_by_side_with_their_correlation_and_their_masks(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.slider(key="sparsity").set_value(80.0).run()
    app = looked_at(open_page(with_model, "look"), "two criteria")
    app.selectbox(key="pair_b").set_value("random").run()
    assert not app.exception and not app.error
    assert "Spearman" in html(app)
    assert len(app.get("vega_lite_chart")) == 1
    assert html(app).count('class="row"') == 6  # all layers together, then the five
    assert app.image
    app.selectbox(key="pair_layer").set_value("fc3").run()
    assert any("fc3.kernel" in caption.value for caption in app.caption)


def test_the_time_of_every_layer_stands_beside_its_multiply_adds(open_page, with_model):
    app = looked_at(open_page(with_model, "look"), "time")
    assert len(app.get("vega_lite_chart")) == 1
    assert any("109,224 MACs a sample" in caption.value for caption in app.caption)


def test_without_a_sparsity_it_says_where_to_set_one(open_page, with_model):
    app = looked_at(open_page(with_model, "look"), "two criteria")
    assert any("Nothing goes in this plan" in caption.value for caption in app.caption)


def test_the_spread_of_scores_stands_where_data_is_looked_at(open_page, with_model):
    app = open_page(with_model, "look")
    assert not any("between batches" in tile["note"] for tile in tiles(app))
    app.selectbox(key="criterion").set_value("taylor").run()
    assert all("between batches" in tile["note"] for tile in tiles(app))
