"""The files of a finished run, read when somebody asks for them."""

from collections.abc import Sequence

import streamlit as st

from core.charts.words import size
from core.exports import Export


def downloads(files: Sequence[Export]) -> None:
    """One button per file, with what is in it."""
    for file in files:
        button, words = st.columns([1, 1.9], vertical_alignment="center")
        button.download_button(
            file.title,
            file.path.read_bytes,
            file_name=file.file_name,
            key=f"download_{file.name}",
            icon=":material/download:",
            type="primary" if file.name == "model" else "secondary",
            width="stretch",
            on_click="ignore",
        )
        words.caption(f"{file.about} {size(file.bytes)}.")
