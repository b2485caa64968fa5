"""Attention written out in a network's own code: linear layers for query, key and value, products, a linear layer.

The operations stay as they are and so do the names of the tensors. What is remembered here, in the graph module's
``meta``, is that together they are one attention with heads: which rows of which linear layer are query, key and value.
"""

from dataclasses import dataclass

from torch import fx, nn

_KEY = "attentions"


@dataclass(frozen=True)
class Part:
    """Query, key or value: the rows from ``start`` to ``stop`` of the linear layer at ``path``."""

    path: str
    start: int
    stop: int


@dataclass(frozen=True)
class Projected:
    """One attention.

    Args:
        name: What the layer is called: the folder that holds its linear layers, else the first of them.
        width: Rows of the query for each head.
        parts: Query, key, value, each a run of heads.
        inputs: The nodes whose values the three take.
        anchor: The node of the softmax, or of the scaled dot products that hold one.
        inside: The nodes between, the calls of the linear layers of query, key and value among them.
        out: The linear layer behind, and ``call``, the node that calls it.
    """

    name: str
    width: int
    parts: tuple[Part, Part, Part]
    inputs: tuple[str, str, str]
    anchor: str
    inside: frozenset[str]
    out: str
    call: str

    @property
    def heads(self) -> int:
        """How many there are."""
        return (self.parts[0].stop - self.parts[0].start) // self.width

    @property
    def paths(self) -> tuple[str, ...]:
        """Its linear layers, each once."""
        return tuple(dict.fromkeys((*(part.path for part in self.parts), self.out)))


def projected(module: nn.Module) -> tuple[Projected, ...]:
    """The attentions of a network that are known to be such."""
    found: tuple[Projected, ...] = getattr(module, "meta", {}).get(_KEY, ())
    return found


def remember(module: fx.GraphModule, found: tuple[Projected, ...]) -> None:
    """Let the network have these attentions."""
    module.meta[_KEY] = found
