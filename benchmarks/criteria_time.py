"""What each criterion costs, beside a plain forward-backward pass over the same calibration samples.

    python benchmarks/criteria_time.py                    # both frameworks, both networks
    python benchmarks/criteria_time.py --framework keras --network resnet
    OMP_NUM_THREADS=1 python benchmarks/criteria_time.py --cpu      # processor seconds: for a machine that is busy

Two networks: the sample ``digits-resnet`` (38 thousand weights) and one of 25 million (two convolutions with batch
normalisation, three dense layers, 16 x 16 pictures), built here in both frameworks. 512 samples, eight batches of 64.
A criterion is asked twice; the second answer is timed, the first one (tracing) told in brackets where it took longer.
"x" is over the plain pass: the framework's own loop, gradients of the loss with respect to all parameters.
Single weights where the criterion ranks them, else channels. SynFlow is timed with its hundred rounds on the small
network; where a "~" stands, one round, or a few units of an ablation, were timed and multiplied.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core.backends import backend
from core.backends._base import LoadedModel
from core.criteria import CRITERIA
from core.datasets import Parts, calibration
from core.losses import sample_losses
from core.plan import DataChoice, Plan
from core.pruning import choose, pools
from sample_models import SAMPLES

NETWORKS = {"resnet": "digits-resnet", "large": "25 M weights"}
FRAMEWORKS = ("pytorch", "keras")
CLOCK = time.process_time if "--cpu" in sys.argv else time.perf_counter


def torch_large() -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.Conv2d(64, 128, 3, 2, padding=1), nn.BatchNorm2d(128), nn.ReLU(), nn.Flatten(),
        nn.Linear(8192, 2816), nn.ReLU(), nn.Linear(2816, 640), nn.ReLU(), nn.Linear(640, 10),
    )  # fmt: skip


def keras_large() -> Any:
    from keras import Sequential
    from keras import layers as k

    return Sequential([
        k.Input((16, 16, 1)),
        k.Conv2D(64, 3, padding="same"), k.BatchNormalization(), k.ReLU(),
        k.Conv2D(128, 3, 2, padding="same"), k.BatchNormalization(), k.ReLU(), k.Flatten(),
        k.Dense(2816, "relu"), k.Dense(640, "relu"), k.Dense(10),
    ])  # fmt: skip


def opened(framework: str, network: str, folder: Path) -> tuple[LoadedModel, Any]:
    """The network behind the seam, and as the framework's own object for the plain pass."""
    if framework == "pytorch":
        import torch

        from sample_models import pytorch_networks

        plain = (pytorch_networks.digits_resnet() if network == "resnet" else torch_large()).eval()
        if network == "resnet":
            return backend(framework).load(SAMPLES["digits-resnet"].path(framework)), plain
        given = (torch.zeros((2, 1, 16, 16)),)
        program = torch.export.export(plain, given, dynamic_shapes=({0: torch.export.Dim("batch")},))
        torch.export.save(program, folder / "large.pt2")
        return backend(framework).load(folder / "large.pt2"), plain
    from sample_models import keras_networks

    plain = keras_networks.digits_resnet() if network == "resnet" else keras_large()
    if network == "resnet":
        return backend(framework).load(SAMPLES["digits-resnet"].path(framework)), plain
    plain.save(folder / "large.keras")
    return backend(framework).load(folder / "large.keras").with_output("logits"), plain


def plain_pass(framework: str, network: Any, batches: list[Any]) -> Callable[[], None]:
    """Forward and backward, batch by batch, in the framework's own words."""
    if framework == "pytorch":
        import torch

        tensors = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in batches]

        def once() -> None:
            for x, y in tensors:
                torch.autograd.grad(torch.nn.functional.cross_entropy(network(x), y), list(network.parameters()))

        return once
    import keras
    import tensorflow as tf

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(reduce_retracing=True)
    def gradients(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(y, network(x, training=False))
        return tape.gradient(value, network.trainable_variables)

    def once() -> None:
        for x, y in batches:
            gradients(tf.constant(x), tf.constant(y))

    return once


def samples(model: LoadedModel) -> Parts:
    """As many as are looked at, random: speed does not depend on them."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((512, *model.input_shapes[0])).astype(np.float32)
    y = rng.integers(0, 10, 512)
    return Parts("noise", tuple("0123456789"), x, y, x, y, x, y, sample_kind="picture")


def seconds(work: Callable[[], Any]) -> float:
    start = CLOCK()
    work()
    return CLOCK() - start


def asked(model: LoadedModel, parts: Parts, criterion: str, large: bool) -> tuple[float, float, str]:
    """First time, second time, and what is to be known about them."""
    one = CRITERIA[criterion]
    structure = "unstructured" if one.ranks("unstructured") and not one.ablates else "channel"
    plan = Plan("benchmark", DataChoice("none"), criterion, structure, sparsity=0.9)
    if one.ablates and large:
        sizes = sum(p.size for p in pools(model, replace(plan, criterion="magnitude"), parts).values())
        took = statistics.median(seconds(lambda: sample_losses(model, parts.x_train, parts.y_train)) for _ in range(3))
        return took * sizes, took * sizes, f"~ {sizes:,} channels, one forward pass each"
    first = seconds(lambda: pools(model, plan, parts))
    again = seconds(lambda: pools(model, plan, parts))
    if one.rounds > 1 and large:
        return first, again * one.rounds, f"~ {one.rounds} rounds of {again:.2f} s"
    if one.rounds > 1:
        found = pools(model, plan, parts)
        return first, seconds(lambda: choose(model, plan, parts, found)), f"{one.rounds} rounds"
    return first, again, "" if structure == "unstructured" else "channels"


def measure(framework: str, network: str) -> dict[str, Any]:
    """Everything of one network in one framework."""
    with tempfile.TemporaryDirectory() as folder:
        model, plain = opened(framework, network, Path(folder))
        parts = samples(model)
        once = plain_pass(framework, plain, list(calibration(parts, 8, 64, 0)))
        once()
        base = [seconds(once) for _ in range(3)]
        rows = {}
        for criterion in CRITERIA:
            rows[criterion] = asked(model, parts, criterion, network == "large")
            base.append(seconds(once))  # the machine's pace while all this goes on
            print(f"{framework} {network} {criterion} {rows[criterion][1]:.2f} s", file=sys.stderr)
    return {"plain": statistics.median(base), "rows": rows}


def table(found: dict[str, dict[str, Any]]) -> str:
    """All measurements side by side."""
    keys = list(found)
    lines = ["| criterion | " + " | ".join(keys) + " |", "|---|" + "---|" * len(keys)]
    plain = " | ".join(f"{found[key]['plain']:.3f} s" for key in keys)
    lines.append(f"| *plain forward-backward* | {plain} |")
    for criterion in CRITERIA:
        cells = []
        for key in keys:
            first, again, note = found[key]["rows"][criterion]
            cold = f" (first {first:.1f} s)" if first > 2 * again + 0.1 else ""
            times = again / found[key]["plain"]
            cells.append(f"{again:.3f} s, {times:.1f} x{cold}{f'; {note}' if note else ''}")
        lines.append(f"| {criterion} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--framework", choices=FRAMEWORKS)
    parser.add_argument("--network", choices=NETWORKS)
    parser.add_argument("--cpu", action="store_true", help="processor seconds instead of those on the wall")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.framework, given.network)))
        return
    found = {}
    for network in [given.network] if given.network else NETWORKS:
        for framework in [given.framework] if given.framework else FRAMEWORKS:
            command = [sys.executable, __file__, "--measure", "--framework", framework, "--network", network]
            command += ["--cpu"] if given.cpu else []
            environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            found[f"{NETWORKS[network]}, {framework}"] = json.loads(done.stdout.splitlines()[-1])
    print(table(found))


if __name__ == "__main__":
    main()
