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


def measured(graph: fx.Graph) -> fx.Node | None:
    """The node whose value is the network's output, of several outputs the first."""
    result = next(node for node in graph.nodes if node.op == "output").args[0]
    result = result[0] if isinstance(result, tuple | list) and result else result
    return result if isinstance(result, fx.Node) else None


def several(graph: fx.Graph) -> bool:
    """Whether the network has more than one output."""
    result = next(node for node in graph.nodes if node.op == "output").args[0]
    return isinstance(result, tuple | list)


def distribution(graph: fx.Graph) -> fx.Node | None:
    """The softmax or sigmoid at the end, None where the network gives logits."""
    node: object = measured(graph)
    while isinstance(node, fx.Node) and short_name(node.target) in _PASSING and node.op == "call_function":
        node = node.args[0]
    known = isinstance(node, fx.Node) and node.op == "call_function" and short_name(node.target) in _LAST
    return node if known and isinstance(node, fx.Node) else None


def recognised(graph: fx.Graph, units: int) -> str:
    """One of ``core.plan.OUTPUTS``, from the last operation that changes values."""
    node = distribution(graph)
    name = "" if node is None else short_name(node.target)
    if units == 1:
        return "sigmoid" if name == "sigmoid" else "sigmoid_logit"
    return _LAST.get(name, "logits")


def checked(output: str, units: int) -> str:
    """The output kind, if a network with so many units can have it.

    Raises:
        BadSetting: One unit was called a distribution over classes, or several one sigmoid.
    """
    if output == "regression":
        return output
    single = output in ("sigmoid", "sigmoid_logit")
    if single != (units == 1):
        wanted = "sigmoid or sigmoid_logit" if units == 1 else "logits, probabilities or log_probabilities"
        raise BadSetting(f'An output of {units} unit{"s" * (units != 1)} cannot be "{output}". Choose {wanted}.')
    return output


def losses(outputs: torch.Tensor, labels: torch.Tensor, kind: str, temperature: float = 1.0) -> torch.Tensor:
    """Each sample's loss: cross-entropy, or of a regression the mean squared error over its values.

    ``temperature`` divides the logits; where the network gives probabilities, their logarithms (the same up to a
    constant, which the softmax takes out). A regression has no logits and no temperature.
    """
    if kind == "regression":
        count = len(outputs)
        return (outputs.reshape(count, -1) - labels.to(outputs.dtype).reshape(count, -1)).square().mean(1)
    if kind in ("sigmoid", "sigmoid_logit"):
        wanted = labels.to(outputs.dtype)
        flat = logits(outputs, kind).reshape(-1) / temperature
        return functional.binary_cross_entropy_with_logits(flat, wanted, reduction="none")
    if temperature == 1 and kind in ("probabilities", "log_probabilities"):
        return functional.nll_loss(logits(outputs, kind), labels, reduction="none")
    return functional.cross_entropy(logits(outputs, kind) / temperature, labels, reduction="none")


def logits(outputs: torch.Tensor, kind: str) -> torch.Tensor:
    """What goes into the softmax or sigmoid, up to a constant; probabilities are clipped at 1e-7."""
    if kind == "sigmoid":
        return outputs.clamp(_CLIP, 1 - _CLIP).logit()
    return outputs.clamp_min(_CLIP).log() if kind == "probabilities" else outputs


def loss(outputs: torch.Tensor, labels: torch.Tensor, kind: str) -> torch.Tensor:
    """Mean over the samples of :func:`losses`; probabilities are clipped at 1e-7."""
    if kind == "regression":
        return losses(outputs, labels, kind).mean()
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
    """How many samples got their label, as a tensor of one number (no waiting for the device).

    Of a regression the sum of the squared errors.
    """
    thresholds: Mapping[str, float] = {"sigmoid": 0.5, "sigmoid_logit": 0.0}
    if kind in thresholds:
        return ((outputs.detach().reshape(-1) > thresholds[kind]).to(labels.dtype) == labels).sum()
    if kind == "regression":
        return (outputs.detach().reshape(-1) - labels.reshape(-1)).square().sum()
    return (outputs.detach().argmax(1) == labels).sum()


def share(total: float, labels: torch.Tensor, kind: str) -> float:
    """The accuracy that :func:`right`, summed over all samples, comes to; of a regression R².

    R² = 1 - sum of squared errors / sum of squares around each value's own mean; 0 where the targets do not vary.
    """
    if kind != "regression":
        return total / len(labels)
    targets = labels.reshape(len(labels), -1).double()
    around = float((targets - targets.mean(0)).square().sum())
    return 1 - total / around if around else 0.0
