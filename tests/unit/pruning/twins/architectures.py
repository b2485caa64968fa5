"""Run as ``python architectures.py FRAMEWORK FOLDER``: what one framework makes of every architecture.

PyTorch comes first: it draws the weights and leaves them in ``FOLDER/weights-NAME.npz``, canonical, for Keras to take.
"""

import json
import sys
import tempfile
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np

from core.groups import groups
from core.measures.macs import by_layer, total
from core.plan import DataChoice, Plan
from core.pruning import decide, pools
from core.structures import STRUCTURES
from sample_models.architectures import ARCHITECTURES, WORDS

CRITERIA = ("l1_norm", "l2_norm")
ALLOCATIONS = ("uniform", "global")
#: Keras' names of what PyTorch calls otherwise.
NAMES = {
    ".forward.": ".l0.",
    ".backward.": ".l0_reverse.",
    "token.embedding": "token.parameter",
    "position.embedding": "position.parameter",
}


def canonical(name: str) -> str:
    """An array's name as PyTorch has it."""
    for own, other in NAMES.items():
        name = name.replace(own, other)
    return name


def opened(framework: str, name: str, folder: Path):
    """The network, with PyTorch's weights."""
    network = getattr(import_module(f"sample_models.architectures.{framework}"), name)
    return (_keras if framework == "keras" else _pytorch)(network, name, folder)


def _pytorch(network, name, folder):
    import torch

    from core.backends.pytorch import BACKEND

    torch.manual_seed(1)
    module, one = network().eval(), ARCHITECTURES[name]
    for key, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_floating_point() and tensor.dim() == 1:
            tensor.data.uniform_(0.5, 1.5) if "var" in key or "weight" in key else tensor.data.uniform_(-0.3, 0.3)
    example = torch.zeros((2, *one.shape), dtype=torch.int64 if one.sample_kind == "tokens" else torch.float32)
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Path(place) / "network.pt2"
        torch.export.save(torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("n")},)), file)
        model = BACKEND.load(file)
    np.savez(folder / f"weights-{name}.npz", **model.arrays())
    return model


def _keras(network, name, folder):
    from core.backends.keras.loading import loaded

    model = loaded(network())
    with np.load(folder / f"weights-{name}.npz") as given:
        arrays = {own: given[canonical(own)].reshape(array.shape) for own, array in model.arrays().items()}
        assert len(arrays) == len(given.files)
    return model.with_arrays(arrays)


def samples(framework: str, name: str) -> np.ndarray:
    """The same five in both, in the framework's own order of axes."""
    one, rng = ARCHITECTURES[name], np.random.default_rng(2)
    if one.sample_kind == "tokens":
        return rng.integers(0, WORDS, (5, *one.shape))
    x = rng.normal(size=(5, *one.shape)).astype(np.float32)
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if framework == "keras" and x.ndim == 4 else x


def measure(framework: str, name: str, folder: Path, out: dict[str, np.ndarray]) -> dict[str, object]:
    """Outputs, scores and masks into ``out``; groups and multiply-adds are returned."""
    model, x = opened(framework, name, folder), samples(framework, name)
    graph = model.graph()
    out[f"outputs/{name}"] = model.predict(x)
    called = {group.name: _called(group) for group in groups(graph)}
    for structure in ("channel", "head", "hidden", "removable"):
        if not STRUCTURES[structure].units(graph):
            continue
        for criterion in CRITERIA:
            plan = Plan("-", DataChoice("-"), criterion=criterion, structure=structure)
            found = pools(model, plan, None)
            case = f"{name}/{structure}/{criterion}"
            out |= {f"scores/{case}/{called[pool]}": each.scores for pool, each in found.items()}
            for allocation in ALLOCATIONS:
                plan = Plan("-", DataChoice("-"), criterion=criterion, structure=structure, allocation=allocation)
                masks = decide(found, plan, graph, amount=0.5).masks
                out |= {f"masks/{case}/{allocation}/{canonical(a)}": m.kept.ravel() for a, m in masks.items()}
                out[f"masked/{case}/{allocation}"] = model.predict(x, masks)
    return {
        "groups": [[called[g.name], g.kind, g.channels, g.cuttable, bool(g.estimated)] for g in groups(graph)],
        "macs": total(graph),
        "by layer": {canonical(f"{layer}.")[:-1]: count for layer, count in by_layer(graph).items()},
    }


def _called(group) -> str:
    """Its name; the two directions of one layer are called by what both make, as their own names differ."""
    made = {canonical(member.array).rpartition(".")[0] for member in group.members if member.produces}
    own = canonical(f"{group.name}.")[:-1]
    return min(made) if own in made else own


if __name__ == "__main__":
    place, arrays = Path(sys.argv[2]), {}
    facts = {name: measure(sys.argv[1], name, place, arrays) for name in ARCHITECTURES}
    np.savez(place / f"{sys.argv[1]}.npz", **arrays)
    (place / f"{sys.argv[1]}.json").write_text(json.dumps(facts), encoding="utf-8")
