"""What masks cost while fine-tuning, against the framework's own plain training of the same network.

    python benchmarks/training_overhead.py pytorch
    python benchmarks/training_overhead.py keras

Interleaved in one process, Adam, batch 64, one epoch each: the plain loop (`keras fit`), our trainer without masks,
our trainer with 90 % of every kernel masked. The data are random pictures of MNIST's shape: speed does not depend
on them.
Printed: the median epoch of each, and the median of the pairwise ratios with their interquartile range.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.backends import backend
from core.masks import Mask
from core.plan import Recovery

BATCH = 64


def torch_network(kind: str) -> Any:
    from torch import nn

    if kind == "lenet300":
        return nn.Sequential(
            nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
        )
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def keras_network(kind: str) -> Any:
    from keras import Sequential
    from keras import layers as k

    dense = [k.Dense(300, "relu"), k.Dense(100, "relu")]
    conv = [
        k.Conv2D(32, 3, padding="same", activation="relu"), k.MaxPooling2D(2),
        k.Conv2D(64, 3, padding="same", activation="relu"), k.MaxPooling2D(2),
        k.Flatten(), k.Dense(128, "relu"),
    ]  # fmt: skip
    middle = [k.Flatten(), *dense] if kind == "lenet300" else conv
    return Sequential([k.Input((28, 28, 1)), *middle, k.Dense(10)])


def plain_torch(network: Any, x: Any, y: Any) -> Callable[[], None]:
    import torch

    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)

    def epoch() -> None:
        network.train()
        for chosen in torch.randperm(len(inputs)).split(BATCH):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(inputs[chosen]), labels[chosen]).backward()
            optimiser.step()

    return epoch


def plain_keras(network: Any, x: Any, y: Any) -> Callable[[], None]:
    import keras

    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return lambda: network.fit(x, y, batch_size=BATCH, epochs=1, verbose=0) and None


def saved(framework: str, network: Any, folder: Path) -> Path:
    if framework == "keras":
        network.save(folder / "network.keras")
        return folder / "network.keras"
    import torch

    batch = {0: torch.export.Dim("batch", min=1, max=65536)}
    program = torch.export.export(network.eval(), (torch.zeros(2, 1, 28, 28),), dynamic_shapes=(batch,))
    torch.export.save(program, folder / "network.pt2")
    return folder / "network.pt2"


def ours(model: Any, masks: dict[str, Mask], x: Any, y: Any) -> Callable[[], None]:
    trainer = model.trainer(Recovery(epochs=1, batch_size=BATCH), masks, 0)
    count = iter(range(10**6))
    return lambda: trainer.epoch(x, y, next(count), 1e-3) and None


def seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(framework: str, kind: str, samples: int, pairs: int) -> None:
    rng = np.random.default_rng(0)
    shape = (samples, 28, 28, 1) if framework == "keras" else (samples, 1, 28, 28)
    x, y = rng.random(shape, dtype=np.float32), rng.integers(0, 10, samples)
    network = (keras_network if framework == "keras" else torch_network)(kind)
    with tempfile.TemporaryDirectory() as folder:
        model = backend(framework).load(saved(framework, network, Path(folder)))
    masks = {w.name: Mask(rng.random(w.shape) >= 0.9) for w in model.graph().weights()}
    contestants = {
        "plain": (plain_keras if framework == "keras" else plain_torch)(network, x, y),
        "ours, dense": ours(model, {}, x, y),
        "ours, masked 90 %": ours(model, masks, x, y),
    }
    for work in contestants.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(pairs):
        for name, work in contestants.items():
            times[name].append(seconds(work))
    print(f"\n{framework} {kind}, {samples} samples, {pairs} interleaved rounds")
    print(f"{'':20s} {'median s':>9s} {'ratio to plain':>15s}  interquartile range")
    for name, values in times.items():
        ratios = [a / b for a, b in zip(values, times["plain"], strict=True)]
        low, _, high = statistics.quantiles(ratios, n=4)
        middle = statistics.median(ratios)
        print(f"{name:20s} {statistics.median(values):9.3f} {middle:15.3f}  {low:.3f} to {high:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=("pytorch", "keras"))
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--conv-samples", type=int, default=12_000)
    parser.add_argument("--dense-samples", type=int, default=12_000)
    args = parser.parse_args()
    compare(args.framework, "lenet300", args.dense_samples, args.pairs)
    compare(args.framework, "conv", args.conv_samples, args.pairs)


if __name__ == "__main__":
    main()
