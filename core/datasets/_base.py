"""What a data set is: fixed train, validation and test parts as plain arrays."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import BadSetting

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Parts:
    """One data set, split once and for all.

    ``x_*`` are float32 ``(samples, *sample)``; a sample is ``(channels, height, width)`` for a picture,
    ``(channels, time)`` for a series, ``(features,)`` for a table. ``y_*`` are int64 labels from 0.
    ``own`` says that the arrays came from a person's file and are laid out as that person's network takes them.
    ``warnings`` are sentences about what was converted. ``fingerprint`` is the SHA-256 of the arrays before scaling
    and fitting: equal for equal data, whichever framework uses it.
    """

    name: str
    classes: tuple[str, ...]
    x_train: Floats
    y_train: Labels
    x_validation: Floats
    y_validation: Labels
    x_test: Floats
    y_test: Labels
    sample_kind: str
    warnings: tuple[str, ...] = ()
    fingerprint: str = ""
    own: bool = False
    task: str = "classes"

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """One sample's shape."""
        return tuple(self.x_train.shape[1:])

    def split(self, name: str) -> tuple[Floats, Labels]:
        """Samples and labels of ``train``, ``validation`` or ``test``.

        Raises:
            BadSetting: There is no such part.
        """
        if name not in SPLITS:
            raise BadSetting(f'There is no part "{name}". Choose one of: {", ".join(SPLITS)}.')
        return getattr(self, f"x_{name}"), getattr(self, f"y_{name}")

    def with_samples(self, train: Floats, validation: Floats, test: Floats, *warnings: str) -> "Parts":
        """The same data with its samples scaled or laid out anew."""
        x_train, x_validation, x_test = (np.ascontiguousarray(x, dtype=np.float32) for x in (train, validation, test))
        warnings = self.warnings + warnings
        return replace(self, x_train=x_train, x_validation=x_validation, x_test=x_test, warnings=warnings)

    def signed(self) -> "Parts":
        """The same data with its fingerprint taken."""
        sha = hashlib.sha256()
        for part in SPLITS:
            for array in self.split(part):
                sha.update(f"{part} {array.dtype} {array.shape}\n".encode())
                sha.update(np.ascontiguousarray(array).data)
        return replace(self, fingerprint=sha.hexdigest())


class Dataset(ABC):
    """A data set that is known by name."""

    name: str
    #: What a person calls it.
    title: str
    #: One sentence: what it shows, how much of it, where it comes from.
    note: str

    @abstractmethod
    def load(self) -> Parts:
        """The parts, always the same, values as registered (0 to 1 where that is natural).

        Raises:
            Unavailable: It is not on this machine and cannot be downloaded now.
        """


def of_bytes(values: NDArray[np.uint8]) -> Floats:
    """Bytes as shares of 255, in 0..1."""
    shares: Floats = np.divide(values, 255, dtype=np.float32)
    return shares


def evenly(size: int, count: int) -> NDArray[np.bool_]:
    """Booleans of which exactly ``count`` are true, spread evenly over ``size`` places."""
    marks = np.arange(size + 1, dtype=np.int64) * count // max(size, 1)
    return np.diff(marks) > 0


def held_out(y: Labels, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of what stays and of ``count`` that are held out, every class in proportion, both shuffled."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(y))
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    out = evenly(len(y), count)
    return rng.permutation(by_class[~out]), rng.permutation(by_class[out])


def parted(
    name: str,
    x: Floats,
    y: Labels,
    *,
    classes: Sequence[str],
    kind: str,
    validation: int,
    test: int | tuple[Floats, Labels],
) -> Parts:
    """Parts with exactly ``validation`` samples held out, classes in proportion, always the same.

    Args:
        name: What the data is called.
        x, y: All samples and labels, or those that did not come as a test part.
        classes: Class names in label order.
        kind: ``picture``, ``series`` or ``table``.
        validation: Samples for validation.
        test: The test part, or how many samples to hold out for it.
    """
    if isinstance(test, int):
        rest, out = held_out(y, test, seed=0)
        test, x, y = (x[out], y[out]), x[rest], y[rest]
    train, held = held_out(y, validation, seed=1)
    return Parts(name, tuple(classes), x[train], y[train], x[held], y[held], *test, sample_kind=kind).signed()
