"""Batch normalisation is measured anew; no weight moves."""

from core.recovery._base import Method


class Recalibrate(Method):
    """After each pruning step mean and variance of every batch normalisation are measured on training samples."""

    name = "recalibrate"
    title = "Recalibrate BatchNorm"
    formula = "μ, σ² ← measured under m"
    reference = "Li et al. 2020, EagleEye: adaptive batch normalisation, arXiv:2007.02491, section 3.3"
    note = "Pruning shifts what flows through BatchNorm: one pass without training mends its statistics."
    settings = ()
    trains = False
    recalibrates = True
