"""Curves are measured group by group, as the prune masks them, with one prediction for each share."""

import numpy as np
import pytest

from core.backends._base import Batch, no_poll
from core.errors import EmptyData
from core.graph import Op
from core.pruning import pools
from core.sensitivity import curves
from core.structures import STRUCTURES


class Judged:
    """A network whose loss is what the masks say: the logit of the right class falls with every masked row of "a"."""

    output, classes, framework = "logits", 2, "tiny"

    def __init__(self, graph):
        self._graph, self.asked = graph, []

    def graph(self):
        return self._graph

    def predict(self, x, masks=None, batch_size=256, poll=no_poll):
        self.asked.append(dict(masks or {}))
        gone = sum(1 - mask.kept.mean() for name, mask in (masks or {}).items() if name in ("a.kernel", "b.kernel"))
        return np.stack([np.full(len(x), -gone), np.zeros(len(x))], axis=1).astype(np.float32)


def batches():
    return iter([Batch(np.zeros((6, 4), np.float32), np.zeros(6, np.int64))])


@pytest.fixture
def residual(sketch):
    sketch.input(4)
    first = sketch.linear("a", 10)
    second = sketch.linear("b", 10, (sketch.nodes[0].name,))
    sketch.same(Op.ADD, first, second)
    sketch.linear("c", 6)
    sketch.linear("d", 2)
    return sketch.drawn()


def test_a_residual_sum_is_measured_as_one_group(residual, filled, planned):
    """Trap: isolating one layer of a sum, the other carries the channel on, and the layer looks of no use
    (fasterai PR #40)."""
    model, structure = Judged(residual), STRUCTURES["channel"]
    worth = {n: p.worth for n, p in pools(filled(residual), planned(structure="channel"), None).items()}
    found = curves(model, structure, worth, batches, {}, no_poll)
    assert set(found) == {"a", "c"}
    for share, rise in found["a"]:
        masked = 2 * share  # both producers lose that share
        assert rise == pytest.approx(np.log1p(np.exp(masked)) - np.log(2), rel=1e-5)
    assert all(rise == pytest.approx(0, abs=1e-6) for _, rise in found["c"])
    assert all({"a.kernel", "b.kernel", "c.kernel"} <= set(m) for m in model.asked if "a.kernel" in m)


def test_every_share_is_measured_once_and_the_wait_is_told(residual, filled, planned):
    model, told = Judged(residual), []
    worth = {n: p.worth for n, p in pools(filled(residual), planned(structure="channel"), None).items()}
    found = curves(model, STRUCTURES["channel"], worth, batches, {}, lambda done, total: told.append((done, total)))
    assert [share for share, _ in found["a"]] == [0.1, 0.3, 0.5, 0.7, 0.8, 0.9]
    assert told == [(n, len(told)) for n in range(1, len(told) + 1)]
    assert len(model.asked) == 1 + len(told)


def test_without_samples_there_is_nothing_to_measure(residual, filled, planned):
    worth = {n: p.worth for n, p in pools(filled(residual), planned(structure="channel"), None).items()}
    with pytest.raises(EmptyData):
        curves(Judged(residual), STRUCTURES["channel"], worth, lambda: iter(()), {}, no_poll)
