"""How good the predictions of a regression are: mean squared and mean absolute error, R²."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadModel

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Errors:
    """Mean squared error, mean absolute error, and R², at most 1. All None where an output is NaN or infinite."""

    mse: float | None
    mae: float | None
    r2: float | None


def errors(outputs: NDArray[Any], targets: NDArray[Any]) -> Errors:
    """Errors of a network's raw outputs.

    Args:
        outputs: ``(samples, …)``, as many values a sample as there are targets.
        targets: ``(samples, values)``.

    Raises:
        BadModel: The network gives another number of values.
    """
    return summary(missed(outputs, targets), np.asarray(targets, np.float64))


def missed(outputs: NDArray[Any], targets: NDArray[Any]) -> Doubles:
    """Output minus target, ``(samples, values)``."""
    wanted = np.asarray(targets, np.float64).reshape(len(targets), -1)
    found = np.asarray(outputs, np.float64).reshape(len(targets), -1) if len(targets) else wanted
    if found.shape != wanted.shape:
        raise BadModel(
            f"The network gives {found.shape[1]} values a sample; the data has {wanted.shape[1]} targets for each."
        )
    return found - wanted


def summary(away: Doubles, targets: Doubles) -> Errors:
    r"""What :func:`missed` adds up to.

    :math:`R^2 = 1 - \sum (\hat y - y)^2 / \sum (y - \bar y)^2` over all values, each about its own mean over these
    samples; targets that are all the same have nothing to explain: R² is then 1 without an error, else 0.
    """
    if not len(away) or not np.isfinite(away).all():
        return Errors(None, None, None)
    spread = float(np.square(targets - targets.mean(axis=0)).sum())
    lost = float(np.square(away).sum())
    r2 = 1 - lost / spread if spread > 0 else float(lost == 0)
    return Errors(float(np.square(away).mean()), float(np.abs(away).mean()), r2)
