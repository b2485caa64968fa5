"""What all structures have in common whose units are the channels of groups: what must go together, goes."""

from collections.abc import Mapping
from math import floor

import numpy as np

from core.backends._base import Floats, Masks
from core.criteria import Criterion, Need, Signals
from core.criteria._seeding import generator
from core.graph import Graph, Group, Member
from core.groups import gone as gone_of
from core.groups import groups, left_out
from core.masks import Mask
from core.scores import Flags, Scores
from core.structures._base import Gone, Structure, Units, described, relative


class Grouped(Structure):
    """Channels of a group go together, consumers' columns included; one pool per group, named after it.

    A channel's score is the mean over the group's producers of the score of its rows. A group that cannot be cut is
    zeroed row by row, kernel and bias only. Structures differ in the groups they take.
    """

    least = 1
    rounds = True
    #: The kinds of groups (``Group.kind``) whose channels are units.
    kinds: tuple[str, ...]

    def groups(self, graph: Graph) -> tuple[Group, ...]:
        """The groups that are pools."""
        return tuple(group for group in groups(graph) if group.kind in self.kinds)

    def left_out(self, graph: Graph) -> dict[str, str]:
        there = {_layer(name) for group in self.groups(graph) for name in _producing(group)}
        others = {_layer(name): group.kind for group in groups(graph) for name in _producing(group)}
        reasons = left_out(graph)
        return {
            weight.layer: _other(others[weight.layer], self.unit)
            if weight.layer in others
            else reasons.get(weight.layer, "its rows are in no group")
            for weight in graph.weights()
            if weight.layer not in there
        }

    def units(self, graph: Graph) -> tuple[Units, ...]:
        return tuple(
            Units(g.name, _layer(_producing(g)[0]), g.channels, _producing(g), g.cuttable, g.reason)
            for g in self.groups(graph)
        )

    def kin(self, graph: Graph, units: Units) -> str:
        """The kinds of operations that make and read the channels, in which roles, and how many of each."""
        group = next(g for g in groups(graph) if g.name == units.name)
        members = sorted(f"{described(graph, member.array)} {member.axis}" for member in group.members)
        return f"{group.kind}: {', '.join(members)}"

    def needs(self, criterion: Criterion) -> frozenset[Need]:
        return criterion.row_needs

    def scores(
        self, graph: Graph, units: Units, criterion: Criterion, signals: Mapping[str, Signals], seed: int
    ) -> Scores:
        group = next(g for g in groups(graph) if g.name == units.name)
        # A generator of the group for each member: by chance, too, all its rows are worth the same.
        parts = [
            _by_channel(member.channel, criterion.rows(signals[member.array], generator(seed, group.name)), group)
            for member in group.members
            if member.produces and member.array in signals  # not every producer has what a criterion goes by
        ]
        return Scores(np.asarray(np.mean(parts, axis=0, dtype=np.float64), np.float32))

    def quota(self, size: int, amount: float) -> int:
        """All but ``floor(size x (1 - amount) + 1e-9)``, as Torch-Pruning."""
        return size - floor(size * (1 - amount) + 1e-9)

    def comparable(self, scores: Scores, gone: Flags | None) -> Scores:
        """Divided by the mean over the channels that are still there: groups differ in scale by depth and fan-in."""
        return relative(scores, gone)

    def gone(self, graph: Graph, masks: Masks) -> dict[str, Flags]:
        found = ((group.name, gone_of(group, masks)) for group in self.groups(graph))
        return {name: flags for name, flags in found if flags is not None}

    def masks(
        self,
        graph: Graph,
        gone: Gone,
        worth: Mapping[str, Scores] | None = None,
        before: Masks | None = None,
    ) -> dict[str, Mask]:
        kept: dict[str, Flags] = {}
        for group in self.groups(graph):
            if group.name not in gone or not gone[group.name].any():
                continue
            for member in group.members:
                if member.array.endswith(".variance"):
                    continue  # of a channel that is zero before and after, any spread will do; zero would divide
                if member.array not in kept:
                    kept[member.array] = np.ones(graph.arrays[member.array], np.bool_)
                np.moveaxis(kept[member.array], member.axis, 0)[_dropped(member, gone[group.name])] = False
        return {name: Mask(array) for name, array in kept.items() if not array.all()}


def _dropped(member: Member, gone: Flags) -> Flags:
    return (member.channel >= 0) & gone[member.channel]


def _producing(group: Group) -> tuple[str, ...]:
    return tuple(dict.fromkeys(member.array for member in group.members if member.produces))


def _layer(array: str) -> str:
    return array.rpartition(".")[0]


def _other(kind: str, unit: str) -> str:
    what = {"head": "attention heads", "hidden": "hidden units", "channel": "channels"}.get(kind, f"units ({kind})")
    return f"its units are {what}, not {unit}s"


def _by_channel(channel: np.ndarray, rows: Floats, group: Group) -> np.ndarray:
    """Scores of rows as scores of channels: their mean where one channel has several rows."""
    there = channel >= 0
    sums = np.bincount(channel[there], rows[there], group.channels)
    return sums / np.maximum(np.bincount(channel[there], minlength=group.channels), 1)
