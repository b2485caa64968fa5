"""Accepted files with bytes flipped and members replaced: refused, or loaded unharmed, never anything else."""

import zipfile

import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends.keras import BACKEND
from core.errors import BadModel, RefusedFile

TRIES = 24


@pytest.fixture(scope="module")
def model():
    return keras.Sequential(
        [
            keras.Input((6, 4)),
            k.Conv1D(3, 2, name="conv"),
            k.BatchNormalization(name="norm"),
            k.GRU(2, name="gru"),
            k.Dense(2, name="fc"),
        ]
    )


@pytest.fixture(scope="module")
def accepted(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("accepted")
    model.save(folder / "good.keras")
    keras.src.legacy.saving.legacy_h5_format.save_model_to_hdf5(model, str(folder / "good.h5"))
    return folder


def broken(content, rng):
    """Flipped bits, a torn end, a foreign stretch, another length, or nothing at all."""
    if not content:
        return b"x"
    data = bytearray(content)
    kind = rng.integers(6)
    at = int(rng.integers(len(data)))
    if kind <= 2:
        for i in rng.integers(len(data), size=2**kind):
            data[i] ^= 1 << int(rng.integers(8))
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        data[at : at + 16] = rng.bytes(16)
    else:
        data[at:at] = data[: int(rng.integers(1, 200))]
    return bytes(data)


def refused_or_unharmed(path):
    try:
        loaded = BACKEND.load(path)
    except (RefusedFile, BadModel) as err:
        assert len(str(err)) < 500 and "\n" not in str(err)
        return True
    assert all(np.isfinite(array).all() for array in loaded.arrays().values())
    return False


@pytest.mark.parametrize("member", ["config.json", "metadata.json", "model.weights.h5"])
def test_every_member_of_a_keras_file(accepted, tmp_path, member):
    with zipfile.ZipFile(accepted / "good.keras") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    rng = np.random.default_rng(len(member))
    others = [content for name, content in contents.items() if name != member]
    tries = TRIES // 4 if member == "metadata.json" else TRIES  # Keras does not read it
    replacements = [b"", rng.bytes(500), *others, *(broken(contents[member], rng) for _ in range(tries))]
    path = tmp_path / "fuzzed.keras"
    for replacement in replacements:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, replacement if name == member else content)
        refused_or_unharmed(path)


@pytest.mark.parametrize("name", ["good.keras", "good.h5"])
def test_the_file_itself(accepted, tmp_path, name):
    whole = (accepted / name).read_bytes()
    rng = np.random.default_rng(7)
    path = tmp_path / f"fuzzed{name[4:]}"
    refused = 0
    for _ in range(2 * TRIES):
        path.write_bytes(broken(whole, rng))
        refused += refused_or_unharmed(path)
    assert refused > TRIES // 2


def test_the_structure_of_an_h5_file(accepted, tmp_path):
    """Most of the file is numbers; these flips aim at what is between them."""
    whole = (accepted / "good.h5").read_bytes()
    rng = np.random.default_rng(11)
    signs = [
        i
        for sign in (b"TREE", b"SNOD", b"HEAP", b"OHDR", b"GCOL")
        for i in range(len(whole))
        if whole.startswith(sign, i)
    ]
    path = tmp_path / "fuzzed.h5"
    for _ in range(2 * TRIES):
        data = bytearray(whole)
        at = signs[int(rng.integers(len(signs)))] + int(rng.integers(64))
        data[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(data))
        refused_or_unharmed(path)
