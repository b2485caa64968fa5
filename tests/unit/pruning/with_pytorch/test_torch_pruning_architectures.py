"""Torch-Pruning as oracle on networks that people prune: cut at the same places, the two agree in every number."""

import copy
import warnings

import numpy as np
import pytest
import torch
import torch_pruning as tp

from core.backends.pytorch import BACKEND
from core.groups import groups
from core.pruning import cuts, decide, pools
from sample_models.architectures import ARCHITECTURES
from sample_models.architectures import pytorch as builders

#: Recurrent layers it leaves out, on exported attention it fails.
NAMES = ("vgg", "resnet_basic", "densenet", "mobilenet", "unet")


@pytest.fixture(scope="module", params=NAMES)
def both(request, tmp_path_factory):
    """The network, and it behind the seam."""
    torch.manual_seed(0)
    network, shape = getattr(builders, request.param)().eval(), ARCHITECTURES[request.param].shape
    path = tmp_path_factory.mktemp("networks") / "network.pt2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = ({0: torch.export.Dim("batch")},)
        torch.export.save(torch.export.export(network, (torch.zeros(2, *shape),), dynamic_shapes=batch), path)
    return network, BACKEND.load(path), torch.zeros(2, *shape)


def theirs(network, example, found, decision):
    """Torch-Pruning's network without the rows of each group's first producer that our decision removes."""
    peer = copy.deepcopy(network)
    graph = tp.DependencyGraph().build_dependency(peer, example)
    for group in found:
        member = next(member for member in group.members if member.produces)
        rows = ~decision.masks[member.array].kept.reshape(member.channel.size, -1).any(axis=1)
        module = peer.get_submodule(member.array.rpartition(".")[0])
        linear = isinstance(module, torch.nn.Linear)
        cut = tp.prune_linear_out_channels if linear else tp.prune_conv_out_channels
        graph.get_pruning_group(module, cut, idxs=np.flatnonzero(rows).tolist()).prune()
    return peer


@pytest.mark.parametrize("amount", [0.25, 0.6])
def test_the_same_rows_leave_the_same_network(both, planned, amount):
    network, model, example = both
    plan = planned(structure="channel", allocation="uniform", criterion="random", sparsity=amount)
    decision = decide(pools(model, plan, None), plan, model.graph())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = theirs(network, example, groups(model.graph()), decision)
    smaller = model.cut(cuts(model.graph(), decision))
    ours = {name: tensor.detach() for name, tensor in smaller.module.named_parameters()}
    assert sum(t.numel() for t in ours.values()) == sum(p.numel() for p in peer.parameters())
    for name, parameter in peer.named_parameters():
        torch.testing.assert_close(ours[name], parameter.detach(), rtol=0, atol=0)
    x = torch.rand(example.shape)
    with torch.no_grad():
        np.testing.assert_allclose(smaller.predict(x.numpy()), peer(x).numpy(), rtol=1e-5, atol=1e-5)


def test_equal_ratios_leave_as_many_parameters(both, planned):
    network, model, example = both
    plan = planned(structure="channel", allocation="uniform", criterion="l2_norm", sparsity=0.5)
    decision = decide(pools(model, plan, None), plan, model.graph())
    smaller = model.cut(cuts(model.graph(), decision))
    peer = copy.deepcopy(network)
    last = next(module for name, module in peer.named_modules() if name in ("fc", "fc2", "head"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importance = tp.importance.GroupMagnitudeImportance(p=2)
        tp.pruner.MetaPruner(peer, example, importance, pruning_ratio=0.5, ignored_layers=[last]).step()
    assert sum(p.numel() for p in smaller.module.parameters()) == sum(p.numel() for p in peer.parameters())
