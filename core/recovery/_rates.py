"""The learning rate of each epoch."""

from math import cos, pi

from core.plan import Recovery

#: ``step``: a tenth of the rate after each of these shares of the epochs (as He et al. 2016, arXiv:1512.03385, 3.4).
_DROPS = (0.5, 0.75)


def learning_rate(recovery: Recovery, epoch: int, epochs: int | None = None) -> float:
    r"""The learning rate of epoch ``epoch`` (from 0) of ``epochs`` (by default those of the recovery).

    ``constant``: :math:`\eta`; ``cosine``: :math:`\eta (1 + \cos(\pi e / E)) / 2` (Loshchilov and Hutter 2017,
    arXiv:1608.03983, equation 5); ``step``: :math:`\eta / 10` from half of the epochs on, :math:`\eta / 100` from three
    quarters on.
    """
    progress = epoch / max(1, recovery.epochs if epochs is None else epochs)
    if recovery.rate_schedule == "cosine":
        return recovery.learning_rate * (1 + cos(pi * progress)) / 2
    if recovery.rate_schedule == "step":
        return recovery.learning_rate * 0.1 ** sum(progress >= drop for drop in _DROPS)
    return recovery.learning_rate
