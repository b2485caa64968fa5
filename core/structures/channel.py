"""Whole channels: rows of producers with everything that hangs on them. Smaller shapes, real speed."""

from collections.abc import Mapping
from math import floor

import numpy as np

from core.backends._base import Floats, Masks
from core.criteria import Criterion, Need, Signals
from core.criteria._seeding import generator
from core.graph import Graph, Group
from core.groups import groups
from core.masks import Mask
from core.scores import Flags, Scores
from core.structures._base import Gone, Structure, Units


class Channel(Structure):
    """Channels of a group go together, consumers' columns included; one pool per group, named after it.

    A channel's score is the mean over the group's producers of the score of its row. A group that cannot be cut is
    zeroed row by row, kernel and bias only.
    """

    name = "channel"
    title = "Channels"
    note = "Whole neurons and filters go, and the network really becomes smaller and faster."
    unit = "channel"
    least = 1

    def units(self, graph: Graph) -> tuple[Units, ...]:
        return tuple(Units(g.name, g.name, g.channels, _producing(g), g.cuttable, g.reason) for g in groups(graph))

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
            if member.produces
        ]
        return Scores(np.asarray(np.mean(parts, axis=0, dtype=np.float64), np.float32))

    def quota(self, size: int, amount: float) -> int:
        """All but ``floor(size x (1 - amount) + 1e-9)``, as Torch-Pruning."""
        return size - floor(size * (1 - amount) + 1e-9)

    def comparable(self, scores: Scores, gone: Flags | None) -> Scores:
        """Divided by the mean over the channels that are still there: groups differ in scale by depth and fan-in."""
        values = scores.whole()
        mean = np.mean(values if gone is None or gone.all() else values[~gone], dtype=np.float64)
        return Scores(values / np.float32(mean if mean > 0 else 1))

    def gone(self, graph: Graph, masks: Masks) -> dict[str, Flags]:
        found = ((group.name, _gone(group, masks)) for group in groups(graph))
        return {name: flags for name, flags in found if flags is not None}

    def masks(self, graph: Graph, gone: Gone) -> dict[str, Mask]:
        kept: dict[str, Flags] = {}
        for group in groups(graph):
            if not gone[group.name].any():
                continue
            for member in group.members:
                if member.array.endswith(".variance"):
                    continue  # of a channel that is zero before and after, any spread will do; zero would divide
                if member.array not in kept:
                    kept[member.array] = np.ones(graph.arrays[member.array], np.bool_)
                dropped = (member.channel >= 0) & gone[group.name][member.channel]
                np.moveaxis(kept[member.array], member.axis, 0)[dropped] = False
        return {name: Mask(array) for name, array in kept.items() if not array.all()}


def _producing(group: Group) -> tuple[str, ...]:
    return tuple(member.array for member in group.members if member.produces)


def _by_channel(channel: np.ndarray, rows: Floats, group: Group) -> np.ndarray:
    """Scores of rows as scores of channels: their mean where one channel has several rows."""
    return np.bincount(channel, rows, group.channels) / np.bincount(channel, minlength=group.channels)


def _gone(group: Group, masks: Masks) -> Flags | None:
    """Channels whose row is masked from end to end."""
    member = next(member for member in group.members if member.produces)
    if member.array not in masks:
        return None
    kept = masks[member.array].kept
    rows = kept.reshape(kept.shape[0], -1).any(axis=1)
    flags = np.ones(group.channels, np.bool_)
    flags[member.channel[rows]] = False
    return flags
