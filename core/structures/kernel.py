"""Kernels: what one filter sees of one input channel."""

from math import prod

from core.graph import Weight
from core.structures._parts import Parts


class Kernel(Parts):
    """All window positions of one (output, input) pair of a convolution, ``weight[o, i]``."""

    name = "kernel"
    title = "Kernels"
    note = "The whole window between one input and one output channel of a convolution becomes zero."
    unit = "kernel"

    def box(self, weight: Weight) -> tuple[int, ...] | str:
        if prod(weight.shape[2:]) == 1:
            return "it has no window: its kernels are single weights"
        return (1, 1, *weight.shape[2:])
