"""What a model is worth, measured: quality, size on disk, multiply-adds, latency."""

from core.measures._measure import Costs, costs_of, measure, measurement_of, tally_of
from core.measures.estimate import Looking

__all__ = ["Costs", "Looking", "costs_of", "measure", "measurement_of", "tally_of"]
