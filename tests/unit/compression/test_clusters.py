"""k-means on a line against scikit-learn's."""

import numpy as np
import pytest

from core.compression._clusters import clustered
from core.plan import STARTS

sklearn_cluster = pytest.importorskip("sklearn.cluster")


def cost(values, book, found):
    return float(((values.astype(np.float64) - book[found]) ** 2).sum())


@pytest.mark.parametrize("start", STARTS)
def test_it_ends_where_scikit_learn_finds_nothing_better_nearby(start):
    values = np.random.default_rng(2).standard_normal(3000).astype(np.float32)
    book, found = clustered(values, 16, start, np.random.default_rng(0))
    begun = np.asarray(book, np.float64)[:, None]
    peer = sklearn_cluster.KMeans(len(book), init=begun, n_init=1, tol=0).fit(values[:, None].astype(np.float64))
    assert cost(values, book, found) <= peer.inertia_ * (1 + 1e-5)
    np.testing.assert_allclose(np.sort(peer.cluster_centers_[:, 0]), book, atol=1e-5)


def test_the_same_seed_gives_the_same_clusters_and_starts_differ():
    values = np.random.default_rng(2).standard_normal(2000).astype(np.float32)
    books = {s: clustered(values, 32, s, np.random.default_rng(5))[0] for s in STARTS}
    again = {s: clustered(values, 32, s, np.random.default_rng(5))[0] for s in STARTS}
    assert all(np.array_equal(books[s], again[s]) for s in STARTS)
    assert len({book.tobytes() for book in books.values()}) == len(STARTS)


def test_a_linear_start_keeps_large_weights_best():
    """Han et al. 2016, section 3.2: few weights are large and they matter; a linear start has centres near them."""
    values = np.random.default_rng(2).standard_normal(20_000).astype(np.float32)
    far = np.abs(values) > 3

    def error(start):
        book, found = clustered(values, 16, start, np.random.default_rng(0))
        return float(np.abs(book[found] - values)[far].mean())

    assert error("linear") <= min(error("density"), error("random"))
