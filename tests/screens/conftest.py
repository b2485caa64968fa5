"""Pages as a person meets them, without a browser: one home for all, real labs."""

import os
import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.backends import FRAMEWORKS
from core.export_queue.desk import Desk
from core.jobs.workspaces import new_id
from core.paths import run_folder
from core.plan import DataChoice, Plan, Recovery
from pages.ui.choices import Choices, save
from pages.ui.services import engine, lab

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """A home of our own; labs started for it end with this process."""
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("TOPIARY_HOME")
    os.environ["TOPIARY_HOME"] = str(folder)
    st.cache_resource.clear()
    yield folder
    children = [lab(name)._child for name in FRAMEWORKS] + engine()._children
    for child in filter(None, children):
        child.terminate()
        child.wait(10)
    st.cache_resource.clear()
    if before is None:
        del os.environ["TOPIARY_HOME"]
    else:
        os.environ["TOPIARY_HOME"] = before


@pytest.fixture
def workspace(home):
    """An empty workspace."""
    return new_id()


@pytest.fixture
def with_model(workspace):
    """A workspace in which somebody opened LeNet-5 on digits."""
    recovery = Recovery(epochs=1)
    save(workspace, Choices(Plan("sample:digits-lenet5@pytorch", DataChoice("digits"), recovery=recovery)))
    return workspace


def opened(workspace: str | None, screen: str | None = None) -> AppTest:
    """The app in a workspace, on a page ("prune"); None is the first page."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    if workspace:
        app.query_params["ws"] = workspace
    app.run()
    assert not app.exception, app.exception
    if screen is not None:
        app.switch_page(f"pages/screens/{screen}.py")
        app.query_params["ws"] = app_workspace(app)
        app.run()
        assert not app.exception, app.exception
    return app


def app_workspace(app: AppTest) -> str:
    """The workspace the URL names."""
    found = app.query_params["ws"]
    return found if isinstance(found, str) else found[0]


@pytest.fixture
def open_page():
    """:func:`opened`, for tests."""
    return opened


def texts(app: AppTest) -> str:
    """All HTML of a page, as one string."""
    return "\n".join(block.value for block in app.html)


@pytest.fixture
def text_of():
    """:func:`texts`, for tests."""
    return texts


def state_of(app: AppTest):
    """The session's AppState."""
    return app.session_state["app"]


@pytest.fixture
def state():
    """:func:`state_of`, for tests."""
    return state_of


@pytest.fixture
def all_made(home):
    """The page *Export* of a run once nothing is made in the background any more."""

    def wait(app: AppTest, run) -> AppTest:
        until = time.monotonic() + 200
        while any(work.state.under_way for work in Desk(run_folder(home, run.id)).look().values()):
            assert time.monotonic() < until, "it is never done"
            time.sleep(0.2)
        app.run()
        assert not app.exception and not app.error
        return app

    return wait
