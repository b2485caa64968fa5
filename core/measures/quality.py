"""How good predictions are: accuracy, macro precision, recall and F1, loss, recall per class. Never NaN."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import BadModel, BadSetting

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

#: What stands for a prediction where the network gave NaN: no class, always wrong.
NO_CLASS = -1
#: Probabilities are clipped here before their logarithm is taken, as the trainers do.
CLIP = 1e-7


@dataclass(frozen=True)
class Quality:
    """Shares in [0, 1]. ``loss`` (mean cross-entropy, nats) is None where an output is NaN or infinite.

    Averages are over the classes that occur among labels or predictions; a class never predicted has precision 0.
    ``recall_per_class`` is None for a class without samples.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    loss: float | None
    recall_per_class: tuple[float | None, ...]


def quality(outputs: Floats, labels: Labels, output_kind: str, classes: int) -> Quality:
    """Quality of a network's raw outputs.

    Args:
        outputs: ``(samples, classes)``; for the sigmoid kinds ``(samples, 1)`` or ``(samples,)``.
        labels: ``(samples,)``, 0 … classes - 1.
        output_kind: One of ``core.plan.OUTPUTS``.
        classes: Classes told apart; a sigmoid unit tells two.

    Raises:
        BadModel: The outputs are not of that form.
        BadSetting: The output kind is not known.
    """
    predictions, losses = judged(outputs, labels, output_kind, classes)
    return summary(predictions, losses, labels, classes)


def judged(outputs: Floats, labels: Labels, output_kind: str, classes: int) -> tuple[Labels, NDArray[np.float64]]:
    """Per sample the class predicted (``NO_CLASS`` for NaN) and its cross-entropy in nats."""
    flat = np.asarray(outputs, np.float64).reshape(len(labels), -1) if len(labels) else np.zeros((0, classes))
    binary = output_kind in ("sigmoid", "sigmoid_logit")
    expected = 1 if binary else classes
    if flat.shape[1] != expected:
        raise BadModel(
            f'The network gives {flat.shape[1]} values a sample; as "{output_kind}" with {classes} classes it should '
            f"give {expected}. Choose another kind of output."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        scores = _log_probabilities(flat, output_kind)
    predictions = scores.argmax(axis=1).astype(np.int64) if len(flat) else np.zeros(0, np.int64)
    predictions[np.isnan(flat).any(axis=1)] = NO_CLASS
    return predictions, -scores[np.arange(len(labels)), labels]


def probabilities(outputs: Floats, output_kind: str) -> NDArray[np.float64]:
    """``(samples, classes)`` in [0, 1] from a network's raw outputs.

    Raises:
        BadSetting: The output kind is not known.
    """
    flat = np.asarray(outputs, np.float64).reshape(len(outputs), -1)
    return np.asarray(np.exp(_log_probabilities(flat, output_kind)), np.float64)


def summary(predictions: Labels, losses: NDArray[np.float64], labels: Labels, classes: int) -> Quality:
    """Quality from what :func:`judged` gave, for any number of samples (also none)."""
    support = np.bincount(labels, minlength=classes)[:classes]
    named = predictions[predictions != NO_CLASS]
    predicted = np.bincount(named, minlength=classes)[:classes]
    hits = np.bincount(labels[predictions == labels], minlength=classes)[:classes]
    recall = _share(hits, support)
    precision = _share(hits, predicted)
    f1 = _share(2 * hits, support + predicted)
    present = (support + predicted) > 0
    finite = len(losses) > 0 and bool(np.isfinite(losses).all())
    return Quality(
        accuracy=float(hits.sum() / max(len(labels), 1)),
        precision=_mean(precision[present]),
        recall=_mean(recall[present]),
        f1=_mean(f1[present]),
        loss=float(losses.mean()) if finite else None,
        recall_per_class=tuple(float(r) if n else None for r, n in zip(recall, support, strict=True)),
    )


def _log_probabilities(flat: NDArray[np.float64], output_kind: str) -> NDArray[np.float64]:
    """``(samples, classes)`` of log p, without overflow for any finite output."""
    if output_kind == "logits":
        shifted = flat - flat.max(axis=1, keepdims=True, initial=-np.inf)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), np.float64)
    if output_kind == "log_probabilities":
        return flat
    if output_kind == "probabilities":
        return np.asarray(np.log(np.clip(flat, CLIP, 1.0)), np.float64)
    if output_kind == "sigmoid_logit":
        return np.hstack([-np.logaddexp(0, flat), -np.logaddexp(0, -flat)])
    if output_kind == "sigmoid":
        return np.asarray(np.log(np.clip(np.hstack([1 - flat, flat]), CLIP, 1.0)), np.float64)
    raise BadSetting(f'There is no kind of output "{output_kind}".')


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(part / np.maximum(whole, 1), np.float64)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0
