"""torch.nn.utils.prune as oracle: the same counts, and away from ties the same places."""

import numpy as np
import pytest
import torch
from torch.nn.utils import prune

from core.graph import Graph
from core.plan import Limits
from core.pruning import decide, pools

SHAPES = {"a.kernel": (20, 7), "b.kernel": (6, 3, 3, 3), "c.kernel": (4, 11)}
UNGUARDED = Limits(guard=False)  # the peer empties layers: at 99 % all 44 weights of one
AMOUNTS = (0.0, 0.05, 0.333, 0.5, 0.8, 0.9, 0.99)


@pytest.fixture
def network(filled):
    return filled(Graph((), SHAPES, {}), seed=4)


def modules(network) -> list[torch.nn.Module]:
    made = [torch.nn.Module() for _ in SHAPES]
    for module, value in zip(made, network.values.values(), strict=True):
        module.weight = torch.nn.Parameter(torch.from_numpy(value.copy()))
    return made


def kept(network, decision) -> list[np.ndarray]:
    whole = {name: np.ones(shape, bool) for name, shape in SHAPES.items()}
    return list((whole | {n: m.kept for n, m in decision.masks.items()}).values())


@pytest.mark.parametrize("amount", AMOUNTS)
def test_global_magnitude_is_global_unstructured(network, planned, amount):
    peers = modules(network)
    prune.global_unstructured([(m, "weight") for m in peers], prune.L1Unstructured, amount=amount)
    decision = decide(pools(network, planned(), None), planned(sparsity=amount, limits=UNGUARDED), network.graph())
    for ours, peer in zip(kept(network, decision), peers, strict=True):
        np.testing.assert_array_equal(ours, peer.weight_mask.numpy().astype(bool))


@pytest.mark.parametrize("amount", AMOUNTS)
def test_uniform_magnitude_is_l1_unstructured(network, planned, amount):
    peers = modules(network)
    for peer in peers:
        prune.l1_unstructured(peer, "weight", amount=amount)
    plan = planned(sparsity=amount, limits=UNGUARDED, allocation="uniform")
    decision = decide(pools(network, plan, None), plan, network.graph())
    for ours, peer in zip(kept(network, decision), peers, strict=True):
        np.testing.assert_array_equal(ours, peer.weight_mask.numpy().astype(bool))


@pytest.mark.parametrize("amount", AMOUNTS)
def test_chance_removes_as_many_as_random_unstructured(network, planned, amount):
    peers = modules(network)
    for peer in peers:
        prune.random_unstructured(peer, "weight", amount=amount)
    plan = planned(sparsity=amount, limits=UNGUARDED, allocation="uniform", criterion="random")
    removed = decide(pools(network, plan, None), plan, network.graph()).removed
    assert list(removed.values()) == [int((peer.weight_mask == 0).sum()) for peer in peers]


@pytest.mark.parametrize("amount", AMOUNTS)
def test_counts_agree_under_ties_too(network, planned, amount):
    for value in network.values.values():
        np.round(value, out=value)
    peers = modules(network)
    prune.global_unstructured([(m, "weight") for m in peers], prune.L1Unstructured, amount=amount)
    decision = decide(pools(network, planned(), None), planned(sparsity=amount, limits=UNGUARDED), network.graph())
    assert sum(decision.removed.values()) == sum(int((peer.weight_mask == 0).sum()) for peer in peers)
