"""The answers to ``respond`` and ``without``: one layer explained on samples of the validation split."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats, LoadedModel, Masks
from core.datasets import Parts
from core.errors import BadSetting
from core.explaining import cut_masks, effect, responses, strengths, units_of, worth_of
from core.inputs import arrays_of
from core.lab.library import Library, Opened
from core.lab.shelf import Caller
from core.masks import digest
from core.measures.quality import probabilities
from core.measures.values import errors
from core.plan import Plan

SPLIT = "validation"
#: Units drawn of one layer.
SHOWN = 48
#: Samples a cut is measured on, at most: the split's first ones, which are in no order.
MEASURED = 2000
_BATCH = 256
Params = Mapping[str, Any]


def respond(library: Library, opened: Opened, plan: Plan, params: Params, caller: Caller) -> dict[str, Any]:
    """What each unit gives for one sample.

    Args:
        library: Where data and scores are kept.
        opened: The model.
        plan: Its data, and the criterion that ranks.
        params: ``weight``; ``order``, "response" or "criterion"; ``class`` (None of a regression) and ``number`` of
            the sample in it, from 0, or its ``index`` in the split.
        caller: Asked between batches.

    Returns:
        ``unit`` (what one is called), ``count``, ``cuttable`` with ``reason``; ``shown``, the units in order, at most
        48; their ``responses``, ``strengths`` and ``worth`` (None where the criterion does not rank them);
        ``sample``: index, number and label, ``of`` how many of that class, ``inputs`` (see :func:`_drawn`);
        ``told``: probabilities, or values of a regression; ``classes``.
    """
    network, parts = _ready(library, opened, plan, caller)
    units = units_of(network.graph(), str(params["weight"]))
    x, y = parts.split(SPLIT)
    index, number, of = _sample(parts, params)
    given = responses(network, units, x[index : index + 1])
    strong = strengths(given)
    scores = {pool.name: np.asarray(pool.scores) for pool in library.pools(opened, plan, caller).values()}
    worth = worth_of(scores, units)
    by_worth = params.get("order") == "criterion" and worth is not None
    order = np.argsort(-(worth if by_worth and worth is not None else strong), kind="stable")[:SHOWN]
    label = int(y[index]) if parts.task == "classes" else None
    return {
        "unit": units.unit,
        "count": units.count,
        "cuttable": units.group is not None,
        "reason": units.reason,
        "shown": order,
        "responses": given[order],
        "strengths": strong[order],
        "worth": None if worth is None else worth[order],
        "sample": {"index": index, "number": number, "of": of, "label": label, "inputs": _drawn(parts, index)},
        "wanted": None if label is not None else np.asarray(y[index], np.float64).reshape(-1),
        "told": _told(network, network.predict(x[index : index + 1]))[0],
        "classes": list(parts.classes),
    }


def without(library: Library, opened: Opened, plan: Plan, params: Params, caller: Caller) -> dict[str, Any]:
    """Which predictions change when one unit is cut with its whole group.

    Args:
        library: Where predictions are kept.
        opened: The model.
        plan: Its data.
        params: ``weight`` and ``unit``; the sample as for :func:`respond`.
        caller: Asked between batches.

    Returns:
        ``unit``; ``before`` and ``after``, what is told of the sample; ``estimated``, why zeros are not quite what
        the cut network computes ("" where they are); ``samples`` measured of ``of_samples``. Of classes ``accuracy``
        and ``recall`` as pairs, ``flipped``, ``lost``, ``won``, and ``hurt``: samples with their index, label, number
        in their class, prediction before and after, and drop. Of a regression ``r2`` and ``mae`` as pairs, and
        ``moved``, the mean distance between the two predictions.
    """
    network, parts = _ready(library, opened, plan, caller)
    units = units_of(network.graph(), str(params["weight"]))
    unit = int(params["unit"])
    masks = cut_masks(network.graph(), units, unit)
    x, y = parts.split(SPLIT)
    index, _, _ = _sample(parts, params)
    before, after = (_outputs(library, opened, plan, parts, network, one, caller) for one in ({}, masks))
    one = x[index : index + 1]
    pair = [_told(network, network.predict(one, given))[0] for given in (None, masks)]
    found = {
        "unit": unit,
        "before": pair[0],
        "after": pair[1],
        "estimated": units.group.estimated if units.group is not None else "",
        "samples": len(before),
        "of_samples": len(y),
    }
    labels = y[: len(before)]
    if parts.task != "classes":
        return found | _of_values(before, after, labels)
    return found | _of_classes(_told(network, before), _told(network, after), labels)


def _of_classes(before: NDArray[np.float64], after: NDArray[np.float64], labels: Any) -> dict[str, Any]:
    told = effect(before, after, labels)
    place = _numbers(labels)
    hurt = [
        {
            "index": int(index),
            "label": int(labels[index]),
            "number": int(place[index]),
            "was": int(before[index].argmax()),
            "now": int(after[index].argmax()),
            "drop": float(drop),
        }
        for index, drop in zip(told.hurt, told.drop, strict=True)
    ]
    recall = [list(pair) for pair in told.recall]
    counts = {"flipped": told.flipped, "lost": told.lost, "won": told.won}
    return {"accuracy": list(told.accuracy), "recall": recall, **counts, "hurt": hurt}


def _of_values(before: Floats, after: Floats, targets: Any) -> dict[str, Any]:
    was, now = errors(before, targets), errors(after, targets)
    moved = float(np.abs(after.reshape(len(after), -1) - before.reshape(len(before), -1)).mean())
    return {"r2": [was.r2, now.r2], "mae": [was.mae, now.mae], "moved": moved}


def _ready(library: Library, opened: Opened, plan: Plan, caller: Caller) -> tuple[LoadedModel, Parts]:
    return library.suited(opened, plan.data, caller).network, library.parts(opened, plan.data, caller)


def _outputs(
    library: Library, opened: Opened, plan: Plan, parts: Parts, network: LoadedModel, masks: Masks, caller: Caller
) -> Floats:
    """Raw outputs for the samples that cuts are measured on; kept for the next who asks."""
    x = parts.split(SPLIT)[0][:MEASURED]

    def predicted() -> Floats:
        return network.predict(x, masks or None, _BATCH, caller.breathe)

    key = ("outputs", opened.key, parts.fingerprint, plan.data.scaling, network.output, digest(masks))
    return library.shelf.get(key, predicted, lambda made: int(made.nbytes), caller)


def _told(network: LoadedModel, outputs: Floats) -> NDArray[np.float64]:
    """Probabilities, or the values of a regression, row by row."""
    if network.output == "regression":
        return np.asarray(outputs, np.float64).reshape(len(outputs), -1)
    return probabilities(outputs, network.output)


def _sample(parts: Parts, params: Params) -> tuple[int, int, int]:
    """Index in the split, number within its class, and of how many."""
    y = parts.split(SPLIT)[1]
    if not len(y):
        raise BadSetting(f'"{parts.name}" has no samples to look at.')
    if parts.task != "classes":
        index = min(max(int(params.get("index", params.get("number", 0)) or 0), 0), len(y) - 1)
        return index, index, len(y)
    if params.get("index") is not None:
        index = min(max(int(params["index"]), 0), len(y) - 1)
        return index, int(_numbers(y)[index]), int((y == y[index]).sum())
    wanted = int(params.get("class") or 0)
    alike = np.flatnonzero(y == wanted)
    if not alike.size:
        raise BadSetting(f'The {SPLIT} split of "{parts.name}" has no sample of class {wanted}.')
    number = min(max(int(params.get("number") or 0), 0), alike.size - 1)
    return int(alike[number]), number, int(alike.size)


def _numbers(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Of each sample how many of its class come before it."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    numbers = np.empty(len(labels), np.int64)
    numbers[order] = np.arange(len(labels)) - starts
    return numbers


def _drawn(parts: Parts, index: int) -> list[dict[str, Any]]:
    """Each input of a sample: ``kind`` and ``values``, a ``picture`` (height, width, or with 3 colours), a ``series``
    (channels, steps), a ``row`` or ``tokens``."""
    x = parts.split(SPLIT)[0]
    names = getattr(x, "names", ("",))
    return [
        {"name": name, **_one(np.asarray(array[index]), parts.sample_kind)}
        for name, array in zip(names, arrays_of(x), strict=True)
    ]


def _one(values: NDArray[Any], kind: str) -> dict[str, Any]:
    if values.dtype.kind in "iu":
        return {"kind": "tokens", "values": values.reshape(-1)[:200]}
    if values.ndim == 3:
        return {"kind": "picture", "values": _picture(values)}
    side = round(values.size**0.5)
    if values.ndim == 2 and kind == "picture":
        return {"kind": "picture", "values": values}
    if values.ndim == 2:
        return {"kind": "series", "values": values if values.shape[0] <= values.shape[1] else values.T}
    if kind == "picture" and side * side == values.size and values.size > 1:
        return {"kind": "picture", "values": values.reshape(side, side)}
    return {"kind": "row", "values": values.reshape(-1)}


def _picture(values: NDArray[Any]) -> NDArray[Any]:
    """Height and width, with three channels last where there are three, else the mean over channels."""
    channels = next((axis for axis in (0, 2) if values.shape[axis] in (1, 3)), 0)
    last = np.moveaxis(values, channels, -1)
    return last if last.shape[-1] == 3 else last.mean(axis=-1)
