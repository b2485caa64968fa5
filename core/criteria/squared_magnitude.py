"""Square of the weight: orders single weights as the magnitude does, and larger units by their energy."""

import numpy as np

from core.criteria._base import EVERYTHING, Criterion


class SquaredMagnitude(Criterion):
    """w²; of a larger unit the mean w² over its weights.

    It is the second-order loss change of a network whose Hessian is the identity (LeCun et al. 1990, section 1).
    """

    name = "squared_magnitude"
    title = "Squared magnitude"
    reference = "LeCun et al. 1990, Optimal Brain Damage (all h equal); Lee et al. 2021, arXiv:2010.07611"
    formula = "w²; larger units: mean of w² over their weights"
    structures = EVERYTHING
    entry_key = np.square
