"""Numbers too small for full precision are hundreds of times slower to compute with; pruning leaves none behind."""

import numpy as np
import pytest

from core.plan import OPTIMISERS, Recovery
from core.pruning import decide, pools

TINY = np.finfo(np.float32).tiny


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_nothing_that_was_pruned_lingers_as_a_number_too_small(flattened, opened, planned, optimiser):
    """pytorch #46180: momentum and weight decay drive a masked weight towards zero and never there. Here it is zero."""
    model = opened(flattened())
    plan = planned(sparsity=0.7)
    masks = decide(pools(model, plan, None), plan, model.graph()).masks
    trainer = model.trainer(Recovery(epochs=3, optimiser=optimiser, learning_rate=0.05, batch_size=8), masks, seed=0)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((24, 1, 10, 10)).astype(np.float32), rng.integers(0, 4, 24)
    for epoch in range(3):
        trainer.epoch(x, y, epoch, 0.05)
    for name, values in trainer.model().arrays().items():
        assert not ((values != 0) & (np.abs(values) < TINY)).any(), name
        if name in masks:
            assert not values[~masks[name].kept].any(), name
