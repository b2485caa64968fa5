"""A person's own model: brought as a file or as the files of a folder, or chosen among those brought before."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core import artefacts, paths
from core.architectures import checked, offered
from core.backends import FRAMEWORKS, backend, backend_for
from core.chosen_files import folder_name, of_folder, pack
from core.errors import NeedsArchitecture
from core.lab import check
from core.plan import DataChoice
from pages.ui.services import home, lab, store
from pages.ui.state import AppState, show, widget

#: Seconds that another package may take to build a network and have it written in the framework's own format.
_TRANSLATING = 300.0
_HELP = (
    "PyTorch: an exported program (.pt2), or bare weights of a network that this server knows. Keras: .keras or .h5. "
    "Hugging Face: an encoder's folder as .zip, or its files chosen together (config.json and model.safetensors). "
    "From anywhere else: .onnx, whose operations become PyTorch layers that are pruned, trained and saved like any "
    "others. The file is looked at before anything opens it; nothing in it is run."
)


def uploads(state: AppState) -> None:
    """A person's own files: bring one, or take one brought before."""
    _kept(state)
    suffixes = [suffix.lstrip(".") for name in FRAMEWORKS for suffix in backend(name).suffixes]
    given = st.file_uploader(
        "A file of your own", type=[*suffixes, "json"], key="model_file", accept_multiple_files=True, help=_HELP
    )
    if not given:
        return
    names = of_folder([file.name for file in given])
    architecture = None
    if not names and Path(given[-1].name).suffix.lower() in backend_for(Path(given[-1].name)).bare:
        architecture = st.selectbox(
            "These are bare weights. Which network are they of?",
            offered(),
            index=None,
            key="architecture",
            help="Weights of a Hugging Face folder: choose its config.json as well, together with them.",
        )
        if architecture is None:
            return
    marker = f"{' '.join(file.file_id for file in given)} {architecture}"
    if state.uploaded.get("model") != marker:
        state.uploaded["model"] = marker
        with st.status("Looking at the file…", expanded=False) as status:
            notes = _bring(state, _Chosen(given, names), architecture)
            status.update(label="Opened", state="complete")
        for note in notes:
            st.toast(note, duration="long")


def _kept(state: AppState) -> None:
    kept = {entry.ref: entry.name for entry in store().models(state.workspace)}
    if kept:
        show("stored_model", state.plan.model if state.plan and state.plan.model in kept else None)
        st.selectbox(
            "Your models",
            list(kept),
            index=None,
            key="stored_model",
            format_func=lambda ref: kept.get(ref, ref),
            placeholder="Choose one you brought before",
            on_change=lambda: _open(state, str(widget("stored_model"))),
        )


class _Chosen:
    """One file, or the files of a folder (``names``), as one file."""

    def __init__(self, given: Sequence[Any], names: Sequence[str]) -> None:
        self._files = {file.name: file for file in given}
        self._names = names
        self.name = Path(given[-1].name).name
        if names:
            self.name = f"{folder_name(self._files['config.json'].getvalue())}.zip"

    def write(self, target: Path) -> None:
        if self._names:
            pack(target, {name: self._files[name].getbuffer() for name in self._names})
        else:
            artefacts.write_bytes(target, next(reversed(self._files.values())).getvalue())


def _bring(state: AppState, chosen: _Chosen, architecture: str | None) -> tuple[str, ...]:
    """Vet a file in a throw-away process, keep it by its hash, open it. Returns what there is to note."""
    framework = backend_for(Path(chosen.name))
    if architecture is not None:
        checked(architecture)
    with tempfile.TemporaryDirectory(dir=paths.made(paths.uploads(home()))) as folder:
        brought = Path(folder) / chosen.name
        chosen.write(brought)
        notes: tuple[str, ...] = ()
        if brought.suffix.lower() in framework.foreign:
            kept = brought.with_suffix(framework.saves)
            notes = check.tried(framework.name, brought, seconds=_TRANSLATING, into=kept)
            brought = kept
        try:
            question = {"model": {"path": str(brought), "architecture": architecture, "output": None}}
            lab(framework.name).ask("check", question, person=state.workspace, timeout=180)
        except NeedsArchitecture as err:
            raise NeedsArchitecture(f"{err} Choose the network these weights belong to.") from err
        entry = store().add_model(brought, brought.name, state.workspace, architecture=architecture)
    _open(state, entry.ref)
    return notes


def _open(state: AppState, ref: str) -> None:
    state.open(ref, state.plan.data if state.plan else DataChoice("digits"))
