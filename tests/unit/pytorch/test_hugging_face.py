"""Hugging Face folders: built without their code, or one sentence on what is missing."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.backends.pytorch import BACKEND
from core.errors import BadModel, BadSetting, RefusedFile, Unavailable
from core.groups import groups
from core.references import resolve

INSTALLED = importlib.util.find_spec("transformers") is not None


@pytest.fixture
def folder(tmp_path):
    """A folder with a configuration and weights of nothing in particular."""

    def make(config):
        save_file({"weight": torch.zeros(2, 2)}, tmp_path / "model.safetensors")
        text = config if isinstance(config, str) else json.dumps(config)
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
        return tmp_path

    return make


def test_a_folder_is_its_weights(folder, tmp_path):
    found = resolve(str(folder({})), tmp_path)
    assert (found.path.name, found.framework, found.title) == ("model.safetensors", "pytorch", tmp_path.name)


def test_a_folder_without_safetensors_is_told_how_to_save_them(tmp_path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(BadSetting, match=r"no model\.safetensors"):
        resolve(str(tmp_path), tmp_path)


@pytest.mark.parametrize("config", ["{", "[]", '"text"', "x" * (2 << 20)])
def test_a_configuration_that_is_none_is_refused(config, folder):
    with pytest.raises(RefusedFile, match=r"config\.json"):
        BACKEND.load(folder(config) / "model.safetensors")


def test_code_that_a_folder_brings_is_never_run(folder):
    path = folder({"architectures": ["Evil"], "auto_map": {"AutoModel": "evil.Evil"}}) / "model.safetensors"
    (path.parent / "evil.py").write_text("raise SystemExit", encoding="utf-8")
    with pytest.raises(RefusedFile, match="code of its own"):
        BACKEND.load(path)


def test_kernels_from_the_hub_are_never_fetched(folder):
    config = {"architectures": ["BertModel"], "attn_implementation": "somebody/flash"}
    with pytest.raises(RefusedFile, match="code of its own"):
        BACKEND.load(folder(config) / "model.safetensors")


@pytest.mark.skipif(INSTALLED, reason="transformers is installed")
def test_without_the_package_one_sentence_says_so(folder):
    with pytest.raises(Unavailable, match="pip install transformers"):
        BACKEND.load(folder({"architectures": ["BertModel"]}) / "model.safetensors")


@pytest.mark.skipif(not INSTALLED, reason="transformers is not installed")
@pytest.mark.parametrize(("config", "match"), [
    ({"architectures": ["NoSuchNetwork"]}, "does not have"),
    ({"architectures": ["pipeline"]}, "does not have"),
    ({}, "does not have"),
    ({"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}, "no encoder"),
])  # fmt: skip
def test_what_is_no_encoder_of_the_package_is_told(config, match, folder):
    with pytest.raises(BadModel, match=match):
        BACKEND.load(folder(config) / "model.safetensors")


@pytest.mark.skipif(not INSTALLED, reason="transformers is not installed")
@pytest.mark.filterwarnings("ignore")
def test_an_encoder_opens_is_cut_and_saved(tmp_path):
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_labels=3
    )
    network = transformers.BertForSequenceClassification(config).eval()
    network.save_pretrained(tmp_path)
    opened = BACKEND.load(tmp_path / "model.safetensors")
    x = np.random.default_rng(0).integers(0, 60, (4, *opened.input_shapes[0]))
    expected = network(torch.from_numpy(x)).logits.detach().numpy()
    np.testing.assert_allclose(opened.predict(x), expected, atol=1e-5)
    inner = next(group for group in groups(opened.graph()) if group.cuttable and group.channels == 32)
    half = {(m.array, m.axis): np.flatnonzero(m.channel < 16).astype(np.int64) for m in inner.members}
    smaller = opened.cut(half)
    again = BACKEND.load(smaller.save(tmp_path / "smaller.pt2"))
    np.testing.assert_allclose(again.predict(x), smaller.predict(x), atol=1e-5)
