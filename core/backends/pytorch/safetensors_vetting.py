"""Safetensors looked at before anything reads them. Imports no framework."""

import json
from typing import Any, BinaryIO

from core.errors import RefusedFile

LARGEST_HEADER = 256 << 20


def vet_tensors(file: BinaryIO, size: int, name: str) -> None:
    """Nothing, if the header is sound and every tensor lies inside the file.

    Args:
        file: Open at its start.
        size: Its bytes.
        name: For the message.

    Raises:
        RefusedFile: It is damaged or cut short.
    """
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, LARGEST_HEADER):
        raise RefusedFile(f'"{name}" is no safetensors file: it is damaged or cut short.')
    try:
        entries: Any = json.loads(file.read(length))
        ends = [entry["data_offsets"] for key, entry in entries.items() if key != "__metadata__"]
        sound = all(0 <= int(start) <= int(end) <= size - 8 - length for start, end in ends)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise RefusedFile(f'"{name}" is no safetensors file: its header is damaged.') from err
    if not sound:
        raise RefusedFile(f'"{name}" is damaged or cut short: a tensor lies outside the file.')
