"""Criteria that score in rounds: synaptic flow reaches the critical compression, where others empty a layer.

Tanaka et al. 2020, arXiv:2006.05467: the critical compression leaves one weight in each layer; section 3 shows that
magnitude, SNIP and GraSP empty a layer long before, section 5 that synaptic flow in one round does, too.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from core.criteria import CRITERIA
from core.datasets import Parts
from core.errors import Cancelled
from core.graph import Graph, Node, Op
from core.masks import Mask
from core.plan import DataChoice, Limits, Override, Plan
from core.pruning import choose, decide, pools

#: A wide middle between narrow ends.
WIDTHS = (16, 64, 128, 128, 64, 4)
LAYERS = len(WIDTHS) - 1


@dataclass
class Deep:
    """Linear layers with ReLU between them, as freshly initialised (He et al. 2015), cross-entropy on random data."""

    seed: int
    asked: int = 0
    output = "logits"
    classes = WIDTHS[-1]

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        shapes = {f"l{i}.kernel": (out, into) for i, (into, out) in enumerate(zip(WIDTHS, WIDTHS[1:], strict=False))}
        self.values = {n: (rng.standard_normal(s) * np.sqrt(2 / s[1])).astype(np.float32) for n, s in shapes.items()}
        nodes = [Node("x", Op.INPUT, (), WIDTHS[:1])]
        for i, out in enumerate(WIDTHS[1:]):
            nodes.append(Node(f"n{i}", Op.LINEAR, (nodes[-1].name,), (out,), f"l{i}"))
        self.drawn = Graph((*nodes, Node("y", Op.OUTPUT, (nodes[-1].name,), WIDTHS[-1:])), shapes, {})

    def graph(self):
        return self.drawn

    def arrays(self):
        return self.values

    def synaptic_flow(self, masks=None):
        self.asked += 1
        kept = {n: np.abs(v) * (masks[n].kept if masks and n in masks else 1.0) for n, v in self.values.items()}
        layers = list(kept.values())
        before = [np.ones(WIDTHS[0])]
        for layer in layers:
            before.append(layer @ before[-1])
        after = [np.ones(WIDTHS[-1])]
        for layer in reversed(layers):
            after.insert(0, layer.T @ after[0])
        return {n: after[i + 1][:, None] * kept[n] * before[i] for i, n in enumerate(kept)}

    def gradients(self, batches, masks=None, *, temperature=1.0):
        layers = list(self.values.values())
        for batch in batches:
            values = [batch.x]
            for layer in layers[:-1]:
                values.append(np.maximum(values[-1] @ layer.T, 0))
            logits = values[-1] @ layers[-1].T
            chances = np.exp(logits - logits.max(axis=1, keepdims=True))
            slope = (chances / chances.sum(axis=1, keepdims=True) - np.eye(self.classes)[batch.y]) / len(batch.y)
            found = {}
            for i in reversed(range(len(layers))):
                found[f"l{i}.kernel"] = np.float32(slope.T @ values[i])
                slope = (slope @ layers[i]) * (values[i] > 0)
            yield found


@pytest.fixture(params=[0, 1, 2])
def network(request):
    return Deep(request.param)


def data() -> Parts:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((256, WIDTHS[0])).astype(np.float32), rng.integers(0, WIDTHS[-1], 256)
    return Parts("noise", tuple("abcd"), x, y, x, y, x, y, sample_kind="table")


def plan(criterion, **settings) -> Plan:
    return Plan("sample:none@pytorch", DataChoice("iris"), criterion, limits=Limits(guard=False), **settings)


def kept(network, decision) -> dict[str, int]:
    return {name: decision.sizes[name] - removed for name, removed in decision.removed.items()}


def keeping(network, weights: int) -> float:
    return 1 - weights / sum(v.size for v in network.values.values())


def flows(network, decision) -> bool:
    """Whether anything still reaches the output."""
    return any(flow.any() for flow in network.synaptic_flow(decision.masks).values())


def test_synaptic_flow_reaches_the_critical_compression(network):
    for weights in (LAYERS, 2 * LAYERS, 20 * LAYERS):
        settled = plan("synflow", sparsity=keeping(network, weights))
        decision = choose(network, settled, None, pools(network, settled, None))
        assert sum(kept(network, decision).values()) == weights
        assert min(kept(network, decision).values()) >= 1
        assert flows(network, decision)


@pytest.mark.parametrize("criterion", ["magnitude", "snip", "synflow"])
def test_in_one_round_a_layer_empties_long_before(network, criterion):
    """With twice as many weights as there have to be, where rounds of synaptic flow lose nothing."""
    settled = plan(criterion, sparsity=keeping(network, 2 * LAYERS))
    decision = decide(pools(network, settled, data()), settled, network.graph())
    assert min(kept(network, decision).values()) == 0
    assert not flows(network, decision)


def test_the_rounds_are_those_of_the_criterion_and_each_can_be_stopped(network):
    settled, seen = plan("synflow", sparsity=0.9), []
    found = pools(network, settled, None)
    choose(network, settled, None, found, poll=lambda done, total: seen.append((done, total)))
    assert network.asked == CRITERIA["synflow"].rounds == 100
    assert seen == [(n, 100) for n in range(1, 100)]

    def stop(done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        choose(network, settled, None, found, poll=stop)


def test_other_criteria_are_decided_at_once(network):
    settled = plan("magnitude", sparsity=0.9)
    found = pools(network, settled, None)
    assert choose(network, settled, None, found).removed == decide(found, settled, network.graph()).removed


def test_exact_counts_overrides_and_what_is_gone_hold_through_all_rounds(network):
    before = {"l2.kernel": Mask(np.random.default_rng(0).random((128, 128)) < 0.7)}
    overrides = {"l1.kernel": Override(count=1000), "l3.kernel": Override(excluded=True)}
    settled = plan("synflow", sparsity=0.6, overrides=overrides)
    found = pools(network, settled, None, before=before)
    decision = choose(network, settled, None, found, before=before)
    open_size = sum(v.size for n, v in network.values.items() if n != "l3.kernel")
    assert decision.removed["l1.kernel"] == 1000
    assert decision.removed["l3.kernel"] == 0
    assert sum(decision.removed.values()) == round(0.6 * open_size)
    assert not (decision.masks["l2.kernel"].kept & ~before["l2.kernel"].kept).any()


def test_a_dragged_threshold_becomes_the_count_it_had_in_the_first_round(network):
    settled = plan("synflow", sparsity=0.5)
    found = pools(network, settled, None)
    middle = float(np.median(found["l1.kernel"].scores))
    dragged = replace(settled, overrides={"l1.kernel": Override(threshold=middle)})
    assert choose(network, dragged, None, found).removed["l1.kernel"] == found["l1.kernel"].worth.below(middle)


def test_channels_go_in_rounds_too(network):
    settled = plan("synflow", structure="channel", sparsity=0.9)
    decision = choose(network, settled, None, pools(network, settled, None))
    sizes = dict(zip(("l0", "l1", "l2", "l3"), WIDTHS[1:-1], strict=True))
    assert decision.sizes == sizes
    assert sum(decision.removed.values()) == sum(sizes.values()) - int(sum(sizes.values()) * 0.1 + 1e-9)
    assert flows(network, decision)
