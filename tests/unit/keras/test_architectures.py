"""Kinds of networks that people prune: half of what can go is removed, and what is left is a network like any."""

import json
import os
import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import pytest

from core.backends.keras.loading import loaded
from core.groups import groups
from core.plan import DataChoice, Plan, Recovery
from core.pruning import cuts, decide, pools
from core.structures import STRUCTURES
from sample_models.architectures import ARCHITECTURES, WORDS

ROOT = Path(__file__).resolve().parents[3]
BUILDERS = import_module("sample_models.architectures.keras")
#: Architecture -> what it has to remove.
REMOVED = {
    **dict.fromkeys(ARCHITECTURES, ("channel",)),
    "gru": ("channel", "hidden", "removable"),
    "lstm": ("channel", "hidden", "removable"),
    "vit": ("channel", "head", "removable"),
    "encoder": ("channel", "head", "removable"),
}
#: One of each opens in plain Keras: what removes most.
MOST = [(name, structures[-1]) for name, structures in REMOVED.items()]
#: What is trained under masks, then cut, and trained after it was cut.
TRAINED = [("mobilenet", "channel"), ("encoder", "removable")]
#: TensorFlow takes seconds to compile a training step: what has the layers of another here, or is TRAINED, is left out.
ALIKE = {"resnet_bottleneck", "inception", "lstm", *dict(TRAINED)}
LEARNING = [case for case in MOST if "TOPIARY_THOROUGH" in os.environ or case[0] not in ALIKE]
CASES = [(name, structure) for name, structures in REMOVED.items() for structure in structures]
#: In a process of its own, with nothing of this project: every file opens, is smaller and gives the same.
PLAIN = """
import json, pathlib, sys
import keras, numpy as np
found = {}
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    model = keras.saving.load_model(file)
    given = np.load(file.with_suffix(".npz"))
    same = [float(np.abs(model(given["x"][:n]).numpy() - given["y"][:n]).max()) for n in (1, 5)]
    found[file.stem] = {"shapes": {"/".join(v.path.split("/")[-2:]): list(v.shape) for v in model.weights},
                        "parameters": model.count_params(), "differences": same}
assert not any(name.split(".")[0] in ("core", "sample_models") for name in sys.modules)
print(json.dumps(found))
"""


def near(outputs):
    return 1e-5 * max(1, float(np.abs(outputs).max()))


def samples(model, count=5):
    """Pictures and series drawn at random; tokens of the vocabulary for an integer input."""
    rng = np.random.default_rng(3)
    entry = model.network.walk.inputs[0][1]
    if "int" in str(entry.dtype):
        return rng.integers(0, WORDS, (count, *entry.shape[1:]))
    return rng.normal(size=(count, *entry.shape[1:])).astype(np.float32)


@pytest.fixture(scope="module")
def networks():
    """Every architecture with statistics, scales and biases of its own, as after some training."""
    found = {}
    for name in REMOVED:
        keras.utils.set_random_seed(7)
        model = getattr(BUILDERS, name)()
        rng = np.random.default_rng(7)
        for variable in model.weights:
            if len(variable.shape) == 1:
                noise = rng.normal(size=variable.shape) * 0.2
                variable.assign(variable.numpy() + (np.abs(noise) if "variance" in variable.path else noise))
        found[name] = loaded(model)
    return found


@pytest.fixture(scope="module")
def removed(networks):
    """By architecture and structure: the decision, the masks' outputs, the smaller network."""
    known = {}

    def remove(name, structure):
        if (name, structure) not in known:
            model = networks[name]
            plan = Plan(
                "-", DataChoice("-"), criterion="l1_norm", structure=structure, allocation="uniform", sparsity=0.5
            )
            decision = decide(pools(model, plan, None), plan, model.graph())
            smaller = model.masked(decision.masks).cut(cuts(model.graph(), decision))
            known[name, structure] = decision, model.predict(samples(model), decision.masks), smaller
        return known[name, structure]

    return remove


@pytest.fixture(scope="module")
def reopened(removed, tmp_path_factory):
    """What plain Keras says of every saved network."""
    folder = tmp_path_factory.mktemp("saved")
    for name, structure in MOST:
        _, _, smaller = removed(name, structure)
        smaller.save(folder / f"{name}-{structure}.keras")
        x = samples(smaller)
        np.savez(folder / f"{name}-{structure}.npz", x=x, y=smaller.predict(x))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-c", PLAIN, str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize(("name", "structure"), CASES)
def test_removing_equals_zeroing(removed, name, structure):
    _, masked, smaller = removed(name, structure)
    np.testing.assert_allclose(smaller.predict(samples(smaller)), masked, atol=near(masked))


@pytest.mark.parametrize(("name", "structure"), CASES)
def test_half_of_everything_is_gone_for_good(networks, removed, name, structure):
    decision, _, smaller = removed(name, structure)
    graph = networks[name].graph()
    removed_arrays = {array for array, _ in cuts(graph, decision)}
    assert decision.removed.keys() == decision.sizes.keys()
    assert all(decision.removed[pool] == size - size // 2 for pool, size in decision.sizes.items())
    assert removed_arrays == {array for array in graph.arrays if smaller.graph().arrays[array] != graph.arrays[array]}
    assert removed_arrays


@pytest.mark.parametrize(("name", "structure"), LEARNING)
def test_it_learns_on(removed, name, structure):
    _, _, smaller = removed(name, structure)
    trainer = smaller.trainer(Recovery(batch_size=5), {}, 0)
    found = trainer.epoch(samples(smaller), np.arange(5), 0, 1e-3)
    assert np.isfinite(found.loss)
    assert every_weight_moved(trainer.model(), smaller)


def every_weight_moved(after, before):
    return all((after.arrays()[w.name] != before.arrays()[w.name]).any() for w in before.graph().weights())


@pytest.mark.parametrize(("name", "structure"), MOST)
def test_the_saved_file_opens_in_plain_keras_smaller_and_equal(networks, removed, reopened, name, structure):
    _, masked, smaller = removed(name, structure)
    found = reopened[f"{name}-{structure}"]
    assert max(found["differences"]) <= near(masked)
    assert found["parameters"] < sum(array.size for array in networks[name].arrays().values())
    assert found["parameters"] == sum(array.size for array in smaller.arrays().values())


def test_fewer_heads_and_units_are_what_plain_keras_reads(reopened):
    assert reopened["vit-removable"]["shapes"]["query/kernel"] == [24, 2, 12]
    assert reopened["vit-removable"]["shapes"]["attention_output/kernel"] == [2, 12, 24]
    assert reopened["gru-removable"]["shapes"]["gru_cell/recurrent_kernel"] == [16, 48]
    assert reopened["encoder-removable"]["shapes"]["words/embeddings"] == [64, 16]


def test_all_are_small_and_understood(networks):
    for name, model in networks.items():
        assert sum(array.size for array in model.arrays().values()) < 300_000, name
        assert not model.notes


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_everything_that_can_go_can_go_for_good(networks, name):
    graph = networks[name].graph()
    found = [structure for structure in ("channel", "head", "hidden") if STRUCTURES[structure].units(graph)]
    assert found == [structure for structure in REMOVED[name] if structure != "removable"]
    assert all(group.cuttable and not group.estimated for group in groups(graph))


@pytest.mark.parametrize(("name", "structure"), TRAINED)
def test_what_is_trained_under_masks_is_what_the_smaller_network_learns(networks, removed, name, structure):
    decision, _, smaller = removed(name, structure)
    x, found = samples(smaller), []
    for model, masks in ((networks[name], decision.masks), (smaller, {})):
        trainer = model.trainer(Recovery(batch_size=5, optimiser="sgd"), masks, 0)
        trainer.epoch(x, np.arange(5), 0, 1e-2)
        found.append(trainer.model())
    assert every_weight_moved(found[1], smaller)
    expected = found[0].predict(x)
    assert np.abs(expected - networks[name].predict(x, decision.masks)).max() > 1e-4, "something was learned"
    np.testing.assert_allclose(found[1].predict(x), expected, atol=near(expected))
    again = found[0].cut(cuts(networks[name].graph(), decision))  # trained under masks, then cut, as a run does
    np.testing.assert_allclose(again.predict(x), expected, atol=near(expected))


def test_what_is_removed_is_what_the_stored_table_says(networks):
    table = runpy.run_path(str(ROOT / "tests" / "unit" / "project" / "coverage.py"))
    stored = table["stored"]()["keras"]
    assert {name: table["covered"](model) for name, model in networks.items()} == stored, (
        "Run: python tests/unit/project/coverage.py keras"
    )
