"""The layers of a network as a summary table shows them."""

from collections.abc import Iterable
from math import prod

from core.backends._base import LoadedModel
from core.graph import Graph, Group, Layer, Op, Weight
from core.groups import groups as grouped
from core.measures.macs import by_layer
from core.measures.size import STATISTICS

#: Why a layer of that kind has no prunable kernel.
_REASONS = {
    Op.BATCH_NORM: "Normalisation is not pruned by itself; it goes with the channels it belongs to.",
    Op.LAYER_NORM: "Normalisation is not pruned by itself; it goes with the channels it belongs to.",
    Op.GROUP_NORM: "Normalisation is not pruned by itself; it goes with the channels it belongs to.",
    Op.EMBEDDING: "Embeddings are looked up, not multiplied: they are not pruned.",
    Op.OPAQUE: "This operation is not known here: it is computed as it is.",
}


def layers(model: LoadedModel, groups: Iterable[Group] | None = None) -> tuple[Layer, ...]:
    """Every layer that holds arrays, in the order of the graph's arrays.

    Args:
        model: The network.
        groups: Its channel groups, where the caller has them already.
    """
    graph = model.graph()
    arrays = _arrays_by_layer(graph)
    weights: dict[str, list[Weight]] = {name: [] for name in arrays}
    for weight in graph.weights():
        weights[weight.layer].append(weight)
    kinds = {node.layer: node.op for node in reversed(graph.nodes) if node.layer is not None}
    macs = by_layer(graph)
    owners = _groups_by_layer(grouped(graph) if groups is None else groups)
    return tuple(
        Layer(
            name=name,
            kind=str(kinds.get(name, Op.OPAQUE)),
            class_name=graph.classes.get(name, ""),
            shape=(weights[name][0].shape if weights[name] else next(iter(shapes.values()))),
            weights=tuple(weights[name]),
            parameters=sum(prod(shape) for role, shape in shapes.items() if role not in STATISTICS),
            macs=macs.get(name, 0),
            group=owners.get(name, ""),
            prunable=any(weight.size for weight in weights[name]),
            reason="" if weights[name] else _reason(kinds.get(name, Op.OPAQUE), graph.classes.get(name, name)),
        )
        for name, shapes in arrays.items()
    )


def _arrays_by_layer(graph: Graph) -> dict[str, dict[str, tuple[int, ...]]]:
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in graph.arrays.items():
        layer, role = name.rsplit(".", 1)
        found.setdefault(layer, {})[role] = shape
    return found


def _groups_by_layer(groups: Iterable[Group]) -> dict[str, str]:
    """The group a layer's output channels are in: what it produces, else what its scale or bias belongs to."""
    found: dict[str, str] = {}
    for group in groups:
        for member in group.members:
            layer, role = member.array.rsplit(".", 1)
            if member.produces:
                found[layer] = group.name
            elif member.axis == 0 and role in ("scale", "shift", "bias"):
                found.setdefault(layer, group.name)
    return found


def _reason(kind: Op, class_name: str) -> str:
    return _REASONS.get(kind, f"{class_name} holds no kernel that is multiplied.")
