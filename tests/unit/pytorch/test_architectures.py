"""Eleven kinds of networks that people prune: half of what can go is removed; what is left is a network like any."""

import json
import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from core.groups import groups
from core.plan import DataChoice, Plan, Recovery
from core.pruning import cuts, decide, pools
from core.structures import STRUCTURES
from sample_models.architectures import ARCHITECTURES, WORDS

#: Architecture -> what it has to remove.
REMOVED = {
    **dict.fromkeys(ARCHITECTURES, ("channel",)),
    "gru": ("channel", "hidden", "removable"),
    "lstm": ("channel", "hidden", "removable"),
    "vit": ("channel", "head", "removable"),
    "encoder": ("channel", "head", "removable"),
}
#: Exporting costs a second a network: what has several structures is saved with all of them.
SAVED = [(name, structures[-1]) for name, structures in REMOVED.items()]
CASES = [(name, structure) for name, structures in REMOVED.items() for structure in structures]
#: In a process of its own, with nothing of this project: every file opens, is smaller and gives the same.
PLAIN = """
import json, pathlib, sys, warnings
warnings.simplefilter("ignore")
import torch
found = {}
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.pt2")):
    model = torch.export.load(file).module()
    x, y = torch.load(file.with_suffix(".pt"))
    with torch.no_grad():
        same = [float((model(x[:n]) - y[:n]).abs().max()) for n in (1, 5)]
    found[file.stem] = {"parameters": sum(p.numel() for p in model.parameters()), "differences": same,
                        "shapes": {name: list(p.shape) for name, p in model.named_parameters()}}
assert not any(name.split(".")[0] in ("core", "sample_models") for name in sys.modules)
print(json.dumps(found))
"""


def near(outputs):
    return 1e-5 * max(1, float(np.abs(outputs).max()))


def samples(name, count=5):
    """Pictures and series drawn at random; tokens of the vocabulary."""
    rng, one = np.random.default_rng(3), ARCHITECTURES[name]
    if one.sample_kind == "tokens":
        return rng.integers(0, WORDS, (count, *one.shape))
    return rng.normal(size=(count, *one.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def networks(write, randomised, tmp_path_factory):
    """Every architecture with statistics, scales and biases of its own, as after some training."""
    from core.backends.pytorch import BACKEND

    builders, folder, found = import_module("sample_models.architectures.pytorch"), tmp_path_factory.mktemp("whole"), {}
    for name, one in ARCHITECTURES.items():
        torch.manual_seed(7)
        dtype = torch.int64 if one.sample_kind == "tokens" else torch.float32
        network = randomised(getattr(builders, name)())
        found[name] = BACKEND.load(write(network, one.shape, folder / f"{name}.pt2", dtype=dtype))
    return found


@pytest.fixture(scope="module")
def removed(networks):
    """By architecture and structure: the decision and the smaller network."""
    known = {}

    def remove(name, structure):
        if (name, structure) not in known:
            model = networks[name]
            plan = Plan(
                "-", DataChoice("-"), criterion="l1_norm", structure=structure, allocation="uniform", sparsity=0.5
            )
            decision = decide(pools(model, plan, None), plan, model.graph())
            known[name, structure] = decision, model.cut(cuts(model.graph(), decision))
        return known[name, structure]

    return remove


@pytest.fixture(scope="module")
def reopened(removed, tmp_path_factory):
    """What plain PyTorch says of every saved network."""
    folder = tmp_path_factory.mktemp("saved")
    for name, structure in SAVED:
        _, smaller = removed(name, structure)
        smaller.save(folder / f"{name}-{structure}.pt2")
        x = samples(name)
        torch.save((torch.from_numpy(x), torch.from_numpy(smaller.predict(x))), folder / f"{name}-{structure}.pt")
    command = [sys.executable, "-c", PLAIN, str(folder)]
    done = subprocess.run(
        command, cwd=folder, env={"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_all_are_small(networks):
    for name, model in networks.items():
        assert sum(array.size for array in model.arrays().values()) < 300_000, name
        assert not model.notes


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_everything_that_can_go_can_go_for_good(networks, name):
    graph = networks[name].graph()
    found = [structure for structure in ("channel", "head", "hidden") if STRUCTURES[structure].units(graph)]
    assert found == [structure for structure in REMOVED[name] if structure != "removable"]
    assert all(group.cuttable and not group.estimated for group in groups(graph))


@pytest.mark.parametrize(("name", "structure"), CASES)
def test_half_of_everything_is_gone_for_good(networks, removed, name, structure):
    decision, smaller = removed(name, structure)
    graph = networks[name].graph()
    removed_arrays = {array for array, _ in cuts(graph, decision)}
    assert all(decision.removed[pool] == -(-size // 2) for pool, size in decision.sizes.items())
    assert removed_arrays == {array for array in graph.arrays if smaller.graph().arrays[array] != graph.arrays[array]}
    assert removed_arrays


@pytest.mark.parametrize(("name", "structure"), CASES)
def test_removing_equals_zeroing(networks, removed, name, structure):
    decision, smaller = removed(name, structure)
    masked = networks[name].predict(samples(name), decision.masks)
    np.testing.assert_allclose(smaller.predict(samples(name)), masked, atol=near(masked))


@pytest.mark.parametrize(("name", "structure"), CASES)
def test_after_a_training_step_too(networks, removed, name, structure):
    decision, smaller = removed(name, structure)
    x, found = samples(name), []
    for model, masks in ((networks[name], decision.masks), (smaller, {})):
        trainer = model.trainer(Recovery(batch_size=5, optimiser="sgd"), masks, 0)
        trainer.epoch(x, np.arange(5), 0, 1e-2)
        found.append(trainer.model())
    expected = found[0].predict(x)
    assert np.abs(expected - networks[name].predict(x, decision.masks)).max() > 1e-4, "something was learned"
    np.testing.assert_allclose(found[1].predict(x), expected, atol=near(expected))
    again = found[0].cut(cuts(networks[name].graph(), decision))  # trained under masks, then cut, as a run does
    np.testing.assert_allclose(again.predict(x), expected, atol=near(expected))


@pytest.mark.parametrize(("name", "structure"), SAVED)
def test_the_saved_file_opens_in_plain_pytorch_smaller_and_equal(networks, removed, reopened, name, structure):
    _, smaller = removed(name, structure)
    found = reopened[f"{name}-{structure}"]
    assert max(found["differences"]) <= near(smaller.predict(samples(name)))
    whole = networks[name].module.parameters()
    assert found["parameters"] < sum(parameter.numel() for parameter in whole)
    assert found["parameters"] == sum(parameter.numel() for parameter in smaller.module.parameters())


def test_fewer_heads_and_units_are_what_plain_pytorch_reads(reopened):
    assert reopened["vit-removable"]["shapes"]["block1_attention.query_weight"] == [24, 24]
    assert reopened["gru-removable"]["shapes"]["gru1.weight_hh_l0_reverse"] == [36, 12]
    assert reopened["encoder-removable"]["shapes"]["words.weight"] == [WORDS, 16]


def test_what_is_removed_is_what_the_stored_table_says(networks):
    project = Path(__file__).parents[1] / "project"
    table = runpy.run_path(str(project / "coverage.py"))
    stored = table["stored"]()["pytorch"]
    assert {name: table["covered"](model) for name, model in networks.items()} == stored, (
        "Run: python tests/unit/project/coverage.py pytorch"
    )
