"""One message: JSON with numpy arrays beside it, in one run of bytes. Nothing is ever pickled.

Layout: four bytes (big-endian) of JSON length, the JSON, then each array as ``.npy``. In the JSON an array stands as
``{"__array__": number}``.
"""

import io
import json
from typing import Any

import numpy as np

from core.errors import PruneError

#: Longest question; an upload travels as a path, never through here.
LONGEST_REQUEST = 8 << 20
#: Longest answer: histograms and pictures stay far below.
LONGEST_ANSWER = 1 << 28
#: How far an answer is that waits until somebody else has ended.
WAITING = (0, 0)
_MARK = "__array__"


class BadMessage(PruneError, ValueError):
    """Bytes that are not a message of ours."""


def encode(value: dict[str, Any]) -> bytes:
    """The bytes of a message. Values are those of JSON, numpy numbers and arrays (no objects)."""
    arrays: list[bytes] = []

    def plain(item: object) -> object:
        if isinstance(item, np.ndarray):
            buffer = io.BytesIO()
            np.save(buffer, item, allow_pickle=False)
            arrays.append(buffer.getvalue())
            return {_MARK: len(arrays) - 1}
        if isinstance(item, np.generic):
            return item.item()
        raise TypeError(f"{type(item).__name__} does not travel.")

    text = json.dumps(value, default=plain).encode()
    return b"".join([len(text).to_bytes(4, "big"), text, *arrays])


def decode(raw: bytes) -> dict[str, Any]:
    """The message that :func:`encode` wrote.

    Raises:
        BadMessage: It did not.
    """
    try:
        end = 4 + int.from_bytes(raw[:4], "big")
        if len(raw) < 4 or end > len(raw):
            raise ValueError("it is cut short")
        rest = io.BytesIO(raw[end:])
        arrays = []
        while rest.tell() < len(raw) - end:
            arrays.append(np.load(rest, allow_pickle=False))
        value = json.loads(raw[4:end], object_hook=lambda item: arrays[item[_MARK]] if set(item) == {_MARK} else item)
    except (ValueError, EOFError, IndexError, TypeError, RecursionError, MemoryError) as err:
        raise BadMessage(f"This is no message of the lab: {err}") from err
    if not isinstance(value, dict):
        raise BadMessage("This is no message of the lab: it is not a mapping.")
    return value
