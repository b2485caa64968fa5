"""A network and data that go together: what its output means, and samples laid out as it takes them."""

from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from core.backends._base import LoadedModel
from core.datasets import Parts, fitted
from core.errors import WrongLabels
from core.graph import Graph, Node, Op

#: Outputs that say themselves that they are of classes; the others are plain numbers, which may be values as well.
_OF_CLASSES = ("probabilities", "log_probabilities", "sigmoid")
#: What may lie between an input and the embedding that looks its tokens up.
_PASSED = (Op.ELEMENTWISE, Op.RESHAPE, Op.PERMUTE, Op.SLICE)


def matched(model: LoadedModel, parts: Parts, *, told: bool = False) -> tuple[LoadedModel, Parts]:
    """The network, its output read as the data asks for, and the data as that network takes it.

    Data with values makes a network of plain numbers a regression. Where the output was told to be a regression,
    whole-number labels are values.

    Args:
        model: As it was opened.
        parts: What :func:`core.datasets.load` gave.
        told: Whether a person said what the output is: then it is not changed.

    Raises:
        BadData: They do not go together; the message says why.
    """
    model = suited(model, parts, told=told)
    if model.output == "regression":
        parts = _as_values(parts)
        _check_width(model, parts)
    names, looked_up = model.input_names, tokens(model.graph())
    shapes, classes = model.input_shapes, model.classes
    return model, fitted(parts, shapes, classes, model.framework, names=names, tokens=looked_up)


def suited(model: LoadedModel, parts: Parts, *, told: bool = False) -> LoadedModel:
    """The network, its output read as a regression where the data has values.

    Raises:
        WrongLabels: The network tells classes apart.
    """
    if parts.task != "values" or model.output == "regression":
        return model
    if told or model.output in _OF_CLASSES:
        raise WrongLabels(
            f'The network tells {model.classes} classes apart ("{model.output}"), but "{parts.name}" has values for '
            f"targets, such as {float(parts.y_train.flat[0]):.4g}. Choose a network for a regression, or data with "
            "classes."
        )
    _check_width(model, parts)
    return model.with_output("regression")


def tokens(graph: Graph) -> tuple[int | None, ...]:
    """Per input of the network how many tokens it can look up; None for an input that takes numbers."""
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    return tuple(_rows(node, readers, graph) for node in graph.nodes if node.op is Op.INPUT)


def _rows(node: Node, readers: Mapping[str, list[Node]], graph: Graph) -> int | None:
    found: list[int | None] = []
    for reader in readers.get(node.name, ()):
        if reader.op is Op.EMBEDDING:
            found.append(graph.arrays[f"{reader.layer}.embedding"][0])
        elif reader.op in _PASSED:
            found.append(_rows(reader, readers, graph))
    known = [rows for rows in found if rows is not None]
    return min(known) if known else None


def _as_values(parts: Parts) -> Parts:
    """Labels as the numbers they spell."""
    if parts.task == "values":
        return parts
    if not all(name.isdecimal() for name in parts.classes):
        raise WrongLabels(f'"{parts.name}" has words for labels ({parts.classes[0]} …); a regression needs numbers.')
    train, validation, test = (
        np.asarray(parts.split(part)[1], np.float32).reshape(-1, 1) for part in ("train", "validation", "test")
    )
    return replace(parts, y_train=train, y_validation=validation, y_test=test, task="values", classes=())


def _check_width(model: LoadedModel, parts: Parts) -> None:
    """Make sure that there is one output for each target."""
    given = prod(next(node.shape for node in model.graph().nodes if node.op is Op.OUTPUT))
    wanted = int(parts.y_train.shape[1])
    if given != wanted:
        raise WrongLabels(
            f'The network gives {given} values a sample, but "{parts.name}" has {_counted(wanted)} for each: it is a '
            "network for other targets, or for classes."
        )


def _counted(targets: int) -> str:
    return "one target" if targets == 1 else f"{targets} targets"
