"""The cut network computes what the masked one does."""

import os

import numpy as np
import pytest
from torch.nn import functional as F

from core.pruning import cuts, decide, pools

X = np.random.default_rng(3).standard_normal((7, 1, 10, 10)).astype(np.float32)
ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu, "sigmoid": F.sigmoid, "softplus": F.softplus}
#: Activation, normalisation, bias: every two of them together; with TOPIARY_THOROUGH=1 all three.
BEHIND = [
    (activation, norm, bias)
    for place, activation in enumerate(ACTIVATIONS)
    for norm in (True, False)
    for bias in (True, False)
    if (place + norm + bias) % 2 == 0 or "TOPIARY_THOROUGH" in os.environ
]


def assert_equal(model, plan):
    decision = decide(pools(model, plan, None), plan, model.graph())
    masked = model.predict(X, decision.masks)
    cut = model.cut(cuts(model.graph(), decision))
    assert sum(a.size for a in cut.arrays().values()) < sum(a.size for a in model.arrays().values())
    np.testing.assert_allclose(cut.predict(X), masked, rtol=0, atol=1e-5 * max(1, np.abs(masked).max()))


@pytest.mark.parametrize(("activation", "norm", "bias"), BEHIND)
def test_behind_every_activation(flattened, opened, planned, activation, norm, bias):
    model = opened(flattened(activation=ACTIVATIONS[activation], norm=norm, bias=bias))
    for amount in (0.3, 0.8):
        assert_equal(model, planned(structure="channel", sparsity=amount))


def test_however_channels_hang_together(model, planned):
    for amount in (0.3, 0.8):
        for allocation in ("global", "uniform"):
            assert_equal(
                model, planned(structure="channel", allocation=allocation, criterion="random", sparsity=amount)
            )
