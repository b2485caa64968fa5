"""Calibration samples drawn by their loss: right on average, and surer where few samples matter."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from core.backends._base import Batch
from core.datasets import Parts, candidates, drawn_by_loss
from core.graph import Graph, Node, Op
from core.plan import DataChoice, Plan
from core.pruning import pools

WEIGHTS = np.array([[1.0, -2.0, 0.5]], np.float32)


@dataclass
class Regression:
    """o = w x with the loss ½ (o - t)²."""

    output = "regression"
    classes = 1

    def __post_init__(self):
        nodes = (
            Node("x", Op.INPUT, (), (3,)),
            Node("w", Op.LINEAR, ("x",), (1,), "w"),
            Node("y", Op.OUTPUT, ("w",), (1,)),
        )
        self.drawn = Graph(nodes, {"w.kernel": (1, 3)}, {})

    def graph(self):
        return self.drawn

    def arrays(self):
        return {"w.kernel": WEIGHTS}

    def predict(self, x, masks=None, batch_size=256, poll=None):
        return x @ WEIGHTS.T

    def gradients(self, batches, masks=None, *, temperature=1.0):
        for batch in batches:
            yield {"w.kernel": gradient(batch)}

    def hessian_products(self, batches, vectors, masks=None, *, temperature=1.0):
        for batch in batches:
            weight = np.ones(len(batch.y)) if batch.weight is None else batch.weight
            hessian = (weight[:, None] * batch.x).T @ batch.x / len(batch.y)
            yield [{"w.kernel": (v["w.kernel"] @ hessian).astype(np.float32)} for v in vectors]


def gradient(batch: Batch) -> np.ndarray:
    error = (batch.x @ WEIGHTS.T)[:, 0] - batch.y
    weight = 1 if batch.weight is None else batch.weight
    return ((weight * error)[:, None] * batch.x).mean(axis=0, keepdims=True).astype(np.float32)


@pytest.fixture(scope="module")
def skewed() -> Parts:
    """Of 2,000 samples one in twenty is far from what the network says; the others are met."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((2000, 3)).astype(np.float32)
    error = np.where(np.arange(2000) % 20 == 0, 10, 0.01) * rng.standard_normal(2000)
    y = ((x @ WEIGHTS.T)[:, 0] + error + 0.2 * x[:, 0]).astype(np.float32)
    return Parts("skewed", ("value",), x, y, x, y, x, y, sample_kind="table", task="values")


def draws(parts: Parts, times: int) -> np.ndarray:
    """The gradient of one batch of 64, drawn by loss, as often as that."""
    losses = np.square((parts.x_train @ WEIGHTS.T)[:, 0] - parts.y_train)
    among = candidates(parts, 1, 64, seed=0)
    batches = (next(drawn_by_loss(parts, among, losses[among], 1, 64, seed)) for seed in range(times))
    return np.array([gradient(batch)[0] for batch in batches])


def test_the_mean_over_many_draws_is_the_gradient_of_all_data(skewed):
    whole = gradient(Batch(skewed.x_train, skewed.y_train))[0]
    found = draws(skewed, 2000)
    error = found.std(axis=0) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - whole) < 4 * error).all()
    assert (error < 0.05 * np.abs(whole).max()).all(), "else the line above says little"


def test_without_the_weights_it_would_be_far_off(skewed):
    losses = np.square((skewed.x_train @ WEIGHTS.T)[:, 0] - skewed.y_train)
    among = candidates(skewed, 1, 64, seed=0)
    naive = [
        gradient(next(drawn_by_loss(skewed, among, losses[among], 1, 64, seed))._replace(weight=None))[0]
        for seed in range(500)
    ]
    whole = gradient(Batch(skewed.x_train, skewed.y_train))[0]
    assert np.abs(np.mean(naive, axis=0) - whole).max() > np.abs(whole).max()


def test_it_varies_less_than_samples_drawn_alike(skewed):
    rng = np.random.default_rng(0)
    chosen = (rng.permutation(2000)[:64] for _ in range(2000))
    uniform = np.array([gradient(Batch(skewed.x_train[c], skewed.y_train[c]))[0] for c in chosen])
    assert (draws(skewed, 2000).std(axis=0) < 0.6 * uniform.std(axis=0)).all()


def plan(calibration: str, seed: int = 0, criterion: str = "gradient", **settings) -> Plan:
    return Plan("sample:none@pytorch", DataChoice("iris"), criterion, calibration=calibration, seed=seed, **settings)


def test_the_spread_that_is_reported_is_smaller_too(skewed):
    spreads = {
        drawn: np.median([pools(Regression(), plan(drawn, seed), skewed)["w.kernel"].spread for seed in range(20)])
        for drawn in ("uniform", "by_loss")
    }
    assert 0 < spreads["by_loss"] < 0.75 * spreads["uniform"]


@pytest.mark.parametrize("criterion", ["gradient", "grasp", "hessian"])
def test_the_spread_is_the_scatter_of_scores_over_seeds(skewed, criterion):
    """What one calibration says of itself is what many calibrations show, within a factor of two.

    Both factors of GraSP's H g vary, and so do the random vectors of the Hessian's diagonal (where inputs go together).
    """
    parts = replace(skewed, x_train=skewed.x_train + 1) if criterion == "hessian" else skewed
    found = [pools(Regression(), plan("by_loss", seed, criterion), parts)["w.kernel"] for seed in range(40)]
    scores = np.array([pool.scores for pool in found])
    shown = np.sqrt(scores.var(axis=0).sum() / np.square(scores.mean(axis=0)).sum())
    assert shown / 2 < np.median([pool.spread for pool in found]) < shown * 2


def test_one_batch_or_no_data_has_no_spread(skewed):
    assert pools(Regression(), plan("uniform", calibration_batches=1), skewed)["w.kernel"].spread is None
    magnitude = Plan("sample:none@pytorch", DataChoice("iris"))
    assert pools(Regression(), magnitude, skewed)["w.kernel"].spread is None


def test_the_same_seed_draws_the_same_and_as_many_as_uniform_would(skewed):
    among, losses = candidates(skewed, 3, 50, 1), np.arange(2000.0)
    first, again = (list(drawn_by_loss(skewed, among, losses, 3, 50, seed=1)) for _ in range(2))
    assert [len(batch.y) for batch in first] == [50, 50, 50]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.weight, other.weight)


def test_where_no_sample_has_a_loss_all_are_alike(skewed):
    among = candidates(skewed, 1, 64, 0)
    (batch,) = drawn_by_loss(skewed, among, np.zeros(len(among)), 1, 64, 0)
    np.testing.assert_allclose(batch.weight, 1)
