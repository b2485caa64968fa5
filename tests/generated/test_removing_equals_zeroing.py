"""Random networks: removing equals zeroing."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import event, given

from core.backends.pytorch import BACKEND
from core.groups import groups
from core.plan import DataChoice, Plan
from core.pruning import cuts, decide, pools
from core.structures import STRUCTURES
from tests.generated.profiles import PROFILE
from tests.generated.pytorch_builder import built
from tests.generated.specification import WORDS, specifications


def opened(specification):
    """The network behind the seam, through a file."""
    network, dtype = built(specification), torch.int64 if specification.sample_kind == "tokens" else torch.float32
    example = torch.zeros((2, *specification.shape), dtype=dtype)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.pt2"
        program = torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        torch.export.save(program, path)
        return network, BACKEND.load(path)


def samples(specification, count=5):
    rng = np.random.default_rng(specification.seed)
    if specification.sample_kind == "tokens":
        return rng.integers(0, WORDS, (count, *specification.shape))
    return rng.normal(size=(count, *specification.shape)).astype(np.float32)


@pytest.mark.timeout(3600)
@PROFILE
@given(specifications())
def test_on_networks_nobody_thought_of(specification):
    network, model = opened(specification)
    x = samples(specification)
    with torch.no_grad():
        expected = network(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))
    graph = model.graph()
    assert not any(group.estimated for group in groups(graph))
    for structure, amount in specification.amounts.items():
        if not STRUCTURES[structure].units(graph):
            continue
        event(structure)
        plan = Plan("-", DataChoice("-"), criterion="random", structure=structure, allocation="uniform",
                    sparsity=amount, seed=specification.seed)  # fmt: skip
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
