"""Published tables beside ours, on MNIST and MNIST-1D, several seeds, as one HTML page.

    python -m benchmarks.reproduce MNIST.npz -o FOLDER [--seeds 3] [--epochs 10] [--at-once 2] [--only KEY …]

MNIST.npz has ``x_train y_train x_test y_test`` (uint8). One seed trains on one core, several seeds at once. Stopped and
started again, each goes on with the epoch it was at. FOLDER/index.html shows what is there so far.

Keys begin with the table: ``300`` (LeNet-300-100), ``5`` (LeNet-5), ``ticket``, ``1d`` (MNIST-1D).
A seed took about 8, 40, 7 and 10 minutes for them on one core of 2026.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.reproduce.carrying_out import known, outcome
from benchmarks.reproduce.page import write
from benchmarks.reproduce.rows import Row, rows


def main() -> int:
    """Every seed in a process of its own; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10, help="one training of LeNet-300-100")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="seeds trained at the same time")
    parser.add_argument("--only", nargs="*", help="beginnings of keys")
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    chosen = [row for row in rows(given.epochs) if not given.only or row.key.startswith(tuple(given.only))]
    if given.seed is not None:
        _one_seed(chosen, given.seed, given.out, given.mnist.resolve())
        return 0
    with ThreadPoolExecutor(given.at_once) as pool:
        ended = list(pool.map(_process, range(given.seeds)))
    print(f"{given.out / 'index.html'}")
    return int(any(ended))


def _one_seed(chosen: list[Row], seed: int, out: Path, mnist: Path) -> None:
    """Row after row; the page is written after each, with what the other seeds have by then."""
    for row in chosen:
        outcome(row, seed, out, mnist)
        write(out / "index.html", chosen, known(chosen, out))


def _process(seed: int) -> int:
    environment = {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    command = [sys.executable, "-m", "benchmarks.reproduce", *sys.argv[1:], "--seed", str(seed)]
    return subprocess.run(command, cwd=Path.cwd(), env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
