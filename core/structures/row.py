"""Rows: all weights that make one output of a layer, without what hangs on it."""

from collections.abc import Mapping

from core.graph import Graph, Weight
from core.structures._base import of_output
from core.structures._parts import Parts


class Row(Parts):
    """All weights with one output index, ``weight[o]``, kernel only.

    The row's bias, its normalisation and the consumers' columns stay: a masked row still gives a constant. That is
    what sets it apart from a channel, which takes all of them and can be cut. Of a GRU or LSTM a row is one gate of
    one hidden unit. Rows of the network's output never go.
    """

    name = "row"
    title = "Rows"
    note = "All weights of one output become zero; its bias stays, and so does the layer's shape."
    unit = "row"
    least = 1

    def box(self, weight: Weight) -> tuple[int, ...] | str:
        return (1, *weight.shape[1:])

    def spared(self, graph: Graph) -> Mapping[str, str]:
        return of_output(graph)
