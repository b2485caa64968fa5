"""What the walk through a graph knows and collects."""

from dataclasses import dataclass

import numpy as np

from core.graph import Graph, Node
from core.groups._channels import AxisIds, Channels, Ids, ValueIds
from core.groups._shuffling import shuffles


@dataclass(frozen=True)
class Use:
    """One axis of one array whose indices belong to channels. ``produces``: its rows make them."""

    array: str
    axis: int
    ids: AxisIds
    produces: bool = False


@dataclass(frozen=True)
class Made:
    """Channels that a layer makes: their ids, what they are called, and the rows that are zero without them."""

    name: str
    ids: Ids
    rows: tuple[Use, ...]
    kind: str = "channel"

    @property
    def layer(self) -> str:
        """The layer that makes them."""
        return self.rows[0].array.rpartition(".")[0]


class Walk:
    """The ids on every value so far, and every array axis that has them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.channels = Channels()
        self.values: dict[str, ValueIds] = {}
        self.shapes = {node.name: node.shape for node in graph.nodes}
        self.uses: list[Use] = []
        self.made: dict[str, Made] = {}  # first producing array -> what its rows make
        self.columns: dict[str, Ids] = {}  # embedding -> ids of its columns
        self.depths = _depths(graph)
        self.absorbed: dict[str, str] = {}  # layer -> why its rows are no channels
        self.shuffles = {shuffle.apart: shuffle for shuffle in shuffles(graph)}
        self.together: dict[str, ValueIds] = {}  # node behind a shuffle -> the ids on its value

    def ordered(self) -> list[Made]:
        """What layers make, by depth, then array name: the same order in every framework."""
        return [self.made[name] for name in sorted(self.made, key=lambda name: (self.depths[_layer(name)], name))]

    def inputs(self, node: Node) -> list[ValueIds]:
        """The ids on the node's inputs."""
        return [self.values[name] for name in node.inputs]

    def has(self, node: Node, role: str) -> bool:
        """Whether the node's layer has an array of that role."""
        return f"{node.layer}.{role}" in self.graph.arrays

    def size(self, node: Node, role: str, axis: int) -> int:
        """Length of one axis of one of the layer's arrays."""
        return self.graph.arrays[f"{node.layer}.{role}"][axis]

    def use(self, node: Node, role: str, axis: int, ids: AxisIds) -> None:
        """Note the ids on an axis of one of the layer's arrays, if it has such an array."""
        if self.has(node, role):
            self.uses.append(Use(f"{node.layer}.{role}", axis, ids))

    def produce(self, node: Node, role: str = "kernel", bias: str = "bias") -> Ids:
        """The ids of the rows a layer makes: the same ones at each of its uses."""
        return self._make(node, (role,), (bias,), self.size(node, role, 0))

    def units(self, node: Node, gates: int) -> Ids:
        """The ids of a recurrent layer's hidden units; each has a row in every gate."""
        rows, biases = ("kernel", "recurrent"), ("bias", "recurrent_bias")
        return self._make(node, rows, biases, self.size(node, "recurrent", 1), "hidden", gates=gates)

    def heads(self, node: Node, count: int) -> Ids:
        """The ids of an attention's heads; each has as many rows as it is wide."""
        roles = ("query", "key", "value")
        return self._make(node, roles, tuple(f"{role}_bias" for role in roles), count, "head")

    def _make(
        self,
        node: Node,
        rows: tuple[str, ...],
        biases: tuple[str, ...],
        count: int,
        kind: str = "channel",
        gates: int = 0,
    ) -> Ids:
        first = f"{node.layer}.{rows[0]}"
        if first not in self.made:
            ids = self.channels.fresh(count)
            uses = []
            for role in (*rows, *biases):
                if self.has(node, role):
                    spread = np.tile(ids, gates) if gates else np.repeat(ids, self.size(node, role, 0) // count)
                    uses.append(Use(f"{node.layer}.{role}", 0, spread, role in rows))
            name = f"{node.layer}.heads" if kind == "head" else str(node.layer)
            self.made[first] = Made(name, ids, tuple(uses), kind)
        self.uses.extend(self.made[first].rows)
        return self.made[first].ids

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
            if all(self.loose(ids) for ids in known):
                return None  # nobody needs to know: they are no layer's rows
        return first

    def loose(self, ids: AxisIds) -> bool:
        """Whether these are columns of an embedding or axes of a parameter, which no layer's rows make."""
        return any(ids is own for own in self.columns.values())

    def tied(self, ids: AxisIds, groups: int, node: Node) -> AxisIds:
        """Channels in ``groups`` runs of equal size: those at the same place of every run become one.

        So every run loses as many as the others. Returns the ids of one run.
        """
        return None if ids is None else self.combined(list(ids.reshape(groups, -1)), node)


def _layer(array: str) -> str:
    return array.rpartition(".")[0]


def _depths(graph: Graph) -> dict[str, int]:
    """By layer: how many layers lie on the longest way from an input to its first use."""
    nodes: dict[str, int] = {}
    layers: dict[str, int] = {}
    for node in graph.nodes:
        nodes[node.name] = max((nodes[name] for name in node.inputs), default=0) + (node.layer is not None)
        if node.layer is not None:
            layers.setdefault(node.layer, nodes[node.name])
    return layers
