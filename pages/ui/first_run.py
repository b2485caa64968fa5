"""The first request to a fresh server, when it is a deep link.

Until ``st.navigation`` was called once in a server's life, Streamlit looks for ``/train`` among ``pages/*.py``, finds
nothing (scripts lie in ``pages/screens``), and opens a dialog "Page not found" over the page that ``st.navigation``
then shows rightly. The dialog can only be closed in the browser.
"""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

_CLOSE = """export default function () {
  const close = () => {
    for (const dialog of document.querySelectorAll('[data-testid="stDialog"]'))
      if (dialog.textContent.includes("Page not found")) dialog.querySelector("button")?.click();
  };
  const watch = new MutationObserver(close);
  watch.observe(document.body, { childList: true, subtree: true });
  const end = setTimeout(() => watch.disconnect(), 8000);
  close();
  return () => { watch.disconnect(); clearTimeout(end); };
}
"""
_MOUNT = st.components.v2.component("topiary_first_run", js=_CLOSE)


def is_first_run() -> bool:
    """Whether this server has not yet learned where the pages are. Ask before ``st.navigation``."""
    return bool(PagesManager.uses_pages_directory)


def close_not_found() -> None:
    """Close the mistaken dialog."""
    _MOUNT(key="first_run", height=1)
