"""Where in the network the values are that a Weight takes and makes.

A row's *activation* is what the last node gives that is reached from the layer through batch normalisation and
elementwise nodes, each the only consumer of the one before: convolution, BatchNorm, ReLU give the ReLU. The rows of
query, key and value are the features of the attention's context, those of a GRU's or LSTM's gates its hidden units.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from weakref import finalize

from core.criteria._signals import Need
from core.graph import Graph, Node, Op

#: Activations that give exact zeros.
RECTIFIERS = frozenset({"relu", "relu6", "threshold"})
#: What zeros pass through as zeros in evaluation mode.
_PASSING = ("dropout", "identity", "noise")
_INPUTS = frozenset({Need.INPUT_NORM, Need.INPUT_MEAN})
_ACTIVATIONS = frozenset({Need.ACTIVATION_MEAN, Need.ACTIVATION_TAYLOR, Need.ACTIVATION_FISHER})
_PROJECTIONS = ("query", "key", "value")


@dataclass(frozen=True)
class Place:
    """What :meth:`LoadedModel.taps` is asked for, and how to read it.

    ``axis`` is the channel's in one sample. ``earlier`` leaves out the last step: of the hidden states, which come in
    the order of the steps, a recurrent kernel takes all but that.
    """

    tap: str
    axis: int
    shape: tuple[int, ...]
    earlier: bool = False


@dataclass(frozen=True)
class Use:
    """One use of a Weight: where its input lies (None if nowhere to be seen), where its rows' activation lies.

    ``groups`` of a convolution; ``heads`` of an attention whose context stands for the rows; ``rectified``: exact zeros
    are meant; ``normalised``: batch normalisation follows directly; ``scale`` is the array of the first one that
    follows, "" if none does.
    """

    taken: Place | None
    made: Place
    groups: int = 1
    heads: int = 0
    rectified: bool = False
    normalised: bool = False
    scale: str = ""


def uses(graph: Graph) -> dict[str, tuple[Use, ...]]:
    """By Weight name every use of it, in the graph's order. A shared layer has several."""
    known = _KNOWN.get(id(graph))
    if known is None:
        known = _KNOWN[id(graph)] = _found(graph)
        finalize(graph, _KNOWN.pop, id(graph), None)
    return known


def missing(graph: Graph, weight: str, needs: Collection[Need]) -> str:
    """Why a Weight has not what a criterion needs, as the end of a sentence; "" if it has."""
    places = uses(graph).get(weight, ())
    return next((reason for need in sorted(needs) if (reason := _missing(need, places))), "")


_KNOWN: dict[int, dict[str, tuple[Use, ...]]] = {}


def _missing(need: Need, places: tuple[Use, ...]) -> str:
    if need not in _INPUTS | _ACTIVATIONS | {Need.SCALE, Need.ZERO_SHARE, Need.RANK}:
        return ""
    if not places:
        return "no value flows through it"
    if need in _INPUTS and any(use.taken is None for use in places):
        return "what reaches it cannot be looked at"
    if need is Need.SCALE and len({use.scale for use in places} - {""}) != 1:
        return "no batch normalisation with a scale follows"
    if need is Need.ZERO_SHARE and not all(use.rectified for use in places):
        return "no ReLU follows, so nothing is exactly zero"
    if need is Need.RANK and any(len(use.made.shape) != 3 for use in places):
        return "it makes no pictures (feature maps with height and width)"
    return ""


def _found(graph: Graph) -> dict[str, tuple[Use, ...]]:
    nodes = {node.name: node for node in graph.nodes}
    consumers: dict[str, list[Node]] = {node.name: [] for node in graph.nodes}
    for node in graph.nodes:
        for name in node.inputs:
            consumers[name].append(node)
    found: dict[str, list[Use]] = {}
    for node in graph.nodes:
        for role, use in _uses(graph, node, nodes, consumers):
            name = f"{node.layer}.{role}"
            if name in graph.arrays:
                found.setdefault(name, []).append(use)
    return {name: tuple(several) for name, several in found.items()}


def _uses(
    graph: Graph, node: Node, nodes: dict[str, Node], consumers: dict[str, list[Node]]
) -> Iterator[tuple[str, Use]]:
    """Role and use of each Weight of the node's layer."""
    if node.layer is None or not node.inputs:
        return
    before = [nodes[name] for name in node.inputs]
    if node.op in (Op.GRU, Op.LSTM):
        hidden = Place(f"{node.name}:hidden", 1, (0, node.attrs["hidden"]))
        yield "kernel", Use(_last(before[0]), hidden)
        yield "recurrent", Use(replace(hidden, earlier=True), hidden)
    elif node.op is Op.ATTENTION:
        width = graph.arrays.get(f"{node.layer}.value", (0,))[0]
        context = Place(f"{node.name}:context", 1, (0, width))
        for place, role in enumerate(_PROJECTIONS):
            yield role, Use(_last(before[min(place, len(before) - 1)]), context, heads=int(node.attrs["heads"]))
        yield "out", _followed(graph, node, len(node.shape) - 1, context, consumers)
    elif node.op is Op.LINEAR:
        yield "kernel", _followed(graph, node, len(node.shape) - 1, _last(before[0]), consumers)
    elif node.op in (Op.CONV, Op.CONV_TRANSPOSE, Op.SEPARABLE_CONV):
        axis = int(node.attrs["channel_axis"])
        taken = Place(before[0].name, axis, before[0].shape)
        if node.op is Op.SEPARABLE_CONV:
            inner = Place(node.name, axis, node.shape)
            yield "depthwise", Use(taken, inner, groups=before[0].shape[axis])
            yield "pointwise", _followed(graph, node, axis, None, consumers)
            return
        groups = int(node.attrs.get("groups", 1))
        for role in ("kernel", "depthwise"):
            yield role, _followed(graph, node, axis, taken, consumers, groups)


def _last(node: Node) -> Place:
    return Place(node.name, len(node.shape) - 1, node.shape)


def _followed(
    graph: Graph,
    node: Node,
    axis: int,
    taken: Place | None,
    consumers: dict[str, list[Node]],
    groups: int = 1,
) -> Use:
    """The use whose activation lies as far down as nothing but normalisation and elementwise nodes lead."""
    scale, rectified = "", False
    normalised = [follower.op for follower in consumers[node.name]] == [Op.BATCH_NORM]
    while len(consumers[node.name]) == 1:
        follower = consumers[node.name][0]
        if follower.op not in (Op.BATCH_NORM, Op.ELEMENTWISE) or follower.shape != node.shape:
            break
        if follower.op is Op.BATCH_NORM:
            if follower.attrs["channel_axis"] != axis:
                break
            named = f"{follower.layer}.scale"
            scale = scale or (named if named in graph.arrays else "")
            rectified = False
        else:
            label = follower.label.lower()
            rectified = label in RECTIFIERS or (rectified and any(word in label for word in _PASSING))
        node = follower
    return Use(
        taken, Place(node.name, axis, node.shape), groups, rectified=rectified, normalised=normalised, scale=scale
    )
