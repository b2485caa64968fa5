"""Multiply-adds, each counted by hand."""

import numpy as np
import pytest

from core.graph import Graph, Node, Op
from core.masks import Mask
from core.measures.macs import by_layer, effective, total


def graph(arrays, *nodes):
    return Graph(nodes, arrays, {name.rsplit(".", 1)[0]: "" for name in arrays})


def source(*shape, name="x"):
    return Node(name, Op.INPUT, (), shape)


def one(op, before, after, arrays, **attrs):
    """Multiply-adds of a single layer ``f``."""
    named = {f"f.{role}": shape for role, shape in arrays.items()}
    return by_layer(graph(named, source(*before), Node("f", op, ("x",), after, "f", attrs)))


def test_a_linear_layer_multiplies_every_weight_once_and_no_bias():
    assert one(Op.LINEAR, (4,), (10,), {"kernel": (10, 4), "bias": (10,)}) == {"f": 40}


def test_a_linear_layer_over_time_multiplies_at_every_step():
    assert one(Op.LINEAR, (7, 4), (7, 10), {"kernel": (10, 4)}) == {"f": 7 * 40}


def test_a_convolution_with_stride_and_padding_counts_its_output_positions():
    # 3 x 9 x 9, padding 1, stride 2, window 3: outputs 5 x 5, each 3 * 3 * 3 multiply-adds for 8 filters.
    found = one(Op.CONV, (3, 9, 9), (8, 5, 5), {"kernel": (8, 3, 3, 3), "bias": (8,)}, channel_axis=0, groups=1)
    assert found == {"f": 25 * 8 * 27}


def test_channels_first_and_last_cost_the_same():
    arrays = {"kernel": (8, 3, 3, 3)}
    first = one(Op.CONV, (3, 9, 7), (8, 5, 4), arrays, channel_axis=0)
    last = one(Op.CONV, (9, 7, 3), (5, 4, 8), arrays, channel_axis=2)
    assert first == last == {"f": 20 * 216}


def test_a_grouped_convolution_sees_only_its_share_of_the_inputs():
    # 4 groups of 8 inputs: each of 16 filters sees 2 channels.
    assert one(Op.CONV, (8, 6, 6), (16, 6, 6), {"kernel": (16, 2, 3, 3)}, channel_axis=0, groups=4) == {
        "f": 36 * 16 * 18
    }


def test_a_depthwise_convolution_sees_one_channel_each():
    assert one(Op.CONV, (8, 6), (8, 4), {"depthwise": (8, 1, 3)}, channel_axis=0, groups=8) == {"f": 4 * 8 * 3}


def test_a_separable_convolution_is_depthwise_then_pointwise_at_the_output_positions():
    arrays = {"depthwise": (6, 1, 3, 3), "pointwise": (10, 6, 1, 1), "bias": (10,)}
    found = one(Op.SEPARABLE_CONV, (8, 8, 3), (4, 4, 10), arrays, channel_axis=2)
    assert found == {"f": 16 * (6 * 9 + 60)}


def test_a_transposed_convolution_counts_its_input_positions():
    # 5 inputs x 4 x 4, window 2, stride 2, outputs 3 x 8 x 8: each input entry meets 3 * 2 * 2 weights.
    found = one(Op.CONV_TRANSPOSE, (5, 4, 4), (3, 8, 8), {"kernel": (3, 5, 2, 2)}, channel_axis=0)
    assert found == {"f": 16 * 5 * 12}


@pytest.mark.parametrize("after", [(12, 6), (6,)], ids=["all steps given", "last step given"])
@pytest.mark.parametrize(("op", "gates"), [(Op.GRU, 3), (Op.LSTM, 4)])
def test_a_recurrent_layer_multiplies_both_kernels_at_every_step(op, gates, after):
    found = one(op, (12, 5), after, {"kernel": (gates * 6, 5), "recurrent": (gates * 6, 6)}, hidden=6)
    assert found == {"f": 12 * gates * (6 * 5 + 6 * 6)}


ATTENTION = {"query": (8, 6), "key": (8, 6), "value": (8, 6), "out": (6, 8)}


def test_self_attention_projects_every_token_and_multiplies_tokens_with_each_other():
    found = one(Op.ATTENTION, (5, 6), (5, 6), ATTENTION, heads=2)
    # Four projections of 5 tokens, then scores and weighted values: 5 * 5 * 8 each, over both heads together.
    assert found == {"f": 4 * 5 * 48 + 2 * 5 * 5 * 8}


def test_cross_attention_tells_queries_from_keys():
    arrays = {f"f.{role}": shape for role, shape in ATTENTION.items()}
    nodes = source(5, 6), source(9, 6, name="y"), Node("f", Op.ATTENTION, ("x", "y", "y"), (5, 6), "f", {"heads": 2})
    assert by_layer(graph(arrays, *nodes)) == {"f": (5 + 9 + 9 + 5) * 48 + 2 * 5 * 9 * 8}


def test_bare_attention_by_matrix_products_costs_what_the_whole_layer_does():
    # Two heads of width 4 over 5 tokens: scores (2, 5, 5), values (2, 5, 4).
    nodes = (
        source(2, 5, 4, name="q"),
        source(2, 4, 5, name="k"),
        source(2, 5, 4, name="v"),
        Node("scores", Op.MATMUL, ("q", "k"), (2, 5, 5)),
        Node("mixed", Op.MATMUL, ("scores", "v"), (2, 5, 4)),
        Node("whole", Op.ATTENTION, ("q", "v", "v"), (2, 5, 4)),
    )
    assert by_layer(graph({}, *nodes)) == {"scores": 5 * 5 * 8, "mixed": 5 * 5 * 8, "whole": 2 * 5 * 5 * 8}


def test_a_shared_layer_costs_at_each_use():
    nodes = source(4), Node("a", Op.LINEAR, ("x",), (4,), "f"), Node("b", Op.LINEAR, ("a",), (4,), "f")
    assert by_layer(graph({"f.kernel": (4, 4)}, *nodes)) == {"f": 32}


def test_normalisation_activation_and_embedding_cost_nothing():
    nodes = (
        source(4),
        Node("e", Op.EMBEDDING, ("x",), (4, 8), "e"),
        Node("n", Op.LAYER_NORM, ("e",), (4, 8), "n", {"axes": (1,)}),
        Node("r", Op.ELEMENTWISE, ("n",), (4, 8)),
    )
    assert total(graph({"e.embedding": (9, 8), "n.scale": (8,), "n.shift": (8,)}, *nodes)) == 0


def test_effective_counts_only_weights_that_are_neither_zero_nor_masked():
    network = graph({"f.kernel": (2, 1, 2)}, source(1, 6), Node("f", Op.CONV, ("x",), (2, 5), "f", {"channel_axis": 0}))
    arrays = {"f.kernel": np.array([[[0, 1]], [[2, 3]]], np.float32)}
    assert effective(network, arrays) == 5 * 3
    mask = Mask(np.array([[[True, True]], [[False, True]]]))
    assert effective(network, arrays, {"f.kernel": mask}) == 5 * 2


def test_products_of_activations_stay_whatever_is_masked():
    arrays = {f"f.{role}": shape for role, shape in ATTENTION.items()}
    network = graph(arrays, source(5, 6), Node("f", Op.ATTENTION, ("x",), (5, 6), "f", {"heads": 2}))
    weights = {name: np.zeros(shape, np.float32) for name, shape in arrays.items()}
    assert effective(network, weights) == 2 * 5 * 5 * 8
