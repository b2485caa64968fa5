"""Keras' own ``Model.export``, quiet, its failures as one sentence."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.backends.keras.framework import imported
from core.backends.keras.walk import functional
from core.errors import BadModel

_LOGGERS = ("tensorflow", "tf2onnx", "absl")


def exported(model: Any, path: Path, form: str, **settings: Any) -> None:
    """Let Keras write a plain model of our own; it was called before, as Keras asks for.

    Args:
        model: From :func:`core.backends.keras.surgery.plain`.
        path: File or folder to write.
        form: What Keras calls the format.
        settings: What the format's converter is told.

    Raises:
        BadModel: The converter does not know an operation.
    """
    keras, _ = imported()
    with _quiet():
        try:
            # A sequential model has no ``input`` before it was called; the functional one inside has.
            model(keras.tree.map_structure(_zeros, functional(model)._inputs_struct))
            model.export(path, format=form, verbose=False, **settings)
        except OSError:
            raise
        except Exception as err:  # converters raise many kinds
            reason = " ".join(str(err).split())[:200] or type(err).__name__
            raise BadModel(f"Keras cannot write the network as {form}: {reason}") from err


def _zeros(entry: Any) -> Any:
    import tensorflow as tf

    return tf.zeros([size or 1 for size in entry.shape], entry.dtype)


@contextmanager
def _quiet() -> Iterator[None]:
    """What the converters say is for their authors."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
