"""What stands around every page."""

import json
import tomllib
from pathlib import Path

import pytest

from core.charts.theme import DARK, LIGHT
from core.charts.words import amount, percent, points, size
from core.jobs.workspaces import is_id
from core.plan import DataChoice, Plan
from pages.ui.choices import Choices, load, save, stamp
from pages.ui.shell import SCREENS
from sample_models import SAMPLES

ROOT = Path(__file__).resolve().parents[2]


def test_a_first_visit_gets_an_unguessable_workspace_in_the_url(open_page):
    app = open_page(None)
    assert is_id(app.query_params["ws"] if isinstance(app.query_params["ws"], str) else app.query_params["ws"][0])


def test_an_invented_workspace_is_not_entered(open_page):
    app = open_page("../../etc/passwd")
    found = app.query_params["ws"]
    assert is_id(found if isinstance(found, str) else found[0])


def test_the_url_of_a_workspace_is_kept(open_page, workspace, state):
    app = open_page(workspace)
    assert state(app).workspace == workspace


@pytest.mark.parametrize("screen", [screen.file for screen in SCREENS])
def test_every_page_opens_on_an_empty_workspace(screen, open_page, workspace):
    app = open_page(workspace, screen)
    assert not app.error


def test_every_link_of_the_sidebar_keeps_the_workspace(open_page, workspace):
    app = open_page(workspace)
    links = [link.proto for link in app.sidebar.page_link]
    assert len(links) == len(SCREENS)
    assert all(workspace in str(link) for link in links)


def test_no_page_file_bears_the_name_of_a_module_of_the_standard_library():
    assert "inspect" not in {screen.file for screen in SCREENS}


def test_what_was_chosen_survives_a_reload_and_shows_in_a_second_tab(open_page, with_model, state):
    first, second = open_page(with_model, "prune"), open_page(with_model, "prune")
    first.number_input(key="sparsity_exact").set_value(70.0).run()
    assert state(second.run()).plan.sparsity == pytest.approx(0.7)
    assert state(open_page(with_model, "prune")).plan.sparsity == pytest.approx(0.7)


def test_choices_that_cannot_be_read_give_fresh_ones(home, workspace):
    stamp_before = save(workspace, Choices(Plan("sample:x", DataChoice("digits"))))
    assert stamp(workspace) == stamp_before
    file = home / "workspaces" / f"{workspace}.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "plan": {"model": 3}}))
    assert load(workspace) == Choices()
    file.write_text("{")
    assert load(workspace) == Choices()


def test_the_configured_colours_are_those_of_the_theme():
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        assert theme[name]["primaryColor"] == palette.kept
        assert theme[name]["backgroundColor"] == palette.background
        assert theme[name]["secondaryBackgroundColor"] == palette.panel
        assert theme[name]["textColor"] == palette.ink
        assert theme[name]["borderColor"] == palette.line
        assert tuple(theme[name]["chartCategoricalColors"]) == palette.series


def test_the_server_listens_to_this_machine_only():
    assert tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]["address"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (percent(0.962), "96.2 %"),
        (percent(None), "–"),
        (points(-0.029), "\N{MINUS SIGN}2.9"),
        (points(0.0001), "±0"),
        (amount(7_830_000), "7.83 M"),
        (size(1_560_000), "1.56 MB"),
    ],
)
def test_numbers_read_as_people_write_them(given, shown):
    assert given == shown.replace(" ", "\N{NO-BREAK SPACE}")


def test_the_strip_knows_the_model_on_every_page_without_asking_the_lab(open_page, with_model, text_of):
    open_page(with_model, "prune")
    for screen in ("train", "compare"):
        shown = text_of(open_page(with_model, screen))
        for words in ("LeNet-5 on digits · PyTorch", "Digits", "dense", f"{SAMPLES['digits-lenet5'].parameters:,}"):
            assert words in shown


def test_a_widget_that_stands_on_two_pages_says_on_both_what_the_plan_says(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.selectbox(key="criterion").set_value("snip").run()
    for screen in ("look", "prune", "look", "prune"):
        app.switch_page(f"pages/screens/{screen}.py").run()
        assert not app.exception and app.selectbox(key="criterion").value == state(app).plan.criterion == "snip", screen
