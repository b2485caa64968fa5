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

    ``shift`` moves pictures and series by up to that many places, ``noise`` is added, ``stretch`` scales amplitudes,
    ``tilt`` adds a slope: augmentation of the training part only.
    ``flat`` feeds a picture as one row of values.
    """

    epochs: int
    rate: float = 3e-3
    batch: int = 64
    decay: float = 5e-2
    shift: int = 0
    noise: float = 0.0
    stretch: float = 0.0
    tilt: float = 0.0
    smoothing: float = 0.0
    flat: bool = False


RECIPES = {
    "iris-mlp": Recipe(epochs=300, rate=1e-2, batch=30),
    "spiral-mlp": Recipe(epochs=150, rate=1e-2),
    "digits-lenet300": Recipe(epochs=200, rate=2e-3, shift=1, noise=0.25, stretch=0.2, smoothing=0.1, flat=True),
    "digits-lenet5": Recipe(epochs=150, shift=1, noise=0.1, stretch=0.2, smoothing=0.05),
    "digits-resnet": Recipe(epochs=60, shift=1, noise=0.1, stretch=0.2, smoothing=0.1),
    "mnist1d-cnn": Recipe(epochs=60, shift=20, noise=0.1, stretch=0.2, tilt=0.5, smoothing=0.05),
    "mnist1d-gru": Recipe(epochs=60, rate=5e-3, shift=20, noise=0.05, stretch=0.2, tilt=0.5, smoothing=0.05),
    "mnist1d-transformer": Recipe(epochs=80, rate=2e-3, shift=20, noise=0.1, stretch=0.2, tilt=0.5, smoothing=0.05),
}


def augmented(x: Tensor, recipe: Recipe) -> Tensor:
    """A batch as it might also have been measured."""
    if recipe.shift:
        x = rolled(x, recipe.shift) if x.ndim == 3 else jittered(x, recipe.shift)
    if recipe.stretch:
        x = x * (1 + recipe.stretch * around_zero(x))
    if recipe.tilt:
        x = x + recipe.tilt * around_zero(x) * torch.linspace(-1, 1, x.shape[-1])
    x = x + recipe.noise * torch.randn_like(x)
    return x.flatten(1) if recipe.flat else x


def around_zero(x: Tensor) -> Tensor:
    """One number in -1..1 per sample, shaped to multiply a batch."""
    return 2 * torch.rand(len(x), *[1] * (x.ndim - 1)) - 1


def rolled(x: Tensor, most: int) -> Tensor:
    """Every series moved around its circle by its own offset, as MNIST-1D's generator does."""
    offset = torch.randint(-most, most + 1, (len(x), 1))
    places = (torch.arange(x.shape[-1]) + offset) % x.shape[-1]
    return x.gather(2, places[:, None, :].expand_as(x))


def jittered(x: Tensor, most: int) -> Tensor:
    """Every picture moved by its own offset down and across, zeros moving in."""
    padded, height, width = F.pad(x, [most] * 4), x.shape[2], x.shape[3]
    down, across = torch.randint(0, 2 * most + 1, (2, len(x))).tolist()
    pairs = zip(padded, down, across, strict=True)
    return torch.stack([picture[:, d : d + height, a : a + width] for picture, d, a in pairs])


def tensors(parts: Parts, split: str, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """A part as the network takes it."""
    x, y = (torch.from_numpy(array) for array in parts.split(split))
    return x.flatten(1) if recipe.flat else x, y


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of right answers in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        return float((network(x).argmax(1) == y).float().mean())


def trained(network: nn.Module, parts: Parts, recipe: Recipe) -> nn.Module:
    """The network after training, with the weights of its best validation epoch (the latest of equals)."""
    x, y = torch.from_numpy(parts.x_train), torch.from_numpy(parts.y_train)
    validation = tensors(parts, "validation", recipe)
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
    x, y = tensors(parts, "test", recipe)
    print(f"test {accuracy(network, x, y):.4f}")
    save_both(network, sample, tuple(x.shape[1:]))


if __name__ == "__main__":
    main(sys.argv[1])
