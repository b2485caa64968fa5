"""What training makes small: the labels' loss, alone or with weights of classes and a teacher."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from core.backends._base import Extras, Floats
from core.backends.pytorch.network import Network
from core.backends.pytorch.outputs import logits, loss, losses
from core.errors import BadSetting, WrongLabels

#: From a batch's outputs, its labels and its samples' rows to one number.
Objective = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def objective(extras: Extras, network: Network, samples: int) -> Objective:
    """The loss of a batch; factors of classes weigh the labels' loss only.

    Raises:
        BadSetting: The teacher or the classes' weights do not fit the samples, or their settings are out of range.
        WrongLabels: Classes are weighed and there are none.
    """
    kind, device = network.output, network.device
    factors = None if extras.class_weights is None else _factors(extras.class_weights, network).to(device)

    def weighed(outputs: torch.Tensor, y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return loss(outputs, y, kind) if factors is None else (losses(outputs, y, kind) * factors[y]).mean()

    if extras.teacher is None:
        return weighed
    teacher = _teacher(extras.teacher, samples, network.facts.units).to(device)
    _check_softness(extras)
    share, temperature = extras.teacher_weight, extras.temperature

    def distilled(outputs: torch.Tensor, y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        apart = distance(outputs, teacher[rows], kind, temperature).mean()
        return (1 - share) * weighed(outputs, y, rows) + share * apart

    return distilled


def distance(outputs: torch.Tensor, teacher: torch.Tensor, kind: str, temperature: float) -> torch.Tensor:
    """Sample by sample T² KL(teacher || student), both softened (Hinton et al. 2015, arXiv:1503.02531, section 2).

    Of a regression the mean squared distance over its values.
    """
    count = len(outputs)
    if kind == "regression":
        return (outputs.reshape(count, -1) - teacher.reshape(count, -1)).square().mean(1)
    own, wanted = (_logarithms(each, kind, temperature) for each in (outputs, teacher))
    return functional.kl_div(own, wanted, reduction="none", log_target=True).sum(1) * temperature**2


def _logarithms(outputs: torch.Tensor, kind: str, temperature: float) -> torch.Tensor:
    """Log probabilities of the classes, softened; one sigmoid unit tells two."""
    found = logits(outputs, kind) / temperature
    if kind not in ("sigmoid", "sigmoid_logit"):
        return found.log_softmax(1)
    flat = found.reshape(-1)
    return torch.stack([functional.logsigmoid(-flat), functional.logsigmoid(flat)], 1)


def _factors(weights: Floats, network: Network) -> torch.Tensor:
    if network.output == "regression":
        raise WrongLabels("A regression has no classes that could be weighed.")
    given = np.array(weights, np.float32)
    if given.shape != (network.classes,) or not np.isfinite(given).all() or (given < 0).any():
        raise BadSetting(f"Class weights must be {network.classes} numbers of at least 0; got {given.shape}.")
    return torch.from_numpy(given)


def _teacher(outputs: Floats, samples: int, units: int) -> torch.Tensor:
    given = np.array(outputs, np.float32)
    if given.ndim == 0 or len(given) != samples or (units and given[0].size != units):
        raise BadSetting(
            f"The teacher's outputs have the shape {given.shape}; {samples} samples of {units} values are trained on."
        )
    if not np.isfinite(given).all():
        raise BadSetting("The teacher's outputs are NaN or infinite: the dense network cannot teach.")
    return torch.from_numpy(given)


def _check_softness(extras: Extras) -> None:
    if not extras.temperature > 0 or not 0 <= extras.teacher_weight <= 1:
        raise BadSetting(
            "Distillation takes a temperature above 0 and a teacher's weight of 0 to 1; "
            f"got {extras.temperature} and {extras.teacher_weight}."
        )
