"""Pictures are laid out channels last where that is quicker and safe; nothing else changes."""

import numpy as np
import pytest
import torch
from torch import nn

from core.backends.pytorch.layout import channels_last
from core.plan import Recovery


class Pictures(nn.Module):
    def __init__(self, *, viewing):
        super().__init__()
        self.conv, self.second = nn.Conv2d(2, 6, 3), nn.Conv2d(6, 6, 3, groups=2)
        self.fc, self.viewing = nn.Linear(24, 3), viewing

    def forward(self, x):
        x = nn.functional.max_pool2d(self.second(self.conv(x)).relu(), 2)
        return self.fc(x.view(x.size(0), -1) if self.viewing else x.flatten(1))


@pytest.mark.parametrize("viewing", [False, True])
def test_predictions_and_training_are_those_of_the_usual_layout(viewing, opened, batch_of, masks_of):
    model = opened(Pictures(viewing=viewing), (2, 8, 8))
    x, y = batch_of((2, 8, 8), 32), np.arange(32) % 3
    laid = model.laid(model.given(x))[0]
    assert laid.is_contiguous() is viewing  # a view of another layout fails: such a network keeps the usual one
    with torch.inference_mode():
        plain = model.module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(model.predict(x), plain, atol=1e-6)
    masks = masks_of(model)
    trainer = model.trainer(Recovery(batch_size=16), masks, seed=0)
    trainer.epoch(x, y, 0, 1e-2)
    for name, array in trainer.model().arrays().items():
        assert name not in masks or not array[~masks[name].kept].any()
    assert all(parameter.is_contiguous() for parameter in trainer.model().module.parameters())


def test_a_single_channel_is_laid_out_too():
    """Its memory is the same either way; only the strides tell convolutions which way to take."""
    pictures = torch.zeros(16, 1, 8, 8)
    laid, tokens = channels_last((pictures, torch.zeros(16, 5)))
    assert laid.stride() == (64, 1, 8, 1)
    assert tokens.stride() == (5, 1)


def test_a_few_pictures_wide_convolutions_and_batch_normalisation_stay_as_they_are(opened):
    """The first two are slower in that layout, the third adds up in single precision there."""
    (few,) = channels_last((torch.zeros(15, 2, 8, 8),))
    assert few.is_contiguous()
    wide = opened(nn.Sequential(nn.Conv2d(1, 257, 1), nn.Flatten(), nn.Linear(257, 2)), (1, 1, 1))
    assert wide.laid((torch.zeros(16, 1, 1, 1),))[0].stride() == (1, 1, 1, 1)
    normalised = opened(nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Flatten()), (1, 1, 1))
    assert normalised.laid((torch.zeros(16, 1, 1, 1),))[0].stride() == (1, 1, 1, 1)
