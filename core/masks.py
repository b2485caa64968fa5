"""Masks: True is kept, False is gone."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import BadSetting


@dataclass(frozen=True)
class Mask:
    """Which entries of one array are kept.

    Args:
        kept: Booleans of the array's canonical shape. They are made read-only.

    Raises:
        BadSetting: ``kept`` is not an array of booleans.
    """

    kept: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if not isinstance(self.kept, np.ndarray) or self.kept.dtype != np.bool_:
            raise BadSetting(f"A mask is an array of booleans; got {getattr(self.kept, 'dtype', type(self.kept))}.")
        self.kept.flags.writeable = False

    @property
    def size(self) -> int:
        """Entries."""
        return int(self.kept.size)

    @property
    def removed(self) -> int:
        """Entries that are gone."""
        return self.size - int(np.count_nonzero(self.kept))

    def packed(self) -> NDArray[np.uint8]:
        """Eight entries a byte, canonical order, first entry in the highest bit."""
        return np.packbits(self.kept.reshape(-1))

    @classmethod
    def unpacked(cls, bits: NDArray[np.uint8], shape: tuple[int, ...]) -> "Mask":
        """The mask that :meth:`packed` made."""
        size = int(np.prod(shape, dtype=np.int64))
        return cls(np.unpackbits(bits, count=size).astype(np.bool_).reshape(shape))


def digest(masks: Mapping[str, Mask]) -> str:
    """SHA-256 over names, shapes and packed bits, by name: equal for equal masks on every machine."""
    sha = hashlib.sha256()
    for name in sorted(masks):
        sha.update(f"{name} {masks[name].kept.shape}\n".encode())
        sha.update(masks[name].packed().tobytes())
    return sha.hexdigest()
