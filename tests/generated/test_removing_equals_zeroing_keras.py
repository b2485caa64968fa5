"""Random networks in Keras: removing equals zeroing."""

import os

import numpy as np
import pytest
from hypothesis import event, given

from core.backends.keras.loading import loaded
from core.groups import groups
from core.plan import DataChoice, Plan
from core.pruning import cuts, decide, pools
from core.structures import STRUCTURES
from tests.generated.keras_builder import built
from tests.generated.profiles import PROFILE
from tests.generated.specification import WORDS, specifications

#: TensorFlow compiles each network anew, for seconds: in CI only one structure of each is tried, a different one.
ALL = "TOPIARY_GENERATED_NETWORKS" in os.environ


def samples(specification, count=5):
    rng, shape = np.random.default_rng(specification.seed), specification.shape
    if specification.sample_kind == "tokens":
        return rng.integers(0, WORDS, (count, *shape))
    if specification.sample_kind == "picture":
        shape = (*shape[1:], shape[0])
    return rng.normal(size=(count, *shape)).astype(np.float32)


@pytest.mark.timeout(3600)
@PROFILE
@given(specifications())
def test_on_networks_nobody_thought_of(specification):
    model, x = loaded(built(specification)), samples(specification)
    graph = model.graph()
    assert not any(group.estimated for group in groups(graph))
    there = [structure for structure in specification.amounts if STRUCTURES[structure].units(graph)]
    for structure in there if ALL else there[specification.seed % max(1, len(there)) :][:1]:
        event(structure)
        plan = Plan("-", DataChoice("-"), criterion="random", structure=structure, allocation="uniform",
                    sparsity=specification.amounts[structure], seed=specification.seed)  # fmt: skip
        check(model, decide(pools(model, plan, None), plan, graph), x)


def check(model, decision, x):
    """Removed is zeroed; what is cut is smaller, for batches of any size."""
    removed = cuts(model.graph(), decision)
    masked = model.predict(x, decision.masks)
    cut = model.masked(decision.masks).cut(removed)
    tolerance = 1e-5 * max(1, float(np.abs(masked).max()))
    np.testing.assert_allclose(cut.predict(x), masked, rtol=0, atol=tolerance)
    np.testing.assert_allclose(cut.predict(x[:1]), masked[:1], rtol=0, atol=tolerance)
    sizes = [sum(array.size for array in each.arrays().values()) for each in (cut, model)]
    assert sizes[0] < sizes[1] if removed else sizes[0] == sizes[1]
