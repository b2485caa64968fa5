"""What a data set is: fixed train, validation and test parts as plain arrays."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import BadSetting
from core.inputs import Inputs, arrays_of, sample_shapes, with_arrays

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
#: What a network is to say: one class for each sample, or ``(samples, values)`` of a regression.
Targets = Labels | Floats

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Parts:
    """One data set, split once and for all.

    ``x_*`` are float32 ``(samples, *sample)``; a sample is ``(channels, height, width)`` for a picture,
    ``(channels, time)`` for a series, ``(features,)`` for a table. A person's integers stay integers until a network
    is known: to one that looks them up they are tokens (int64, never scaled), to any other they are numbers that still
    have to be scaled as ``scaling`` says. Data for several inputs is :class:`core.inputs.Several`.
    ``task`` is ``classes``: ``y_*`` are int64 labels from 0; or ``values``: ``y_*`` are float32 ``(samples, values)``
    and ``classes`` is empty.
    ``own`` says that the arrays came from a person's file and are laid out as that person's network takes them.
    ``warnings`` are sentences about what was converted. ``fingerprint`` is the SHA-256 of the arrays before scaling
    and fitting: equal for equal data, whichever framework uses it.
    """

    name: str
    classes: tuple[str, ...]
    x_train: Inputs
    y_train: Targets
    x_validation: Inputs
    y_validation: Targets
    x_test: Inputs
    y_test: Targets
    sample_kind: str
    warnings: tuple[str, ...] = ()
    fingerprint: str = ""
    own: bool = False
    task: str = "classes"
    scaling: str = "raw"

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """One sample's shape; that of the first input where there are several."""
        return sample_shapes(self.x_train)[0]

    def split(self, name: str) -> tuple[Inputs, Targets]:
        """Samples and targets of ``train``, ``validation`` or ``test``.

        Raises:
            BadSetting: There is no such part.
        """
        if name not in SPLITS:
            raise BadSetting(f'There is no part "{name}". Choose one of: {", ".join(SPLITS)}.')
        return getattr(self, f"x_{name}"), getattr(self, f"y_{name}")

    def with_samples(self, train: Inputs, validation: Inputs, test: Inputs, *warnings: str) -> "Parts":
        """The same data with its samples scaled or laid out anew."""
        x_train, x_validation, x_test = (_ready(x) for x in (train, validation, test))
        warnings = self.warnings + warnings
        return replace(self, x_train=x_train, x_validation=x_validation, x_test=x_test, warnings=warnings)

    def signed(self) -> "Parts":
        """The same data with its fingerprint taken."""
        sha = hashlib.sha256()
        for part in SPLITS:
            x, y = self.split(part)
            # Whole numbers as float32: whether they are tokens is for the network to say, not for the data.
            for array in (*(values.astype(np.float32, copy=False) for values in arrays_of(x)), y):
                sha.update(f"{part} {array.dtype} {array.shape}\n".encode())
                sha.update(np.ascontiguousarray(array).data)
        return replace(self, fingerprint=sha.hexdigest())


def _ready(x: Inputs) -> Inputs:
    """Contiguous; float32, or int64 where they are whole numbers."""
    kinds = (np.int64 if array.dtype.kind in "iu" else np.float32 for array in arrays_of(x))
    return with_arrays(x, [np.ascontiguousarray(a, dtype=kind) for a, kind in zip(arrays_of(x), kinds, strict=True)])


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


def held_out(y: Targets, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of what stays and of ``count`` that are held out, both shuffled.

    Every class is held out in proportion; of a regression the (first) values are spread alike.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(y))
    ranked = y.reshape(len(y), -1)[:, 0]
    by_class = shuffled[np.argsort(ranked[shuffled], kind="stable")]
    out = evenly(len(y), count)
    return rng.permutation(by_class[~out]), rng.permutation(by_class[out])


def parted(
    name: str,
    x: Inputs,
    y: Targets,
    *,
    classes: Sequence[str],
    kind: str,
    validation: int,
    test: int | tuple[Inputs, Targets],
) -> Parts:
    """Parts with exactly ``validation`` samples held out, classes in proportion, always the same.

    Args:
        name: What the data is called.
        x, y: All samples and labels, or those that did not come as a test part.
        classes: Class names in label order; none for a regression.
        kind: ``picture``, ``series`` or ``table``.
        validation: Samples for validation.
        test: The test part, or how many samples to hold out for it.
    """
    if isinstance(test, int):
        rest, out = held_out(y, test, seed=0)
        test, x, y = (x[out], y[out]), x[rest], y[rest]
    train, held = held_out(y, validation, seed=1)
    task = "classes" if y.ndim == 1 else "values"
    parts = Parts(name, tuple(classes), x[train], y[train], x[held], y[held], *test, sample_kind=kind, task=task)
    return parts.signed()
