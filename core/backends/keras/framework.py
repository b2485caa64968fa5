"""Keras and TensorFlow, imported once, quietly, on the right backend."""

import os
import threading
from typing import Any

_lock = threading.Lock()


def imported() -> tuple[Any, Any]:
    """``(keras, tensorflow)``.

    Raises:
        RuntimeError: Keras was imported before, on another backend.
    """
    with _lock:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras
        import tensorflow

        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(f"Keras runs on {keras.backend.backend()} here; Topiary needs it on TensorFlow.")
    return keras, tensorflow
