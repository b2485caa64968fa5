"""Low rank on *Train*: a rank for each layer, drawn and set by hand."""

from core.plan import Compression, DataChoice, Plan, Recovery
from pages.ui.choices import Choices, save


def test_ranks_are_drawn_set_by_hand_and_forgotten(open_page, workspace, state):
    step = Compression("low-rank", energy=0.9)
    plan = Plan("sample:spiral-mlp@pytorch", DataChoice("spiral"), recovery=Recovery(epochs=1), compression=(step,))
    save(workspace, Choices(plan, views={"train.low-rank_ranks": True}))
    app = open_page(workspace, "train")
    assert any("Pruned zeros do not stay zeros" in block.value for block in app.caption)
    charts = len(app.get("vega_lite_chart"))

    app.select_slider(key="low-rank_rank_fc2.kernel").set_value(7).run()
    assert state(app).plan.compression[0].ranks == {"fc2.kernel": 7}
    assert any("rank 7 of 64" in block.value for block in app.markdown)

    app.toggle(key="low-rank_budget").set_value(True)
    app.button(key="low-rank_forget").click().run()
    (changed,) = state(app).plan.compression
    assert (changed.share, changed.ranks) == (0.5, {})
    assert len(app.get("vega_lite_chart")) == charts == 3
    assert not app.exception
