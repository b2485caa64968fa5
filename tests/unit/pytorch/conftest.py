"""Networks to open, and the way to a file and back."""

import warnings

import numpy as np
import pytest
import torch

from core.backends.pytorch import BACKEND
from core.masks import Mask


def randomised(network):
    """Normalisation that does something: scales, shifts and statistics off their defaults."""
    generator = torch.Generator().manual_seed(7)
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        if tensor.is_floating_point() and tensor.dim() == 1:
            noise = torch.rand(tensor.shape, generator=generator)
            tensor.data.copy_(noise + 0.5 if "var" in name or "weight" in name else noise - 0.5)
    return network


@pytest.fixture(scope="session", name="randomised")
def randomised_fixture():
    return randomised


@pytest.fixture(scope="session")
def write():
    """Export a network to a file, for any batch or for exactly ``batch``."""

    def to_file(network, shape, path, *, batch=None, dtype=torch.float32, train=False):
        torch.manual_seed(0)
        x = torch.zeros((batch or 2, *shape), dtype=dtype)
        shapes = None if batch else ({0: torch.export.Dim("batch")},)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(network.train(train), (x,), dynamic_shapes=shapes)
            torch.export.save(program, path)
        return path

    return to_file


@pytest.fixture
def opened(write, tmp_path):
    """Export a network with seeded noise in its normalisations and open the file."""

    def open_it(network, shape, **options):
        return BACKEND.load(write(randomised(network), shape, tmp_path / "network.pt2", **options))

    return open_it


@pytest.fixture(scope="session")
def opened_once(write, tmp_path_factory):
    """The same for networks that many tests look at and none changes."""

    def open_it(network, shape, **options):
        return BACKEND.load(
            write(randomised(network), shape, tmp_path_factory.mktemp("once") / "network.pt2", **options)
        )

    return open_it


@pytest.fixture(scope="session")
def batch_of():
    """Seeded samples of a shape."""

    def make(shape, count=6, seed=1):
        return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def masks_of():
    """Random masks over the named arrays (all kernels by default)."""

    def make(model, names=None, share=0.5, seed=1):
        rng = np.random.default_rng(seed)
        names = names or [weight.name for weight in model.graph().weights()]
        return {name: Mask(rng.random(model.arrays()[name].shape) > share) for name in names}

    return make
