from pathlib import Path

import numpy as np
import pytest

from core import artefacts, paths
from core.errors import BadSetting, RefusedFile, Unavailable, UnknownName
from core.jobs import workspaces
from core.jobs.store import Store
from core.masks import Mask, digest
from core.references import resolve


def test_home_is_where_the_person_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOPIARY_HOME", str(tmp_path))
    assert paths.home() == tmp_path
    monkeypatch.delenv("TOPIARY_HOME")
    assert "topiary" in str(paths.home())


def test_every_name_lies_in_its_folder(tmp_path: Path) -> None:
    folder = paths.run_folder(tmp_path, "a-run")
    named = [
        paths.log_file(folder),
        paths.plan_file(folder),
        paths.model_stem(folder),
        paths.weights_file(folder),
        paths.masks_file(folder),
        paths.recipe_file(folder),
        paths.result_file(folder),
        paths.checkpoint_folder(folder),
    ]
    assert len({path.name for path in named}) == len(named)
    assert all(path.parent == folder for path in named)
    assert paths.home_of(folder) == tmp_path.resolve()


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be made"):
        paths.made(tmp_path / "file" / "folder")


@pytest.mark.parametrize("point", ["write", "flush", "move"])
def test_a_crash_at_any_point_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    file = artefacts.write_text(tmp_path / "result.json", "old")

    def crash(*args: object) -> None:
        raise KeyboardInterrupt

    def half(path: Path, content: bytes) -> None:
        with path.open("wb") as opened:
            opened.write(content[:1])
        raise KeyboardInterrupt

    if point == "write":
        monkeypatch.setattr(Path, "write_bytes", half)
    elif point == "flush":
        monkeypatch.setattr("core.artefacts.os.fsync", crash)
    else:
        monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        artefacts.write_text(file, "new")
    monkeypatch.undo()
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_full_disk_is_one_sentence_and_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = artefacts.write_json(tmp_path / "result.json", {"a": 1})

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.artefacts.os.fsync", full)
    with pytest.raises(Unavailable, match="The disk is full"):
        artefacts.write_json(file, {"a": 2})
    assert '"a": 1' in file.read_text()


def test_masks_come_back_bit_for_bit_and_equal_ones_give_equal_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    masks = {name: Mask(rng.random(shape) < 0.5) for name, shape in (("b.kernel", (3, 5)), ("a.kernel", (7,)))}
    one = artefacts.write_masks(tmp_path / "one.safetensors", masks)
    other = artefacts.write_masks(tmp_path / "other.safetensors", dict(reversed(masks.items())))
    assert one.read_bytes() == other.read_bytes()
    assert digest(artefacts.read_masks(one)) == digest(masks)
    assert artefacts.read_masks(artefacts.write_masks(tmp_path / "none.safetensors", {})) == {}


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0{}"])
def test_damaged_masks_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "masks.safetensors"
    file.write_bytes(content)
    with pytest.raises(RefusedFile, match=r"masks\.safetensors"):
        artefacts.read_masks(file)


def test_references_name_samples_stored_files_and_paths(tmp_path: Path) -> None:
    torch, keras = resolve("sample:iris-mlp", tmp_path), resolve("sample:iris-mlp@keras", tmp_path)
    assert (torch.framework, torch.sample, torch.path.suffix) == ("pytorch", "iris-mlp", ".pt2")
    assert (keras.framework, keras.sample, keras.path.suffix) == ("keras", "iris-mlp", ".keras")
    me, store = workspaces.new_id(), Store(tmp_path)
    entry = store.add_model(b"weights", "Mine.SAFETENSORS", me, architecture="digits-lenet300")
    stored = resolve(entry.ref, tmp_path)
    assert (stored.path, stored.architecture, stored.title) == (entry.path, "digits-lenet300", "Mine.SAFETENSORS")
    store.add_model(b"weights", "Yours.safetensors", workspaces.new_id(), architecture="digits-lenet5")
    assert resolve(entry.ref, tmp_path, me) == stored, "equal weights are opened as their own workspace says"
    with pytest.raises(BadSetting, match="in this workspace"):
        resolve(entry.ref, tmp_path, workspaces.new_id())
    assert resolve(str(keras.path), tmp_path).framework == "keras"


@pytest.mark.parametrize(
    ("ref", "error"),
    [
        ("sample:nope", UnknownName),
        ("sample:iris-mlp@jax", UnknownName),
        ("sha256:abc", BadSetting),
        ("sha256:" + "0" * 64, BadSetting),
        ("sha256:../../../etc/passwd", BadSetting),
        ("nowhere.keras", BadSetting),
        ("", BadSetting),
    ],
)
def test_references_to_nothing_are_named_errors(tmp_path: Path, ref: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        resolve(ref, tmp_path)


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(RefusedFile, match="not a model file we open"):
        resolve(str(tmp_path / "notes.txt"), tmp_path)
