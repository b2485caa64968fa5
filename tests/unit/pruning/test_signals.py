"""What a Weight takes and what its rows make: found in the graph, folded batch by batch, left out with a reason."""

import numpy as np
import pytest

from core.backends._base import Batch, Tap
from core.criteria import CRITERIA, Need, Signals, _passes
from core.criteria._gather import folded
from core.criteria._passes import Part, Source, parts
from core.criteria._places import missing, uses
from core.errors import BadSetting, BadWeights, EmptyData, NothingPrunable
from core.graph import Graph, Node, Op
from core.plan import Override, Plan
from core.pruning import decide, pools, unranked

RNG = np.random.default_rng(0)


class Flowing:
    """Hands out given values at named places: ``value`` of a place has the first axis the samples."""

    def __init__(self, graph, **values):
        self.drawn, self.values, self.sizes = graph, values, []

    def graph(self):
        return self.drawn

    def arrays(self):
        return {n: np.ones(s, np.float32) for n, s in self.drawn.arrays.items()}

    def taps(self, batches, names, masks=None, *, gradients=False):
        start = 0
        for batch in batches:
            self.sizes.append(len(batch.y))
            part = slice(start, start := start + len(batch.y))
            yield {
                n: Tap(self.values[n.replace(":", "_")][part], self.values[n.replace(":", "_")][part]) for n in names
            }


def signals(network, need, *batches, weight=None) -> dict[str, np.ndarray]:
    given = [
        Batch(np.zeros((n, 1)), np.zeros(n), w) for n, w in zip(batches, weight or [None] * len(batches), strict=True)
    ]
    source = Source(network, lambda: iter(given), dict, {})
    arrays = {n: np.ones(s, np.float32) for n, s in network.graph().arrays.items() if n in uses(network.graph())}
    ranked = {n: a for n, a in arrays.items() if not missing(network.graph(), n, {need})}
    found = folded(ranked, {need}, parts(source, ranked, frozenset({need})))
    return {name: getattr(one, need.value) for name, one in found.items()}


def recurrent(op: Op, gates: int, hidden: int = 3) -> Graph:
    nodes = (
        Node("x", Op.INPUT, (), (4, 2)),
        Node("g", op, ("x",), (4, hidden), "g", {"hidden": hidden}),
        Node("y", Op.OUTPUT, ("g",), (4, hidden)),
    )
    return Graph(nodes, {"g.kernel": (gates * hidden, 2), "g.recurrent": (gates * hidden, hidden)}, {})


@pytest.mark.parametrize(("op", "gates"), [(Op.GRU, 3), (Op.LSTM, 4)])
def test_all_gates_of_a_hidden_unit_have_its_activation(op, gates):
    states = RNG.standard_normal((5, 4, 3)).astype(np.float32)
    network = Flowing(recurrent(op, gates), g_hidden=states, x=np.ones((5, 4, 2), np.float32))
    found = signals(network, Need.ACTIVATION_MEAN, 5)
    expected = np.tile(np.abs(states).mean(axis=(0, 1)), gates)
    np.testing.assert_allclose(found["g.kernel"], expected, rtol=1e-6)
    np.testing.assert_allclose(found["g.recurrent"], expected, rtol=1e-6)


def test_a_recurrent_kernel_takes_the_states_but_the_last():
    states = RNG.standard_normal((5, 4, 3)).astype(np.float32)
    x = RNG.standard_normal((5, 4, 2)).astype(np.float32)
    found = signals(Flowing(recurrent(Op.GRU, 3), g_hidden=states, x=x), Need.INPUT_NORM, 2, 3)
    np.testing.assert_allclose(found["g.kernel"], np.sqrt(np.square(x).sum(axis=(0, 1)))[None], rtol=1e-5)
    np.testing.assert_allclose(found["g.recurrent"], np.sqrt(np.square(states[:, :-1]).sum((0, 1)))[None], rtol=1e-5)


def attention(value_rows: int = 6) -> Graph:
    nodes = (
        Node("x", Op.INPUT, (), (5, 4)),
        Node("a", Op.ATTENTION, ("x", "x", "x"), (5, 4), "a", {"heads": 2}),
        Node("r", Op.ELEMENTWISE, ("a",), (5, 4), label="relu"),
        Node("y", Op.OUTPUT, ("r",), (5, 4)),
    )
    shapes = {"a.query": (4, 4), "a.key": (4, 4), "a.value": (value_rows, 4), "a.out": (4, value_rows)}
    return Graph(nodes, shapes, {})


def test_rows_of_query_key_and_value_have_the_context_of_their_head():
    context, x = RNG.random((3, 5, 6), np.float32), RNG.random((3, 5, 4), np.float32)
    network = Flowing(attention(), a_context=context, x=x, r=np.maximum(x - 0.5, 0))
    found = signals(network, Need.ACTIVATION_MEAN, 3)
    by_feature = context.mean(axis=(0, 1))
    np.testing.assert_allclose(found["a.value"], by_feature, rtol=1e-6)
    by_head = by_feature.reshape(2, 3).mean(axis=1)
    np.testing.assert_allclose(found["a.query"], np.repeat(by_head, 2), rtol=1e-6)
    np.testing.assert_allclose(found["a.out"], np.maximum(x - 0.5, 0).mean(axis=(0, 1)), rtol=1e-6)
    norms = signals(network, Need.INPUT_NORM, 3)
    np.testing.assert_allclose(norms["a.out"], np.sqrt(np.square(context).sum((0, 1)))[None], rtol=1e-5)
    np.testing.assert_allclose(norms["a.key"], np.sqrt(np.square(x).sum((0, 1)))[None], rtol=1e-5)


def test_inputs_of_a_grouped_convolution_are_those_of_its_group(sketch):
    sketch.input(4, 3, 3)
    sketch.conv("c", 6, groups=2)
    graph = sketch.drawn()
    x = RNG.standard_normal((2, 4, 3, 3)).astype(np.float32)
    (found,) = signals(Flowing(graph, n0=x), Need.INPUT_NORM, 2).values()
    norms = np.sqrt(np.square(x).sum((0, 2, 3)))
    assert found.shape == (6, 2, 1, 1)
    np.testing.assert_allclose(found[:3, :, 0, 0], [norms[:2]] * 3, rtol=1e-5)
    np.testing.assert_allclose(found[3:, :, 0, 0], [norms[2:]] * 3, rtol=1e-5)


def test_depthwise_inputs_and_channels_last(sketch):
    sketch.input(4, 3, 3)
    sketch.depthwise("d", multiplier=2)
    x = RNG.standard_normal((2, 4, 3, 3)).astype(np.float32)
    (found,) = signals(Flowing(sketch.drawn(), n0=x), Need.INPUT_MEAN, 2).values()
    np.testing.assert_allclose(found[:, 0, 0, 0], np.repeat(np.abs(x).mean((0, 2, 3)), 2), rtol=1e-6)


def test_a_shared_layers_places_are_looked_at_together(sketch):
    first = sketch.input(3)
    second = sketch.input(3)
    sketch.linear("a", 2, (first,))
    sketch.add(Op.LINEAR, (2,), "a", (second,))
    graph = sketch.drawn(output=False)
    x, z = RNG.standard_normal((2, 4, 3)).astype(np.float32)
    found = signals(Flowing(graph, n0=x, n1=z), Need.INPUT_NORM, 4)["a.kernel"]
    np.testing.assert_allclose(found, np.sqrt(np.square(x).sum(0) + np.square(z).sum(0))[None], rtol=1e-5)


def test_the_activation_lies_behind_normalisation_and_elementwise_nodes_only(sketch):
    sketch.input(1, 4, 4)
    sketch.conv("c", 2)
    sketch.norm("n")
    relu = sketch.same(Op.ELEMENTWISE)
    sketch.conv("d", 2)
    before = sketch.nodes[-1].name
    sketch.same(Op.ADD, before, relu)
    places = uses(sketch.drawn())
    assert places["c.kernel"][0].made.tap == relu
    assert places["c.kernel"][0].scale == "n.scale"
    assert places["d.kernel"][0].made.tap == before


def test_parts_of_many_samples_are_looked_at_in_pieces_with_the_same_result(sketch, monkeypatch):
    sketch.input(4)
    sketch.linear("a", 3)
    graph = sketch.drawn()
    x, out = RNG.standard_normal((9, 4)).astype(np.float32), RNG.standard_normal((9, 3)).astype(np.float32)
    whole, pieces = Flowing(graph, n0=x, n1=out), Flowing(graph, n0=x, n1=out)
    for need in (Need.INPUT_NORM, Need.ACTIVATION_MEAN, Need.ACTIVATION_TAYLOR, Need.ACTIVATION_FISHER):
        expected = signals(whole, need, 5, 4)["a.kernel"]
        with monkeypatch.context() as small:
            small.setattr(_passes, "MOST", 24)
            np.testing.assert_allclose(signals(pieces, need, 5, 4)["a.kernel"], expected, rtol=1e-6)
    assert max(pieces.sizes) < 5


def test_samples_count_as_they_are_weighted(sketch):
    sketch.input(2)
    sketch.linear("a", 1)
    x = np.array([[1, 2], [3, 4]], np.float32)
    out = np.array([[1], [-5]], np.float32)
    network = Flowing(sketch.drawn(), n0=x, n1=out)
    weight = [np.array([3, 1], np.float32)]
    norm = signals(network, Need.INPUT_NORM, 2, weight=weight)["a.kernel"]
    np.testing.assert_allclose(norm, np.sqrt([[3 * 1 + 9, 3 * 4 + 16]]), rtol=1e-6)
    np.testing.assert_allclose(signals(network, Need.ACTIVATION_MEAN, 2, weight=weight)["a.kernel"], [2])
    # The gradients that taps give hold the weights already: (a G)² / w.
    fisher = signals(network, Need.ACTIVATION_FISHER, 2, weight=weight)["a.kernel"]
    np.testing.assert_allclose(fisher, [(1 / 3 + 625) / 2], rtol=1e-6)


def test_pools_that_a_criterion_cannot_rank_are_left_out_with_the_reason(sketch, filled, planned):
    sketch.input(1, 4, 4)
    sketch.conv("c", 3)
    sketch.norm("n")
    sketch.conv("d", 2)
    sketch.flatten()
    sketch.linear("f", 2)
    network, plan = filled(sketch.drawn()), planned(structure="channel", criterion="bn_scale")
    assert set(pools(network, plan, None)) == {"c"}
    assert unranked(network.graph(), plan) == {"d": "no batch normalisation with a scale follows"}


def test_what_a_criterion_cannot_rank_may_be_left_whole_but_not_be_counted(sketch, filled, planned):
    sketch.input(1, 4, 4)
    sketch.conv("c", 4)
    sketch.norm("n")
    sketch.conv("d", 2)
    sketch.flatten()
    sketch.linear("f", 2)
    network = filled(sketch.drawn())

    def removed(**override):
        plan = planned(structure="channel", criterion="bn_scale", sparsity=0.5, overrides={"d": Override(**override)})
        return decide(pools(network, plan, None), plan, network.graph()).removed

    assert removed(excluded=True) == removed(count=0) == {"c": 2}  # recipes count every pool
    with pytest.raises(BadSetting, match='"bn_scale" cannot rank "d"'):
        removed(count=1)


def test_a_group_is_ranked_by_those_of_its_layers_that_have_what_it_takes(sketch, filled, planned):
    first = sketch.input(1, 4, 4)
    one = sketch.conv("c", 3, (first,))
    sketch.conv("d", 3, (first,))
    two = sketch.norm("n")
    sketch.same(Op.ADD, one, two)
    sketch.flatten()
    sketch.linear("f", 2)
    network, plan = filled(sketch.drawn()), planned(structure="channel", criterion="bn_scale")
    (pool,) = pools(network, plan, None).values()
    np.testing.assert_array_equal(pool.scores, np.abs(network.values["n.scale"]))


@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        ("bn_scale", "no batch normalisation with a scale follows"),
        ("apoz", "no ReLU follows"),
        ("hrank", "it makes no pictures"),
    ],
)
def test_a_network_that_has_nothing_for_a_criterion_is_refused_in_one_sentence(
    sketch, filled, planned, criterion, words
):
    sketch.input(4)
    sketch.linear("a", 5)
    sketch.same(Op.ELEMENTWISE)
    sketch.linear("b", 2)
    network, plan = filled(sketch.drawn()), planned(structure="channel", criterion=criterion)
    assert words in CRITERIA[criterion].refuses(network.graph())
    with pytest.raises(NothingPrunable, match=words):
        pools(network, plan, None)
    assert CRITERIA["magnitude"].refuses(network.graph()) == ""


def test_ablation_of_too_many_units_is_refused_before_anything_is_measured(sketch, filled, planned):
    sketch.input(100)
    sketch.linear("a", 100)
    with pytest.raises(BadSetting, match=r"10,000 weights, more than 5,000\. Choose larger units"):
        pools(filled(sketch.drawn()), planned(criterion="ablation"), object())


@pytest.mark.parametrize("criterion", [c.name for c in CRITERIA.values() if not c.data_free])
def test_without_data_every_criterion_that_needs_some_says_so(sketch, filled, planned, criterion):
    sketch.input(1, 4, 4)
    sketch.conv("a", 5)
    sketch.add(Op.ELEMENTWISE, (5, 4, 4))
    sketch.nodes[-1] = Node("r", Op.ELEMENTWISE, (sketch.nodes[-2].name,), (5, 4, 4), label="relu")
    sketch.flatten()
    sketch.linear("b", 2)
    structure = "unstructured" if CRITERIA[criterion].ranks("unstructured") else "channel"
    with pytest.raises(EmptyData, match=f'"{criterion}" needs data .* choose a data set'):
        pools(filled(sketch.drawn()), planned(structure=structure, criterion=criterion), None)


def test_a_running_training_tells_its_own_movement(sketch, filled, planned):
    sketch.input(3)
    sketch.linear("a", 2)
    network, moved = filled(sketch.drawn()), np.arange(-3.0, 3.0, dtype=np.float32).reshape(2, 3)
    found = pools(network, planned(criterion="movement"), None, movement={"a.kernel": moved})
    np.testing.assert_array_equal(found["a.kernel"].scores, moved.reshape(-1))


def test_whole_rows_in_front_of_batch_normalisation_do_not_move(sketch, filled, planned):
    """Their length changes nothing, so Σ g w over a row is zero: only single weights and parts of rows are ranked.

    The one kernel of a depthwise channel is its whole row.
    """
    sketch.input(2, 4, 4)
    sketch.conv("c", 3)
    sketch.norm("n")
    sketch.depthwise("e")
    sketch.norm("m")
    sketch.conv("d", 2)
    sketch.flatten()
    sketch.linear("f", 2)
    network = filled(sketch.drawn())
    moved = {w.name: np.ones(w.shape, np.float32) for w in network.graph().weights()}
    for structure, ranked in (("channel", {"d"}), ("row", {"d.kernel"}), ("kernel", {"c.kernel", "d.kernel"})):
        plan = planned(structure=structure, criterion="movement")
        assert set(pools(network, plan, None, movement=moved)) == ranked
        assert set(unranked(network.graph(), plan)) == {"channel": {"c"}, "row": {"c.kernel", "e.depthwise"},
                                                        "kernel": {"e.depthwise"}}[structure]  # fmt: skip


def test_parts_count_by_their_share():
    """A mean over samples of batches of three and one: (3 · 1 + 1 · 9) / 4."""
    weights = {"w": np.ones((1, 1), np.float32)}
    given = [Part({("w", Need.FISHER): np.full((1, 1), v, np.float32)}, n) for v, n in ((1, 3), (9, 1))]
    assert folded(weights, {Need.FISHER}, given)["w"].fisher == 3


@pytest.mark.parametrize("size", [1e200, 1e-60])
def test_a_flow_beyond_single_precision_keeps_its_order(sketch, size):
    """Of many layers, or of few and small weights late in SynFlow's rounds."""
    sketch.input(1)
    sketch.linear("a", 2)

    class Deep(Flowing):
        def synaptic_flow(self, masks=None):
            return {"a.kernel": np.array([[size], [3 * size]])}

    found = signals(Deep(sketch.drawn()), Need.FLOW)["a.kernel"]
    np.testing.assert_allclose(found[:, 0], [1 / 3, 1], rtol=1e-6)


def test_broken_signals_are_named(sketch, planned):
    sketch.input(1)
    sketch.linear("a", 2)

    class Broken(Flowing):
        def synaptic_flow(self, masks=None):
            return {"a.kernel": np.array([[np.nan], [1.0]])}

    plan: Plan = planned(criterion="synflow")
    with pytest.raises(BadWeights, match='"a.kernel" is NaN'):
        pools(Broken(sketch.drawn()), plan, None)


@pytest.mark.parametrize("need", [Need.RANK, Need.ZERO_SHARE])
def test_what_flows_is_named_where_it_is_no_number(sketch, need):
    """Of NaN there is no rank, and none of them is a zero."""
    sketch.input(1, 2, 2)
    sketch.conv("c", 1)
    sketch.nodes.append(Node("r", Op.ELEMENTWISE, (sketch.nodes[-1].name,), (1, 2, 2), label="relu"))
    network = Flowing(sketch.drawn(), r=np.array([[[[np.nan, 1], [0, 1]]]], np.float32))
    with pytest.raises(BadWeights, match='flows through "r" is NaN'):
        signals(network, need, 1)


def test_signals_hold_nothing_that_was_not_asked_for():
    assert [name for name, value in vars(Signals(np.ones((1, 1), np.float32))).items() if value is not None] == [
        "weight"
    ]
