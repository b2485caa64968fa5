"""Sizes and times of two networks, taken in a process that does nothing else: ``python -m core.lab.timing FOLDER``.

The lab stays free meanwhile, threads can be set as wished, and writing a network for another runtime disturbs nobody.
The folder holds the question (:func:`asked`); one line of JSON tells how far it is, the last one is the answer.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.artefacts import finite, read_masks, write_json, write_masks
from core.backends import backend
from core.backends._base import Cuts, LoadedModel, Masks
from core.errors import PruneError
from core.inputs import Inputs, Several, arrays_of
from core.lab import faults
from core.measures import costs_of
from core.measures.denormals import denormals
from core.measures.speed import Timing, made, speeds
from core.runtimes import RUNTIMES

#: Seconds that one runtime is timed with one batch size: somebody waits.
SECONDS = 3.0
_QUESTION, _MASKS, _SAMPLES, _CUTS = "question.json", "masks.safetensors", "samples.npz", "cuts.npz"


def asked(folder: Path, question: Mapping[str, Any], masks: Masks, cuts: Cuts, x: Inputs | None) -> None:
    """Write a question.

    Args:
        folder: Where to.
        question: ``framework``, ``path``, ``architecture`` of the dense network; ``other`` is the file of another
            network that it is compared with, else what the masks and cuts leave; ``runtimes``, ``batches``,
            ``threads``.
        masks: Of the plan.
        cuts: What of it is removed for good.
        x: Samples to time with; None draws some.
    """
    write_json(folder / _QUESTION, dict(question))
    write_masks(folder / _MASKS, masks)
    stays: dict[str, Any] = {f"{axis} {name}": kept for (name, axis), kept in cuts.items()}
    np.savez(folder / _CUTS, **stays)
    if x is not None:
        np.savez(folder / _SAMPLES, *arrays_of(x))


def answered(folder: Path, tell: Any) -> dict[str, Any]:
    """Measure what a folder asks for.

    Returns:
        ``dense`` and ``now``: sizes and multiply-adds (:class:`core.measures.size.Sizes`, ``macs``,
        ``effective_macs``); ``speeds`` as :class:`core.measures.speed.Speed` writes them; ``denormals`` of both
        networks; ``threads``.

    Raises:
        PruneError: The network cannot be opened or cut.
    """
    question = json.loads((folder / _QUESTION).read_text())
    opener = backend(question["framework"])
    dense = opener.load(Path(question["path"]), question["architecture"])
    now = _left(dense, folder) if question["other"] is None else opener.load(Path(question["other"]), None)
    timing = Timing(tuple(question["batches"]), int(question["threads"]), seconds=SECONDS)
    runtimes = [RUNTIMES[name] for name in question["runtimes"]]
    x = _samples(folder, dense)
    found = speeds(dense, now, x, runtimes, timing, poll=tell, named=lambda name: backend(name).title)
    return {
        "dense": _costs(dense),
        "now": _costs(now),
        "speeds": [one.to_dict() for one in found],
        "denormals": [denormals(one.arrays()) for one in (dense, now)],
        "threads": timing.threads,
    }


def _left(dense: LoadedModel, folder: Path) -> LoadedModel:
    masks = read_masks(folder / _MASKS)
    masked = dense.masked(masks) if masks else dense
    with np.load(folder / _CUTS) as kept:
        cuts = {(name.partition(" ")[2], int(name.partition(" ")[0])): kept[name] for name in kept.files}
    return masked.cut(cuts) if cuts else masked


def _samples(folder: Path, model: LoadedModel) -> Any:
    if not (folder / _SAMPLES).is_file():
        return made(model)
    with np.load(folder / _SAMPLES) as kept:
        arrays = tuple(kept[name] for name in kept.files)
    x: Inputs = arrays[0] if len(arrays) == 1 else Several(arrays, model.input_names)
    return lambda size: x[np.arange(size) % len(x)]


def _costs(model: LoadedModel) -> dict[str, Any]:
    found = costs_of(model)
    return {**asdict(found.sizes), "macs": found.macs, "effective_macs": found.effective_macs}


def main() -> int:
    """Answer the question in a folder."""
    parser = argparse.ArgumentParser(prog="python -m core.lab.timing", description=__doc__)
    parser.add_argument("folder", type=Path)
    told = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not part of the answer

    def tell(done: int, total: int) -> None:
        print(json.dumps({"progress": [done, total]}), file=answers, flush=True)

    try:
        answer: dict[str, Any] = {"answer": finite(answered(told.folder, tell))}
    except PruneError as err:
        answer = faults.told(err)
    print(json.dumps(answer), file=answers, flush=True)
    answers.close()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # nothing here is worth waiting for: frameworks take seconds to tear down
