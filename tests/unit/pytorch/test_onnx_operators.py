"""Each ONNX operation gives what ONNX Runtime gives, for a batch of another size than any that was tried."""

import numpy as np
import pytest
from onnx import helper

from core.errors import BadModel
from tests.unit.pytorch.onnx_builder import model, run_plain, run_reference, write

SAMPLES = 5


def values(*shape, seed=3):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def ints(*numbers):
    return np.array(numbers, np.int64)


def f32(number):
    return np.array(number, np.float32)


def entrywise(op, **settings):
    return pytest.param((4, 3), op, [], settings, 18, id=op + "".join(f"-{k}" for k in settings))


#: Sample's shape, operation, what it is given beside x, settings, operator set.
CASES = [
    *(entrywise(op) for op in (
        "Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Abs", "Neg", "Floor", "Ceil", "Sign", "Sin", "Softplus", "Softsign",
        "HardSwish", "HardSigmoid", "LeakyRelu", "Elu", "Selu", "Celu", "Mish", "Identity", "Softmax", "LogSoftmax",
        "Reciprocal", "Round",
    )),
    entrywise("LeakyRelu", alpha=0.3), entrywise("Elu", alpha=0.5), entrywise("HardSigmoid", alpha=1 / 6, beta=0.5),
    entrywise("Selu", alpha=1.2, gamma=1.1), entrywise("Softmax", axis=1),
    pytest.param((4, 3), "Softmax", [], {"axis": 1}, 11, id="Softmax-old"),
    pytest.param((4, 3), "Gelu", [], {}, 20, id="Gelu"),
    pytest.param((4, 3), "Gelu", [], {"approximate": "tanh"}, 20, id="Gelu-tanh"),
    pytest.param((4, 3), "Clip", [f32(-0.5), f32(0.5)], {}, 18, id="Clip"),
    pytest.param((4, 3), "Clip", [], {"max": 0.5}, 10, id="Clip-old"),
    pytest.param((4, 3), "PRelu", [np.abs(values(4, 1))], {}, 18, id="PRelu"),
    pytest.param((4, 3), "PRelu", [np.abs(values(3))], {}, 18, id="PRelu-last"),
    pytest.param((4, 3), "Add", [values(3)], {}, 18, id="Add"),
    pytest.param((4, 3), "Sub", [values(4, 1)], {}, 18, id="Sub"),
    pytest.param((4, 3), "Mul", [f32(2.5)], {}, 18, id="Mul-number"),
    pytest.param((4, 3), "Div", [np.abs(values(4, 3)) + 1], {}, 18, id="Div"),
    pytest.param((4, 3), "Pow", [f32(2)], {}, 18, id="Pow"),
    pytest.param((4, 3), "Max", [f32(0.1), values(3)], {}, 18, id="Max"),
    pytest.param((4, 3), "Sum", [values(3), values(4, 3)], {}, 18, id="Sum"),
    pytest.param((8,), "Gemm", [values(8, 5), values(5)], {}, 18, id="Gemm"),
    pytest.param((8,), "Gemm", [values(5, 8), values(1, 5)], {"transB": 1, "alpha": 0.5, "beta": 2.0}, 18,
                 id="Gemm-scaled"),
    pytest.param((4, 8), "MatMul", [values(8, 5)], {}, 18, id="MatMul"),
    pytest.param((4, 2, 8), "MatMul", [values(4, 8, 5)], {}, 18, id="MatMul-many"),
    pytest.param((4, 2, 8), "Einsum", [values(2, 8, 5)], {"equation": "nthi,hio->nto"}, 18, id="Einsum"),
    pytest.param((3, 9), "Conv", [values(4, 3, 3), values(4)], {"pads": [1, 1]}, 18, id="Conv1d"),
    pytest.param((4, 8, 9), "Conv", [values(6, 2, 3, 3)], {"group": 2, "strides": [2, 1], "dilations": [1, 2]}, 18,
                 id="Conv2d-groups"),
    pytest.param((3, 8, 8), "Conv", [values(4, 3, 3, 3)], {"pads": [0, 0, 1, 1], "strides": [2, 2]}, 18,
                 id="Conv2d-uneven"),
    pytest.param((3, 8, 9), "Conv", [values(4, 3, 3, 3)], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, 18,
                 id="Conv2d-same"),
    pytest.param((2, 4, 4, 4), "Conv", [values(3, 2, 2, 2, 2)], {}, 18, id="Conv3d"),
    pytest.param((4, 5, 5), "ConvTranspose", [values(4, 3, 3, 3), values(3)],
                 {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}, 18, id="ConvTranspose"),
    pytest.param((4, 5, 5), "ConvTranspose", [values(4, 3, 3, 3)], {"strides": [2, 2], "pads": [0, 0, 1, 1]}, 18,
                 id="ConvTranspose-uneven"),
    pytest.param((4, 5), "ConvTranspose", [values(4, 3, 3)], {"strides": [2], "output_shape": [10]}, 18,
                 id="ConvTranspose-shape"),
    pytest.param((3, 8, 8), "MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}, 18, id="MaxPool"),
    pytest.param((3, 9, 9), "MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1],
                 "ceil_mode": 1}, 18, id="MaxPool-ceil"),
    pytest.param((3, 8, 9), "MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}, 18,
                 id="MaxPool-same"),
    pytest.param((3, 8), "MaxPool", [], {"kernel_shape": [3], "strides": [1], "pads": [0, 2]}, 18, id="MaxPool-uneven"),
    pytest.param((3, 8, 8), "AveragePool", [], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, 18, id="AveragePool"),
    pytest.param((3, 8, 8), "AveragePool", [], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
                 18, id="AveragePool-padded"),
    pytest.param((3, 9), "AveragePool", [], {"kernel_shape": [2], "strides": [2], "auto_pad": "SAME_UPPER"}, 18,
                 id="AveragePool-same"),
    pytest.param((3, 8, 8), "GlobalAveragePool", [], {}, 18, id="GlobalAveragePool"),
    pytest.param((3, 8), "GlobalMaxPool", [], {}, 18, id="GlobalMaxPool"),
    pytest.param((4, 6), "BatchNormalization", [values(4), values(4), values(4), np.abs(values(4)) + 0.5],
                 {"epsilon": 1e-3}, 18, id="BatchNormalization"),
    pytest.param((4, 6), "LayerNormalization", [values(6), values(6)], {"axis": -1}, 18, id="LayerNormalization"),
    pytest.param((4, 6), "LayerNormalization", [values(4, 6)], {"axis": 1}, 18, id="LayerNormalization-two-axes"),
    pytest.param((4, 6), "InstanceNormalization", [values(4), values(4)], {}, 18, id="InstanceNormalization"),
    pytest.param((4, 6), "GroupNormalization", [values(4), values(4)], {"num_groups": 2}, 21, id="GroupNormalization"),
    pytest.param((4, 3, 2), "Flatten", [], {}, 18, id="Flatten"),
    pytest.param((4, 3, 2), "Flatten", [], {"axis": 2}, 18, id="Flatten-two"),
    pytest.param((4, 3), "Reshape", [ints(0, -1)], {}, 18, id="Reshape"),
    pytest.param((4, 3), "Reshape", [ints(-1, 3, 2, 2)], {}, 18, id="Reshape-split"),
    pytest.param((4, 3), "Transpose", [], {"perm": [0, 2, 1]}, 18, id="Transpose"),
    pytest.param((4, 1, 3), "Squeeze", [ints(2)], {}, 18, id="Squeeze"),
    pytest.param((4, 1, 3), "Squeeze", [], {"axes": [2]}, 11, id="Squeeze-old"),
    pytest.param((4, 3), "Unsqueeze", [ints(1, -1)], {}, 18, id="Unsqueeze"),
    pytest.param((4, 3), "Slice", [ints(1), ints(2**62), ints(1), ints(2)], {}, 18, id="Slice"),
    pytest.param((4, 3), "Slice", [ints(-1), ints(-(2**62)), ints(2), ints(-1)], {}, 18, id="Slice-backwards"),
    pytest.param((4, 3), "Gather", [ints(1, 2)], {"axis": 1}, 18, id="Gather-run"),
    pytest.param((4, 3), "Gather", [ints(3, 0)], {"axis": 1}, 18, id="Gather-places"),
    pytest.param((4, 3), "Gather", [np.array(-1)], {"axis": 2}, 18, id="Gather-one"),
    pytest.param((4, 3), "Pad", [ints(0, 1, 2, 0, 0, 1), f32(0.5)], {}, 18, id="Pad"),
    pytest.param((4, 3), "Pad", [ints(0, 0, 1, 0, 0, 2)], {"mode": "reflect"}, 18, id="Pad-reflect"),
    pytest.param((1, 3), "Expand", [ints(1, 4, 3)], {}, 18, id="Expand"),
    pytest.param((4, 3), "Tile", [ints(1, 2, 1)], {}, 18, id="Tile"),
    *(pytest.param((4, 3), f"Reduce{kind}", [ints(2)], {"keepdims": keep}, 18, id=f"Reduce{kind}-{keep}")
      for kind, keep in (("Mean", 1), ("Sum", 0), ("Max", 0), ("Min", 1), ("Prod", 0), ("L2", 0), ("SumSquare", 1))),
    pytest.param((4, 3), "ReduceMean", [], {"axes": [1, 2], "keepdims": 0}, 13, id="ReduceMean-old"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "op", "beside", "settings", "opset"), CASES)
def test_an_operation_gives_what_the_runtime_gives(shape, op, beside, settings, opset, tmp_path):
    stored = {f"c{index}": value for index, value in enumerate(beside)}
    node = helper.make_node(op, ["x", *stored], ["y"], **settings)
    path = write(model([node], {"x": shape}, stored, opset=opset), tmp_path / "one.onnx")
    x = values(SAMPLES, *shape, seed=1)
    expected = run_reference(path, [x])
    found = run_plain(path, [x])
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", ["GRU", "LSTM"])
def test_recurrent_layers_give_what_the_runtime_gives(op, direction, tmp_path):
    ways, gates = 1 + (direction == "bidirectional"), {"GRU": 3, "LSTM": 4}[op]
    stored = {
        "w": values(ways, gates * 4, 3),
        "r": values(ways, gates * 4, 4),
        "b": values(ways, 2 * gates * 4),
        "axes": ints(0),
    }
    settings = {"linear_before_reset": 1} if op == "GRU" else {}
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        helper.make_node(op, ["t", "w", "r", "b"], ["s", "h"], hidden_size=4, direction=direction, **settings),
        helper.make_node("Transpose", ["s"], ["u"], perm=[2, 0, 1, 3]),
        helper.make_node("ReduceSum", ["u", "one"], ["v"], keepdims=0),
        helper.make_node("ReduceSum", ["v", "one"], ["z"], keepdims=0),
        helper.make_node("ReduceSum", ["h", "axes"], ["k"], keepdims=0),
        helper.make_node("Add", ["z", "k"], ["y"]),
    ]
    path = write(model(nodes, {"x": (6, 3)}, {**stored, "one": ints(1)}), tmp_path / "recurrent.onnx")
    x = values(SAMPLES, 6, 3, seed=1)
    np.testing.assert_allclose(run_plain(path, [x]), run_reference(path, [x]), atol=1e-5)


def test_every_sequence_is_turned_round(tmp_path):
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Slice", ["s", "zero", "one"], ["n"]),
        helper.make_node("Expand", ["steps", "n"], ["lengths"]),
        helper.make_node("ReverseSequence", ["x", "lengths"], ["y"], batch_axis=0, time_axis=1),
    ]
    stored = {"zero": ints(0), "one": ints(1), "steps": ints(4)}
    path = write(model(nodes, {"x": (4, 3)}, stored), tmp_path / "reversed.onnx")
    x = values(SAMPLES, 4, 3)
    np.testing.assert_array_equal(run_plain(path, [x]), run_reference(path, [x]))


def test_whole_numbers_are_looked_up_in_a_stored_table(tmp_path):
    node = helper.make_node("Gather", ["table", "x_tokens"], ["y"])
    path = write(model([node], {"x_tokens": (4,)}, {"table": values(9, 3)}), tmp_path / "tokens.onnx")
    x = np.random.default_rng(0).integers(0, 9, (SAMPLES, 4))
    np.testing.assert_array_equal(run_plain(path, [x]), run_reference(path, [x]))


def test_a_shape_worked_out_from_the_batch_holds_for_every_batch(tmp_path):
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["x", "wanted"], ["r"]),
        helper.make_node("Concat", ["n", "ones"], ["spread"], axis=0),
        helper.make_node("Expand", ["row", "spread"], ["e"]),
        helper.make_node("Concat", ["e", "r"], ["y"], axis=1),
    ]
    stored = {"zero": ints(0), "rest": ints(2, 6), "ones": ints(1, 6), "row": values(1, 1, 6)}
    path = write(model(nodes, {"x": (4, 3)}, stored), tmp_path / "shapes.onnx")
    for count in (1, SAMPLES):
        x = values(count, 4, 3)
        np.testing.assert_array_equal(run_plain(path, [x]), run_reference(path, [x]))


def test_permutations_that_cancel_leave_nothing_behind(tmp_path):
    from core.backends.pytorch.onnx_importing import imported

    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Add", ["b", "shift"], ["c"]),
        helper.make_node("Transpose", ["c"], ["y"], perm=[0, 2, 3, 1]),
    ]
    path = write(model(nodes, {"x": (4, 5, 3)}, {"shift": values(3, 1, 1)}), tmp_path / "turned.onnx")
    x = values(SAMPLES, 4, 5, 3)
    np.testing.assert_allclose(run_plain(path, [x]), run_reference(path, [x]), atol=1e-6)
    program = imported(path).program
    live = {ref.name for call in program.calls for ref in call.args if hasattr(ref, "name")} | {*program.outputs}
    assert not [call.target for call in program.calls if "permute" in call.target and live & {*call.outputs}]


@pytest.mark.parametrize(("node", "stored", "match"), [
    (helper.make_node("Det", ["x"], ["y"]), {}, '"Det"'),
    (helper.make_node("NonZero", ["x"], ["y"]), {}, '"NonZero"'),
    (helper.make_node("GRU", ["x", "w", "r"], ["s", "y"], hidden_size=4),
     {"w": values(1, 12, 4), "r": values(1, 12, 4)}, "reset_after"),
    (helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[2], dilations=[2]), {}, "gaps"),
    (helper.make_node("Reshape", ["x", "to"], ["y"]), {"to": ints(-1, 7)}, "does not fit"),
])  # fmt: skip
def test_what_is_not_worked_with_is_named_in_a_sentence(node, stored, match, tmp_path):
    path = write(model([node], {"x": (4, 4)}, stored, opset=19), tmp_path / "odd.onnx")
    with pytest.raises(BadModel, match=match) as caught:
        run_plain(path, [values(2, 4, 4)])
    assert "\n" not in str(caught.value)
