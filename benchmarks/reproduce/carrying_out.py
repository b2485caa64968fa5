"""One row, one seed: carried out by the product's own path, or read when it was done before."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.reproduce.networks import written
from benchmarks.reproduce.rows import MNIST, MNIST1D, Row
from core import artefacts, paths
from core.experiment import run
from core.opening import open_model, with_data
from core.plan import DataChoice
from core.recipes import Source


@dataclass(frozen=True)
class Outcome:
    """What one run gave on the test split; ``losses`` and ``accuracies`` are validation's, epoch by epoch;
    ``seconds`` are those since it was last started."""

    key: str
    seed: int
    accuracy: float
    sparsity: float
    seconds: float
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]

    @property
    def error(self) -> float:
        """In percent."""
        return 100 * (1 - self.accuracy)

    @property
    def quickest(self) -> int:
        """The epoch (from 1) with the smallest validation loss: how quickly it learnt."""
        return 1 + min(range(len(self.losses)), key=self.losses.__getitem__, default=0)


class _Listener:
    """Keeps the epochs of the last training and shows them as a bar, one line for each seed."""

    def __init__(self, title: str, seed: int) -> None:
        self.losses, self.accuracies = [], []  # type: tuple[list[float], list[float]]
        self.bar = tqdm(desc=title, position=seed, leave=False, unit="epoch", dynamic_ncols=True)

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """Remember what the epochs since the last pruning step gave."""
        if kind == "pruned":
            self.losses, self.accuracies = [], []
        if kind == "epoch":
            self.losses.append(float(data["validation_loss"] or 0))
            self.accuracies.append(float(data["validation_accuracy"] or 0))
            self.bar.total, self.bar.initial = data["epochs"], self.bar.initial or data["epoch"] - 1
            self.bar.set_postfix_str(f"validation {100 * self.accuracies[-1]:.2f} %", refresh=False)
            self.bar.update(data["epoch"] - (self.bar.n or self.bar.initial))

    def poll(self) -> None:
        """Nobody stops it but Ctrl-C; started again, it goes on from the last epoch."""


def outcome(row: Row, seed: int, folder: Path, mnist: Path) -> Outcome:
    """The outcome of a row; its folder is its memory."""
    own = folder / row.key / str(seed)
    known = own / "outcome.json"
    if known.exists():
        return _read(known)
    choice = DataChoice(str(mnist), "unit") if row.data == MNIST else DataChoice(MNIST1D)
    path = paths.result_file(folder / row.base / str(seed)).parent if row.base else None
    file = next(path.glob("*.pt2")) if path else written(row.network, seed, folder)
    opened = with_data(open_model(str(file), folder), choice)
    assert opened.parts is not None  # data was asked for
    stored = artefacts.read_masks(paths.masks_file(folder / row.masks / str(seed))) if row.masks else None
    plan = row.as_plan(str(file), choice, seed + 100 if row.masks else seed)
    title = f"{row.network}, {row.method}, seed {seed}"
    listener, started = _Listener(title, seed), time.monotonic()
    result = run(
        plan, listener, model=opened.model, parts=opened.parts, folder=own,
        source=Source.of(opened.file.path, None), stored=stored,
    )  # fmt: skip
    assert result.after.accuracy is not None  # a classifier, measured
    spent = time.monotonic() - started
    found = Outcome(
        row.key, seed, result.after.accuracy, result.after.sparsity, spent,
        tuple(listener.losses), tuple(listener.accuracies),
    )  # fmt: skip
    artefacts.write_json(known, vars(found))
    listener.bar.close()
    tqdm.write(f"{title}: error {found.error:.2f} % at {100 * found.sparsity:.1f} % pruned, {spent:.0f} s")
    return found


def known(rows: Iterable[Row], folder: Path) -> list[Outcome]:
    """What is there so far, of every seed."""
    return [_read(path) for row in rows for path in sorted((folder / row.key).glob("*/outcome.json"))]


def _read(path: Path) -> Outcome:
    values = json.loads(path.read_text())
    found = Outcome(**values)
    return replace(found, losses=tuple(values["losses"]), accuracies=tuple(values["accuracies"]))
