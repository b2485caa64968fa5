"""Doctored files: refused in one sentence, nothing executed."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.backends.pytorch import BACKEND
from core.errors import BadModel, NeedsArchitecture, PruneError, RefusedFile


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv1d(1, 3, 3), nn.BatchNorm1d(3)
        self.fc = nn.Linear(12, 2)
        self.register_buffer("shift", torch.ones(12))
        self.offset = torch.ones(2)

    def forward(self, x):
        x = torch.relu(self.bn(self.conv(x)))
        return self.fc(x.view(x.shape[0], -1) + self.shift) + self.offset


@pytest.fixture(scope="module")
def good(write, tmp_path_factory):
    return write(Net(), (1, 6), tmp_path_factory.mktemp("good") / "good.pt2")


@pytest.fixture
def doctored(good, tmp_path):
    """The good file with some members replaced (by inner name) or added."""

    def make(changes):
        path = tmp_path / "doctored.pt2"
        with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
            names = [name.split("/", 1)[1] for name in old.namelist()]
            for name in dict.fromkeys([*names, *changes]):
                change = changes.get(name)
                data = old.read(f"good/{name}") if name in names else b""
                new.writestr(f"good/{name}", change(data) if callable(change) else data if change is None else change)
        return path

    return make


def refused(path, match=None, kind=RefusedFile):
    for look in (BACKEND.vet, BACKEND.load) if kind is RefusedFile else (BACKEND.load,):
        with pytest.raises(kind, match=match) as caught:
            look(path)
        assert str(caught.value).count("\n") == 0
    return str(caught.value)


def edited(change):
    """A change of the graph's JSON."""

    def edit(data):
        graph = json.loads(data)
        change(graph)
        return json.dumps(graph).encode()

    return edit


def nodes(graph):
    return graph["graph_module"]["graph"]["nodes"]


def test_the_good_file_is_good(good, batch_of):
    model = BACKEND.load(good)
    x = batch_of((1, 6))
    expected = torch.export.load(good).module()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(model.predict(x), expected, atol=1e-6)


@pytest.mark.parametrize("wrap", ["plain", "torch"])
@pytest.mark.parametrize("member", ["data/sample_inputs/model.pt", "data/constants/model.pt", "data/weights/model.pt"])
def test_a_pickle_that_would_run_code_is_refused(member, wrap, doctored, tmp_path):
    target = tmp_path / "executed"
    if wrap == "torch":
        buffer = io.BytesIO()
        torch.save(Touch(target), buffer)
        data = buffer.getvalue()
    else:
        data = pickle.dumps(Touch(target))
    message = refused(doctored({member: data}), "could run code")
    assert "torch.export.save" in message
    assert not target.exists()


@pytest.mark.parametrize("use", ["opaque_obj_0", "custom_obj_0"])
def test_pickled_constants_are_refused(use, doctored, tmp_path):
    target = tmp_path / "executed"
    config = {"config": {"offset": {"path_name": use, "is_param": False, "use_pickle": True, "tensor_meta": None}}}
    changes = {f"data/constants/{use}": pickle.dumps(Touch(target))}
    changes["data/constants/model_constants_config.json"] = json.dumps(config).encode()
    refused(doctored(changes), "could run code")
    assert not target.exists()


def test_weights_said_to_be_pickled_are_refused(doctored, tmp_path):
    target = tmp_path / "executed"

    def edit(config):
        config["config"]["fc.bias"]["use_pickle"] = True

    changes = {
        "data/weights/model_weights_config.json": edited(edit),
        "data/weights/weight_3": pickle.dumps(Touch(target)),
    }
    with pytest.raises(RefusedFile, match="could run code"):
        BACKEND.load(doctored(changes))
    assert not target.exists()


@pytest.mark.parametrize("target", [
    "torch.load", "torch.hub.load", "torch.ops.aten.from_file.default", "os.system", "_operator.attrgetter",
    "torch.ops.mylib.evil.default", "torch.ops.aten.set_.source_Tensor", "builtins.eval", "",
])  # fmt: skip
def test_operations_outside_the_list_are_refused(target, doctored):
    def edit(graph):
        nodes(graph)[0]["target"] = target

    with pytest.raises((RefusedFile, BadModel)) as caught:
        BACKEND.load(doctored({"models/model.json": edited(edit)}))
    assert "\n" not in str(caught.value)


def test_expressions_for_sizes_are_never_evaluated(doctored, tmp_path):
    target = tmp_path / "executed"
    code = f"__import__('pathlib').Path('{target}').touch()"

    def edit(graph):
        graph["guards_code"] = [code]
        for values in (
            graph["graph_module"]["graph"]["tensor_values"],
            graph["graph_module"]["graph"]["sym_int_values"],
        ):
            for entry in values.values():
                for size in entry.get("sizes", [entry]):
                    if "as_expr" in size:
                        size["as_expr"]["expr_str"] = code

    BACKEND.load(doctored({"models/model.json": edited(edit)}))
    assert not target.exists()


@pytest.mark.parametrize("name", ["x=__import__('os').system('true')", "x, y", "a b", "1x", "x\ny", "é"])
def test_names_that_would_be_code_are_refused(name, good, doctored):
    def rename(data):
        return data.replace(b'"x"', json.dumps(name).encode())

    with pytest.raises(RefusedFile, match="never writes"):
        BACKEND.load(doctored({"models/model.json": rename}))


@pytest.mark.parametrize("path", ["__class__.x", "fc..weight", "fc.weight;", "forward.weight", "a" * 2000])
def test_paths_that_are_no_paths_do_no_harm(path, doctored):
    def rename(data):
        return data.replace(b'"fc.weight"', json.dumps(path).encode())

    changes = {"models/model.json": rename, "data/weights/model_weights_config.json": rename}
    try:
        BACKEND.load(doctored(changes))
    except PruneError as err:
        assert "\n" not in str(err)


def test_compiled_code_is_refused(doctored):
    refused(doctored({"data/aotinductor/model/a.so": b"\x7fELF"}), "compiled code")


def test_control_flow_is_refused(doctored):
    def edit(graph):
        nodes(graph)[0]["inputs"][0]["arg"] = {"as_graph": {"name": "true_graph", "graph": {}}}

    with pytest.raises(BadModel, match="control flow"):
        BACKEND.load(doctored({"models/model.json": edited(edit)}))


def test_weights_larger_than_their_bytes_are_refused(doctored):
    def edit(config):
        config["config"]["fc.weight"]["tensor_meta"]["sizes"] = [{"as_int": 10**6}, {"as_int": 10**6}]
        config["config"]["fc.weight"]["tensor_meta"]["strides"] = [{"as_int": 0}, {"as_int": 0}]

    with pytest.raises(RefusedFile, match="cut short"):
        BACKEND.load(doctored({"data/weights/model_weights_config.json": edited(edit)}))


def test_path_traversal_and_bombs_are_refused(doctored):
    refused(doctored({"../../out": b"x"}), "points outside")
    path = doctored({})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good/extra/bomb", bytes(40 << 20))
    refused(path, "200 times")


@pytest.mark.parametrize("length", [0, 10, 1000, -1, -2000])
def test_truncated_files_are_refused(length, good, tmp_path):
    path = tmp_path / "cut.pt2"
    path.write_bytes(good.read_bytes()[:length])
    refused(path)


def test_files_of_other_kinds_say_how_to_export(good, tmp_path):
    pickled = tmp_path / "model.pt"
    torch.save(Net(), pickled)
    assert "torch.export.save" in refused(pickled, "could run code")
    assert "suffix .pt2" in refused(good.rename(tmp_path / "renamed.pth") and tmp_path / "renamed.pth")
    (tmp_path / "renamed.pth").rename(good)
    text = tmp_path / "text.pt2"
    text.write_text("hello")
    refused(text, "no readable archive")
    refused(tmp_path / "nothing.pt2", "no file")


def test_torchscript_is_refused(tmp_path):
    path = tmp_path / "script.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("script/code/__torch__.py", "x")
        archive.writestr("script/constants.pkl", b"\x80\x02).")
        archive.writestr("script/data.pkl", b"\x80\x02}.")
    assert "torch.export.save" in refused(path, "TorchScript")


def test_a_pickle_in_a_state_dict_is_refused(tmp_path):
    target = tmp_path / "executed"
    path = tmp_path / "weights.pt"
    torch.save({"fc.weight": torch.ones(2), "step": Touch(target)}, path)
    refused(path, "could run code")
    path.write_bytes(pickle.dumps(Touch(target)))
    refused(path)
    torch.save({"fc.weight": torch.ones(2), "step": Touch(target)}, path, _use_new_zipfile_serialization=False)
    refused(path)
    assert not target.exists()


def flips(data, rng, count):
    for _ in range(count):
        damaged = bytearray(data)
        for position in rng.integers(0, len(data), rng.integers(1, 4)):
            damaged[position] = rng.integers(0, 256)
        yield bytes(damaged)


def harmless(path, *, architecture=None):
    """Refused by name, or loaded to something that predicts."""
    try:
        model = BACKEND.load(path, architecture)
        model.predict(np.zeros((2, *model.facts.inlets[0].trial), np.float32))
    except (RefusedFile, BadModel, NeedsArchitecture) as err:
        assert str(err) and "\n" not in str(err)


def test_every_member_flipped_or_replaced_does_no_harm(good, tmp_path):
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    path = tmp_path / "fuzzed.pt2"
    for name, data in members.items():
        tries = 40 if name.endswith("model.json") else 6
        replaced = [b"", b"\0", b"{}", b"[]", b"null", b"PK\x03\x04", data[: len(data) // 2], data * 2]
        for damaged in (*flips(data, rng, tries if data else 0), *replaced):
            with zipfile.ZipFile(path, "w") as archive:
                for other, content in members.items():
                    archive.writestr(other, damaged if other == name else content)
            harmless(path)


def test_every_number_and_word_of_the_graph_changed_does_no_harm(good, tmp_path):
    rng = np.random.default_rng(1)
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in members if name.endswith("models/model.json"))
    path = tmp_path / "fuzzed.pt2"
    for _ in range(80):
        graph = json.loads(members[name])
        _change(graph["graph_module"], rng)
        with zipfile.ZipFile(path, "w") as archive:
            for other, content in members.items():
                archive.writestr(other, json.dumps(graph).encode() if other == name else content)
        harmless(path)


def _change(tree, rng):
    """Walk down to a random leaf and put something else there."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        if not keys:
            return
        key = keys[rng.integers(len(keys))]
        if isinstance(tree[key], dict | list) and tree[key] and rng.random() < 0.95:
            tree = tree[key]
            continue
        choices = [None, -1, 0, 1, 7, 2**40, "", "x", "fc.weight", [], {}, True, 1.5, "NaN"]
        tree[key] = choices[rng.integers(len(choices))]
        return


def test_the_whole_file_flipped_does_no_harm(good, tmp_path):
    path = tmp_path / "fuzzed.pt2"
    for damaged in flips(good.read_bytes(), np.random.default_rng(2), 60):
        path.write_bytes(damaged)
        harmless(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_bare_weights_flipped_do_no_harm(suffix, tmp_path):
    from sample_models.pytorch_networks import iris_mlp

    path = tmp_path / f"weights{suffix}"
    state = iris_mlp().state_dict()
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    whole = path.read_bytes()
    for damaged in (*flips(whole, np.random.default_rng(3), 25), b"", whole[:20], whole[:-5], b"\xff" * 64):
        path.write_bytes(damaged)
        harmless(path, architecture="iris-mlp")
