"""``python made_networks.py FOLDER``: small networks of other kinds and their data, as a person would bring them."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn


class Sentiment(nn.Module):
    """Tokens in, two classes out."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.hidden, self.out = nn.Embedding(20, 8), nn.Linear(8, 16), nn.Linear(16, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(self.hidden(self.embed(tokens).mean(dim=1))))


class Two(nn.Module):
    """Two inputs of different widths, three classes out."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.out = nn.Linear(4, 12), nn.Linear(6, 12), nn.Linear(24, 3)

    def forward(self, shape: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(torch.cat([self.left(shape), self.right(colour)], dim=1)))


def regression() -> nn.Module:
    """Six numbers in, one out."""
    return nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 12), nn.ReLU(), nn.Linear(12, 1))


def save(folder: Path, name: str, model: nn.Module, x: tuple[np.ndarray, ...], y: np.ndarray, names: tuple[str, ...]):
    """Fit for a moment, then write model and data."""
    inputs, targets = [torch.from_numpy(one) for one in x], torch.from_numpy(y)
    fit = torch.optim.Adam(model.parameters(), 0.02)
    lossy = nn.CrossEntropyLoss() if y.dtype == np.int64 else nn.MSELoss()
    for _ in range(150):
        fit.zero_grad()
        lossy(model(*inputs), targets).backward()
        fit.step()
    batch = torch.export.Dim("batch", min=1, max=4096)
    shapes = tuple({0: batch} for _ in x)
    program = torch.export.export(model.eval(), tuple(one[:4] for one in inputs), dynamic_shapes=shapes)
    torch.export.save(program, folder / f"{name}.pt2")
    arrays = {}
    for split, rows in (("train", slice(0, 400)), ("test", slice(400, 500))):
        arrays |= {f"x_{split}{suffix}": one[rows] for suffix, one in zip(names, x, strict=True)}
        arrays[f"y_{split}"] = y[rows]
    np.savez(folder / f"{name}.npz", **arrays)


def main(folder: Path) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 6)).astype(np.float32)
    y = (x[:, :1] * 2 - x[:, 1:2] + 0.1 * rng.normal(size=(500, 1))).astype(np.float32)
    save(folder, "regression", regression(), (x,), y, ("",))
    tokens = rng.integers(0, 20, size=(500, 7))
    save(folder, "tokens", Sentiment(), (tokens,), (tokens.mean(axis=1) > 9.5).astype(np.int64), ("",))
    shape, colour = (rng.normal(size=(500, n)).astype(np.float32) for n in (4, 6))
    label = (shape[:, 0] > 0).astype(np.int64) + (colour[:, 0] > 0)
    save(folder, "two", Two(), (shape, colour), label, (".shape", ".colour"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
