"""Absolute value: the weight that is closest to zero goes first."""

import numpy as np

from core.criteria._base import EVERYTHING, Criterion


class Magnitude(Criterion):
    """|w|; of a larger unit the mean |w| over its weights."""

    name = "magnitude"
    title = "Magnitude"
    reference = "Han et al. 2015, Learning both Weights and Connections, arXiv:1506.02626"
    formula = "|w|; larger units: mean of |w| over their weights"
    structures = EVERYTHING
    entry_key = np.absolute
