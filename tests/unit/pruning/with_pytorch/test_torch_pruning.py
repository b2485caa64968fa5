"""Torch-Pruning as oracle: the same groups, so the same shapes and parameters after a cut."""

import copy
import warnings

import pytest
import torch
import torch_pruning as tp

from core.groups import groups
from core.pruning import cuts, decide, pools

AMOUNTS = (0.25, 0.5, 0.7)
X = torch.zeros(2, 1, 10, 10)


def shapes_by_layer(named) -> dict[str, list[tuple[int, ...]]]:
    """By layer the shapes of its trained arrays, whatever each library calls them."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for name, shape in named:
        found.setdefault(name.rpartition(".")[0], []).append(tuple(shape))
    return {layer: sorted(shapes) for layer, shapes in found.items()}


def ours(model, plan):
    decision = decide(pools(model, plan, None), plan, model.graph())
    cut = model.cut(cuts(model.graph(), decision))
    trained = ((n, a.shape) for n, a in cut.arrays().items() if not n.endswith((".mean", ".variance")))
    return shapes_by_layer(trained)


def theirs(network, amount, importance, *, together):
    peer = copy.deepcopy(network)
    last = [module for module in peer.modules() if isinstance(module, torch.nn.Linear)][-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tp.pruner.MetaPruner(
            peer, X, importance(peer), global_pruning=together, pruning_ratio=amount, ignored_layers=[last]
        ).step()
    return shapes_by_layer((name, parameter.shape) for name, parameter in peer.named_parameters())


def scored_as(found, graph):
    """An importance for Torch-Pruning that gives it our scores, on the scale of our global ranking."""
    makers = {m.array.rpartition(".")[0]: g.name for g in groups(graph) for m in g.members if m.produces}

    def importance(peer):
        names = {module: name for name, module in peer.named_modules()}

        def score(group):
            making = (names.get(dep.target.module) for dep, _ in group if "out_channels" in dep.handler.__name__)
            pool = found[next(makers[layer] for layer in making if layer in makers)]
            return torch.from_numpy(pool.scores / pool.scores.mean())

        return score

    return importance


@pytest.mark.parametrize("amount", AMOUNTS)
def test_uniform_channels_leave_the_same_shapes(network, model, planned, amount):
    plan = planned(structure="channel", allocation="uniform", criterion="l2_norm", sparsity=amount)
    peer = theirs(network, amount, lambda _: tp.importance.GroupMagnitudeImportance(p=2), together=False)
    assert ours(model, plan) == peer


@pytest.mark.parametrize("amount", AMOUNTS)
def test_global_channels_leave_the_same_shapes(network, model, planned, amount):
    plan = planned(structure="channel", criterion="l1_norm", sparsity=amount)
    found = pools(model, plan, None)
    peer = theirs(network, amount, scored_as(found, model.graph()), together=True)
    assert ours(model, plan) == peer
