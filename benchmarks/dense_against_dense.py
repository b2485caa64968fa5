"""The latency tool against itself: a dense network timed beside a copy of it, which must come out as quick.

    python benchmarks/dense_against_dense.py pytorch
    python benchmarks/dense_against_dense.py keras --threads 2 --runtimes native,onnxruntime,litert

Twenty runs of every runtime, one runtime after the other in each round, each run as `python -m core latency` makes it:
twenty alternating pairs and the median of their ratios. Printed: the smallest, the middle and the largest of the twenty
ratios, how many of their intervals hold 1 (95 % should), and whether all ratios lie within 0.95 to 1.05.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core import paths
from core.errors import PruneError
from core.measures.latency import Call, Ratio, paired
from core.measures.speed import made
from core.opening import open_model
from core.runtimes import RUNTIMES

LOW, HIGH = 0.95, 1.05
SAMPLE, BATCH = "digits-resnet", 16


def calls(framework: str, names: list[str], threads: int, batch: int) -> dict[str, tuple[Call, Call]]:
    """By runtime one prediction of a network and of its copy, each made ready on its own."""
    model = open_model(f"sample:{SAMPLE}@{framework}", paths.home()).model
    x = made(model)(batch)
    ready: dict[str, tuple[Call, Call]] = {}
    for name in names:
        runtime = RUNTIMES[name]
        try:
            refused = runtime.refuses(model)
            if not refused:
                with tempfile.TemporaryDirectory() as folder:
                    one, two = (Path(folder) / part for part in ("one", "two"))
                    one.mkdir(), two.mkdir()
                    opened = (runtime.opened(model, threads, place) for place in (one, two))
                    ready[name] = tuple(each.on(x) for each in opened)  # type: ignore[assignment]
        except PruneError as err:
            refused = str(err)
        if refused:
            print(f"{runtime.called(framework):22} {refused}")
    return ready


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=("pytorch", "keras"))
    parser.add_argument("--runtimes", default=",".join(RUNTIMES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=20)
    told = parser.parse_args()
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(told.threads)
    ready = calls(told.framework, told.runtimes.split(","), told.threads, told.batch)
    found: dict[str, list[Ratio]] = {name: [] for name in ready}
    for number in range(told.runs):
        for name, (one, two) in ready.items():
            found[name].append(paired(one, two, pairs=told.pairs))
        print(f"run {number + 1} of {told.runs}", file=sys.stderr, flush=True)
    print(f"{SAMPLE}, {told.framework}, batch {told.batch}, {told.threads} threads, {told.runs} runs")
    print(f"{'runtime':22} {'a batch':>10} {'smallest':>9} {'middle':>7} {'largest':>8} {'hold 1':>7}  within")
    within = True
    for name, runs in found.items():
        ratios = [run.ratio for run in runs]
        good = min(ratios) >= LOW and max(ratios) <= HIGH
        within &= good
        took, held = statistics.median(run.first.median_ms for run in runs), sum(r.low <= 1 <= r.high for r in runs)
        print(
            f"{RUNTIMES[name].called(told.framework):22} {took:7.3f} ms {min(ratios):9.3f} "
            f"{statistics.median(ratios):7.3f} {max(ratios):8.3f} {held:3} / {len(runs):<2}  {'yes' if good else 'NO'}"
        )
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
