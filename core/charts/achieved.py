"""What a plan comes to: measured, never what was asked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Achieved:
    """How much is gone, each share in [0, 1].

    ``sparsity`` is that of the prunable weights (:class:`core.measurement.Measurement`); ``units`` that of what the
    plan removes, channels or weights, None where nobody counted them. ``final`` is False while pruning steps follow.
    """

    sparsity: float
    units: float | None = None
    final: bool = True
