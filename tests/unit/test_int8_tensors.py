"""Kernels found again among the arrays of another runtime's file."""

import numpy as np
import pytest

from core.int8.onnx_file import batches
from core.int8.tensors import Tensor, found

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(size=(6, 4, 3, 3)).astype(np.float32)
MATRIX = RNG.normal(size=(6, 10)).astype(np.float32)
OTHER = RNG.normal(size=(6, 10)).astype(np.float32)


def eight(array, axis=0):
    """As a runtime rounds it: one scale for each index of an axis, zero point 0."""
    across = tuple(i for i in range(array.ndim) if i != axis)
    scale = np.abs(array).max(axis=across, keepdims=True) / 127
    return Tensor.of(np.rint(array / scale).astype(np.int8), scale.reshape(-1), np.zeros(scale.size, np.int8), axis)


def test_integers_times_their_scale_are_the_values():
    whole = np.array([[1, -2], [3, 0]], np.int8)
    made = Tensor.of(whole, np.array([0.5, 2.0]), np.array([0, 1], np.int8), 0)
    np.testing.assert_array_equal(made.values, [[0.5, -1.0], [4.0, -2.0]])
    np.testing.assert_array_equal(made.integers, [[1, -2], [2, -1]])


@pytest.mark.parametrize(
    "stored",
    [
        eight(MATRIX),
        eight(np.ascontiguousarray(MATRIX.T), axis=1),  # multiplied from the other side
        eight(MATRIX * np.array([[3], [-0.5], [1], [2], [1], [1]], np.float32)),  # a normalisation folded into rows
        eight(np.concatenate([OTHER, MATRIX])),  # two matrices one below the other
    ],
    ids=["as it is", "turned", "folded", "joined"],
)
def test_a_matrix_is_found_however_it_was_written(stored):
    place = found(MATRIX, [Tensor(RNG.normal(size=(6, 10))), eight(OTHER), stored])
    assert place is not None
    assert place.tensor is stored
    assert place.integers.shape == MATRIX.shape


def test_a_convolution_is_found_with_an_axis_of_one_added():
    row = KERNEL[:, :, 0]
    assert found(row, [eight(KERNEL), eight(row[:, :, None])]).integers.shape == (6, 12)


def test_of_two_copies_the_one_in_eight_bits_is_taken():
    assert found(MATRIX, [Tensor(MATRIX), eight(MATRIX)]).integers is not None
    assert found(MATRIX, [Tensor(MATRIX)]).integers is None


def test_what_is_not_there_is_not_found():
    assert found(MATRIX, [eight(OTHER), eight(KERNEL)]) is None


def test_a_column_is_no_direction_and_compared_as_one():
    one, other = np.array([[1.0], [2.0], [3.0]], np.float32), np.array([[3.0], [1.0], [-2.0]], np.float32)
    assert found(one, [Tensor(other)]) is None
    assert found(one, [Tensor(other), Tensor(one)]).tensor.values is one


def test_a_fixed_batch_is_filled_up_with_the_last_sample():
    x = np.arange(5)
    assert [batch.tolist() for batch in batches(x, 2, None)] == [[0, 1], [2, 3], [4]]
    assert [batch.tolist() for batch in batches(x, 2, 3)] == [[0, 1, 2], [3, 4, 4]]


def test_what_a_runtime_says_of_a_file_it_cannot_carry_out_is_told_in_a_sentence(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from core.errors import BadModel
    from core.int8 import running

    halves = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 4]) for name in ("x", "y")]
    node = onnx.helper.make_node("MatMul", ["x", "x"], ["y"])  # fits 4 samples at once and no other number
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", halves[:1], halves[1:]), ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    network = type("Network", (), {"input_names": ("x",)})()
    with pytest.raises(BadModel, match="ONNX Runtime cannot"):
        running.predicted(network, tmp_path / "net.onnx", np.zeros((3, 4), np.float32))
    pytest.importorskip("ai_edge_litert")
    (tmp_path / "net.tflite").write_bytes(b"no file")
    with pytest.raises(BadModel, match="LiteRT cannot open"):
        running.predicted(network, tmp_path / "net.tflite", np.zeros((3, 4), np.float32))
