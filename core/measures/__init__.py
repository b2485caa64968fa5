"""What a model is worth, measured: quality, size on disk, multiply-adds, latency."""

from core.measures._measure import Costs, costs_of, measure, measurement_of, tally_of
from core.measures.estimate import Tally

__all__ = ["Costs", "Tally", "costs_of", "measure", "measurement_of", "tally_of"]
