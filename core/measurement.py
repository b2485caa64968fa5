"""What a model is worth: quality, size and cost, dense and sparse side by side."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """One model on one split.

    Quality is in [0, 1] except ``loss``; averages over classes are macro. Of a regression ``loss`` is the mean squared
    error, ``mae`` the mean absolute error and ``r2`` at most 1; what is said of classes is then None. ``parameters``
    and ``nonzero`` count all trained parameters; ``sparsity`` is the share of the *dense* model's prunable kernel
    weights that are zero or gone. ``macs`` are multiply-adds for one sample of the model as it stands,
    ``effective_macs`` only those with a non-zero weight. Bytes are of the weights as safetensors, zipped (deflate) and
    sparse (bit mask + non-zero values); ``compressed_bytes`` are those of the compressed file. ``samples`` of
    ``of_samples`` were looked at; when fewer, quality is an estimate and ``half_width`` is the half width of accuracy's
    95 % interval (``accuracy`` is then its middle).
    ``zipped_estimated`` marks a very large file of which only parts were deflated. What was not measured is None.
    """

    split: str
    samples: int
    of_samples: int
    accuracy: float | None = None
    half_width: float | None = None
    precision_macro: float | None = None
    recall_macro: float | None = None
    f1_macro: float | None = None
    loss: float | None = None
    mae: float | None = None
    r2: float | None = None
    recall_per_class: tuple[float | None, ...] = ()
    parameters: int = 0
    nonzero: int = 0
    sparsity: float = 0.0
    macs: int = 0
    effective_macs: int = 0
    dense_bytes: int = 0
    zipped_bytes: int | None = None
    zipped_estimated: bool = False
    sparse_bytes: int = 0
    compressed_bytes: int | None = None
    latency_ms: float | None = None
    latency_spread_ms: float | None = None

    @property
    def quality(self) -> float | None:
        """The one number to compare by: accuracy, or R² of a regression."""
        return self.r2 if self.accuracy is None else self.accuracy

    @property
    def estimated(self) -> bool:
        """Whether quality comes from a part of the split only."""
        return self.samples < self.of_samples

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Measurement":
        """The measurement that :meth:`to_dict` wrote."""
        return cls(**{**values, "recall_per_class": tuple(values.get("recall_per_class") or ())})
