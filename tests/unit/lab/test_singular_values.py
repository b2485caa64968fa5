"""Asked through a lab: what low rank could keep of each kernel, as a plan leaves it."""

import numpy as np
import pytest


@pytest.fixture
def asked(lab, model_file, data_file, plan):
    def ask(**settings):
        model = model_file(shape=(2, 2))
        return np.load(model["path"])["kernel"], lab.ask(
            "singular_values", {"model": model, "plan": plan(data_file(), **settings)}
        )

    return ask


def test_singular_values_of_the_whole_kernel(asked):
    kernel, found = asked(sparsity=0.0)
    (one,) = found["kernels"]
    assert (one["name"], one["rows"], one["columns"]) == ("fc.kernel", 2, 2)
    np.testing.assert_allclose(one["values"], np.linalg.svd(kernel)[1], rtol=1e-5)
    assert found["refused"] == {}


def test_what_the_plan_prunes_counts_as_zero(asked):
    kernel, found = asked(sparsity=0.5)
    kept = np.where(np.abs(kernel) >= np.sort(np.abs(kernel).ravel())[2], kernel, 0)
    np.testing.assert_allclose(found["kernels"][0]["values"], np.linalg.svd(kept)[1], rtol=1e-5, atol=1e-7)
