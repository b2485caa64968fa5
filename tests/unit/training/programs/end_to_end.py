"""``FRAMEWORK FOLDER``: prune networks for values, tokens and two inputs through the command line; break runs off.

Everything that needs the framework is done in this one process; what came of it is printed as one JSON object.
"""

import io
import json
import sys
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from core import artefacts, paths
from core.artefacts_check import check
from core.cli import main
from core.errors import Cancelled
from core.experiment import run
from core.masks import digest
from core.opening import open_model, with_data
from core.plan import DataChoice, Plan, Preparation, Recovery, ScheduleChoice
from tests.unit.training.programs.networks import NUMBERS, STEPS, VOCABULARY, build


def said(*arguments: object) -> dict:
    """What the command line answers."""
    read = io.StringIO()
    with redirect_stdout(read):
        status = main([str(word) for word in (*arguments, "--json")])
    return {"status": status, **json.loads(read.getvalue() or "{}")}


def data(folder: Path) -> dict[str, Path]:
    """Whether small tokens outweigh large ones, and the same with numbers added. Inputs come in another order."""
    rng = np.random.default_rng(0)
    words = {part: rng.integers(0, VOCABULARY, (size, STEPS)) for part, size in (("train", 400), ("test", 200))}
    numbers = {part: rng.standard_normal((len(x), NUMBERS)).astype(np.float32) for part, x in words.items()}
    small = {part: (x < VOCABULARY // 2).sum(axis=1) for part, x in words.items()}
    y = {part: (count > STEPS / 2).astype(int) for part, count in small.items()}
    both = {part: (count + numbers[part].sum(axis=1) > STEPS / 2).astype(int) for part, count in small.items()}
    tokens, several = folder / "tokens.npz", folder / "several.npz"
    np.savez(tokens, **{f"x_{p}": x for p, x in words.items()}, **{f"y_{p}": labels for p, labels in y.items()})
    inputs = {f"x_{part}.{name}": x for name, xs in (("numbers", numbers), ("words", words)) for part, x in xs.items()}
    np.savez(several, **inputs, **{f"y_{part}": labels for part, labels in both.items()})
    return {"values": Path("sine"), "tokens": tokens, "several": several}


def pruned(files: dict[str, Path], folder: Path) -> dict:
    """Prepared, pruned and fine-tuned, one network after the other."""
    sets = data(folder)
    train = ("--prepare", 8, "--learning-rate", 0.02, "--batch-size", 32, "--epochs", 3)
    criteria = {"values": "taylor", "tokens": "magnitude", "several": "wanda"}
    found = {
        name: said(
            *("prune", files[name], "--data", sets[name], "--sparsity", 0.5, "--criterion", criterion),
            *(*train, "--structure", "channel" if name == "several" else "unstructured", "-o", folder / name),
        )
        for name, criterion in criteria.items()
    }
    found["inspected"] = said("inspect", files["values"], "--data", "sine")
    found["classifier"] = said(
        "prune", files["classes"], "--data", "sine", "--sparsity", 0.5, "-o", folder / "never"
    )  # one sentence on standard error
    proof = found["several"]
    artefacts.write_text(paths.plan_file(folder / "several"), Plan.from_dict(proof["plan"]).to_yaml())
    model = Path(proof["model_file"])
    found["check"] = {"same": check(folder / "several", model, model.name).same}
    return found


class Breaking:
    """A report that cancels at a given poll, and counts polls."""

    def __init__(self, after: float) -> None:
        self.polls, self._after = 0, after

    def event(self, kind: str, data: object) -> None:
        """Nothing."""

    def poll(self) -> None:
        """One batch more."""
        self.polls += 1
        if self.polls > self._after:
            raise Cancelled


def broken_off(file: Path, folder: Path) -> dict:
    """By plan: whether runs that were broken off and taken up again have the weights and masks of whole ones."""
    recovery = Recovery(epochs=2, batch_size=16, learning_rate=0.01)
    plain = Plan(str(file), DataChoice("iris"), sparsity=0.5, recovery=recovery, preparation=Preparation(2, True, "l1"))
    early = replace(recovery, method="rewind-early", class_weights=True, recalibrate=True, target="f1_macro")
    taught = replace(recovery, method="distil", rate_schedule="cosine")
    plans = {
        "rewound": replace(plain, recovery=early, schedule=ScheduleChoice("iterative", 2, 1)),
        "regrown and taught": replace(plain, recovery=taught, schedule=ScheduleChoice("rigl", interval=2)),
        "operated": replace(plain, schedule=ScheduleChoice("dns", interval=3), criterion="movement"),
        "from scratch": replace(
            plain, structure="channel", criterion="bn_scale", recovery=replace(recovery, method="scratch")
        ),
    }
    opened = with_data(open_model(str(file), folder), plain.data)
    found = {}
    for name, plan in plans.items():
        report = Breaking(float("inf"))
        whole = run(plan, report, model=opened.model, parts=opened.parts, folder=folder / name / "whole")
        mended = folder / name / "mended"
        for share in (0.3, 0.6, 1e9):
            with suppress(Cancelled):
                broken = Breaking(report.polls * share)
                result = run(plan, broken, model=opened.model, parts=opened.parts, folder=mended)
        weights = (paths.weights_file(one.folder).read_bytes() for one in (whole, result))
        found[name] = {"weights": len(set(weights)) == 1, "masks": digest(whole.masks) == digest(result.masks)}
    return found


if __name__ == "__main__":
    framework, home = sys.argv[1], Path(sys.argv[2])
    networks = build(framework, home)
    print(json.dumps({**pruned(networks, home), "broken off": broken_off(networks["classes"], home)}))
