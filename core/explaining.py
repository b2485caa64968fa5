"""One layer explained: what its channels respond to, and which predictions change when one of them is cut.

A unit is what can be cut by itself: a channel (filter, neuron), an attention head, a hidden unit. It responds where
:mod:`core.criteria._places` says the Weight's rows are to be seen: behind normalisation and activation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Batch, Floats, LoadedModel
from core.criteria._places import Place, uses
from core.errors import BadSetting
from core.graph import Graph, Group
from core.groups import groups, left_out
from core.inputs import Inputs
from core.masks import Mask
from core.structures import STRUCTURES

#: Sides of a response beyond this are averaged over blocks.
LARGEST = 32
_ALL_KINDS = STRUCTURES["removable"]
_WORDS = {"channel": "channel", "head": "attention head", "hidden": "hidden unit"}


@dataclass(frozen=True)
class Units:
    """The units of a Weight.

    ``channel[u]`` is the group's channel that unit ``u`` is, ``rows`` that of each row of the Weight. Without a
    ``group`` nothing can be cut; ``reason`` says why, or why less goes than the whole group.
    """

    weight: str
    unit: str
    place: Place
    channel: NDArray[np.int64]
    rows: NDArray[np.int64]
    group: Group | None
    reason: str = ""

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.channel.size)


def units_of(graph: Graph, weight: str) -> Units:
    """The units behind a Weight's rows.

    Raises:
        BadSetting: What it makes cannot be looked at; the sentence says so.
    """
    places = uses(graph).get(weight, ())
    if not places:
        raise BadSetting(f'"{weight}" has no channels that could be looked at: its values stay inside the layer.')
    place = places[0].made
    found = [(group, member) for group in groups(graph) for member in group.members if member.produces]
    pair = next(((group, member) for group, member in found if member.array == weight), None)
    width = place.shape[place.axis]
    if pair is None:
        reason = left_out(graph).get(weight.rpartition(".")[0], "its rows are in no group")
        return Units(weight, "output", place, np.arange(width), np.arange(width), None, reason)
    group, member = pair
    rows = np.asarray(member.channel, np.int64)
    channel = np.arange(group.channels) if group.kind == "head" else rows[:width]  # of gates the first: all are alike
    return Units(weight, _WORDS[group.kind], place, channel, rows, group, group.reason)


def cut_masks(graph: Graph, units: Units, unit: int) -> dict[str, Mask]:
    """Masks that take one unit with its whole group: biases, normalisation and the columns of every consumer.

    Raises:
        BadSetting: It cannot be cut.
    """
    if units.group is None:
        raise BadSetting(f'No {units.unit} of "{units.weight}" can be cut: {units.reason}.')
    if not 0 <= unit < units.count or units.channel[unit] < 0:
        raise BadSetting(f'"{units.weight}" has no {units.unit} {unit}: they count from 0 to {units.count - 1}.')
    gone = np.zeros(units.group.channels, np.bool_)
    gone[units.channel[unit]] = True
    return _ALL_KINDS.masks(graph, {units.group.name: gone})


def responses(model: LoadedModel, units: Units, x: Inputs) -> Floats:
    """What each unit gives for one sample: ``(units,)``, ``(units, steps)`` or ``(units, height, width)``.

    A head gives the length of its context at each token. Long sides are averaged to at most 32 blocks.

    Args:
        model: The network.
        units: Whose units.
        x: One sample, with its first axis.
    """
    place = units.place
    tap = next(iter(model.taps([Batch(x, np.zeros(len(x), np.int64))], [place.tap])))[place.tap]
    value = np.moveaxis(np.asarray(tap.value[0], np.float32), place.axis, 0)
    if len(value) != units.count:
        value = np.sqrt(np.square(value.reshape(units.count, -1, *value.shape[1:])).sum(axis=1))
    if value.ndim > 3:
        value = value.reshape(len(value), -1, value.shape[-1])
    for axis in range(1, value.ndim):
        value = _averaged(value, axis)
    return np.ascontiguousarray(value, np.float32)


def strengths(responses: Floats) -> Floats:
    """How strongly each unit responds: the mean of |response| over its positions."""
    return np.asarray(np.abs(responses.reshape(len(responses), -1)).mean(axis=1), np.float32)


def _averaged(value: Floats, axis: int) -> Floats:
    size = value.shape[axis]
    if size <= LARGEST:
        return value
    starts = np.arange(LARGEST) * size // LARGEST
    widths = np.diff(starts, append=size).reshape(-1, *(1,) * (value.ndim - axis - 1))
    return np.asarray(np.add.reduceat(value, starts, axis=axis) / widths, np.float32)


@dataclass(frozen=True)
class Effect:
    """What a cut does over a split, of classes.

    ``accuracy`` and ``recall`` (by class, None without samples) are before and after. ``flipped`` predictions are
    others than before, ``lost`` of them were right, ``won`` are right now. ``hurt`` are the samples whose true class
    lost most probability, the most first; ``drop`` says how much.
    """

    accuracy: tuple[float, float]
    recall: tuple[tuple[float | None, float | None], ...]
    flipped: int
    lost: int
    won: int
    samples: int
    hurt: NDArray[np.int64]
    drop: NDArray[np.float64]


def effect(
    before: NDArray[np.float64], after: NDArray[np.float64], labels: NDArray[np.int64], most: int = 12
) -> Effect:
    """What changed between two tables of probabilities, ``(samples, classes)`` each."""
    was, now = before.argmax(axis=1), after.argmax(axis=1)
    rows = np.arange(len(labels))
    drop = before[rows, labels] - after[rows, labels]
    order = np.argsort(-drop, kind="stable")[:most]
    hurt = order[drop[order] > 0]
    right, still = was == labels, now == labels
    return Effect(
        accuracy=(float(right.mean()), float(still.mean())),
        recall=tuple(_recall(right, still, labels == place) for place in range(before.shape[1])),
        flipped=int((was != now).sum()),
        lost=int((right & ~still).sum()),
        won=int((~right & still).sum()),
        samples=len(labels),
        hurt=hurt,
        drop=drop[hurt],
    )


def _recall(
    right: NDArray[np.bool_], still: NDArray[np.bool_], of_class: NDArray[np.bool_]
) -> tuple[float | None, float | None]:
    return (float(right[of_class].mean()), float(still[of_class].mean())) if of_class.any() else (None, None)


def worth_of(scores: Mapping[str, Floats], units: Units) -> Floats | None:
    """The criterion's score of each unit, from the scores of pools by name; None where it ranks nothing of this layer.

    Of single weights it is the mean over each unit's rows.
    """
    if units.group is not None and units.group.name in scores:
        own = scores[units.group.name]
        return np.asarray(own[units.channel], np.float32) if own.size == units.group.channels else None
    own, rows = scores.get(units.weight, np.zeros(0, np.float32)), units.rows
    if not own.size or own.size % rows.size:
        return None
    means, there = own.reshape(rows.size, -1).mean(axis=1), rows >= 0
    sums = np.bincount(rows[there], means[there])
    return np.asarray((sums / np.maximum(np.bincount(rows[there]), 1))[units.channel], np.float32)
