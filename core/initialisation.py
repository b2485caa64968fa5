"""Fresh weights, drawn alike in both frameworks: every array from the seed and its own name."""

from collections.abc import Iterator
from math import prod, sqrt

import numpy as np

from core.backends._base import Floats
from core.criteria._seeding import generator
from core.graph import KERNEL_ROLES, Graph, Node, Op

#: What lets about half of a centred signal through, however a framework spells it.
_RELU_LIKE = frozenset(
    ("relu", "relu6", "leakyrelu", "prelu", "rrelu", "elu", "celu", "selu", "gelu", "silu", "swish", "mish")
    + ("softplus", "hardswish", "hardsilu", "hardtanh")
)
#: What stands between a layer and its activation without changing how widely values spread.
_PASSED = frozenset({Op.BATCH_NORM, Op.LAYER_NORM, Op.GROUP_NORM, Op.POOL, Op.PAD, Op.RESHAPE, Op.PERMUTE, Op.ADD})
_UNCHANGED = frozenset(("identity", "dropout", *(f"{kind}dropout{n}d" for kind in ("", "spatial") for n in (1, 2, 3))))
#: Gates of one recurrent layer lie one after the other in its rows; each is drawn as a matrix of its own.
_GATES = {Op.GRU: 3, Op.LSTM: 4}
#: Class tokens and learned positions (Dosovitskiy et al. 2021, arXiv:2010.11929, as released).
_SMALL = 0.02


def fresh(graph: Graph, seed: int) -> dict[str, Floats]:
    r"""New values for every array of a network, as before any training.

    Kernels are normal with mean 0: before a ReLU-like activation with variance :math:`2 / n_{in}` (He et al. 2015,
    arXiv:1502.01852, equation 10), else with :math:`2 / (n_{in} + n_{out})` (Glorot and Bengio 2010, equation 12);
    :math:`n` counts the entries of the window too, and of a recurrent layer one gate. Embeddings have variance 1.
    Biases, shifts and running means are 0; scales and running variances are 1.

    Args:
        graph: Of the network.
        seed: The same seed gives the same values in both frameworks, whatever order arrays are listed in.

    Returns:
        By array name, canonical shapes.
    """
    before_relu = set(_before_relu(graph))
    gates = {node.layer: _GATES[node.op] for node in graph.nodes if node.op in _GATES}
    return {
        name: _drawn(name, shape, seed, name.rpartition(".")[0] in before_relu, gates.get(name.rpartition(".")[0], 1))
        for name, shape in graph.arrays.items()
    }


def _drawn(name: str, shape: tuple[int, ...], seed: int, before_relu: bool, gates: int) -> Floats:
    role = name.rpartition(".")[2]
    if role in KERNEL_ROLES:
        deviation = _deviation(shape, before_relu, gates)
    elif role == "embedding":
        deviation = 1.0
    elif role == "parameter":
        deviation = _SMALL
    else:
        return np.full(shape, 1.0 if role in ("scale", "variance") else 0.0, np.float32)
    # A stream of its own: chance as a criterion must not go by the very numbers that made the weights.
    values = generator(seed, f"fresh {name}").standard_normal(shape, np.float32)
    return values * np.float32(deviation)


def _deviation(shape: tuple[int, ...], before_relu: bool, gates: int) -> float:
    window = prod(shape[2:])
    fan_in, fan_out = shape[1] * window, shape[0] // gates * window
    return sqrt(2 / max(1, fan_in)) if before_relu else sqrt(2 / max(1, fan_in + fan_out))


def _before_relu(graph: Graph) -> Iterator[str]:
    """Layers whose values reach a ReLU-like activation before any other layer."""
    readers: dict[str, list[str]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node.name)
    nodes = {node.name: node for node in graph.nodes}

    def reaches(name: str) -> bool:
        after = [nodes[reader] for reader in readers.get(name, ())]
        return any(_plain(n.label) in _RELU_LIKE or (_passes(n) and reaches(n.name)) for n in after)

    yield from (node.layer for node in graph.nodes if node.layer and node.op not in _GATES and reaches(node.name))


def _passes(node: Node) -> bool:
    return node.op in _PASSED or (node.op is Op.ELEMENTWISE and _plain(node.label) in _UNCHANGED)


def _plain(label: str) -> str:
    """``leaky_relu``, ``LeakyReLU`` and ``relu_`` without what is only spelling."""
    return "".join(letter for letter in label.lower() if letter.isalnum())
