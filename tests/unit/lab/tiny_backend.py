"""A framework of one matrix in numpy, for tests of the lab: its files say how it misbehaves."""

import os
import time
from types import SimpleNamespace

import numpy as np

from core.errors import RefusedFile
from core.graph import Graph, Node, Op


class Network:
    """Samples times a kernel. ``pause`` seconds per 256 samples slow it down; ``crash`` ends the process."""

    framework, output, notes, trainable = "tiny", "logits", (), True

    def __init__(self, values):
        self._kernel = np.asarray(values["kernel"], np.float32)
        self._kernel.flags.writeable = False
        self._pause = float(values.get("pause", 0))
        self._crash = bool(values.get("crash", False))
        self.classes = self._kernel.shape[0]
        self.input_shapes, self.input_names = ((self._kernel.shape[1],),), ("x",)

    def graph(self):
        out, width = self._kernel.shape
        nodes = Node("x", Op.INPUT, (), (width,)), Node("fc", Op.LINEAR, ("x",), (out,), "fc")
        nodes += (Node("y", Op.OUTPUT, ("fc",), (out,)),)
        return Graph(nodes, {"fc.kernel": self._kernel.shape}, {"fc": "Matrix"})

    def arrays(self):
        return {"fc.kernel": self._kernel}

    def predict(self, x, masks=None, batch_size=256, poll=lambda done, total: None):
        if self._crash:
            os._exit(9)
        time.sleep(self._pause * len(x) / 256)
        kernel = np.where(masks["fc.kernel"].kept, self._kernel, 0) if masks and "fc.kernel" in masks else self._kernel
        return (x @ kernel.T).astype(np.float32)

    def with_output(self, output):
        self.output = output
        return self


def load(path, architecture=None):
    """What is in the file; some files hang, eat memory or take the process down while they are opened."""
    values = dict(np.load(path)) if path.suffix == ".npz" else {}
    if not values:
        raise RefusedFile(f'"{path.name}" is not a tiny model.')
    if "hangs" in values:
        time.sleep(3600)
    if "dies" in values:
        os._exit(11)
    eaten = []
    while "eats" in values:
        eaten.append(np.ones(1 << 22))
        time.sleep(0.001)
    return Network(values)


BACKEND = SimpleNamespace(
    name="tiny",
    title="Tiny",
    suffixes=(".npz",),
    vet=lambda path: None,
    load=load,
    environment=lambda: {"tiny": "1"},
)
