"""Where the weights of every layer were before pruning and are at the end, on one axis."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.backends._base import Floats
from core.graph import Graph

#: Bins of a histogram. An odd number: zero lies in the middle of one, not on an edge.
BINS = 39


def before_and_after(graph: Graph, dense: Mapping[str, Floats], final: Mapping[str, Floats]) -> dict[str, Any]:
    """By Weight name ``edges``, the counts ``before`` and ``after`` between them, and how many are ``gone``.

    Args:
        graph: Of the dense network.
        dense: Its arrays.
        final: Those at the end, with zeros baked in or channels gone; only what is not zero is counted.
    """
    weights = [weight.name for weight in graph.weights() if weight.size and weight.name in dense]
    return {name: _row(dense[name], final.get(name)) for name in weights}


def _row(dense: Floats, final: Floats | None) -> dict[str, Any]:
    left = np.zeros(0, np.float32) if final is None else final[final != 0]
    reach = max(_reach(dense), _reach(left)) or 1.0
    return {
        "edges": np.linspace(-reach, reach, BINS + 1).round(7).tolist(),
        "before": _counts(dense, reach),
        "after": _counts(left, reach),
        "gone": int(dense.size - left.size),
    }


def _reach(array: Floats) -> float:
    return float(np.abs(np.nan_to_num(array)).max(initial=0.0))


def _counts(array: Floats, reach: float) -> list[int]:
    inside = np.clip(np.nan_to_num(array), -reach, reach)
    counts = np.histogram(inside, BINS, (-reach, reach))[0]
    return [int(count) for count in counts]
