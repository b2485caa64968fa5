"""Deep Compression on MNIST: how much smaller, by real bytes on disk, and at what loss.

    python -m benchmarks.deep_compression MNIST.npz -o FOLDER [--only LeNet-300-100] [--seed 0]

Each network is trained, then pruned, shared and coded by the preset ``deep-compression``, by the product's own path.
To be reached: 35 times smaller or more at a loss of at most 0.1 points (Han et al. 2016, arXiv:1510.00149, table 1: 40x
and 39x). MNIST.npz has ``x_train y_train x_test y_test`` (uint8). LeNet-300-100 takes about three minutes on one core,
LeNet-5 a quarter of an hour; stopped and started again, it goes on with the epoch it was at.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.reproduce.networks import written
from core import paths
from core.cli.output import table
from core.cli.progress import TerminalReport
from core.compression import PRESETS
from core.experiment import run
from core.opening import open_model, with_data
from core.plan import DataChoice, Plan, Preparation, Recovery
from core.recipes import Source

SMALLER, LOSS = 35.0, 0.1


@dataclass(frozen=True)
class Case:
    """A network, how much of it goes, for how many epochs it is trained before, and after the last pruning step."""

    network: str
    sparsity: float
    epochs: int
    after: int


CASES = (Case("LeNet-300-100", 0.92, 10, 10), Case("LeNet-5-Caffe", 0.95, 8, 10))
_TRAINING = Recovery(learning_rate=1.2e-3, rate_schedule="cosine", batch_size=100)


def carried_out(case: Case, mnist: Path, folder: Path, seed: int) -> Mapping[str, Any]:
    """The stages of one network, from its folder where it was done before."""
    own = folder / f"{case.network}-{seed}"
    data = DataChoice(str(mnist), "unit")
    begun = written(case.network, seed, paths.made(folder))
    dense = Plan(
        model=str(begun),
        data=data,
        seed=seed,
        preparation=Preparation(fresh=True),
        recovery=_changed(_TRAINING, epochs=case.epochs),
    )
    trained = _result(dense, begun, own / "dense")
    file = Path(trained["model_file"])
    plan = Plan(model=str(file), data=data, seed=seed, sparsity=case.sparsity, recovery=_TRAINING)
    preset = PRESETS["deep-compression"].applied(plan)
    return _result(replace(preset, recovery=_changed(preset.recovery, epochs=case.after)), file, own / "compressed")


def _changed(recovery: Recovery, **values: Any) -> Recovery:
    return replace(recovery, **values)


def _result(plan: Plan, file: Path, folder: Path) -> Mapping[str, Any]:
    """``result.json`` of a run, carried out if it is not there."""
    known = paths.result_file(folder)
    if not known.exists():
        opened = with_data(open_model(str(file), folder), plan.data)
        assert opened.parts is not None  # data was asked for
        with TerminalReport() as report:
            run(plan, report, model=opened.model, parts=opened.parts, folder=folder, source=Source.of(file))
    values: Mapping[str, Any] = json.loads(known.read_text(encoding="utf-8"))
    return values


def shown(case: Case, result: Mapping[str, Any]) -> tuple[str, bool]:
    """The table of stages, and whether the target is reached."""
    stages = result["stages"]
    dense, last = stages[0], stages[-1]
    rows = [
        (one["title"], one["bytes"], f"{dense['bytes'] / one['bytes']:.1f}x", f"{100 * one['accuracy']:.2f} %",
         f"{100 * (dense['accuracy'] - one['accuracy']):+.2f}", one["seconds"])
        for one in stages
    ]  # fmt: skip
    smaller, loss = dense["bytes"] / last["bytes"], 100 * (dense["accuracy"] - last["accuracy"])
    reached = smaller >= SMALLER and loss <= LOSS + 1e-9
    verdict = f"{smaller:.1f} times smaller at {loss:+.2f} points: {'reached' if reached else 'NOT reached'}"
    head = ("stage", "bytes", "smaller", "on test", "points lost", "seconds")
    pruned = f"{case.network}, {100 * result['after']['sparsity']:.1f} % pruned"
    return f"{pruned}\n{table(head, rows)}\n{verdict}\n", reached


def main() -> int:
    """Carry out case after case; the exit status says whether all reach their target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="beginnings of names")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    good = True
    for case in CASES:
        if given.only and not case.network.startswith(tuple(given.only)):
            continue
        text, reached = shown(case, carried_out(case, given.mnist.resolve(), given.out.resolve(), given.seed))
        print(text, flush=True)
        good = good and reached
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
