"""What is done when the server starts, so that the first visit need not wait for it.

The imports of the first page go on while the first browser still loads its own part. And Streamlit is told that the
pages are those of ``st.navigation``: until that was called once, it would look for ``/train`` among ``pages/*.py``,
find nothing (scripts lie in ``pages/screens``) and open a dialog "Page not found" over the page.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from threading import Thread
from typing import Any

from streamlit.runtime.pages_manager import PagesManager

#: In the order of the first page; the rest follows from them. No framework is among it.
_FIRST = (
    "PIL.Image",  # of the mark in the tab
    "pages.ui.shell",
    "pages.ui.page",
    "pages.ui.gallery",
    "pages.ui.uploads",
    "pages.ui.data_choice",
    "pages.ui.first_steps",
    "pages.ui.overview",
)


@asynccontextmanager
async def begun(app: Any) -> AsyncIterator[dict[str, Any]]:
    """The server's life: it answers at once, the imports go on beside it."""
    PagesManager.uses_pages_directory = False
    Thread(target=_import, name="early-imports", daemon=True).start()
    yield {}


def _import() -> None:
    for name in _FIRST:
        import_module(name)
