"""Layers as two factors: what the network predicts, and all that can be done with it afterwards."""

import numpy as np
import pytest
import torch
from torch import nn

from core.backends.pytorch import BACKEND
from core.errors import BadModel
from core.factors import factors, product
from core.plan import Recovery


class Mixed(nn.Module):
    """Stride, padding and dilation, a grouped convolution, a layer that is called twice, a recurrent one."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 6, 3, stride=2, padding=2, dilation=2)
        self.grouped = nn.Conv2d(6, 6, 3, padding=1, groups=2)
        self.norm = nn.BatchNorm2d(6)
        self.row = nn.Conv1d(6, 8, 4, stride=2, padding="valid", bias=False)
        self.again = nn.Linear(7, 7)
        self.gru = nn.GRU(8, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        x = self.norm(self.grouped(self.conv(x).relu())).flatten(2)
        x = self.row(x)
        x = self.again(self.again(x).relu())
        return self.head(self.gru(x.transpose(1, 2))[0][:, -1])


SHAPE = (2, 8, 8)
SPLIT = ("conv.kernel", "row.kernel", "again.kernel", "head.kernel")


def split(model, names, rank=2):
    return {name: factors(model.arrays()[name], rank) for name in names}


def dense(model, found):
    """The same network with the products in place of its kernels."""
    return model.with_arrays({name: product(*pair) for name, pair in found.items()})


@pytest.fixture(scope="module")
def model(opened_once):
    return opened_once(Mixed(), SHAPE)


def test_the_factors_predict_what_their_product_predicts(model, batch_of):
    found, x = split(model, SPLIT), batch_of(SHAPE)
    smaller = model.factorised(found)
    np.testing.assert_allclose(smaller.predict(x), dense(model, found).predict(x), atol=1e-5)
    assert smaller.arrays()["conv_down.kernel"].shape == (2, 2, 3, 3)
    assert smaller.arrays()["conv_up.kernel"].shape == (6, 2, 1, 1)
    assert not {"conv.kernel", "row.bias", "conv_down.bias", "row_up.bias"} & set(smaller.arrays())
    kernels = [weight.layer for weight in smaller.graph().weights()]
    assert kernels[:5] == ["conv_down", "conv_up", "grouped", "row_down", "row_up"]
    assert "conv.kernel" in model.arrays()


def test_pruned_and_cut_networks_can_be_factorised_and_factors_cut(model, batch_of, masks_of):
    x = batch_of(SHAPE)
    pruned = model.masked(masks_of(model))
    found = split(pruned, SPLIT)
    smaller = pruned.factorised(found)
    np.testing.assert_allclose(smaller.predict(x), dense(pruned, found).predict(x), atol=1e-5)

    kept = np.array([0])
    cuts = {("head_down.kernel", 0): kept, ("head_up.kernel", 1): kept}
    thinner = smaller.cut(cuts)
    assert thinner.arrays()["head_up.kernel"].shape == (3, 1)
    once_more = thinner.factorised(split(thinner, ["again_up.kernel"], 1))
    assert once_more.predict(x).shape == (len(x), 3)


def test_a_factorised_network_trains_and_opens_in_plain_pytorch(model, batch_of, tmp_path):
    x, y = batch_of(SHAPE, 12), np.arange(12) % 3
    smaller = model.factorised(split(model, SPLIT))
    trainer = smaller.trainer(Recovery(epochs=1, batch_size=4), {}, seed=0)
    trainer.epoch(x, y, 0, 1e-3)
    trained = trainer.model()
    for part in ("conv_down.kernel", "conv_up.kernel", "head_down.kernel"):
        assert np.abs(trained.arrays()[part] - smaller.arrays()[part]).max() > 0

    path = trained.save(tmp_path / "factors")
    with torch.no_grad():
        plain = torch.export.load(path).module()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(plain, trained.predict(x), atol=1e-5)
    assert set(BACKEND.load(path).arrays()) == set(trained.arrays())


@pytest.mark.parametrize(("name", "reason"), [("grouped.kernel", "grouped"), ("gru.kernel", "recurrent")])
def test_a_kernel_without_factors_is_said_by_name(model, name, reason):
    with pytest.raises(BadModel, match=f'"{name}" cannot be factorised: .*{reason}'):
        model.factorised(split(model, [name]))
