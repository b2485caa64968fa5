"""Doctored ONNX files: refused in one sentence, no other file read."""

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, helper

from core.backends.pytorch import BACKEND
from core.errors import BadModel, PruneError, RefusedFile
from tests.unit.pytorch.onnx_builder import model, write


def values(*shape):
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


def good(**options):
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["a"], pads=[1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Flatten", ["b"], ["c"]),
        helper.make_node("Gemm", ["c", "fc.weight", "fc.bias"], ["y"], transB=1),
    ]
    stored = {"conv.weight": values(3, 1, 3), "conv.bias": values(3), "fc.weight": values(2, 18), "fc.bias": values(2)}
    return model(nodes, {"x": (1, 6)}, stored, **options)


def refused(made, path, match, kind=RefusedFile):
    write(made, path)
    for look in (BACKEND.vet, BACKEND.load) if kind is RefusedFile else (BACKEND.load,):
        with pytest.raises(kind, match=match) as caught:
            look(path)
        assert "\n" not in str(caught.value)


def test_the_good_file_is_good(tmp_path):
    network = BACKEND.load(write(good(), tmp_path / "good.onnx"))
    assert [*network.arrays()] == ["conv.kernel", "conv.bias", "fc.kernel", "fc.bias"]
    assert network.predict(values(4, 1, 6)).shape == (4, 2)


def test_text_and_nothing_are_no_networks(tmp_path):
    for content in (b"", b"hello", b"\x08\x0a" * 40, b"PK\x03\x04" + bytes(50)):
        (tmp_path / "no.onnx").write_bytes(content)
        with pytest.raises(RefusedFile, match="no ONNX file"):
            BACKEND.vet(tmp_path / "no.onnx")


def test_operators_of_other_libraries_are_refused(tmp_path):
    node = helper.make_node("Evil", ["x"], ["y"], domain="com.example")
    refused(model([node], {"x": (3,)}, domains=["com.example"]), tmp_path / "evil.onnx", "com.example")


def test_operators_that_no_standard_knows_are_refused(tmp_path):
    refused(model([helper.make_node("Evil", ["x"], ["y"])], {"x": (3,)}), tmp_path / "evil.onnx", '"Evil"')


@pytest.mark.parametrize("version", [1, 6, 25, 1000])
def test_other_operator_sets_are_refused(version, tmp_path):
    refused(good(opset=version), tmp_path / "old.onnx", f"operator set {version}")


@pytest.mark.parametrize("location", ["/etc/passwd", "../secret.bin", "secret.bin", "sub/network.bin", "", "..\\x"])
def test_weights_anywhere_else_are_refused(location, tmp_path):
    (tmp_path / "in").mkdir()
    for folder in (tmp_path, tmp_path / "in"):
        (folder / "secret.bin").write_bytes(bytes(1000))
    made = good()
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    tensor.external_data.add(key="location", value=location)
    refused(made, tmp_path / "in" / "network.onnx", "another file")


def test_a_link_beside_the_network_is_not_followed(tmp_path):
    (tmp_path / "secret.bin").write_bytes(bytes(1000))
    (tmp_path / "network.onnx.data").symlink_to(tmp_path / "secret.bin")
    made = good()
    onnx.external_data_helper.set_external_data(made.graph.initializer[0], "network.onnx.data")
    made.graph.initializer[0].ClearField("raw_data")
    refused(made, tmp_path / "network.onnx", "does not lie beside")


@pytest.mark.parametrize(("offset", "length"), [("-4", None), ("900000", None), ("0", "4"), ("zero", None)])
def test_weights_outside_of_the_file_beside_are_refused(offset, length, tmp_path):
    (tmp_path / "network.onnx.data").write_bytes(bytes(1000))
    made = good()
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    told = {"location": "network.onnx.data", "offset": offset, **({"length": length} if length else {})}
    for key, value in told.items():
        tensor.external_data.add(key=key, value=value)
    refused(made, tmp_path / "network.onnx", "weights lie")


def test_weights_beside_the_network_under_its_own_name_are_read(tmp_path):
    inside = BACKEND.load(write(good(), tmp_path / "inside.onnx")).arrays()
    onnx.save(good(), tmp_path / "big.onnx", save_as_external_data=True, location="big.onnx.data", size_threshold=0)
    outside = BACKEND.load(tmp_path / "big.onnx").arrays()
    for name, array in inside.items():
        np.testing.assert_array_equal(outside[name], array)


def functions(*bodies):
    """Functions f0, f1 … each a list of the operations it calls in turn."""
    made = []
    for number, calls in enumerate(bodies):
        nodes = [
            helper.make_node(op, [f"v{i}"], [f"v{i + 1}"], domain="own" if op.startswith("f") else "")
            for i, op in enumerate(calls)
        ]
        sets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
        made.append(helper.make_function("own", f"f{number}", ["v0"], [f"v{len(calls)}"], nodes, sets))
    return made


def calling(bodies):
    nodes = [
        helper.make_node("f0", ["x"], ["a"], domain="own"),
        helper.make_node("MatMul", ["a", "fc.weight"], ["y"]),
    ]
    return model(nodes, {"x": (3,)}, {"fc.weight": values(3, 2)}, domains=["own"], functions=functions(*bodies))


def test_functions_are_written_out(tmp_path):
    network = BACKEND.load(write(calling([["Relu", "f1"], ["Abs", "Neg"]]), tmp_path / "functions.onnx"))
    x = values(4, 3)
    weight = network.arrays()["fc.kernel"]
    np.testing.assert_allclose(network.predict(x), -np.maximum(x, 0) @ weight.T, atol=1e-6)


@pytest.mark.parametrize("bodies", [[["f0"]], [["f1"], ["Relu", "f0"]]])
def test_functions_that_call_themselves_are_refused(bodies, tmp_path):
    refused(calling(bodies), tmp_path / "loop.onnx", "calls itself")


def test_functions_that_unfold_without_end_are_refused(tmp_path):
    bodies = [[f"f{number + 1}"] * 10 for number in range(9)] + [["Relu"]]
    refused(calling(bodies), tmp_path / "bomb.onnx", "unfold to more than")


def test_a_tensor_that_promises_more_than_it_has_is_refused(tmp_path):
    made = good()
    made.graph.initializer[0].dims[:] = [1 << 20, 1 << 10]
    refused(made, tmp_path / "short.onnx", "damaged")


def test_constants_that_would_fill_the_memory_are_refused(tmp_path):
    nodes = [
        helper.make_node("ConstantOfShape", ["huge"], ["a"]),
        helper.make_node("ReduceSum", ["a"], ["b"]),
        helper.make_node("MatMul", ["x", "fc.weight"], ["c"]),
        helper.make_node("Add", ["c", "b"], ["y"]),
    ]
    stored = {"huge": np.array([1 << 20, 1 << 20]), "fc.weight": values(3, 2)}
    refused(model(nodes, {"x": (3,)}, stored), tmp_path / "huge.onnx", "too large", BadModel)


def test_a_graph_that_goes_round_in_circles_is_refused(tmp_path):
    nodes = [helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
             helper.make_node("Relu", ["b"], ["y"])]  # fmt: skip
    refused(model(nodes, {"x": (3,)}), tmp_path / "circle.onnx", "no sound ONNX network")


def test_settings_of_the_wrong_kind_are_told(tmp_path):
    made = good()
    pads = next(setting for setting in made.graph.node[0].attribute if setting.name == "pads")
    pads.CopyFrom(AttributeProto(name="pads", type=AttributeProto.INTS, ints=[1]))
    refused(made, tmp_path / "pads.onnx", None, BadModel)


def test_flipped_bytes_never_end_in_anything_but_a_sentence(tmp_path):
    content = good().SerializeToString()
    rng = np.random.default_rng(11)
    path = tmp_path / "flipped.onnx"
    outcomes = set()
    for _ in range(400):
        changed = bytearray(content)
        for place in rng.integers(0, len(changed), rng.integers(1, 4)):
            changed[place] = int(rng.integers(0, 256))
        path.write_bytes(changed[: int(rng.integers(20, len(changed) + 200))])
        try:
            BACKEND.load(path)
            outcomes.add("opened")
        except (RefusedFile, BadModel) as err:
            assert "\n" not in str(err)
            outcomes.add(type(err).__name__)
        except PruneError as err:
            raise AssertionError("another sentence than that of a file") from err
    assert {"opened", "RefusedFile"} <= outcomes
