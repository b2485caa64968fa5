"""What the walk through a graph knows and collects."""

from dataclasses import dataclass

import numpy as np

from core.graph import Graph, Node
from core.groups._channels import AxisIds, Channels, Ids, ValueIds


@dataclass(frozen=True)
class Use:
    """One axis of one array whose indices belong to channels. ``produces``: its rows make them."""

    array: str
    axis: int
    ids: AxisIds
    produces: bool = False


class Walk:
    """The ids on every value so far, and every array axis that has them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.channels = Channels()
        self.values: dict[str, ValueIds] = {}
        self.shapes = {node.name: node.shape for node in graph.nodes}
        self.uses: list[Use] = []
        self.producers: dict[str, Ids] = {}  # kernel name -> ids of its rows
        self.depths = _depths(graph)
        self.absorbed: dict[str, str] = {}  # layer -> why its rows are no channels

    def ordered(self) -> list[str]:
        """The producing kernels by depth, then name: the same order in every framework."""
        return sorted(self.producers, key=lambda kernel: (self.depths[kernel.rpartition(".")[0]], kernel))

    def inputs(self, node: Node) -> list[ValueIds]:
        """The ids on the node's inputs."""
        return [self.values[name] for name in node.inputs]

    def has(self, node: Node, role: str) -> bool:
        """Whether the node's layer has an array of that role."""
        return f"{node.layer}.{role}" in self.graph.arrays

    def use(self, node: Node, role: str, axis: int, ids: AxisIds, *, produces: bool = False) -> None:
        """Note the ids on an axis of one of the layer's arrays, if it has such an array."""
        if self.has(node, role):
            self.uses.append(Use(f"{node.layer}.{role}", axis, ids, produces))

    def produce(self, node: Node, role: str = "kernel", bias: str = "bias") -> Ids:
        """The ids of the rows a layer makes: the same ones at each of its uses."""
        name = f"{node.layer}.{role}"
        if name not in self.producers:
            self.producers[name] = self.channels.fresh(self.graph.arrays[name][0])
        ids = self.producers[name]
        self.use(node, role, 0, ids, produces=True)
        self.use(node, bias, 0, ids)
        return ids

    def freeze(self, ids: ValueIds, reason: str, *, output: bool = False) -> None:
        """All channels on a value stay."""
        for axis in ids:
            self.channels.freeze(axis, reason, output=output)

    def title(self, node: Node) -> str:
        """What a reason calls the node: "LayerNorm norm1"."""
        kind = self.graph.classes.get(node.layer or "", node.label or node.op.value)
        return f"{kind} {node.layer or node.name}"

    def combined(self, parts: list[AxisIds], node: Node) -> AxisIds:
        """One axis of values that are combined entry by entry: index by index they are the same channel."""
        known = [ids for ids in parts if ids is not None]
        if not known:
            return None
        reason = f"meets values that are never cut in {self.title(node)}: zeroed only"
        first = known[0]
        for ids in known[1:]:
            both = (first >= 0) & (ids >= 0)
            self.channels.unite(first[both], ids[both])
            for one in (first, ids):
                self.channels.freeze(np.where(both, -1, one).astype(np.int32), reason)
            first = np.where(first >= 0, first, ids)
        if len(known) < len(parts):
            self.channels.freeze(first, reason)
        return first


def _depths(graph: Graph) -> dict[str, int]:
    """By layer: how many layers lie on the longest way from an input to its first use."""
    nodes: dict[str, int] = {}
    layers: dict[str, int] = {}
    for node in graph.nodes:
        nodes[node.name] = max((nodes[name] for name in node.inputs), default=0) + (node.layer is not None)
        if node.layer is not None:
            layers.setdefault(node.layer, nodes[node.name])
    return layers
