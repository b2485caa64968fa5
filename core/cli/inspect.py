"""``inspect MODEL``: what a network is."""

import argparse
from typing import Any

from core import paths
from core.cli.output import Answer, say, table
from core.describe import describe
from core.measures import measure
from core.opening import open_model, with_data
from core.plan import DataChoice

_LAYER = ("name", "kind", "shape", "parameters", "macs", "group", "prunable", "reason")


def command(asked: argparse.Namespace) -> Answer:
    """Describe a model, and measure its test accuracy where data is given."""
    opened = open_model(asked.model, paths.home(), architecture=asked.architecture, output=asked.output_kind)
    found = describe(opened.model, opened.file.path)
    names = ("framework", "parameters", "macs", "file_bytes")
    values: dict[str, Any] = {name: found[name] for name in names}
    values["layers"] = [{name: layer[name] for name in _LAYER} for layer in found["layers"]]
    for note in found["notes"]:
        say(note)
    if asked.data is not None:
        opened = with_data(opened, DataChoice(asked.data, asked.normalise))
        assert opened.parts is not None  # with_data gave them
        for warning in opened.parts.warnings:
            say(warning)
        measured = measure(opened.model, opened.parts, "test", zipped=False)
        if opened.parts.task == "values":
            values |= {"loss": measured.loss, "mae": measured.mae, "r2": measured.r2}
        else:
            values["accuracy"] = measured.accuracy
    return Answer(values, _text(values))


def _text(values: dict[str, Any]) -> str:
    head = [f"{name.replace('_', ' ')}: {value:,}" for name, value in values.items() if isinstance(value, int)]
    told = {"accuracy": "test accuracy", "r2": "test R²", "mae": "test mean absolute error"}
    quality = [f"{words}: {values[name]:.4f}" for name, words in told.items() if values.get(name) is not None]
    rows = [[_shape(layer[name]) for name in _LAYER] for layer in values["layers"]]
    return "\n".join([f"framework: {values['framework']}", *head, *quality, "", table(_LAYER, rows)])


def _shape(value: Any) -> Any:
    return " x ".join(map(str, value)) if isinstance(value, list) else value
