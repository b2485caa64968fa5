"""Fresh weights: spread as He and Glorot say, and the same for twins in both frameworks."""

import numpy as np
import pytest

from core.graph import Graph, Node, Op
from core.initialisation import fresh


def network(label="relu", order=1):
    arrays = {
        "conv.kernel": (64, 32, 3, 3),
        "conv.bias": (64,),
        "bn.scale": (64,),
        "bn.shift": (64,),
        "bn.mean": (64,),
        "bn.variance": (64,),
        "gru.recurrent": (192, 64),
        "words.embedding": (300, 64),
        "cls.parameter": (1, 4000),
        "fc.kernel": (100, 4096),
    }
    nodes = [
        Node("x", Op.INPUT, (), (32, 8, 8)),
        Node("conv", Op.CONV, ("x",), (64, 8, 8), "conv", {"channel_axis": 0}),
        Node("bn", Op.BATCH_NORM, ("conv",), (64, 8, 8), "bn", {"channel_axis": 0}),
        Node("act", Op.ELEMENTWISE, ("bn",), (64, 8, 8), label=label),
        Node("flat", Op.RESHAPE, ("act",), (4096,)),
        Node("fc", Op.LINEAR, ("flat",), (100,), "fc"),
        Node("y", Op.OUTPUT, ("fc",), (100,)),
        Node("gru", Op.GRU, ("x",), (8, 64), "gru", {"hidden": 64}),
    ]
    return Graph(tuple(nodes), dict(sorted(arrays.items(), reverse=order < 0)), {})


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("conv.kernel", (2 / (32 * 9)) ** 0.5),  # He: a ReLU follows the normalisation
        ("fc.kernel", (2 / (4096 + 100)) ** 0.5),  # Glorot: the output
        ("gru.recurrent", (2 / (64 + 64)) ** 0.5),  # Glorot, gate by gate
        ("words.embedding", 1.0),
        ("cls.parameter", 0.02),
    ],
)
def test_values_are_spread_by_what_a_unit_takes_and_gives(name, deviation):
    values = fresh(network(), 0)[name]
    assert values.dtype == np.float32
    assert values.std() == pytest.approx(deviation, rel=0.03)
    assert abs(values.mean()) < 4 * deviation / values.size**0.5


@pytest.mark.parametrize("label", ["relu", "ReLU", "relu_", "leaky_relu", "LeakyReLU", "gelu"])
def test_an_activation_is_known_however_a_framework_spells_it(label):
    np.testing.assert_array_equal(fresh(network(label), 3)["conv.kernel"], fresh(network(), 3)["conv.kernel"])


def test_before_a_saturating_activation_the_draw_is_narrower():
    narrow, wide = fresh(network("tanh"), 0)["conv.kernel"], fresh(network(), 0)["conv.kernel"]
    np.testing.assert_allclose(narrow * 3**0.5, wide, rtol=1e-6)  # 32 in, 64 out: 2/96 against 2/32


def test_biases_are_zero_and_normalisation_changes_nothing():
    values = fresh(network(), 0)
    assert not any(values[name].any() for name in ("conv.bias", "bn.shift", "bn.mean"))
    assert all((values[name] == 1).all() for name in ("bn.scale", "bn.variance"))


def test_it_depends_on_seed_and_name_only():
    one, other, third = fresh(network(), 5), fresh(network(order=-1), 5), fresh(network(), 6)
    assert all((one[name] == other[name]).all() for name in one)
    assert (one["fc.kernel"] != third["fc.kernel"]).any()
