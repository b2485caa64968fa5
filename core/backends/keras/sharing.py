"""Entries that share a value share its gradient, the sum of all of theirs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.backends._base import Extras
from core.backends.keras.arrays import by_variable, merged
from core.backends.keras.network import Network

#: From a variable's gradient to that of its shared values, both in the variable's own order.
Sum = Callable[[Any], Any]


def sums(extras: Extras, network: Network) -> dict[int, Sum]:
    """What is shared (``Extras.shared``), by place in a set of values."""
    offset, codes = 0, {}
    for name, own in (extras.shared or {}).items():  # parts of one variable share nothing with each other
        codes[name] = np.where(own >= 0, own + offset, -1)
        offset += int(own.max(initial=-1)) + 1
    found = {}
    for variable, parts in by_variable(network.slots, codes):
        whole = merged(np.full(tuple(variable.shape), -1, np.int64), parts)
        found[network.place(variable)] = _sum(whole)
    return found


def _sum(codes: Any) -> Sum:
    import tensorflow as tf

    flat = np.ascontiguousarray(codes).reshape(-1)
    at = np.flatnonzero(flat >= 0)
    values, own = np.unique(flat[at], return_inverse=True)
    own = own.reshape(-1)

    def summed(gradient: Any) -> Any:
        entries = tf.reshape(tf.convert_to_tensor(gradient), [-1])
        shared = tf.math.unsorted_segment_sum(tf.gather(entries, at), own, len(values))
        given = tf.tensor_scatter_nd_update(entries, at[:, None], tf.gather(shared, own))
        return tf.reshape(given, codes.shape)

    return summed
