"""Laying samples out as a network takes them, or saying why they do not fit."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from core.datasets._base import SPLITS, Parts
from core.datasets._scaling import Array, Change, changed, scale, unchanged
from core.errors import BadData, WrongLabels, WrongShape
from core.inputs import Inputs, Several, arrays_of

Shape = tuple[int, ...]
Wanted = tuple[int | None, ...]


def fitted(
    parts: Parts,
    input_shapes: Sequence[Wanted],
    classes: int,
    framework: str,
    *,
    names: Sequence[str] = (),
    tokens: Sequence[int | None] = (),
) -> Parts:
    """The parts as a network takes them.

    Samples that fit are left alone; else channels are moved to the other end, or the sample is flattened or given
    its channel axis. Registered data has channels first and is moved silently; a person's own file is converted
    with a warning. Several inputs are matched by name, or by order where the names are others. Labels are checked
    against the network's classes, tokens against what it can look up.

    Args:
        parts: What :func:`core.datasets.load` gave.
        input_shapes: One sample's shape per input of the network, None where any size is taken.
        classes: Classes the network tells apart; one sigmoid unit counts as two. Not looked at for a regression.
        framework: Whose network it is; decides in which order a registered picture is flattened.
        names: What the network calls its inputs.
        tokens: Per input how many tokens it can look up; None for an input that takes numbers.

    Raises:
        WrongShape: No such change makes the samples fit; the message says what came and what was expected.
        WrongLabels: A label lies outside the network's classes.
        BadData: A token lies outside the network's embedding, or is no whole number.
    """
    parts = _in_order(parts, len(input_shapes), names)
    several = len(input_shapes) > 1
    changes, sentences = [], []
    for place, wanted in enumerate(input_shapes):
        rows = tokens[place] if place < len(tokens) else None
        change, sentence = _input(parts, place, tuple(wanted), framework, rows)
        changes.append(change)
        if sentence:
            sentences.append(f"Input {_called(parts, place)}: {sentence}" if several else sentence)
    if any(change is not unchanged for change in changes):
        parts = changed(parts, changes, *(sentences if parts.own else ()))
    return parts if parts.task == "values" else _with_classes(parts, classes)


def _in_order(parts: Parts, count: int, names: Sequence[str]) -> Parts:
    """The inputs as the network lists them."""
    given = parts.x_train.names if isinstance(parts.x_train, Several) else ("x_train",)
    if len(given) != count and not (len(given) > count == len(names) and set(names) <= set(given)):
        each = f", one pair for each input: {', '.join(names)}" if names else ", one pair for each input"
        raise WrongShape(
            f"The network has {_counted(count, 'input')}; data with {_counted(len(given), 'array')} of samples cannot "
            f"feed it.{f' Name the arrays x_train.NAME and x_test.NAME{each}.' if count > 1 else ''}"
        )
    if len(given) == 1 or not names:
        return parts
    left = [name for name in given if name not in names]
    if len(given) > count:
        order, told = [given.index(name) for name in names], f"The network takes no {', '.join(left)}: left out."
    else:
        strangers = iter(left)
        order = [given.index(name if name in given else next(strangers)) for name in names]
        pairs = [f'"{given[place]}" for "{name}"' for name, place in zip(names, order, strict=True)]
        told = f"Inputs with other names were taken in their order: {', '.join(pairs)}." if left else ""
    parts = replace(parts, warnings=(*parts.warnings, *filter(None, [told])))
    x = [_chosen(parts.split(part)[0], order, [given[place] for place in order]) for part in SPLITS]
    return replace(parts, x_train=x[0], x_validation=x[1], x_test=x[2])


def _chosen(several: Inputs, order: Sequence[int], names: Sequence[str]) -> Inputs:
    arrays = tuple(arrays_of(several)[i] for i in order)
    return Several(arrays, tuple(names)) if len(arrays) > 1 else arrays[0]


def _counted(number: int, what: str) -> str:
    return f"one {what}" if number == 1 else f"{number} {what}s"


def _called(parts: Parts, place: int) -> str:
    return f'"{parts.x_train.names[place]}"' if isinstance(parts.x_train, Several) else "x_train"


def _input(parts: Parts, place: int, wanted: Wanted, framework: str, tokens: int | None) -> tuple[Change, str]:
    """What has to be done to the samples of one input, and the sentence that says so."""
    train = arrays_of(parts.x_train)[place]
    number: Change = unchanged
    if tokens is not None:
        check_tokens([arrays_of(parts.split(part)[0])[place] for part in SPLITS], tokens, parts.name)
        number = unchanged if train.dtype.kind in "iu" else lambda x: x.astype(np.int64)
    elif train.dtype.kind in "iu":
        number = _as_numbers(train, parts)
    layout, sentence = _layout(parts, tuple(train.shape[1:]), wanted, framework)
    if number is unchanged or layout is unchanged:
        return (layout if number is unchanged else number), sentence
    return lambda x: layout(number(x)), sentence


def _as_numbers(train: Array, parts: Parts) -> Change:
    change = scale(train.astype(np.float32), parts.scaling, parts.own)
    return lambda x: change(x.astype(np.float32))


def check_tokens(arrays: Sequence[Array], rows: int, name: str) -> None:
    """Make sure that tokens can be looked up in an embedding of so many rows.

    Raises:
        BadData: They are no whole numbers, or lie outside it.
    """
    for array in arrays:
        if array.dtype.kind == "f" and (array != np.rint(array)).any():
            raise BadData(
                f'The network looks up tokens, whole numbers from 0; "{name}" has fractions. Give integers, and leave '
                'the scaling at "raw".'
            )
    low, high = min(int(array.min()) for array in arrays), max(int(array.max()) for array in arrays)
    if low < 0 or high >= rows:
        raise BadData(
            f'The network\'s embedding has {rows} rows, so tokens run from 0 to {rows - 1}; "{name}" has tokens from '
            f"{low} to {high}."
        )


def _layout(parts: Parts, shape: Shape, wanted: Wanted, framework: str) -> tuple[Change, str]:
    """How samples of a shape are laid out as wanted."""
    last_first = framework == "keras" and not parts.own
    moves = _moves(shape)
    if last_first and moves and _fits(moves[0][1], wanted):
        return moves[0][0], ""
    if _fits(shape, wanted):
        return unchanged, ""
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
