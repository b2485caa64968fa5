"""Losses from the logits, also of a network that ends with a softmax or a sigmoid.

In single precision a sure prediction is 1 and its slope nothing, and a probability that is clipped has no slope,
however wrong it is: what lies before is exact.
"""

from core.backends.pytorch.network import Network
from core.backends.pytorch.operators import bound, short_name
from core.backends.pytorch.outputs import distribution

#: The kind of output that is left when the end is.
_LEFT = {"probabilities": ("_softmax", "softmax", "logits"), "sigmoid": ("sigmoid", "sigmoid", "sigmoid_logit")}


def left_away(network: Network) -> tuple[str, str]:
    """The name of the operation at the end whose input are the logits, and what kind of output that input is.

    "" and the network's own kind where there is none, or where it does not go over all that the network gives.
    """
    node, kind = distribution(network.module.graph), network.output
    if node is None or kind not in _LEFT or short_name(node.target) not in _LEFT[kind][:2]:
        return "", kind
    sample = network.facts.sizes.sample(node.name)
    if sample is None or not sample.shape or sample.shape[-1] != network.facts.units:
        return "", kind
    over_all = kind == "sigmoid" or bound(node).get("dim") in (-1, sample.rank - 1)
    return (node.name, _LEFT[kind][2]) if over_all else ("", kind)
