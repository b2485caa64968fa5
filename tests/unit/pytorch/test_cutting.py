"""A cut network computes what the masked one computed."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.backends.pytorch import BACKEND
from core.errors import BadModel
from core.groups import groups
from core.masks import Mask

ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu, "sigmoid": torch.sigmoid, "softplus": F.softplus}


class Pictures(nn.Module):
    """Residual sum, concatenation, depthwise, transposed convolution, flatten."""

    def __init__(self, activation=F.relu, norm=True, bias=True):
        super().__init__()
        self.activation = activation
        self.conv1 = nn.Conv2d(2, 6, 3, padding=1, bias=bias)
        self.bn1 = nn.BatchNorm2d(6) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1, bias=bias)
        self.depthwise = nn.Conv2d(6, 12, 3, padding=1, groups=6, bias=bias)
        self.bn2 = nn.BatchNorm2d(12) if norm else nn.Identity()
        self.side, self.up = nn.Conv2d(6, 4, 1, bias=bias), nn.ConvTranspose2d(16, 5, 2, stride=2, bias=bias)
        self.fc1, self.fc2 = nn.Linear(5 * 16, 8, bias=bias), nn.Linear(8, 3)

    def forward(self, x):
        x = self.activation(self.bn1(self.conv1(x)))
        x = x + self.activation(self.conv2(x))
        x = torch.cat([self.activation(self.bn2(self.depthwise(x))), self.side(x)], dim=1)
        x = self.activation(self.up(F.max_pool2d(x, 2)))
        return self.fc2(self.activation(self.fc1(x.reshape(-1, 5 * 16))))


class Series(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv1d(2, 6, 3, padding=1), nn.BatchNorm1d(6)
        self.fc1, self.bn2, self.fc2 = nn.Linear(6 * 4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)

    def forward(self, x):
        x = F.avg_pool1d(F.gelu(self.bn(self.conv(x))), 2)
        return self.fc2(F.silu(self.bn2(self.fc1(x.flatten(1)))))


def removal(model, share=0.4, seed=0):
    """Random channels of every cuttable group: the masks that zero them and the cuts that remove them."""
    rng = np.random.default_rng(seed)
    arrays, kept = model.arrays(), {}
    for group in groups(model.graph()):
        if not group.cuttable:
            continue
        gone = set(rng.permutation(group.channels)[: int(group.channels * share)].tolist())
        for member in group.members:
            shape = arrays[member.array].shape
            stays = kept.setdefault((member.array, member.axis), np.ones(shape[member.axis], bool))
            stays &= ~np.isin(member.channel, list(gone))
    masks = {}
    for (name, axis), stays in kept.items():
        mask = masks.setdefault(name, np.ones(arrays[name].shape, bool))
        mask &= np.expand_dims(stays, tuple(i for i in range(mask.ndim) if i != axis))
    cuts = {key: np.flatnonzero(stays).astype(np.int64) for key, stays in kept.items()}
    assert cuts, "something can be cut"
    return {name: Mask(mask) for name, mask in masks.items()}, cuts


def same(model, masks, smaller, x):
    masked, cut = model.predict(x, masks), smaller.predict(x)
    assert np.abs(masked - cut).max() <= 1e-5 * max(1, np.abs(masked).max())
    assert sum(a.size for a in smaller.arrays().values()) < sum(a.size for a in model.arrays().values())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("norm", "bias"), [(True, True), (False, False)])
def test_removing_equals_zeroing(activation, norm, bias, opened, batch_of):
    torch.manual_seed(0)
    model = opened(Pictures(ACTIVATIONS[activation], norm, bias), (2, 4, 4))
    masks, cuts = removal(model)
    same(model, masks, model.cut(cuts), batch_of((2, 4, 4)))


@pytest.mark.parametrize("batch", [None, 1])
def test_a_cut_series_trains_is_saved_and_is_cut_again(batch, opened, batch_of, tmp_path):
    torch.manual_seed(0)
    model = opened(Series(), (2, 8), batch=batch)
    masks, cuts = removal(model)
    smaller = model.cut(cuts)
    x = batch_of((2, 8))
    same(model, masks, smaller, x)
    again = BACKEND.load(smaller.save(tmp_path / "smaller.pt2"))
    np.testing.assert_allclose(again.predict(x), smaller.predict(x), atol=1e-6)
    layer = again.module.get_submodule("conv")
    assert (layer.out_channels, layer.weight.shape[0]) == (4, 4)
    masks, cuts = removal(again, seed=1)
    same(again, masks, again.cut(cuts), x)


def test_the_snippet_runs_in_plain_pytorch(opened, batch_of, tmp_path):
    model = opened(Series(), (2, 8))
    smaller = model.cut(removal(model)[1])
    path = smaller.save(tmp_path / "smaller.pt2")
    scope = {"x": batch_of((2, 8), 5)}
    exec(smaller.snippet(str(path)), scope)  # noqa: S102 - that is what a snippet is for
    np.testing.assert_allclose(scope["y"], smaller.predict(scope["x"]), atol=1e-6)


def test_the_original_stays_whole(opened, batch_of):
    model = opened(Series(), (2, 8))
    x = batch_of((2, 8))
    before = model.predict(x)
    model.cut(removal(model)[1])
    assert np.array_equal(model.predict(x), before)
    assert model.module.get_submodule("conv").out_channels == 6


def test_a_cut_that_leaves_shapes_apart_is_refused(opened):
    model = opened(Series(), (2, 8))
    with pytest.raises(BadModel, match="does not fit together"):
        model.cut({("fc1.kernel", 0): np.arange(3)})
    with pytest.raises(BadModel, match='no array "fc9.kernel"'):
        model.cut({("fc9.kernel", 0): np.arange(3)})
