"""Plans that compress, carried out on a network small enough to be followed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from core import paths
from core.compression import read
from core.errors import BadModel, Cancelled, UnknownName
from core.experiment import run
from core.plan import Compression, DataChoice, Plan, Recovery
from core.recipes import read_recipe
from core.reports import Silent
from tests.unit.training.conftest import Noting, clusters, parts_of
from tests.unit.training.tiny_network import tiny

STEPS = (Compression("sharing", bits=2, epochs=2), Compression("coding"))


@pytest.fixture(scope="module")
def parts():
    return parts_of(clusters(90, 0), clusters(60, 1), clusters(60, 2))


@pytest.fixture
def plan():
    recovery = Recovery(epochs=2, batch_size=16, learning_rate=0.05, optimiser="sgd", keep_best=False)
    return Plan("tiny", DataChoice("clusters"), sparsity=0.5, recovery=recovery, compression=STEPS)


@pytest.fixture
def carried_out(parts, tmp_path):
    def go(plan, report=None, name="run", **more):
        given = {"model": tiny(4, 40), "parts": parts, "folder": tmp_path / name, **more}
        return run(plan, report or Silent(), **given)

    return go


def test_stages_tell_bytes_and_accuracy_of_every_step(carried_out, plan):
    noting = Noting()
    result = carried_out(plan, noting)
    assert [stage.name for stage in result.stages] == ["dense", "pruned", "sharing", "coding"]
    assert result.stages[0].bytes == result.before.dense_bytes
    sizes = [stage.bytes for stage in result.stages]
    assert sizes[0] > sizes[1] > sizes[2]
    assert sizes[-1] == result.after.compressed_bytes == paths.compressed_file(result.folder).stat().st_size
    assert result.stages[-1].accuracy == result.stages[-2].accuracy == result.after.accuracy
    told = json.loads(paths.result_file(result.folder).read_text())["stages"]
    assert told == json.loads(json.dumps([stage.to_dict() for stage in result.stages]))
    (finished,) = noting.of("finished")
    assert [stage["bytes"] for stage in finished["stages"]] == sizes


def test_every_file_holds_the_values_as_they_are_read_back(carried_out, plan):
    result = carried_out(plan)
    compact = read(result.artefacts["compressed"])
    saved, weights = np.load(result.model_file), load_file(paths.weights_file(result.folder))
    for name, array in compact.items():
        np.testing.assert_array_equal(saved[name], array)
        np.testing.assert_array_equal(weights[name], array)
    for name, mask in result.masks.items():
        assert not compact[name][~mask.kept].any()
    assert len(np.unique(compact["fc1.kernel"])) <= 5


def test_shared_values_that_learn_lose_less(carried_out, plan):
    losses = {}
    for epochs in (0, 6):
        steps = (Compression("sharing", bits=1, epochs=epochs),)
        losses[epochs] = carried_out(replace(plan, compression=steps), name=f"{epochs}").after.loss
    assert losses[6] < losses[0]


def test_a_run_stopped_while_it_compresses_ends_as_if_it_had_not_been(carried_out, plan):
    whole = carried_out(plan, name="whole")
    counting = Noting(10_000)
    carried_out(plan, counting, name="counted")
    polls = 10_000 - counting._polls
    stopped = 0
    for cancel_after in range(polls - 40, polls, 13):
        stopping = Noting(cancel_after)
        with pytest.raises(Cancelled):
            carried_out(plan, stopping, name=f"stopped{cancel_after}")
        texts = [data["text"] for kind, data in stopping.events if kind == "progress"]
        stopped += any("shared values" in text for text in texts)
        again = carried_out(plan, name=f"stopped{cancel_after}")
        for name, array in whole.model.arrays().items():
            np.testing.assert_array_equal(again.model.arrays()[name], array)
    assert stopped


def test_a_recipe_compresses_again_to_the_same_bytes(carried_out, plan):
    first = carried_out(plan)
    recipe = read_recipe(first.recipe_file)
    assert recipe.plan.compression == STEPS
    second = carried_out(recipe.plan, name="again", stored=recipe.masks)
    assert first.artefacts["compressed"].read_bytes() == second.artefacts["compressed"].read_bytes()


def test_what_cannot_be_done_is_said_before_anything_is_trained(carried_out, plan):
    noting = Noting()
    with pytest.raises(UnknownName, match="nonsense"):
        carried_out(replace(plan, compression=(Compression("nonsense"),)), noting)
    stuck = tiny(4, 40)
    stuck.trainable = False
    still = replace(plan, recovery=replace(plan.recovery, epochs=0))
    with pytest.raises(BadModel, match="0 epochs"):
        carried_out(still, noting, model=stuck)
    assert not noting.events
    untrained = replace(still, compression=(Compression("sharing", bits=2),))
    assert carried_out(untrained, model=stuck).stages


def test_without_compression_there_are_no_stages_and_an_old_file_goes(carried_out, plan):
    carried_out(plan)
    result = carried_out(replace(plan, compression=()))
    assert result.stages == ()
    assert "compressed" not in result.artefacts
    assert not paths.compressed_file(result.folder).exists()
