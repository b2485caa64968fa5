"""What a network takes, in words."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from core.charts.words import shape_text


def inputs_text(description: Mapping[str, Any]) -> str:
    """One sample: ``1 × 8 × 8``, ``7 tokens``; of several inputs with their names: ``text, 7 tokens; age, 1 value``."""
    shapes = description["input_shapes"]
    names = description["input_names"] or [str(place + 1) for place in range(len(shapes))]
    fed = _fed(description)
    told = [_told(shape, "token" if place in fed else "value") for place, shape in enumerate(shapes)]
    return told[0] if len(told) == 1 else "; ".join(f"{name}, {text}" for name, text in zip(names, told, strict=True))


def _told(shape: Sequence[int | None], what: str) -> str:
    if len(shape) == 1:
        return f"{shape_text(shape)} {what}{'' if shape[0] == 1 else 's'}"
    return f"{shape_text(shape)}{' tokens' if what == 'token' else ''}"


def outputs(description: Mapping[str, Any]) -> int:
    """How many numbers the network tells of one sample."""
    return prod(next(node["shape"] for node in reversed(description["nodes"]) if node["op"] == "output"))


def _fed(description: Mapping[str, Any]) -> set[int]:
    """Which inputs go into an embedding: they are tokens."""
    inputs = [node["name"] for node in description["nodes"] if node["op"] == "input"]
    embedded = {name for node in description["nodes"] if node["op"] == "embedding" for name in node["inputs"]}
    return {place for place, name in enumerate(inputs) if name in embedded}
