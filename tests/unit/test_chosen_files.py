"""Files chosen at once: which of them are a folder's model, and the archive made of them."""

import zipfile

import pytest

from core.chosen_files import folder_name, of_folder, pack
from core.errors import BadSetting


@pytest.mark.parametrize("names", [["a.pt2"], ["weights.safetensors"], ["a.keras", "b.safetensors"], []])
def test_single_files_are_no_folder(names):
    assert of_folder(names) == ()


def test_of_a_folder_only_the_description_and_the_weights_are_taken():
    names = ["tokenizer.json", "config.json", "model.safetensors", "vocab.json"]
    assert of_folder(names) == ("config.json", "model.safetensors")


@pytest.mark.parametrize(("names", "missing"), [
    (["config.json"], "weights"),
    (["tokenizer.json"], "config"),
    (["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], "config"),
])  # fmt: skip
def test_what_is_missing_of_a_folder_is_said(names, missing):
    with pytest.raises(BadSetting, match=f"{missing}.* missing"):
        of_folder(names)


def test_the_same_files_make_the_same_archive_whatever_a_browser_called_them(tmp_path):
    first = pack(tmp_path / "a.zip", {"config.json": b"{}", "model.safetensors": b"1234"})
    second = pack(tmp_path / "b.zip", {"model (1).safetensors": memoryview(b"1234"), "config.json": b"{}"})
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.namelist() == ["config.json", "model.safetensors"]


@pytest.mark.parametrize(("description", "name"), [
    (b'{"architectures": ["BertModel"]}', "BertModel"),
    (b'{"architectures": ["../evil"]}', "folder"),
    (b'{"architectures": []}', "folder"),
    (b"[" * 100_000, "folder"),
])  # fmt: skip
def test_a_folder_is_called_after_its_network(description, name):
    assert folder_name(description) == name
