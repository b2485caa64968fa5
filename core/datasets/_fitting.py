"""Laying samples out as a network takes them, or saying why they do not fit."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from core.datasets._base import SPLITS, Floats, Parts
from core.errors import WrongLabels, WrongShape

Shape = tuple[int, ...]
Wanted = tuple[int | None, ...]
Change = Callable[[Floats], Floats]


def fitted(parts: Parts, input_shapes: Sequence[Wanted], classes: int, framework: str) -> Parts:
    """The parts as a network takes them.

    Samples that fit are left alone; else channels are moved to the other end, or the sample is flattened or given
    its channel axis. Registered data has channels first and is moved silently; a person's own file is converted
    with a warning. Labels are checked against the network's classes.

    Args:
        parts: What :func:`core.datasets.load` gave.
        input_shapes: One sample's shape per input of the network, None where any size is taken.
        classes: Classes the network tells apart; one sigmoid unit counts as two.
        framework: Whose network it is; decides in which order a registered picture is flattened.

    Raises:
        WrongShape: No such change makes the samples fit; the message says what came and what was expected.
        WrongLabels: A label lies outside the network's classes.
    """
    if len(input_shapes) != 1:
        raise WrongShape(f"The network has {len(input_shapes)} inputs; data with one array of samples cannot feed it.")
    wanted = tuple(input_shapes[0])
    change, sentence = _change(parts, wanted, framework)
    if change is not None:
        train, validation, test = (change(parts.split(part)[0]) for part in SPLITS)
        parts = parts.with_samples(train, validation, test, *((sentence,) if parts.own else ()))
    return _with_classes(parts, classes)


def _change(parts: Parts, wanted: Wanted, framework: str) -> tuple[Change | None, str]:
    """What has to be done to the samples and the sentence that says so; None when they fit."""
    shape, last_first = parts.sample_shape, framework == "keras" and not parts.own
    moves = _moves(shape)
    if last_first and moves and _fits(moves[0][1], wanted):
        return moves[0][0], ""
    if _fits(shape, wanted):
        return None, ""
    for move, moved, sentence in moves:
        if _fits(moved, wanted):
            return move, f"{sentence}: {_written(shape)} became {_written(moved)}."
    target = _reshaped(shape, wanted)
    if target is None:
        raise WrongShape(
            f"The network takes samples of shape {_written(wanted)}; "
            f'"{parts.name}" has samples of shape {_written(shape)}.'
        )
    first = moves[0][0] if last_first and moves else np.asarray
    sentence = f"Samples of shape {_written(shape)} were laid out as {_written(target)}."
    return lambda x: first(x).reshape(len(x), *target), sentence


def _moves(shape: Shape) -> list[tuple[Change, Shape, str]]:
    if len(shape) < 2:
        return []
    to_last = "Channels were moved from first to last place"
    to_first = "Channels were moved from last to first place"
    return [
        (lambda x: np.moveaxis(x, 1, -1), (*shape[1:], shape[0]), to_last),
        (lambda x: np.moveaxis(x, -1, 1), (shape[-1], *shape[:-1]), to_first),
    ]


def _fits(shape: Shape, wanted: Wanted) -> bool:
    return len(shape) == len(wanted) and all(w in (None, s) for s, w in zip(shape, wanted, strict=True))


def _reshaped(shape: Shape, wanted: Wanted) -> Shape | None:
    """The wanted shape if it holds the same values flattened, unflattened, or with axes of one added or dropped."""
    sizes = tuple(size for size in wanted if size is not None)
    if len(sizes) < len(wanted):
        return None
    same = [s for s in shape if s != 1] == [s for s in sizes if s != 1]
    flat = len(shape) == 1 or len(sizes) == 1
    return sizes if prod(sizes) == prod(shape) and (same or flat) else None


def _written(shape: Wanted) -> str:
    sizes = ["any" if size is None else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _with_classes(parts: Parts, classes: int) -> Parts:
    labels = [parts.split(part)[1] for part in SPLITS]
    low, high = min(int(y.min()) for y in labels), max(int(y.max()) for y in labels)
    if low < 0 or high >= classes:
        raise WrongLabels(
            f'The network tells {classes} classes apart, so labels run from 0 to {classes - 1}; "{parts.name}" has '
            f"labels from {low} to {high}.{' Subtract 1 from them.' if (low, high) == (1, classes) else ''}"
        )
    names = parts.classes[:classes]
    return replace(parts, classes=names + tuple(str(label) for label in range(len(names), classes)))
