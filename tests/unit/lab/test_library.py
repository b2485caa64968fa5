"""What the lab keeps belongs to the data as it is on disk now."""

from contextlib import nullcontext

import numpy as np

from core.datasets import DATASETS
from core.lab import views
from core.lab.library import Library
from core.masks import digest
from core.plan import Budget, DataChoice, Plan
from core.references import resolve


class Alone:
    """A caller nobody waits for."""

    def breathe(self, done: int = 0, total: int = 0) -> None: ...

    def check(self) -> None: ...

    def away(self):
        return nullcontext()


def test_a_data_file_that_changed_is_scored_and_decided_anew(tmp_path):
    iris, file = DATASETS["iris"].load(), tmp_path / "iris.npz"

    def written(shift):
        pairs = {part: iris.split(part) for part in ("train", "test")}
        x = {f"x_{part}": x for part, (x, _) in pairs.items()}
        np.savez(file, **x, **{f"y_{part}": (y + shift) % 3 for part, (_, y) in pairs.items()})

    library = Library("pytorch", tmp_path)
    plan = Plan("sample:iris-mlp@pytorch", DataChoice(str(file)), criterion="taylor", budget=Budget("parameters", 60))
    model = library.model({"path": str(resolve(plan.model, tmp_path).path)}, Alone())

    def seen():
        counts = [pool["counts"] for pool in views.histograms(library, model, plan, 20, Alone())["pools"]]
        return np.concatenate(counts).tolist(), digest(library.decision(model, plan, Alone()).masks)

    written(0)
    before = seen()
    assert seen() == before
    written(1)
    after = seen()
    assert after[0] != before[0] and after[1] != before[1]
