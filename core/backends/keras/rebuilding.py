"""Rebuilds a network from ``architecture.json`` and ``weights.safetensors``, zeros back in place; Keras and numpy only.

This file is handed out beside the two as ``load.py`` and stands by itself: ``model = load("folder")``.
"""

import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import safe_open


def load(folder: str | Path) -> Any:
    """The Keras model in the folder. Each array is stored whole, or as a bit per entry and the values not zero."""
    where = Path(folder)
    with safe_open(where / "weights.safetensors", framework="numpy") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
        shapes = json.loads(file.metadata()["shapes"])
    arrays = {name: array for name, array in stored.items() if ":" not in name}
    for name, shape in shapes.items():
        arrays[name] = np.zeros(math.prod(shape), np.float32)
        there = np.unpackbits(stored[f"{name}:bits"], count=math.prod(shape)).astype(bool)
        arrays[name][there] = stored[f"{name}:values"]
        arrays[name] = arrays[name].reshape(shape)
    model = keras.models.model_from_json((where / "architecture.json").read_text(encoding="utf-8"))
    model.set_weights([arrays[name] for name in sorted(arrays)])
    return model
