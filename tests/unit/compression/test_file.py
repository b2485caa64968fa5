"""The compressed file: how small it is, and whether strangers can read it."""

import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from core.compression import Compressed, Kept, content, read, snippet, write
from core.compression.int8 import rounded
from core.compression.sharing import shared
from core.errors import Unavailable
from tests.unit.training.tiny_network import tiny

RNG = np.random.default_rng(0)


def sparse(shape, share):
    array = RNG.standard_normal(shape).astype(np.float32)
    return np.where(RNG.random(shape) < share, array, np.float32(0))


def wide(kernel):
    """A network whose first kernel is that one."""
    return tiny(kernel.shape[1], kernel.shape[0]).with_arrays({"fc1.kernel": kernel})


def test_a_clean_process_reads_it_with_the_snippet_alone(tmp_path):
    kernel = sparse((60, 50), 0.1)
    book = shared(kernel, 4, "linear", RNG)
    start = Compressed(wide(kernel), coded=True).keeping({"fc1.kernel": book}, layers={})
    write(tmp_path / "compressed.safetensors", start)
    program = snippet("compressed.safetensors") + "np.savez('read.npz', **arrays)\n"
    subprocess.run([sys.executable, "-I", "-c", program], cwd=tmp_path, check=True, timeout=60)
    with np.load(tmp_path / "read.npz") as found:
        assert set(found) == set(start.model.arrays())
        for name, array in start.model.arrays().items():
            np.testing.assert_array_equal(found[name], array)


def test_the_loader_is_short_enough_to_be_read():
    lines = [line for line in snippet("x").splitlines() if line.strip()]
    assert len(lines) < 50
    assert "core" not in snippet("x")


@pytest.mark.parametrize("share", [0, 1e-3, 0.02, 0.5, 1])
@pytest.mark.parametrize("coded", [False, True])
def test_any_density_reads_back(tmp_path, share, coded):
    kernel = sparse((200, 30), share) if share < 1 else RNG.standard_normal((200, 30)).astype(np.float32)
    found = Compressed(wide(kernel), coded=coded)
    write(tmp_path / "c.safetensors", found)
    np.testing.assert_array_equal(read(tmp_path / "c.safetensors")["fc1.kernel"], kernel)


def test_bytes_are_those_of_the_entropy_and_little_more():
    """A 95 % sparse kernel with 16 values: about 5.7 bits a distance, at most 4 bits an index."""
    kernel = sparse((300, 400), 0.05)
    left = int(np.count_nonzero(kernel))
    book = shared(kernel, 4, "linear", RNG)
    small = Compressed(wide(kernel), coded=True).keeping({"fc1.kernel": book}, layers={})
    entropy = -(0.05 * np.log2(0.05) + 0.95 * np.log2(0.95)) / 0.05
    counts = np.bincount(book.values) / left
    entropy += -(counts * np.log2(counts)).sum()
    rest = len(content(Compressed(wide(np.zeros_like(kernel)))))
    assert left * entropy / 8 * 0.97 < len(content(small)) - rest < left * entropy / 8 * 1.05 + 600


def test_few_zeros_are_cheaper_as_values_than_as_places():
    """Ten thousand 8-bit weights, thirty of them zero: a byte each and little more, not another bit for each."""
    kernel = RNG.integers(1, 100, (100, 100)).astype(np.float32)
    kernel[0, :30] = 0
    made = Compressed(wide(kernel)).keeping({"fc1.kernel": rounded(kernel)}, layers={})
    rest = len(content(Compressed(wide(np.zeros_like(kernel)))))
    assert len(content(made)) - rest < 1e4 * 7 / 8 + 1500


def test_what_sharing_would_not_shrink_stays_whole():
    assert shared(np.arange(1, 81, dtype=np.float32).reshape(2, 40), 5, "linear", RNG) is None
    assert shared(np.zeros((2, 4), np.float32), 5, "linear", RNG) is None


def test_a_disk_that_gives_back_something_else_is_noticed(tmp_path, monkeypatch):
    """The file is replaced before it is read again."""
    found = Compressed(tiny())

    def other(path, raw):
        save_file({name: array + 1 for name, array in found.model.arrays().items()}, path, {"packed": "{}"})

    monkeypatch.setattr("core.artefacts.write_bytes", other)
    with pytest.raises(Unavailable, match="does not read back"):
        write(tmp_path / "c.safetensors", found)


def test_kept_arrays_follow_the_network_they_belong_to():
    """Values that another step changed are no longer those that were kept."""
    model = tiny()
    arrays = model.arrays()
    kept = {name: Kept(arrays[name] != 0, arrays[name][arrays[name] != 0]) for name in ("fc1.kernel", "fc2.kernel")}
    start = Compressed(model).keeping(kept, layers={})
    moved = start.becoming(model.with_arrays({"fc1.kernel": arrays["fc1.kernel"] * 2}), layers={})
    assert set(moved.kept) == {"fc2.kernel"}
