"""Global threshold over many weights: ours beside ``torch.nn.utils.prune.global_unstructured``.

    python benchmarks/global_threshold.py [--size 100000000] [--amount 0.8] [--repeats 5]

Each contender runs in a process of its own on the same seeded weights, split over ten layers. Memory is the largest
resident size while it works, above what the weights (and for "from scores" the scores) already took, per weight.
The masks are then compared entry by entry: they may differ only where scores tie at the cut.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
LAYERS = 10
CONTENDERS = {
    "scores": "Topiary, from scores (a drag)",
    "weights": "Topiary, from weights",
    "torch": "torch.nn.utils.prune",
}


def weights(size: int) -> list[NDArray[np.float32]]:
    """Ten layers of normal weights, ``size`` in all."""
    rng = np.random.default_rng(0)
    bounds = np.linspace(0, size, LAYERS + 1).astype(int)
    return [rng.standard_normal(n, dtype=np.float32) for n in np.diff(bounds)]


def ours(layers: list[NDArray[np.float32]], amount: float, scored: bool) -> list[NDArray[np.bool_]]:
    """True where a weight goes."""
    from core.scores import Scores
    from core.selection import lowest_together

    scores = [Scores(layer, None if scored else np.absolute) for layer in layers]
    return lowest_together(scores, round(amount * sum(layer.size for layer in layers)))


def theirs(layers: list[NDArray[np.float32]], amount: float) -> list[NDArray[np.bool_]]:
    """True where a weight goes."""
    import torch
    from torch.nn.utils import prune

    modules = [torch.nn.Module() for _ in layers]
    for module, layer in zip(modules, layers, strict=True):
        module.weight = torch.nn.Parameter(torch.from_numpy(layer))
    prune.global_unstructured([(m, "weight") for m in modules], prune.L1Unstructured, amount=amount)
    return [m.weight_mask.numpy() == 0 for m in modules]


def contend(who: str, size: int, amount: float, repeats: int, folder: Path) -> None:
    """Run one contender and print its figures as JSON; its masks go to ``folder``."""
    layers = weights(size)
    if who == "torch":
        repeats = 1
    elif who == "scores":
        layers = [np.abs(layer, out=layer) for layer in layers]
    run = (lambda: theirs(layers, amount)) if who == "torch" else (lambda: ours(layers, amount, who == "scores"))
    seconds = []
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = _resident("VmRSS")
    gone: list[NDArray[np.bool_]] = []
    for _ in range(repeats):
        gone.clear()
        start = perf_counter()
        gone += run()
        seconds.append(perf_counter() - start)
    memory = _resident("VmHWM") - before
    np.save(folder / f"{who}.npy", np.packbits(np.concatenate(gone)))
    print(json.dumps({"seconds": float(np.median(seconds)), "bytes": memory / size}))


def _resident(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"This system does not tell {field}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000_000)
    parser.add_argument("--amount", type=float, default=0.8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        contend(given.only, given.size, given.amount, given.repeats, given.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        rows = {who: _run(who, given, Path(name)) for who in CONTENDERS}
        masks = {who: np.unpackbits(np.load(Path(name) / f"{who}.npy"), count=given.size) for who in CONTENDERS}
    peer = rows["torch"]
    print(
        f"{given.size:,} weights, {LAYERS} layers, {given.amount:.0%} removed; median of {given.repeats}, peer once\n"
    )
    print(f"{'':32}{'seconds':>9}{'faster':>9}{'bytes/weight':>14}{'removed':>14}{'elsewhere':>11}")
    for who, title in CONTENDERS.items():
        seconds, memory = rows[who]["seconds"], rows[who]["bytes"]
        elsewhere = int(np.count_nonzero(masks[who] != masks["torch"]))
        faster = f"{peer['seconds'] / seconds:.0f} x"
        print(f"{title:32}{seconds:9.3f}{faster:>9}{memory:14.2f}{int(masks[who].sum()):14,}{elsewhere:11}")


def _run(who: str, given: argparse.Namespace, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--only", who, "--folder", str(folder), "--size", str(given.size)]
    command += ["--amount", str(given.amount), "--repeats", str(given.repeats)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=environment)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
