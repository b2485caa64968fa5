"""Calibrated 8-bit files of a pruned network: which kernels they hold as integers, their zeros, what they are worth."""

import numpy as np
import pytest

from core.backends.keras import BACKEND
from core.datasets import calibration, load
from core.formats import FORMATS
from core.inputs import joined
from core.int8 import read
from core.int8.layers import became, told
from core.int8.running import worth
from core.masks import Mask
from core.matching import matched
from core.measures import measure
from core.plan import DataChoice
from sample_models import SAMPLES


@pytest.fixture(scope="module")
def pruned():
    """Convolutions and dense layers with half of each kernel gone."""
    model = BACKEND.load(SAMPLES["digits-lenet5"].path("keras"))
    arrays, masks = model.arrays(), {}
    for weight in model.graph().weights():
        sizes = np.abs(arrays[weight.name])
        masks[weight.name] = Mask(sizes > np.median(sizes))
    return matched(model.masked(masks), load(DataChoice("digits")))


@pytest.mark.parametrize("name", ["onnx-int8", "litert-int8"])
def test_zeros_stay_and_accuracy_holds(pruned, name, tmp_path):
    model, parts = pruned
    samples = joined([x for x, _ in calibration(parts, 2, 64, 0)])
    file = FORMATS[name].write(model, tmp_path, "model", samples)
    kernels = became(model, read(file))
    assert [(one.weight, one.eight, one.broken) for one in kernels] == [
        (weight.name, True, 0) for weight in model.graph().weights()
    ]
    assert told(kernels) == ("5 of 5 kernels are 8-bit integers in it.",)
    assert worth(model, file, *parts.split("test")) == pytest.approx(measure(model, parts, "test").accuracy, abs=0.01)
