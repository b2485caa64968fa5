"""The registry of formats and what is remembered of an export, without a framework."""

import io
import json
import os
import pkgutil
import subprocess
import sys
import zipfile

import pytest

import core.formats
from core import exports, paths
from core.exports import Made, Refused
from core.formats import FORMATS

MADE = Made(
    format="onnx",
    file_name="net.onnx",
    bytes=3,
    seconds=1.5,
    snippet="",
    difference=2e-6,
    largest=4.0,
    samples=10,
    accuracy=0.9,
    accuracy_before=0.9,
    quality="accuracy",
    zeros=5,
    zeros_found=6,
    open_seconds=1.0,
)


def changed(**values):
    return Made(**{**MADE.__dict__, **values})


def test_every_file_in_the_folder_is_registered():
    files = {module.name for module in pkgutil.iter_modules(core.formats.__path__) if module.name[0] != "_"}
    assert {type(one).__module__.rsplit(".", 1)[1] for one in FORMATS.values()} == files
    assert all(one.about.endswith(".") and one.title for one in FORMATS.values())


def test_who_cannot_have_a_format_is_told_why():
    for one in FORMATS.values():
        for framework in ("pytorch", "keras"):
            assert bool(one.unsuited(framework)) == (framework not in one.frameworks)
    assert "litert-torch" in FORMATS["litert"].unsuited("pytorch")


def test_importing_the_formats_imports_no_framework_and_no_onnx():
    heavy = ("torch", "tensorflow", "keras", "onnx", "onnxruntime", "ai_edge_litert")
    code = f"import core.exports, core.formats, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (MADE, True),
        (changed(difference=2e-4), True),  # of outputs up to 4: 4e-4 are allowed
        (changed(difference=5e-4), False),
        (changed(zeros_found=4), False),
        (changed(zeros_found=None), True),
        (changed(format="onnx-int8", difference=0.3, accuracy=0.895), True),
        (changed(format="onnx-int8", difference=0.3, accuracy=0.88), False),
    ],
)
def test_a_copy_is_the_same_by_outputs_zeros_or_if_quantised_by_accuracy(found, same):
    assert found.same is same


def test_a_folder_is_taken_away_as_an_archive_of_itself(tmp_path):
    folder = tmp_path / "net-sparse"
    folder.mkdir()
    (folder / "load.py").write_text("x = 1")
    with zipfile.ZipFile(io.BytesIO(exports.packed(folder))) as archive:
        assert archive.namelist() == ["net-sparse/load.py"]
    assert exports.packed(folder / "load.py") == b"x = 1"


def test_what_came_of_it_is_remembered_until_the_model_is_newer(tmp_path):
    model, folder = tmp_path / "model.pt2", paths.made(paths.exports_folder(tmp_path))
    model.write_bytes(b"1")
    os.utime(model, (1, 1))
    exports.keep(MADE, folder)
    assert exports.made(tmp_path, model, "onnx") is None, "the file itself is gone"
    (folder / "net.onnx").write_bytes(b"one")
    assert exports.made(tmp_path, model, "onnx") == MADE
    exports.keep(Refused("litert", "It cannot be had."), folder)
    assert exports.made(tmp_path, model, "litert") == Refused("litert", "It cannot be had.")
    os.utime(model, (2**33, 2**33))
    assert exports.made(tmp_path, model, "onnx") is None


@pytest.mark.parametrize("text", ["", "[]", '"text"', '{"format": "onnx"}', json.dumps({**MADE.__dict__, "new": 1})])
def test_a_note_of_another_version_is_as_none(text, tmp_path):
    model, folder = tmp_path / "model.pt2", paths.made(paths.exports_folder(tmp_path))
    model.write_bytes(b"1")
    (folder / "net.onnx").write_bytes(b"one")
    paths.made_file(folder, "onnx").write_text(text)
    assert exports.made(tmp_path, model, "onnx") is None
