"""Bytes are those of real files."""

import zlib

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load, save

from core.masks import Mask
from core.measures.size import from_sparse, sizes, sparse_tensors


def network(rows=40, seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"conv1.kernel": (rows, 3, 5, 5), "conv1.bias": (rows,), "fc.kernel": (7, rows)}
    shapes |= {"norm.scale": (rows,), "norm.mean": (rows,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def half(array, seed=1):
    return Mask(np.random.default_rng(seed).random(array.shape) < 0.5)


def test_parameters_count_what_is_trained_and_kernels_what_is_prunable():
    arrays = network()
    found = sizes(arrays)
    assert found.parameters == 40 * 75 + 40 + 40 + 280
    assert found.kernels == 40 * 75 + 280
    assert found.nonzero == found.parameters


def test_zeros_and_masked_entries_are_not_counted_twice():
    arrays = {"fc.kernel": np.array([[0, 1], [2, 3]], np.float32)}
    mask = Mask(np.array([[False, False], [True, True]]))
    assert sizes(arrays, {"fc.kernel": mask}).kernels_nonzero == 2


def test_dense_bytes_are_those_of_the_safetensors_file():
    arrays = network()
    assert sizes(arrays).dense_bytes == len(save(arrays))


def test_zipped_bytes_are_those_of_the_deflated_file_with_zeros_in_place():
    arrays = network()
    mask = half(arrays["conv1.kernel"])
    pruned = {**arrays, "conv1.kernel": np.where(mask.kept, arrays["conv1.kernel"], np.float32(0))}
    found = sizes(arrays, {"conv1.kernel": mask})
    assert found.zipped_bytes == len(zlib.compress(save(pruned), 6))
    assert not found.zipped_estimated


def test_zipped_does_not_depend_on_the_memory_order_of_a_kernel():
    arrays = network()
    turned = {**arrays, "fc.kernel": np.asfortranarray(arrays["fc.kernel"])}
    assert sizes(turned) == sizes(arrays)


@pytest.mark.parametrize("masked", [False, True])
def test_sparse_bytes_are_those_of_the_file_and_it_gives_the_arrays_back(tmp_path, masked):
    arrays = network()
    masks = {"conv1.kernel": half(arrays["conv1.kernel"])} if masked else {}
    tensors, metadata = sparse_tensors(arrays, masks)
    raw = save(tensors, metadata)
    assert sizes(arrays, masks).sparse_bytes == len(raw)
    (tmp_path / "s").write_bytes(raw)
    with safe_open(tmp_path / "s", "np") as file:
        back = from_sparse(load(raw), file.metadata())
    for name, array in arrays.items():
        kept = masks[name].kept if name in masks else True
        np.testing.assert_array_equal(back[name], np.where(kept, array, 0))


def test_sparse_is_never_much_larger_than_dense():
    arrays = network()
    found = sizes(arrays)
    assert found.sparse_bytes <= found.dense_bytes + 64


def test_a_very_large_file_is_zipped_in_parts_and_says_so():
    rng = np.random.default_rng(3)
    arrays = {f"fc{i}.kernel": rng.normal(size=(512, 512)).astype(np.float32) for i in range(4)}
    masks = {name: Mask(rng.random(array.shape) < 0.3) for name, array in arrays.items()}
    whole, part = sizes(arrays, masks), sizes(arrays, masks, exact=1 << 20)
    assert part.zipped_estimated
    assert part.zipped_bytes == pytest.approx(whole.zipped_bytes, rel=0.05)


def test_without_zipping_nothing_is_deflated():
    assert sizes(network(), zipped=False).zipped_bytes is None
