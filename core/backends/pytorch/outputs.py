"""What a network's output is, and the loss that fits it."""

from collections.abc import Mapping

import torch
from torch import fx
from torch.nn import functional

from core.backends.pytorch.operators import short_name
from core.errors import BadSetting

_LAST = {
    "softmax": "probabilities",
    "_softmax": "probabilities",
    "log_softmax": "log_probabilities",
    "_log_softmax": "log_probabilities",
    "sigmoid": "probabilities",
}
#: Operations that leave values as they are.
_PASSING = ("view", "reshape", "squeeze", "flatten", "contiguous", "clone", "detach", "alias", "getitem", "unsqueeze")
_CLIP = 1e-7


def recognised(graph: fx.Graph, units: int) -> str:
    """One of ``core.plan.OUTPUTS``, from the last operation that changes values."""
    node = next(node for node in graph.nodes if node.op == "output").args[0]
    while isinstance(node, fx.Node) and short_name(node.target) in _PASSING and node.op == "call_function":
        node = node.args[0]
    name = short_name(node.target) if isinstance(node, fx.Node) and node.op == "call_function" else ""
    if units == 1:
        return "sigmoid" if name == "sigmoid" else "sigmoid_logit"
    return _LAST.get(name, "logits")


def checked(output: str, units: int) -> str:
    """The output kind, if a network with so many units can have it.

    Raises:
        BadSetting: One unit was called a distribution over classes, or several one sigmoid.
    """
    single = output in ("sigmoid", "sigmoid_logit")
    if single != (units == 1):
        wanted = "sigmoid or sigmoid_logit" if units == 1 else "logits, probabilities or log_probabilities"
        raise BadSetting(f'An output of {units} unit{"s" * (units != 1)} cannot be "{output}". Choose {wanted}.')
    return output


def loss(outputs: torch.Tensor, labels: torch.Tensor, kind: str) -> torch.Tensor:
    """Mean cross-entropy; probabilities are clipped at 1e-7."""
    if kind in ("sigmoid", "sigmoid_logit"):
        flat, wanted = outputs.reshape(-1), labels.to(outputs.dtype)
        if kind == "sigmoid_logit":
            return functional.binary_cross_entropy_with_logits(flat, wanted)
        return functional.binary_cross_entropy(flat.clamp(_CLIP, 1 - _CLIP), wanted)
    if kind == "probabilities":
        return functional.nll_loss(outputs.clamp_min(_CLIP).log(), labels)
    if kind == "log_probabilities":
        return functional.nll_loss(outputs, labels)
    return functional.cross_entropy(outputs, labels)


def right(outputs: torch.Tensor, labels: torch.Tensor, kind: str) -> torch.Tensor:
    """How many samples got their label, as a tensor of one number (no waiting for the device)."""
    thresholds: Mapping[str, float] = {"sigmoid": 0.5, "sigmoid_logit": 0.0}
    if kind in thresholds:
        return ((outputs.detach().reshape(-1) > thresholds[kind]).to(labels.dtype) == labels).sum()
    return (outputs.detach().argmax(1) == labels).sum()
