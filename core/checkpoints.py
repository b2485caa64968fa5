"""Where an unfinished run can be taken up again, whatever instant it was broken off at.

Weights and masks go to files with new names first; ``state.json`` then points to them in one atomic step.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.numpy import load_file

from core import artefacts, paths
from core.masks import digest
from core.measurement import Measurement
from core.plan import Plan

if TYPE_CHECKING:
    from core.backends._base import Floats, Masks, Trainer
    from core.pruning import Decision


@dataclass(frozen=True)
class Place:
    """How far a run is.

    ``plan`` has every dragged threshold as a count. ``step`` is the last pruning step that was taken, 0 while the
    network is prepared; ``epochs`` the epochs since, ``number`` all epochs. ``best`` is the rank on validation since
    the last step, ``best_file`` the weights that gave it and ``best_masks`` their masks, ``waited`` the epochs since
    then. ``before`` is the dense model on test, ``pruned`` the last point measured right after pruning. ``files`` are
    the weights of earlier epochs that are gone back to, by what they are.
    """

    plan: Plan
    before: Measurement
    step: int = 0
    epochs: int = 0
    number: int = 0
    best: tuple[float, float] | None = None
    best_file: str = ""
    best_masks: str = ""
    waited: int = 0
    pruned: Measurement | None = None
    files: Mapping[str, str] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one run's folder; only the latest is kept, and the best weights.

    Args:
        folder: Of the run.
        key: What plan, network and data are; a checkpoint of others is not read.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.key = key
        self.folder = paths.checkpoint_folder(folder)
        self._state = self.folder / "state.json"

    def keep(self, place: Place, trainer: "Trainer", decision: "Decision", *, best: bool) -> Place:
        """Keep this place; ``best`` marks its weights as the best ones. Returns the place as kept."""
        paths.made(self.folder)
        weights, masks = self._name(f"{place.step}-{place.number}"), f"{digest(decision.masks)}.masks.safetensors"
        trainer.save(self.folder / weights)
        if not (self.folder / masks).exists():  # named by their content: whoever wrote them wrote these
            artefacts.write_masks(self.folder / masks, decision.masks)
        if best:
            place = replace(place, best_file=weights, best_masks=masks)
        numbers = {"removed": dict(decision.removed), "sizes": dict(decision.sizes)}
        state = {"key": self.key, **_plain(place), "weights": weights, "masks": masks, "decision": numbers}
        artefacts.write_json(self._state, state)
        self._forget({self._state.name, weights, masks, place.best_file, place.best_masks, *place.files.values()})
        return place

    def put(self, place: Place, what: str, arrays: Mapping[str, "Floats"]) -> Place:
        """Write weights that are gone back to later. They count from the next :meth:`keep` on."""
        paths.made(self.folder)
        name = self._name(what)
        artefacts.write_arrays(self.folder / name, arrays, {})
        return replace(place, files={**place.files, what: name})

    def arrays(self, place: Place, what: str) -> dict[str, "Floats"]:
        """The weights that :meth:`put` wrote."""
        return load_file(self.folder / place.files[what])

    def read(self) -> tuple[Place, "Decision", Path] | None:
        """The place, what was decided there, and the trainer's file; None at the beginning."""
        from core.pruning import Decision

        if not self._state.exists():
            return None
        state = json.loads(self._state.read_text())
        if state["key"] != self.key:
            return None
        masks = artefacts.read_masks(self.folder / state["masks"])
        return _place(state), Decision(masks, **state["decision"]), self.folder / state["weights"]

    def best(self, place: Place) -> tuple[Path, "Masks"]:
        """The file of the best weights, and their masks."""
        return self.folder / place.best_file, artefacts.read_masks(self.folder / place.best_masks)

    def clear(self) -> None:
        """Forget all: the run has its result."""
        self._state.unlink(missing_ok=True)
        self._forget(set())
        if self.folder.exists():
            self.folder.rmdir()

    def _name(self, what: str) -> str:
        """A file of this very run: what another left in the folder stays whole until our first state is there."""
        return f"{self.key[:12]}-{what}.safetensors"

    def _forget(self, kept: set[str]) -> None:
        for file in self.folder.glob("*"):
            if file.name not in kept:
                file.unlink()


def _plain(place: Place) -> dict[str, Any]:
    measured = {name: getattr(place, name) for name in ("before", "pruned")}
    return {
        **vars(place),
        "plan": place.plan.to_dict(),
        **{name: measurement and measurement.to_dict() for name, measurement in measured.items()},
    }


def _place(state: Mapping[str, Any]) -> Place:
    plain = ("step", "epochs", "number", "best_file", "best_masks", "waited", "files")
    return Place(
        plan=Plan.from_dict(state["plan"]),
        before=Measurement.from_dict(state["before"]),
        best=state["best"] and (state["best"][0], state["best"][1]),
        pruned=state["pruned"] and Measurement.from_dict(state["pruned"]),
        **{name: state[name] for name in plain},
    )
