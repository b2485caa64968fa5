"""Published tables beside ours, on MNIST and MNIST-1D, several seeds, as one HTML page.

    python -m benchmarks.reproduce MNIST.npz -o FOLDER [--seeds 3] [--epochs 20] [--only KEY …]

MNIST.npz has ``x_train y_train x_test y_test`` (uint8). Minutes to an hour on two cores; stopped and started again, it
goes on with the epoch it was at. FOLDER/index.html shows what is there so far.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.reproduce.carrying_out import Outcome, outcome
from benchmarks.reproduce.page import write
from benchmarks.reproduce.rows import rows


def main() -> None:
    """Carry out row after row, seed after seed; write the page after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20, help="one training of LeNet-300-100")
    parser.add_argument("--only", nargs="*", help="beginnings of keys")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    chosen = [row for row in rows(given.epochs) if not given.only or row.key.startswith(tuple(given.only))]
    found: list[Outcome] = []
    for seed in range(given.seeds):
        for row in chosen:
            found.append(outcome(row, seed, given.out, given.mnist.resolve()))
            write(given.out / "index.html", chosen, found)
    print(f"{given.out / 'index.html'}")


if __name__ == "__main__":
    main()
