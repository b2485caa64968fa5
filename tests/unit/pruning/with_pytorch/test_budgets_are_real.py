"""What a budget counts without a framework is what the really cut network has."""

import pytest

from core.backends import backend
from core.budgets import BUDGETS, Left
from core.measures.macs import effective, total
from core.measures.size import sizes
from core.plan import Budget
from core.pruning import choose, cuts, decide, pools
from core.structures import STRUCTURES
from sample_models import SAMPLES

NAMES = [name for name, sample in SAMPLES.items() if sample.path("pytorch").is_file()]


@pytest.fixture(scope="module", params=NAMES)
def sample(request):
    return backend("pytorch").load(SAMPLES[request.param].path("pytorch"))


def cost(measure, model, decision):
    return BUDGETS[measure].cost(Left(model, model.graph(), model.arrays(), decision))


def test_of_everything_that_can_be_removed(sample, planned):
    plan, graph = planned(structure="removable", allocation="uniform"), sample.graph()
    if not STRUCTURES["removable"].units(graph):
        pytest.skip("nothing to remove")
    decision = decide(pools(sample, plan, None), plan, graph, amount=0.5)
    cut = sample.masked(decision.masks).cut(cuts(graph, decision))
    weighed = sizes(cut.arrays())
    if all(group.cuttable for group in STRUCTURES["removable"].units(graph)):
        assert cost("parameters", sample, decision) == weighed.parameters
        assert cost("macs", sample, decision) == total(cut.graph())
    assert cost("parameters", sample, decision) == weighed.nonzero
    assert cost("macs", sample, decision) == effective(cut.graph(), cut.arrays())
    assert cost("zipped_bytes", sample, decision) == weighed.zipped_bytes


def test_of_single_weights(sample, planned):
    plan, graph = planned(allocation="lamp"), sample.graph()
    decision = decide(pools(sample, plan, None), plan, graph, amount=0.7)
    masked = sample.masked(decision.masks)
    assert cost("zipped_bytes", sample, decision) == sizes(masked.arrays()).zipped_bytes
    assert cost("macs", sample, decision) == effective(masked.graph(), masked.arrays())


def test_latency_of_the_cut_network_is_measured(planned):
    model = backend("pytorch").load(SAMPLES["digits-lenet5"].path("pytorch"))
    plan = planned(structure="channel", budget=Budget("milliseconds", 1000.0))
    assert choose(model, plan, None, pools(model, plan, None)).sparsity == 0
    half = decide(pools(model, plan, None), plan, model.graph(), amount=0.5)
    assert 0 < cost("milliseconds", model, half) < 1000
