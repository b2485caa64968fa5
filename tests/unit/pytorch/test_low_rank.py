"""Low rank and sparse factors as steps of a compression."""

from dataclasses import replace

import numpy as np
import pytest

from core.backends.pytorch import BACKEND
from core.compression._base import Compressed, Context
from core.compression.low_rank import LowRank
from core.compression.sparse_factors import SparseFactors
from core.course._compressing import refuse_compression
from core.datasets import load
from core.errors import BadSetting
from core.masks import Mask
from core.matching import matched
from core.measures import measure
from core.plan import Compression, DataChoice, Plan, Recovery
from sample_models import SAMPLES

PLAN = Plan("sample:digits-lenet5@pytorch", DataChoice("digits"), recovery=Recovery(batch_size=64))


@pytest.fixture(scope="module")
def pruned():
    """The sample with three quarters of each kernel gone."""
    model = BACKEND.load(SAMPLES["digits-lenet5"].path("pytorch"))
    masks = {}
    for weight in model.graph().weights():
        values = np.abs(model.arrays()[weight.name])
        masks[weight.name] = Mask(values > np.quantile(values, 0.75))
    return model.masked(masks)


@pytest.fixture(scope="module")
def context(pruned):
    model, parts = matched(pruned, load(PLAN.data))
    return Context(PLAN, parts, measure=lambda network: measure(network, parts, "validation"))


def size(model):
    return sum(weight.size for weight in model.graph().weights())


def test_a_budget_is_kept_and_what_stays_whole_is_told(pruned, context):
    choice = Compression("low-rank", share=0.4)
    done = LowRank().apply(Compressed(pruned), choice, context)
    assert size(done.model) <= 0.4 * size(pruned)
    assert not LowRank.keeps_zeros
    assert any("cannot keep zeros" in line for line in done.told)
    whole = [name for name, facts in done.layers.items() if facts["rank"] is None]
    for name in whole:
        assert any(line.startswith(f"{name} stays whole: its factors would be no smaller") for line in done.told)


def test_fine_tuned_factors_are_better_and_whole_kernels_keep_their_zeros(pruned, context):
    choice = Compression("low-rank", energy=0.6, ranks={"fc3.kernel": 10}, epochs=1)
    rough = LowRank().apply(Compressed(pruned), replace(choice, epochs=0), context)
    healed = LowRank().apply(Compressed(pruned), choice, context)
    assert context.measure(healed.model).loss < context.measure(rough.model).loss
    kernels = set(pruned.arrays()) & set(healed.model.arrays())
    assert "fc3.kernel" in kernels  # rank 10 of 10 x 84 would be larger than itself
    for kernel in (weight.name for weight in pruned.graph().weights() if weight.name in kernels):
        assert not healed.model.arrays()[kernel][pruned.arrays()[kernel] == 0].any()


def test_so_many_entries_of_each_pair_of_factors_go(pruned, context):
    choice = Compression("sparse-factors", energy=0.5, sparsity=0.37, epochs=1)
    done = SparseFactors().apply(Compressed(pruned), choice, context)
    arrays = done.model.arrays()
    split = [name for name, facts in done.layers.items() if facts["rank"] is not None]
    assert split
    for name in split:
        layer = name.rpartition(".")[0]
        pair = [arrays[f"{layer}_{end}.kernel"] for end in ("down", "up")]
        entries = sum(one.size for one in pair)
        assert sum(int(np.count_nonzero(one == 0)) for one in pair) == round(0.37 * entries)


def test_a_rank_for_no_such_kernel_is_refused_before_anything_is_trained(pruned):
    choice = Compression("low-rank", ranks={"nothing.kernel": 1})
    assert LowRank().misfit(pruned, choice) == (
        'A rank was given for "nothing.kernel", but the network has no such kernel.'
    )
    with pytest.raises(BadSetting, match="no such kernel"):
        refuse_compression(replace(PLAN, compression=(choice,)), pruned)


def test_a_budget_that_cannot_be_had_is_refused_before_anything_is_trained(pruned):
    assert "cannot be had: with rank 1 everywhere" in LowRank().misfit(pruned, Compression("low-rank", share=0.01))
    assert not LowRank().misfit(pruned, Compression("low-rank", share=0.2))


def test_a_network_that_would_not_shrink_stays_as_it_is_and_says_so(pruned, context):
    done = LowRank().apply(Compressed(pruned), Compression("low-rank", energy=1.0), context)
    assert done.model is pruned
    assert done.told[0].startswith("0 of 5 kernels became two factors")
