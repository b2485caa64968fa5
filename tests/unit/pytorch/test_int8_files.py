"""Calibrated 8-bit ONNX files: which kernels they hold as integers, their zeros, what they are worth."""

import numpy as np
import pytest

from core.backends.pytorch import BACKEND
from core.compression._base import Compressed, Context
from core.compression.int8_activations import Int8Activations
from core.datasets import load
from core.errors import BadSetting
from core.formats import FORMATS
from core.masks import Mask
from core.matching import matched
from core.measures import measure
from core.plan import Compression, DataChoice, Plan
from sample_models import SAMPLES

PLAN = Plan("sample:digits-resnet@pytorch", DataChoice("digits"), calibration_batches=2)


@pytest.fixture(scope="module")
def pruned():
    """Residual blocks with half of each kernel gone; batch normalisation is folded into them in the file."""
    model = BACKEND.load(SAMPLES["digits-resnet"].path("pytorch"))
    arrays, masks = model.arrays(), {}
    for weight in model.graph().weights():
        sizes = np.abs(arrays[weight.name])
        masks[weight.name] = Mask(sizes > np.median(sizes))
    return matched(model.masked(masks), load(PLAN.data))


@pytest.fixture(scope="module")
def done(pruned):
    model, parts = pruned
    return Int8Activations().apply(Compressed(model), Compression("int8-activations"), Context(PLAN, parts))


def test_every_product_is_in_eight_bits_and_every_zero_still_a_zero(pruned, done):
    kernels = {weight.name for weight in pruned[0].graph().weights()}
    assert set(done.layers) == kernels
    assert all(facts["int8"] and not facts["broken"] for facts in done.layers.values())
    for name in kernels:
        assert not done.model.arrays()[name][pruned[0].arrays()[name] == 0].any()
        assert done.kept[name].book.dtype == np.int8


def test_the_file_itself_is_measured(pruned, done):
    model, parts = pruned
    assert done.accuracy == pytest.approx(measure(model, parts, "test").accuracy, abs=0.01)
    assert any("on the test split when run there" in line for line in done.told)
    assert "9 of 9 kernels are 8-bit integers in it." in done.told


def test_without_samples_there_are_no_ranges(pruned, tmp_path):
    with pytest.raises(BadSetting, match="calibrated on samples"):
        FORMATS["onnx-int8"].write(pruned[0], tmp_path, "model")
    assert FORMATS["litert-int8"].refuses(pruned[0])
