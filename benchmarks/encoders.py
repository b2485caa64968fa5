"""Which Hugging Face encoders open, and what of them is cut: one small network of random weights per family.

    python benchmarks/encoders.py [FAMILY …]

Each is saved as a folder, opened again, compared with transformers on a padded batch, and loses its first head and its
first inner neuron wherever they can be cut. Families that come out right belong into
``core.backends.pytorch.encoders.FAMILIES``.
"""

import sys
import tempfile
import time
import warnings
from math import prod
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
warnings.simplefilter("ignore")

import numpy as np
import torch
import transformers

from core.backends.pytorch import BACKEND, hugging_face
from core.backends.pytorch.encoders import FAMILIES
from core.errors import PruneError
from core.groups import groups
from core.inputs import Several

WORDS = {"vocab_size": 60, "num_labels": 3, "max_position_embeddings": 40}
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
TEXT = {**WORDS, **SIZES}
SIGHT = {**SIZES, "num_labels": 3, "image_size": 16, "patch_size": 8}
#: Family -> architecture, configuration, sizes.
CASES = {
    "albert": ("AlbertForSequenceClassification", "AlbertConfig", {**TEXT, "embedding_size": 8}),
    "beit": ("BeitForImageClassification", "BeitConfig", {**SIGHT, "use_mask_token": False}),
    "bert": ("BertForSequenceClassification", "BertConfig", TEXT),
    "camembert": ("CamembertForSequenceClassification", "CamembertConfig", TEXT),
    "deberta": ("DebertaForSequenceClassification", "DebertaConfig", TEXT),
    "deberta-v2": ("DebertaV2ForSequenceClassification", "DebertaV2Config", TEXT),
    "deit": ("DeiTForImageClassification", "DeiTConfig", SIGHT),
    "dinov2": ("Dinov2ForImageClassification", "Dinov2Config", SIGHT),
    "distilbert": ("DistilBertForSequenceClassification", "DistilBertConfig",
                   {**WORDS, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}),
    "electra": ("ElectraForSequenceClassification", "ElectraConfig", {**TEXT, "embedding_size": 16}),
    "modernbert": ("ModernBertForSequenceClassification", "ModernBertConfig", {**TEXT, "pad_token_id": 0}),
    "mpnet": ("MPNetForSequenceClassification", "MPNetConfig", TEXT),
    "roberta": ("RobertaForSequenceClassification", "RobertaConfig", TEXT),
    "vit": ("ViTForImageClassification", "ViTConfig", SIGHT),
    "xlm-roberta": ("XLMRobertaForSequenceClassification", "XLMRobertaConfig", TEXT),
}  # fmt: skip


def batch(names: tuple[str, ...]) -> np.ndarray | Several:
    """Four samples, padded to different lengths."""
    numbers = np.random.default_rng(0)
    if names == ("pixel_values",):
        return numbers.normal(size=(4, 3, 16, 16)).astype(np.float32)
    ids = numbers.integers(3, 60, (4, 11))
    mask = (np.arange(11) < [[11], [7], [3], [1]]).astype(np.int64)
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return Several(tuple(given[name] for name in names), names)


def measured(family: str) -> str:
    """One row of the table."""
    architecture, config, sizes = CASES[family]
    torch.manual_seed(0)
    network = getattr(transformers, architecture)(getattr(transformers, config)(**sizes)).eval()
    with tempfile.TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        start = time.process_time()
        try:
            opened = BACKEND.load(Path(folder) / "model.safetensors")
        except PruneError as err:
            return f"| {family} | no: {err} | | | |"
        seconds = time.process_time() - start
    x = batch(opened.input_names)
    arrays = x.arrays if isinstance(x, Several) else (x,)
    given = {name: torch.from_numpy(array) for name, array in zip(opened.input_names, arrays, strict=True)}
    with torch.no_grad():
        expected = network(**given).logits.numpy()
    off = float(np.abs(opened.predict(x) - expected).max())
    found = groups(opened.graph())
    heads = [group for group in found if group.kind == "head" and group.cuttable]
    neurons = [group for group in found if group.kind == "channel" and group.channels == 32 and group.cuttable]
    smaller = opened.cut(
        {(m.array, m.axis): np.flatnonzero(m.channel != 0) for g in (*heads, *neurons) for m in g.members}
    )
    whole = sum(parameter.numel() for parameter in network.parameters())
    left = sum(prod(shape) for shape in smaller.graph().arrays.values())
    length = "any" if None in opened.input_shapes[0] else "fixed"
    return f"| {family} | {off:.0e}, {length}, {seconds:.1f} s | {len(heads)} | {len(neurons)} | {whole} to {left} |"


def main() -> None:
    """Print the table."""
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    wanted = sys.argv[1:] or [*FAMILIES]
    hugging_face.FAMILIES = tuple(CASES)  # also those that are not opened yet
    print("| family | opens: difference, tokens, time | heads cut in | neurons cut in | parameters |")
    print("|---|---|---|---|---|")
    for family in wanted:
        try:
            row = measured(family)
        except Exception as err:  # a family that fails must not take the others along
            row = f"| {family} | fails: {type(err).__name__}: {str(err)[:120]} | | | |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
