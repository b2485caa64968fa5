"""Trains a sample in PyTorch and saves it and its Keras twin: ``python -m sample_models.train NAME``."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.datasets import Parts, load
from sample_models import HERE, SAMPLES, Sample, pytorch_networks


@dataclass(frozen=True)
class Recipe:
    """How one sample is trained: AdamW, one cosine from ``rate`` to 0, the weights of the best validation epoch.

    ``shift`` moves pictures and series by up to that many places, ``noise`` is added, ``stretch`` scales amplitudes:
    augmentation of the training part only.
    """

    epochs: int
    rate: float = 3e-3
    batch: int = 64
    decay: float = 1e-2
    shift: int = 0
    noise: float = 0.0
    stretch: float = 0.0
    smoothing: float = 0.0


RECIPES = {
    "iris-mlp": Recipe(epochs=300, rate=1e-2, batch=30),
    "digits-lenet300": Recipe(epochs=120, rate=2e-3, noise=0.1, decay=0.05),
    "digits-lenet5": Recipe(epochs=120, shift=1, noise=0.05),
}


def augmented(x: Tensor, recipe: Recipe) -> Tensor:
    """A batch as it might also have been measured."""
    if recipe.shift:
        x = _shifted(x, recipe.shift)
    if recipe.stretch:
        x = x * (1 + recipe.stretch * (2 * torch.rand(len(x), *[1] * (x.ndim - 1)) - 1))
    return x + recipe.noise * torch.randn_like(x) if recipe.noise else x


def _shifted(x: Tensor, most: int) -> Tensor:
    """Every sample moved by its own random offset along each axis of place, zeros moving in."""
    for axis in range(2, x.ndim):
        size = x.shape[axis]
        padded = F.pad(x, [0, 0] * (x.ndim - 1 - axis) + [most, most])
        offset = torch.randint(0, 2 * most + 1, (len(x),))
        places = offset[:, None] + torch.arange(size)
        shape = [len(x)] + [size if a == axis else 1 for a in range(1, x.ndim)]
        index = places.view(shape).expand(*x.shape)
        x = padded.gather(axis, index)
    return x


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of right answers in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        return float((network(x).argmax(1) == y).float().mean())


def trained(network: nn.Module, parts: Parts, recipe: Recipe) -> nn.Module:
    """The network after training, with the weights of its best validation epoch (the latest of equals)."""
    x, y = torch.from_numpy(parts.x_train), torch.from_numpy(parts.y_train)
    validation = torch.from_numpy(parts.x_validation), torch.from_numpy(parts.y_validation)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    steps = recipe.epochs * -(-len(x) // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    best, kept = -1.0, network.state_dict()
    for epoch in range(recipe.epochs):
        network.train()
        for chosen in torch.randperm(len(x)).split(recipe.batch):
            logits = network(augmented(x[chosen], recipe))
            loss = F.cross_entropy(logits, y[chosen], label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        now = accuracy(network, *validation)
        if now >= best:
            best, kept = now, {name: value.clone() for name, value in network.state_dict().items()}
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {loss.item():.3f}, validation {now:.4f}, best {best:.4f}", flush=True)
    network.load_state_dict(kept)
    return network.eval()


def save_exported(network: nn.Module, sample: tuple[int, ...], path: Path) -> None:
    """Write a ``.pt2`` that takes any batch.

    Sample inputs and stack traces are left out: they would store data and the paths of the machine that trained.
    """
    program = torch.export.export(
        network, (torch.zeros(2, *sample),), dynamic_shapes=({0: torch.export.Dim("batch")},), strict=False
    )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    program._example_inputs = None
    path.parent.mkdir(exist_ok=True)
    torch.export.save(program, path)


def save_both(network: nn.Module, sample: Sample, shape: tuple[int, ...]) -> None:
    """Save the PyTorch file, then the Keras twin in a process of its own (two frameworks never share one)."""
    save_exported(network, shape, sample.path("pytorch"))
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        np.savez(weights, **{name: value.numpy() for name, value in network.state_dict().items()})
        subprocess.run([sys.executable, "-m", "sample_models.twins", sample.name, weights], cwd=HERE.parent, check=True)


def main(name: str) -> None:
    """Train one sample, report its test accuracy, save it twice."""
    sample, recipe = SAMPLES[name], RECIPES[name]
    torch.manual_seed(0)
    parts = load(sample.data)
    network = getattr(pytorch_networks, sample.architecture("pytorch").rpartition(":")[2])()
    trained(network, parts, recipe)
    print(f"test {accuracy(network, torch.from_numpy(parts.x_test), torch.from_numpy(parts.y_test)):.4f}")
    save_both(network, sample, parts.sample_shape)


if __name__ == "__main__":
    main(sys.argv[1])
