"""Pictures laid out channel by channel at each pixel, which convolutions and pooling on a CPU compute much faster.

Reference: https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html
"""

import torch
from torch import fx, nn

from core.backends.pytorch.running import Given

#: They take memory for what it is and fail on, or misread, another layout.
_LITERAL = ("view", "_unsafe_view", "as_strided", "view_as", "stride", "is_contiguous")


def gains(module: fx.GraphModule) -> bool:
    """Whether the network convolves pictures and nothing in its graph depends on how they lie in memory."""
    if not any(isinstance(layer, nn.Conv2d) for layer in module.modules()):
        return False
    return not any(_operation(node) in _LITERAL for node in module.graph.nodes)


def channels_last(inputs: Given) -> Given:
    """The same pictures with the channels of each pixel side by side; other inputs as they are."""
    return tuple(each.to(memory_format=torch.channels_last) if each.dim() == 4 else each for each in inputs)


def _operation(node: fx.Node) -> str:
    """ "view" for ``aten.view.default`` and for the method."""
    return str(node.target).removeprefix("aten.").split(".")[0] if node.op in ("call_function", "call_method") else ""
