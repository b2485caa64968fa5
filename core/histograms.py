"""Where the weights of every layer were before pruning and are at the end, on one axis."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.backends._base import Floats
from core.factors import standing_for
from core.graph import Graph

#: Bins of a histogram. An odd number: zero lies in the middle of one, not on an edge.
BINS = 39


def before_and_after(graph: Graph, dense: Mapping[str, Floats], final: Mapping[str, Floats]) -> dict[str, Any]:
    """By Weight name ``edges``, the counts ``before`` and ``after`` between them, and how many are ``gone``.

    Args:
        graph: Of the dense network.
        dense: Its arrays.
        final: Those at the end, with zeros baked in, channels gone, or two factors in a kernel's place; only what is
            not zero is counted.
    """
    weights = [weight.name for weight in graph.weights() if weight.size and weight.name in dense]
    return {name: _row(dense[name], [final[one] for one in standing_for(name, final)]) for name in weights}


def _row(dense: Floats, final: Sequence[Floats]) -> dict[str, Any]:
    left = np.concatenate([np.zeros(0, np.float32), *(array[array != 0] for array in final)])
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
