"""Where an unfinished run can be taken up again, whatever instant it was broken off at.

Weights and masks go to files with new names first; ``state.json`` then points to them in one atomic step.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import artefacts, paths
from core.measurement import Measurement
from core.plan import Plan

if TYPE_CHECKING:
    from core.backends._base import Trainer
    from core.pruning import Decision


@dataclass(frozen=True)
class Place:
    """How far a run is.

    ``plan`` has every dragged threshold as a count. ``step`` is the last pruning step that was taken, ``epochs`` the
    epochs since, ``number`` all epochs. ``best`` is (accuracy, -loss) on validation since the last step and
    ``best_file`` the weights that gave it, ``waited`` the epochs since then. ``before`` is the dense model on test,
    ``pruned`` the last point measured right after pruning.
    """

    plan: Plan
    before: Measurement
    step: int = 0
    epochs: int = 0
    number: int = 0
    best: tuple[float, float] | None = None
    best_file: str = ""
    waited: int = 0
    pruned: Measurement | None = None


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
        self._masks = ""  # the masks' file that is known to be of this key: another run may have left one here

    def keep(self, place: Place, trainer: "Trainer", decision: "Decision", *, best: bool) -> Place:
        """Keep this place; ``best`` marks its weights as the best ones. Returns the place as kept."""
        paths.made(self.folder)
        weights, masks = f"{place.step}-{place.number}.safetensors", f"{place.step}.masks.safetensors"
        trainer.save(self.folder / weights)
        if masks != self._masks:
            artefacts.write_masks(self.folder / masks, decision.masks)
            self._masks = masks
        if best:
            place = replace(place, best_file=weights)
        numbers = {"removed": dict(decision.removed), "sizes": dict(decision.sizes)}
        state = {"key": self.key, **_plain(place), "weights": weights, "masks": masks, "decision": numbers}
        artefacts.write_json(self._state, state)
        self._forget({self._state.name, weights, masks, place.best_file})
        return place

    def read(self) -> tuple[Place, "Decision", Path] | None:
        """The place, what was decided there, and the trainer's file; None at the beginning."""
        from core.pruning import Decision

        if not self._state.exists():
            return None
        state = json.loads(self._state.read_text())
        if state["key"] != self.key:
            return None
        self._masks = str(state["masks"])
        decision = Decision(artefacts.read_masks(self.folder / self._masks), **state["decision"])
        return _place(state), decision, self.folder / state["weights"]

    def best(self, place: Place) -> Path:
        """The file of the best weights."""
        return self.folder / place.best_file

    def clear(self) -> None:
        """Forget all: the run has its result."""
        self._state.unlink(missing_ok=True)
        self._forget(set())
        if self.folder.exists():
            self.folder.rmdir()

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
    return Place(
        plan=Plan.from_dict(state["plan"]),
        before=Measurement.from_dict(state["before"]),
        best=state["best"] and (state["best"][0], state["best"][1]),
        pruned=state["pruned"] and Measurement.from_dict(state["pruned"]),
        **{name: state[name] for name in ("step", "epochs", "number", "best_file", "waited")},
    )
