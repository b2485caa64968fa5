"""What to try when a network knows nothing about the data it is shown."""

import numpy as np

from core.datasets._base import Parts
from core.inputs import arrays_of


def chance_hint(accuracy: float, classes: int, parts: Parts) -> str | None:
    """A sentence when ``accuracy`` (of an unpruned network) is no better than always naming the commonest class.

    Args:
        accuracy: Share of right answers on validation or test, 0 to 1.
        classes: Classes the network tells apart.
        parts: The data it was measured on, as scaled.

    Returns:
        The hint with the range of values the network saw, or None where accuracy is clearly above chance
        (two standard errors of the validation part).
    """
    if parts.task == "values":
        return None
    y = parts.y_validation
    chance = max(1 / classes, float(np.bincount(y).max()) / len(y))
    margin = 2 * (chance * (1 - chance) / len(y)) ** 0.5
    if accuracy > chance + margin:
        return None
    arrays = arrays_of(parts.x_train)
    low, high = min(float(x.min()) for x in arrays), max(float(x.max()) for x in arrays)
    return (
        f"Accuracy {accuracy:.1%} is near chance ({chance:.1%}); values run from {low:.3g} to {high:.3g}. "
        "Perhaps the network was trained on another scaling: try raw, unit or standard."
    )
