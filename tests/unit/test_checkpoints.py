"""Checkpoints: a folder where another run left its own."""

from pathlib import Path
from typing import Any

import numpy as np

from core.checkpoints import Checkpoints, Place
from core.masks import Mask, digest
from core.measurement import Measurement
from core.plan import DataChoice, Plan
from core.pruning import Decision


class Weights:
    """Stands for a trainer that has nothing to keep."""

    def save(self, path: Path) -> None:
        path.write_bytes(b"")


def decided(*kept: int) -> Decision:
    mask = Mask(np.array(kept, dtype=bool))
    return Decision({"fc.kernel": mask}, {"fc.kernel": mask.removed}, {"fc.kernel": mask.size})


def test_masks_that_another_run_left_in_the_folder_are_not_taken_for_ours(tmp_path):
    trainer: Any = Weights()
    place = Place(Plan("sample:iris-mlp", DataChoice("iris")), Measurement("test", 1, 1), step=1)
    Checkpoints(tmp_path, "other plan").keep(place, trainer, decided(1, 1, 1, 0), best=False)
    ours = decided(0, 0, 1, 1)

    unread = Checkpoints(tmp_path, "this plan")
    assert unread.read() is None
    unread.keep(place, trainer, ours, best=False)

    found = Checkpoints(tmp_path, "this plan").read()
    assert found is not None
    assert digest(found[1].masks) == digest(ours.masks)
