"""Hugging Face folders, and archives of them: built without their code, or one sentence on what is in the way."""

import importlib.util
import json
import socket
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.backends.pytorch import BACKEND
from core.backends.pytorch.hugging_face_files import CONFIG, INDEX, WEIGHTS
from core.errors import BadModel, BadSetting, RefusedFile, Unavailable
from core.groups import groups
from core.inputs import Several
from core.references import resolve

INSTALLED = importlib.util.find_spec("transformers") is not None
needs_transformers = pytest.mark.skipif(not INSTALLED, reason="transformers is not installed")
TOKENS = {"vocab_size": 60, "num_labels": 3, "max_position_embeddings": 24}
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
#: Architecture -> its configuration, its sizes, and two kernels: behind the first block's heads, behind the second's
#: neurons.
NETWORKS = {
    "BertForSequenceClassification": (
        "BertConfig", {**TOKENS, **SIZES},
        ("bert.encoder.layer.0.attention.output.dense", "bert.encoder.layer.1.output.dense")),
    "ViTForImageClassification": (
        "ViTConfig", {**SIZES, "num_labels": 3, "image_size": 16, "patch_size": 8},
        ("vit.layers.0.attention.o_proj", "vit.layers.1.mlp.fc2")),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A folder with a configuration and weights of nothing in particular."""

    def make(config):
        save_file({"weight": torch.zeros(2, 2)}, tmp_path / WEIGHTS)
        text = config if isinstance(config, str) else json.dumps(config)
        (tmp_path / CONFIG).write_text(text, encoding="utf-8")
        return tmp_path

    return make


@pytest.fixture
def zipped(folder, tmp_path):
    """An archive of such a folder, its members given or replaced."""

    def make(config=None, prefix="my-model/", **members):
        source = folder(config or {"architectures": ["BertModel"]})
        files = {name: (source / name).read_bytes() for name in (CONFIG, WEIGHTS)}
        path = tmp_path / "my-model.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**files, **members}.items():
                if content is not None:
                    archive.writestr(prefix + name, content)
        return path

    return make


def made(architecture):
    """A network of the package with random weights, and a batch for it."""
    import transformers

    config, sizes, _ = NETWORKS[architecture]
    torch.manual_seed(0)
    network = getattr(transformers, architecture)(getattr(transformers, config)(**sizes)).eval()
    numbers = np.random.default_rng(0)
    if architecture.startswith("ViT"):
        return network, numbers.normal(size=(4, 3, 16, 16)).astype(np.float32)
    ids = numbers.integers(0, 60, (4, 11))
    mask = (np.arange(11) < [[11], [7], [3], [1]]).astype(np.int64)
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": (np.arange(11) > 5) * np.ones_like(ids)}
    return network, Several(tuple(given.values()), tuple(given))


def tensors(x):
    if isinstance(x, Several):
        return {name: torch.from_numpy(array) for name, array in zip(x.names, x.arrays, strict=True)}
    return {"pixel_values": torch.from_numpy(x)}


def test_a_folder_is_its_weights(folder, tmp_path):
    found = resolve(str(folder({})), tmp_path)
    assert (found.path.name, found.framework, found.title) == (WEIGHTS, "pytorch", tmp_path.name)


def test_a_folder_without_safetensors_is_told_how_to_save_them(tmp_path):
    (tmp_path / CONFIG).write_text("{}", encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(BadSetting, match=r"no model\.safetensors"):
        resolve(str(tmp_path), tmp_path)


@pytest.mark.parametrize("config", ["{", "[]", '"text"', "x" * (2 << 20), "[" * 100_000])
def test_a_configuration_that_is_none_is_refused(config, folder):
    with pytest.raises(RefusedFile, match=r"config\.json"):
        BACKEND.load(folder(config) / WEIGHTS)


@pytest.mark.parametrize("config", [
    {"auto_map": {"AutoModel": "evil.Evil"}},
    {"text_config": {"auto_map": {"AutoModel": "evil.Evil"}}},
    {"attn_implementation": "somebody/flash"},
    {"vision_config": [{"_attn_implementation": {"": "somebody/flash@main:attend"}}]},
    {"experts_implementation": "somebody/experts"},
    {"kernel_config": {"Linear": "somebody/linear"}},
    {"fusion_config": {"norm": True}},
    {"trust_remote_code": True},
])  # fmt: skip
@pytest.mark.parametrize("whole", [False, True])
def test_code_that_a_folder_brings_or_names_is_never_run(config, whole, folder, zipped):
    config = {"architectures": ["BertModel"], **config}
    path = zipped(config) if whole else folder(config) / WEIGHTS
    (path.parent / "evil.py").write_text("raise SystemExit", encoding="utf-8")
    with pytest.raises(RefusedFile, match="code of its own"):
        BACKEND.load(path)


def test_quantised_weights_are_told_of(folder):
    with pytest.raises(RefusedFile, match="quantised"):
        BACKEND.load(folder({"quantization_config": {"quant_method": "bitsandbytes"}}) / WEIGHTS)


@pytest.mark.parametrize(("members", "match"), [
    ({CONFIG: None}, "holds no config"),
    ({WEIGHTS: None}, r"no model\.safetensors"),
    ({WEIGHTS: None, "pytorch_model.bin": b"\x80\x04."}, "pickled"),
    ({WEIGHTS: b"\xff" * 64}, "damaged or cut short"),
    ({WEIGHTS: None, INDEX: b'{"weight_map": {"a": "../../evil.safetensors"}}'}, "lacks"),
    ({WEIGHTS: None, INDEX: b'{"weight_map": {"a": "evil.bin"}}'}, "damaged"),
    ({WEIGHTS: None, INDEX: b'{"weight_map": {"a": "model-1.safetensors"}}'}, "lacks"),
    ({"../evil.py": b""}, "points outside"),
    ({"adapter_config.json": b"{}"}, "adapter"),
])  # fmt: skip
def test_an_archive_that_is_no_folder_of_ours_is_refused_before_any_framework_sees_it(members, match, zipped):
    with pytest.raises(RefusedFile, match=match):
        BACKEND.vet(zipped(**members))


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(CONFIG, "{}")
        archive.writestr(WEIGHTS, bytes(32 << 20))
    with pytest.raises(RefusedFile, match="times its size"):
        BACKEND.vet(tmp_path / "bomb.zip")


def test_pickles_and_code_beside_the_weights_are_left_alone(zipped):
    BACKEND.vet(zipped(**{"pytorch_model.bin": b"\x80\x04cos\nsystem\n.", "modeling.py": b"raise SystemExit"}))


@pytest.mark.skipif(INSTALLED, reason="transformers is installed")
def test_without_the_package_one_sentence_says_so(folder):
    with pytest.raises(Unavailable, match="pip install transformers"):
        BACKEND.load(folder({"architectures": ["BertModel"]}) / WEIGHTS)


@needs_transformers
@pytest.mark.parametrize(("config", "match"), [
    ({"architectures": ["NoSuchNetwork"]}, "does not have"),
    ({"architectures": ["pipeline"]}, "does not have"),
    ({}, "does not have"),
    ({"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}, "no encoder"),
    ({"architectures": ["BertModel"], "is_decoder": True}, "no encoder"),
    ({"architectures": ["BertModel"], **SIZES, **TOKENS}, "missing"),
    ({"architectures": ["BertModel"], "hidden_size": "evil"}, "cannot be built"),
])  # fmt: skip
def test_what_is_no_encoder_of_the_package_is_told(config, match, folder):
    with pytest.raises(BadModel, match=match):
        BACKEND.load(folder(config) / WEIGHTS)


@pytest.fixture
def unplugged(monkeypatch):
    """No connection to anywhere."""

    def refused(*_):
        raise AssertionError("somebody called out")

    monkeypatch.setattr(socket.socket, "connect", refused)


@needs_transformers
@pytest.mark.parametrize("architecture", NETWORKS)
def test_an_encoder_opens_loses_heads_and_neurons_and_is_saved(architecture, tmp_path, unplugged):
    network, x = made(architecture)
    network.save_pretrained(tmp_path, max_shard_size="16KB" if architecture.startswith("Bert") else "1GB")
    opened = BACKEND.load(resolve(str(tmp_path), tmp_path).path)
    assert opened.input_names == tuple(tensors(x))
    expected = network(**tensors(x)).logits.detach().numpy()
    np.testing.assert_allclose(opened.predict(x), expected, atol=1e-5)
    found = groups(opened.graph())
    heads = [group for group in found if group.kind == "head" and group.cuttable]
    neurons = [group for group in found if group.channels == 32 and group.cuttable]
    assert (len(heads), len(neurons)) == (2, 2)
    kept = {
        (member.array, member.axis): np.flatnonzero(member.channel != 0).astype(np.int64)
        for group in (heads[0], neurons[1])
        for member in group.members
    }
    smaller = opened.cut(kept)
    behind = [network.get_submodule(name).weight for name in NETWORKS[architecture][2]]
    with torch.no_grad():
        behind[0][:, :8] = 0.0  # what the first head gives
        behind[1][:, 0] = 0.0  # what the first neuron gives
        np.testing.assert_allclose(smaller.predict(x), network(**tensors(x)).logits.numpy(), atol=1e-5)
    again = BACKEND.load(smaller.save(tmp_path / "smaller.pt2"))
    assert again.input_shapes == opened.input_shapes
    np.testing.assert_allclose(again.predict(x), smaller.predict(x), atol=1e-5)
