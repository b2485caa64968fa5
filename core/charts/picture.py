"""Weights as a picture: blue below zero, red above, amber where the plan prunes."""

from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from core.charts.theme import Palette

Picture = NDArray[np.uint8]
Array = NDArray[np.floating]
#: A picture is enlarged to about this many pixels along its longer side, so that cells have crisp edges.
_TARGET = 960
#: The strongest colour stands for this quantile of |weight|; a few outliers would otherwise pale all others.
_QUANTILE = 0.995


def colour_limit(values: Array) -> float:
    """The weight that gets the full colour; 1 where all are zero."""
    known = np.abs(values[np.isfinite(values)])
    limit = float(np.quantile(known, _QUANTILE)) if known.size else 0.0
    return limit or float(known.max(initial=0.0)) or 1.0


def weight_picture(values: Array, theme: Palette, kept: Array | None = None, limit: float | None = None) -> Picture:
    """Red, green, blue, opacity of every cell of a matrix, enlarged by a whole factor.

    Args:
        values: ``(rows, columns)``; NaN is a gap and stays clear.
        theme: Colours.
        kept: Share kept of every cell, in [0, 1]; what is missing is laid over in amber. None shows no mask.
        limit: The weight with the full colour; by default :func:`colour_limit` of the values.
    """
    share = np.clip(np.nan_to_num(values) / (limit or colour_limit(values)), -1, 1)[..., None]
    end = np.where(share < 0, _rgb(theme.negative), _rgb(theme.positive))
    colour = _mixed(_rgb(theme.panel), end, np.abs(share) ** 0.8)
    if kept is not None:
        colour = _mixed(colour, _rgb(theme.pruned), 1 - np.clip(np.nan_to_num(kept, nan=1.0), 0, 1)[..., None])
    opacity = np.where(np.isfinite(values), 255.0, 0.0)[..., None]
    picture = np.concatenate([colour, opacity], axis=-1).round().astype(np.uint8)
    return enlarged(picture)


def mask_picture(both: Array, only_a: Array, only_b: Array, theme: Palette) -> Picture:
    """What two masks take of a matrix, turned where it is higher than wide: amber where both do, a colour each where
    only one does, else the colour of lines.

    Args:
        both, only_a, only_b: Shares of every cell, in [0, 1], together at most 1.
        theme: Colours; the lone ones are :func:`lone_colours`.
    """
    shares = [share.T if turned(share.shape) else share for share in (both, only_a, only_b)]
    ends = (theme.pruned, *lone_colours(theme))
    rest = 1 - np.clip(sum(np.asarray(share, np.float64) for share in shares), 0, 1)
    colour = rest[..., None] * _rgb(theme.line)
    for share, end in zip(shares, ends, strict=True):
        colour = colour + np.asarray(share, np.float64)[..., None] * _rgb(end)
    opacity = np.full((*shares[0].shape, 1), 255.0)
    return enlarged(np.concatenate([colour, opacity], axis=-1).round().clip(0, 255).astype(np.uint8))


def turned(shape: tuple[int, ...]) -> bool:
    """Whether a matrix is shown with its outputs as columns."""
    return shape[0] > shape[1]


def lone_colours(theme: Palette) -> tuple[str, str]:
    """The colours of what only the first, only the second of two takes."""
    return theme.series[1], theme.series[2]


def mosaic(filters: Array, gap: int = 1, columns: int | None = None) -> Array:
    """Filters ``(count, height, width)`` side by side as one matrix, NaN between them."""
    number, height, width = filters.shape
    across = columns or max(1, ceil(sqrt(number * height / width)))
    down = ceil(number / across)
    matrix = np.full((down * (height + gap) - gap, across * (width + gap) - gap), np.nan, dtype=np.float32)
    for index in range(number):
        top, left = (index // across) * (height + gap), (index % across) * (width + gap)
        matrix[top : top + height, left : left + width] = filters[index]
    return matrix


def filter_sheet(filters: Array, inputs: int) -> Array:
    """Filters ``(count, height, width)``, ``inputs`` of each output, as a matrix that is wider than high.

    One column per output and one row per input; with a single input the outputs fill rows.
    """
    if inputs == 1:
        return mosaic(filters, columns=max(1, ceil(1.6 * sqrt(len(filters)))))
    outputs = len(filters) // inputs
    if outputs < inputs:
        return mosaic(filters, columns=inputs)
    return mosaic(
        filters.reshape(outputs, inputs, *filters.shape[1:]).swapaxes(0, 1).reshape(filters.shape), columns=outputs
    )


def sheet_words(outputs: int, inputs: int) -> str:
    """What a row and a column of :func:`filter_sheet` are."""
    if inputs == 1:
        return "one square per output channel"
    row, column = ("output channel", "input") if outputs < inputs else ("input", "output channel")
    return f"one row per {row}, one column per {column}"


def enlarged(picture: Picture) -> Picture:
    """Every cell repeated by one whole factor."""
    factor = max(1, _TARGET // max(picture.shape[:2]))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def legend(theme: Palette, steps: int = 128) -> Picture:
    """The colour scale as a strip, from the negative limit to the positive one."""
    return weight_picture(np.linspace(-1, 1, steps, dtype=np.float32)[None, :].repeat(6, axis=0), theme, limit=1.0)


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def _mixed(start: NDArray[np.float64], end: NDArray[np.float64], share: Array) -> NDArray[np.float64]:
    return start + (end - start) * share
