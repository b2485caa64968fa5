"""Small colour pictures of ten kinds of things."""

import tarfile

import numpy as np
from numpy.typing import NDArray

from core.datasets._base import Dataset, Floats, Labels, Parts, of_bytes, parted
from core.datasets._downloads import Remote, reading

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
#: The binary archive: Keras keeps the one made of pickles, which are never opened here.
_FILE = Remote(
    "cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    170052171,
)
_RECORD = 1 + 3 * 32 * 32


class Cifar10(Dataset):
    """CIFAR-10, bytes brought to 0..1."""

    name = "cifar10"
    title = "CIFAR-10"
    note = "60,000 colour pictures of 32 x 32 pixels (Krizhevsky 2009); downloaded once, 170 MB."

    def load(self) -> Parts:
        with reading(_FILE) as path, tarfile.open(path) as archive:
            train = np.concatenate([_records(archive, f"data_batch_{number}.bin") for number in range(1, 6)])
            test = _records(archive, "test_batch.bin")
        (x, y), kind = _split(train), "picture"
        return parted(self.name, x, y, classes=CLASSES, kind=kind, validation=5_000, test=_split(test))


def _records(archive: tarfile.TarFile, name: str) -> NDArray[np.uint8]:
    """A label byte, then red, green and blue planes of 32 x 32."""
    member = archive.extractfile(f"cifar-10-batches-bin/{name}")
    if member is None:
        raise KeyError(name)
    return np.frombuffer(member.read(10_000 * _RECORD), np.uint8).reshape(-1, _RECORD)


def _split(records: NDArray[np.uint8]) -> tuple[Floats, Labels]:
    return of_bytes(records[:, 1:]).reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)
