"""SNIP, GraSP, SynFlow and others as their authors' code computes them: plain autograd on a small network.

Transcribed from namhoonlee/snip-public, alecwangcq/GraSP and ganguli-lab/Synaptic-Flow.
"""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.backends._base import Batch
from core.criteria import CRITERIA, Need
from core.criteria._gather import folded
from core.criteria._passes import Source
from core.criteria._passes import parts as parts_of
from core.datasets import Parts, calibration
from core.plan import Recovery
from core.pruning import choose, pools

KERNELS = {"fc1.kernel": "fc1.weight", "fc2.kernel": "fc2.weight", "fc3.kernel": "fc3.weight"}


class Small(nn.Module):
    """Two hidden layers with ReLU, flattened pictures in, logits out."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(100, 12), nn.Linear(12, 9), nn.Linear(9, 4)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(3)
    return Small().eval()


@pytest.fixture(scope="module")
def model(small, opened):
    return opened(small)


@pytest.fixture(scope="module")
def parts() -> Parts:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((90, 1, 10, 10)).astype(np.float32), rng.integers(0, 4, 90)
    return Parts("noise", tuple("abcd"), x, y, x, y, x, y, sample_kind="picture")


@pytest.fixture
def settled(planned):
    return lambda criterion, **more: planned(
        criterion=criterion, **{"calibration_batches": 2, "calibration_size": 32, **more}
    )


@pytest.fixture
def batches(parts):
    return [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in calibration(parts, 2, 32, 0)]


def compared(model, plan, parts, expected: dict[str, torch.Tensor], near: float = 2e-5) -> None:
    found = pools(model, plan, parts)
    for name, key in KERNELS.items():
        scores, right = found[name].scores, expected[key].detach().double().numpy().reshape(-1)
        np.testing.assert_allclose(scores, right, rtol=0, atol=near * np.abs(right).max(), err_msg=name)


def weights(network) -> dict[str, nn.Parameter]:
    return {name: p for name, p in network.named_parameters() if name.endswith("weight")}


def test_snip(small, model, parts, settled, batches):
    """snip.py: a mask of ones on every weight; the absolute gradient with respect to it, over the sum of all."""
    network, masks = copy.deepcopy(small).double(), {}
    for layer in (network.fc1, network.fc2, network.fc3):
        masks[layer] = torch.ones_like(layer.weight, requires_grad=True)
        layer.forward = lambda x, layer=layer: F.linear(x, layer.weight * masks[layer], layer.bias)
    loss = sum(F.cross_entropy(network(x.double()), y) for x, y in batches) / len(batches)
    slopes = torch.autograd.grad(loss, list(masks.values()))
    sensitivity = dict(zip(KERNELS.values(), (slope.abs() for slope in slopes), strict=True))
    compared(model, settled("snip"), parts, sensitivity)
    total = sum(s.sum() for s in sensitivity.values())
    found = pools(model, settled("snip"), parts)
    ours = np.concatenate([pool.scores for pool in found.values()])
    theirs = torch.cat([(s / total).reshape(-1) for s in sensitivity.values()]).numpy()
    np.testing.assert_allclose(ours / ours.sum(), theirs, atol=2e-5 * theirs.max())


def test_grasp(small, model, parts, settled, batches):
    """GraSP.py: z = Σ stopped gradient · gradient, both at temperature 200; -w ∂z/∂w, the largest goes."""
    network, temperature = copy.deepcopy(small).double(), 200
    params = list(weights(network).values())

    def loss(x, y):
        return F.cross_entropy(network(x.double()) / temperature, y)

    stopped = [torch.zeros_like(p) for p in params]
    for batch in batches:
        for total, slope in zip(stopped, torch.autograd.grad(loss(*batch), params), strict=True):
            total += slope / len(batches)
    z = 0
    for batch in batches:
        slopes = torch.autograd.grad(loss(*batch), params, create_graph=True)
        z = z + sum((a * b).sum() for a, b in zip(stopped, slopes, strict=True)) / len(batches)
    products = torch.autograd.grad(z, params)
    official = {key: -p * h for (key, p), h in zip(weights(network).items(), products, strict=True)}
    compared(model, settled("grasp"), parts, {key: -score for key, score in official.items()})


def test_synflow(small, model, settled, parts):
    """pruners.py, SynFlow: absolute parameters, an input of ones, |∂ΣR/∂w · w|, in double precision."""
    compared(model, settled("synflow"), parts, flow(small, {}), near=1e-6)


def flow(network, masks) -> dict[str, torch.Tensor]:
    linear = copy.deepcopy(network).double()
    for name, tensor in linear.state_dict().items():
        tensor.abs_()
        if name in masks:
            tensor.mul_(masks[name])
    linear(torch.ones(1, 1, 10, 10, dtype=torch.float64)).sum().backward()
    return {key: (p.grad * p).detach().abs() for key, p in weights(linear).items()}


def test_synflow_in_rounds(small, model, settled, parts):
    """prune_loop: after each of n rounds the share (1 - s)^(k / n) is left, by exact rank, masks on."""
    plan = settled("synflow", sparsity=0.95)
    masks = {key: torch.ones_like(p) for key, p in weights(small).items()}
    total, rounds = sum(mask.numel() for mask in masks.values()), CRITERIA["synflow"].rounds
    for number in range(1, rounds + 1):
        scores = flow(small, masks)
        joined = torch.cat([torch.where(masks[k] > 0, scores[k], -1).reshape(-1) for k in masks])
        gone = joined.argsort(stable=True)[: round(total * (1 - 0.05 ** (number / rounds)))]
        kept = torch.ones(total)
        kept[gone] = 0
        masks = dict(zip(masks, _apart(kept, masks), strict=True))
    decision = choose(model, plan, parts, pools(model, plan, parts))
    for name, key in KERNELS.items():
        ours = decision.masks[name].kept
        assert np.count_nonzero(ours != masks[key].numpy().astype(bool)) == 0, name


def _apart(joined, like):
    pieces = joined.split([mask.numel() for mask in like.values()])
    return [piece.reshape(mask.shape) for piece, mask in zip(pieces, like.values(), strict=True)]


def test_movement_of_steps_that_hardly_move(small, model, parts, planned, batches):
    """Sanh et al. 2020: - Σ g w. Without a learning rate to speak of w stays; g is each batch's gradient."""
    network = copy.deepcopy(small).double()
    moved = {key: torch.zeros_like(p) for key, p in weights(network).items()}
    for x, y in batches:
        slopes = torch.autograd.grad(F.cross_entropy(network(x.double()), y), list(weights(network).values()))
        for (key, p), slope in zip(weights(network).items(), slopes, strict=True):
            moved[key] -= slope * p.detach()
    still = Recovery(optimiser="sgd", learning_rate=1e-12)
    plan = planned(criterion="movement", calibration_batches=2, calibration_size=32, recovery=still)
    compared(model, plan, parts, moved)


def test_fisher(small, model, parts, settled, batches):
    """Theis et al. 2018: one sample after the other."""
    network = copy.deepcopy(small).double()
    squares = {key: torch.zeros_like(p) for key, p in weights(network).items()}
    samples = [(x[i : i + 1].double(), y[i : i + 1]) for x, y in batches for i in range(len(y))]
    for x, y in samples:
        slopes = torch.autograd.grad(F.cross_entropy(network(x), y), list(weights(network).values()))
        for total, slope in zip(squares.values(), slopes, strict=True):
            total += slope**2 / len(samples)
    compared(model, settled("fisher"), parts, {key: squares[key] * p**2 / 2 for key, p in weights(network).items()})


def test_the_estimate_of_the_hessians_diagonal_is_right_on_average(small, model, batches):
    """Bekas et al. 2007: over 60 seeds of 8 vectors the mean lies within its error of the exact diagonal."""
    network = copy.deepcopy(small).double()
    last = network.fc3.weight

    def loss(weight):
        named = {**dict(network.named_parameters()), "fc3.weight": weight}
        outputs = [torch.func.functional_call(network, named, (x.double(),)) for x, _ in batches]
        return sum(F.cross_entropy(out, y) for out, (_, y) in zip(outputs, batches, strict=True)) / len(batches)

    exact = torch.autograd.functional.hessian(loss, last).reshape(last.numel(), -1).diagonal().numpy()
    ranked = {"fc3.kernel": model.arrays()["fc3.kernel"]}
    needs, found = frozenset({Need.HESSIAN_DIAGONAL}), []
    given = [Batch(x.numpy(), y.numpy()) for x, y in batches]
    for seed in range(60):
        source = Source(model, lambda: iter(given), dict, {}, seed)
        signals = folded(ranked, needs, parts_of(source, ranked, needs))
        found.append(signals["fc3.kernel"].hessian_diagonal.reshape(-1))
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - exact) < 4 * error).all()
    assert error.mean() < 0.05 * exact.max(), "else the line above says little"


def test_taylor_on_activations(small, model, parts, settled, batches):
    """Molchanov et al. 2017: |z ∂L/∂z| of every sample's own loss, averaged, over the layer's norm."""
    network, seen = copy.deepcopy(small).double(), []
    sums = torch.zeros(12, dtype=torch.float64)
    for x, y in batches:
        z = F.relu(network.fc1(x.double().flatten(1))).detach().requires_grad_()
        loss = F.cross_entropy(network.fc3(F.relu(network.fc2(z))), y, reduction="sum")
        (slope,) = torch.autograd.grad(loss, z)
        sums += (z * slope).abs().sum(0).detach()
        seen.append(len(y))
    right = (sums / sum(seen)).numpy()
    found = pools(model, settled("activation_taylor", structure="channel"), parts)["fc1"].scores
    np.testing.assert_allclose(found, right / np.linalg.norm(right), atol=1e-5)


def test_wanda(small, model, parts, settled, batches):
    """wanda/lib/prune.py: |W| · √scaler_row, the lowest share of every row by index after sorting."""
    x = torch.cat([x for x, _ in batches]).flatten(1)
    metric = small.fc1.weight.detach().abs() * x.pow(2).sum(0).sqrt()
    indices = torch.sort(metric, dim=-1, stable=True)[1][:, : int(100 * 0.6)]
    official = torch.ones_like(metric, dtype=torch.bool).scatter_(1, indices, False)
    plan = settled("wanda", sparsity=0.6, allocation="uniform")
    decision = choose(model, plan, parts, pools(model, plan, parts))
    np.testing.assert_array_equal(decision.masks["fc1.kernel"].kept, official.numpy())


def test_wanda_of_two_in_four_within_rows(small, model, parts, settled, batches):
    """wanda/lib/prune.py, prune_n:m: of each four columns the two lowest of every row go."""
    x = torch.cat([x for x, _ in batches]).flatten(1)
    metric = small.fc1.weight.detach().abs() * x.pow(2).sum(0).sqrt()
    official = torch.ones_like(metric, dtype=torch.bool)
    for column in range(0, 100, 4):
        lowest = torch.topk(metric[:, column : column + 4], 2, dim=1, largest=False)[1]
        official.scatter_(1, column + lowest, False)
    plan = settled("wanda", structure="2:4", sparsity=0.5)
    decision = choose(model, plan, parts, pools(model, plan, parts))
    np.testing.assert_array_equal(decision.masks["fc1.kernel"].kept, official.numpy())


@pytest.mark.parametrize("p", [1, 2])
def test_norms_of_filters_are_those_of_torch_pruning(small, model, settled, p):
    """Torch-Pruning computes L1 and L2 of a layer's own rows rightly: same order, same numbers."""
    import torch_pruning as tp

    network = copy.deepcopy(small)
    graph = tp.DependencyGraph().build_dependency(network, torch.zeros(1, 1, 10, 10))
    group = graph.get_pruning_group(network.fc1, tp.prune_linear_out_channels, list(range(12)))
    scored = tp.importance.MagnitudeImportance(p=p, group_reduction="first", normalizer=None, target_types=[nn.Linear])(
        group
    )
    found = pools(model, settled(f"l{p}_norm", structure="channel"), None)["fc1"].scores
    theirs = scored.detach().numpy()
    np.testing.assert_allclose(found, np.sqrt(theirs) if p == 2 else theirs, rtol=1e-5)


def test_batch_norm_scales_are_those_of_torch_pruning(opened, settled):
    import torch_pruning as tp

    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(384, 4)).eval()
    network[1].weight.data.normal_()
    found = pools(opened(network), settled("bn_scale", structure="channel"), None)
    graph = tp.DependencyGraph().build_dependency(network, torch.zeros(1, 1, 10, 10))
    group = graph.get_pruning_group(network[0], tp.prune_conv_out_channels, list(range(6)))
    theirs = tp.importance.BNScaleImportance(normalizer=None)(group)
    np.testing.assert_allclose(next(iter(found.values())).scores, theirs.detach().numpy(), rtol=1e-6)
