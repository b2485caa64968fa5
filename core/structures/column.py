"""Columns: all weights with which a layer reads one of its inputs."""

from core.graph import Weight
from core.structures._parts import Parts


class Column(Parts):
    """All weights with one input index, ``weight[:, i]``: the layer no longer looks at that input.

    Of a grouped convolution the index counts inside the group: one column reads one input of every group.
    """

    name = "column"
    title = "Columns"
    note = "A layer stops reading one of its inputs: all weights on it become zero."
    unit = "column"
    least = 1

    def box(self, weight: Weight) -> tuple[int, ...] | str:
        if weight.shape[1] == 1:
            return "it has one input"
        return (weight.shape[0], 1, *weight.shape[2:])
