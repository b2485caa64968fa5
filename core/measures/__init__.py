"""What a model is worth, measured: quality, size on disk, multiply-adds, latency."""

from core.measures._measure import measure, measurement_of, tally_of

__all__ = ["measure", "measurement_of", "tally_of"]
