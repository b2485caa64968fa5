"""Clothes in MNIST's format, harder to tell apart."""

import gzip

import numpy as np

from core.datasets._base import Dataset, Floats, Labels, Parts, of_bytes, parted
from core.datasets._downloads import Remote, reading

CLASSES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
_FILES = {
    "train-images-idx3": ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880),
    "train-labels-idx1": ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515),
    "t10k-images-idx3": ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102),
    "t10k-labels-idx1": ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148),
}
#: Bytes of the largest of them, unpacked.
_LARGEST = 16 + 60_000 * 28 * 28


class FashionMnist(Dataset):
    """Fashion-MNIST as Keras keeps it, bytes brought to 0..1."""

    name = "fashion-mnist"
    title = "Fashion-MNIST"
    note = "70,000 articles of clothing of 28 x 28 pixels (Zalando 2017); downloaded once, 31 MB."

    def load(self) -> Parts:
        x, x_test = _pictures("train-images-idx3"), _pictures("t10k-images-idx3")
        y, y_test = _labels("train-labels-idx1"), _labels("t10k-labels-idx1")
        kind = "picture"
        return parted(self.name, x, y, classes=CLASSES, kind=kind, validation=10_000, test=(x_test, y_test))


def _bytes(name: str) -> bytes:
    file, base = f"{name}-ubyte.gz", "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
    with reading(Remote(f"fashion-mnist/{file}", base + file, *_FILES[name])) as path, gzip.open(path) as packed:
        return packed.read(_LARGEST)


def _pictures(name: str) -> Floats:
    """After a header of 16 bytes, 28 x 28 bytes a picture."""
    return of_bytes(np.frombuffer(_bytes(name), np.uint8, offset=16)).reshape(-1, 1, 28, 28)


def _labels(name: str) -> Labels:
    """After a header of 8 bytes, a byte a label."""
    return np.frombuffer(_bytes(name), np.uint8, offset=8).astype(np.int64)
