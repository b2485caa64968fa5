"""What a network takes, in words."""

from collections.abc import Mapping
from typing import Any

from core.charts.words import shape_text


def inputs_text(description: Mapping[str, Any]) -> str:
    """``1 × 8 × 8``; of tokens ``tokens, 16``; of several inputs each with its name: ``text: tokens, 16; age: 1``."""
    shapes = description["input_shapes"]
    names = description.get("input_names") or [str(place + 1) for place in range(len(shapes))]
    fed = _fed(description)
    told = [f"tokens, {shape_text(shape)}" if place in fed else shape_text(shape) for place, shape in enumerate(shapes)]
    return told[0] if len(told) == 1 else "; ".join(f"{name}: {text}" for name, text in zip(names, told, strict=True))


def _fed(description: Mapping[str, Any]) -> set[int]:
    """Which inputs go into an embedding: they are tokens."""
    inputs = [node["name"] for node in description["nodes"] if node["op"] == "input"]
    embedded = {name for node in description["nodes"] if node["op"] == "embedding" for name in node["inputs"]}
    return {place for place, name in enumerate(inputs) if name in embedded}
