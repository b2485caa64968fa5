"""Half the channels of a VGG-like network of 9.5 M parameters, really removed: what file, MACs and time come to.

    python benchmarks/shrinking_vgg.py pytorch
    python benchmarks/shrinking_vgg.py keras --threads 2 --batch 1,16 --pixels 32

The network is built in code (VGG-11 for pictures of 64 x 64 pixels, batch normalised: Simonyan & Zisserman 2015,
arXiv:1409.1556, table 1, column A, with one hidden layer of 512), saved, opened as an upload is, pruned with the
channel structure (L2 norm, uniform, 50 %), cut, saved again, and timed against the dense one as
`python -m core latency` does it.
Wanted: file and MACs at most 30 % of the dense network's, the time of the framework and of ONNX Runtime at most 50 %.
"""

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.backends import backend
from core.backends._base import LoadedModel
from core.measures import costs_of
from core.measures.speed import Timing, made, speeds
from core.plan import DataChoice, Plan
from core.pruning import choose, cuts, pools
from core.runtimes import RUNTIMES

#: Channels of the convolutions; "pool" halves height and width.
LAYERS: tuple[int | str, ...] = (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512)
HIDDEN, CLASSES = 512, 10
SIZE, TIME = 0.30, 0.50


def torch_file(path: Path, pixels: int) -> Path:
    import torch
    from torch import nn

    torch.manual_seed(0)
    parts: list[nn.Module] = []
    channels = 3
    for width in LAYERS:
        if isinstance(width, str):
            parts.append(nn.MaxPool2d(2))
            continue
        parts += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES)]
    network = nn.Sequential(*parts, *head).eval()
    batch = {0: torch.export.Dim("batch")}
    program = torch.export.export(network, (torch.zeros(2, 3, pixels, pixels),), dynamic_shapes=(batch,))
    torch.export.save(program, path.with_suffix(".pt2"))
    return path.with_suffix(".pt2")


def keras_file(path: Path, pixels: int) -> Path:
    import keras
    from keras import layers as k

    keras.utils.set_random_seed(0)
    parts: list[Any] = [k.Input((pixels, pixels, 3))]
    for width in LAYERS:
        if isinstance(width, str):
            parts.append(k.MaxPooling2D(2))
        else:
            parts += [k.Conv2D(width, 3, padding="same", use_bias=False), k.BatchNormalization(), k.ReLU()]
    head = [k.GlobalAveragePooling2D(), k.Dense(HIDDEN, "relu"), k.Dense(CLASSES)]
    keras.Sequential([*parts, *head]).save(path.with_suffix(".keras"))
    return path.with_suffix(".keras")


def halved(model: LoadedModel, file: Path) -> LoadedModel:
    """The network without half of its channels, as the product makes it."""
    data = DataChoice("cifar10")  # never looked at: norms of filters need none
    plan = Plan(str(file), data, criterion="l2_norm", structure="channel", allocation="uniform", sparsity=0.5)
    decision = choose(model, plan, None, pools(model, plan, None))
    return model.masked(decision.masks).cut(cuts(model.graph(), decision))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=("pytorch", "keras"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", default="1,16")
    parser.add_argument("--runtimes", default="native,onnxruntime")
    parser.add_argument("--pixels", type=int, default=64, help="32 and more; at 32 a single call is mostly overhead")
    told = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(told.threads)
    with tempfile.TemporaryDirectory() as folder:
        file = (torch_file if told.framework == "pytorch" else keras_file)(Path(folder) / "vgg", told.pixels)
        dense = backend(told.framework).load(file)
        smaller = halved(dense, file).save(Path(folder) / "halved")
        now = backend(told.framework).load(smaller)
        rows = [("file", smaller.stat().st_size / file.stat().st_size, SIZE)]
        whole, left = costs_of(dense, zipped=False), costs_of(now, zipped=False)
        rows.append(("MACs", left.macs / whole.macs, SIZE))
        print(
            f"{told.framework}, {told.pixels} pixels: {whole.sizes.parameters:,} parameters, {whole.macs:,} MACs; then",
            end=" ",
        )
        print(f"{left.sizes.parameters:,} and {left.macs:,}")
        timing = Timing(tuple(int(size) for size in told.batch.split(",")), told.threads, seconds=20, memory=False)
        chosen = [RUNTIMES[name] for name in told.runtimes.split(",")]
        found = speeds(dense, now, made(dense), chosen, timing, named=lambda name: backend(name).title)
    print(f"{'':34} {'dense':>12} {'halved':>12} {'ratio':>7}  {'interval':15} wanted")
    good = True
    for name, ratio, most in rows:
        good &= ratio <= most
        print(f"{name:34} {'':12} {'':12} {ratio:7.3f}  {'':15} {most:.2f} {'ok' if ratio <= most else 'MISSED'}")
    for one in found:
        if one.dense is None or one.now is None or one.ratio is None:
            print(f"{one.title}: {one.refused}")
            continue
        name = f"{one.title}, batch {one.batch}, {one.threads} threads"
        good &= one.ratio <= TIME
        times = f"{one.dense.median_ms:9.2f} ms {one.now.median_ms:9.2f} ms {one.ratio:7.3f}"
        verdict = "ok" if one.ratio <= TIME else "MISSED"
        print(f"{name:34} {times}  {one.low:.3f} to {one.high:.3f}  {TIME:.2f} {verdict}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
