"""Keras and TensorFlow, imported once, quietly, on the right backend."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Keras imports these only for what nobody asks of it here (plots, data frames, scikit-learn's wrappers) and does
#: without them where they are missing. They are a third of its start.
UNASKED = ("matplotlib", "pandas", "sklearn")
_lock = threading.Lock()


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep what TensorFlow's C++ says while starting off standard error; say it if starting fails.

    It greets with lines about CPU features and missing GPUs before its own log level is read.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    sys.stderr.flush()
    own = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(own, said.read())
            raise
        finally:
            os.dup2(own, 2)
            os.close(own)


class _Missing:
    """Finds no package of :data:`UNASKED` for the thread that imports Keras; for all others they are there."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in UNASKED and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def _without_the_unasked() -> Iterator[None]:
    missing = _Missing()
    sys.meta_path.insert(0, missing)
    try:
        yield
    finally:
        sys.meta_path.remove(missing)


def imported() -> tuple[Any, Any]:
    """``(keras, tensorflow)``.

    Raises:
        RuntimeError: Keras was imported before, on another backend.
    """
    with _lock:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with _hushed(), _without_the_unasked():
            import keras
            import tensorflow

        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(f"Keras runs on {keras.backend.backend()} here; Topiary needs it on TensorFlow.")
    return keras, tensorflow
