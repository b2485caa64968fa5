"""A Keras network as a LiteRT file whose products have 8-bit weights and activations."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.backends.keras import writing_litert
from core.backends.keras.model import KerasModel
from core.inputs import Inputs


def write(model: KerasModel, path: Path, samples: Inputs) -> Path:
    """Write ``path`` with the suffix .tflite, the batch free, inputs and outputs as they were.

    Weights are symmetric with one scale for each output channel, activations have the range they take on the samples
    (Jacob et al. 2018, arXiv:1712.05877). An operation without an 8-bit kernel stays in float32.

    Raises:
        BadModel: An operation has no counterpart in LiteRT.
        Unavailable: The disk is full or not writable.
    """
    import tensorflow as tf

    settings = {"optimizations": [tf.lite.Optimize.DEFAULT], "representative_dataset": _dealt(model, samples)}
    return writing_litert.write(model, path, **settings)


def _dealt(model: KerasModel, samples: Inputs) -> Callable[[], Iterator[Any]]:
    """Single samples by input name, as the converter asks for them."""
    arrays = model.feed.inputs(samples)
    kinds = [np.dtype(str(entry.dtype)) for entry in model.network.entries]

    def deal() -> Iterator[Any]:
        for row in range(len(arrays[0])):
            rows = [array[row : row + 1].astype(kind, copy=False) for array, kind in zip(arrays, kinds, strict=True)]
            yield dict(zip(model.input_names, rows, strict=True))

    return deal
