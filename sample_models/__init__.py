"""Small trained networks to start with, each in both frameworks with the same weights. Imports no framework.

``python -m sample_models.train NAME`` trains one again (PyTorch), copies its weights to the Keras twin, saves both;
``python -m sample_models.accuracies`` then measures all of them and writes the table.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import UnknownName
from core.plan import DataChoice
from core.registry import Registry

HERE = Path(__file__).parent
TABLE = HERE / "accuracies.json"
SUFFIXES: Mapping[str, str] = {"pytorch": ".pt2", "keras": ".keras"}


@dataclass(frozen=True)
class Sample:
    """One trained network.

    ``floor`` is the test accuracy it must have; ``accuracy`` what it has, by framework.
    """

    name: str
    title: str
    task: str
    note: str
    data: DataChoice
    floor: float

    def path(self, framework: str) -> Path:
        """Its file: ``sample_models/pytorch/NAME.pt2`` or ``sample_models/keras/NAME.keras``.

        Raises:
            UnknownName: There is no such framework.
        """
        if framework not in SUFFIXES:
            raise UnknownName("framework", framework, SUFFIXES)
        return HERE / framework / f"{self.name}{SUFFIXES[framework]}"

    def architecture(self, framework: str) -> str:
        """``package.module:callable`` of the function that builds it untrained."""
        return f"sample_models.{framework}_networks:{self.name.replace('-', '_')}"

    @property
    def accuracy(self) -> Mapping[str, float]:
        """Test accuracy by framework, from the table; empty before it was measured."""
        return dict(_row(self.name).get("accuracy", {}))

    @property
    def parameters(self) -> int:
        """Trained parameters, biases and normalisation among them."""
        return int(_row(self.name).get("parameters", 0))


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    return json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else {}


def _row(name: str) -> Mapping[str, Any]:
    return _table().get(name, {})


SAMPLES: Registry[Sample] = Registry(
    "sample",
    (
        Sample(
            "digits-lenet5",
            "LeNet-5 on digits",
            "Handwritten digits",
            "Two convolutions with pooling, three dense layers: channels and flattened columns go together.",
            DataChoice("digits"),
            0.98,
        ),
        Sample(
            "digits-lenet300",
            "LeNet-300-100 on digits",
            "Handwritten digits",
            "The two hidden layers of the pruning papers; nine weights in ten can go; fine-tuning heals most of it.",
            DataChoice("digits"),
            0.97,
        ),
        Sample(
            "digits-resnet",
            "ResNet on digits",
            "Handwritten digits",
            "Residual sums and batch normalisation: channels along a sum can only go together.",
            DataChoice("digits"),
            0.97,
        ),
        Sample(
            "iris-mlp",
            "MLP on iris",
            "Flowers from four lengths",
            "Small enough to read every weight.",
            DataChoice("iris"),
            0.93,
        ),
        Sample(
            "spiral-mlp",
            "MLP on the spiral",
            "Points of three spiral arms",
            "A network on the plane: what pruning does to its borders can be drawn.",
            DataChoice("spiral"),
            0.97,
        ),
        Sample(
            "mnist1d-cnn",
            "CNN on MNIST-1D",
            "Digits drawn as a line of 40 values",
            "Three convolutions over time.",
            DataChoice("mnist1d"),
            0.92,
        ),
        Sample(
            "mnist1d-gru",
            "GRU on MNIST-1D",
            "Digits drawn as a line of 40 values",
            "A recurrent layer: input and recurrent kernels, three gates each.",
            DataChoice("mnist1d"),
            0.85,
        ),
        Sample(
            "mnist1d-transformer",
            "Transformer on MNIST-1D",
            "Digits drawn as a line of 40 values",
            "Self-attention, layer normalisation and residual sums.",
            DataChoice("mnist1d"),
            0.75,
        ),
    ),
)
