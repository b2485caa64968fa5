"""The handwritten digits every pruning paper starts with."""

import numpy as np

from core.datasets._base import Dataset, Parts, of_bytes, parted
from core.datasets._downloads import Remote, reading
from core.datasets._npz import NAMES, read_arrays

_FILE = Remote(
    "mnist.npz",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    11490434,
)


class Mnist(Dataset):
    """MNIST as Keras keeps it, bytes brought to 0..1."""

    name = "mnist"
    title = "MNIST"
    note = "70,000 handwritten digits of 28 x 28 pixels (LeCun 1998); downloaded once, 11 MB."

    def load(self) -> Parts:
        with reading(_FILE) as path:
            held = read_arrays(path, NAMES)
        x, x_test = (of_bytes(held[name])[:, None] for name in ("x_train", "x_test"))
        y, y_test = (held[name].astype(np.int64) for name in ("y_train", "y_test"))
        kind = "picture"
        return parted(self.name, x, y, classes="0123456789", kind=kind, validation=10_000, test=(x_test, y_test))
