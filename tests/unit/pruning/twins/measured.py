"""Run as ``python measured.py FRAMEWORK OUT.npz CASES.json``: scores, masks and accuracy in one framework.

A case is a sample, a criterion and a structure.
"""

import itertools
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.backends import backend
from core.criteria import _passes
from core.datasets import fitted, load
from core.errors import BadSetting, NothingPrunable
from core.plan import Plan, Recovery
from core.pruning import decide, pools
from core.structures import STRUCTURES
from sample_models import SAMPLES

AMOUNTS = (0.0, 0.5, 0.8, 0.9)
#: Compared at every amount; the others at one.
THOROUGH = ("magnitude", "gradient", "taylor", "l1_norm", "l2_norm")
#: For movement. Adam's step hardly depends on how large a gradient is, and the frameworks add its epsilon in different
#: places: a gradient of 1e-7 makes two steps that differ. Plain descent tells whether the movement is the same.
RECOVERY = Recovery(optimiser="sgd")


def measure(framework: str, name: str, cases: Iterable[tuple[str, str]], out: dict[str, np.ndarray]) -> None:
    """Fill ``out`` with arrays called ``what/sample/criterion/structure/…``."""
    sample = SAMPLES[name]
    model = backend(framework).load(sample.path(framework))
    parts = fitted(load(sample.data), model.input_shapes, model.classes, framework)
    x, y = parts.split("test")
    base = Plan(f"sample:{name}@{framework}", sample.data, calibration_batches=2, recovery=RECOVERY)
    for criterion, structure in cases:
        plan = replace(base, criterion=criterion, structure=structure)
        out[f"pools/{name}/{structure}"] = np.array([unit.name for unit in STRUCTURES[structure].units(model.graph())])
        try:
            found = pools(model, plan, parts)
        except (NothingPrunable, BadSetting) as refusal:  # too many units for ablation
            out[f"refused/{name}/{criterion}/{structure}"] = np.array(type(refusal).__name__)
            continue
        out |= {f"scores/{name}/{criterion}/{structure}/{pool}": p.scores for pool, p in found.items()}
        for amount in AMOUNTS if criterion in THOROUGH else (0.8,):
            masks = decide(found, plan, model.graph(), amount=amount).masks
            right = model.predict(x, masks)
            case = f"{name}/{criterion}/{structure}/{amount}"
            out[f"accuracy/{case}"] = np.float64((classes(right) == y).mean())
            gone = STRUCTURES[structure].gone(model.graph(), masks)
            whole = {pool: np.zeros(p.size, bool) for pool, p in found.items()}
            out |= {f"gone/{case}/{pool}": gone.get(pool, flags) for pool, flags in whole.items()}


def classes(outputs: np.ndarray) -> np.ndarray:
    """The class each sample is given."""
    return outputs.argmax(axis=1)


if __name__ == "__main__":
    _passes.PROBES = 2  # random vectors; as many as show that both frameworks take the same ones
    result: dict[str, np.ndarray] = {}
    told = sorted(json.loads(Path(sys.argv[3]).read_text()), key=lambda case: case[0])
    for sample_name, its in itertools.groupby(told, key=lambda case: case[0]):
        measure(sys.argv[1], sample_name, [(criterion, structure) for _, criterion, structure in its], result)
    np.savez(sys.argv[2], **result)
