"""Masks that change while a network trains: RigL and Dynamic Network Surgery."""

from collections.abc import Mapping
from math import ceil

import numpy as np

from core.backends._base import Batch, Between, Floats, Masks, Trainer, no_change
from core.checkpoints import Place
from core.controls import epochs_after
from core.datasets import Parts
from core.errors import BadSetting
from core.masks import Mask
from core.plan import Plan
from core.schedules import SCHEDULES, dns, rigl


class Regrowth:
    """Exchanges masked entries for kept ones; how many of each Weight are gone never changes.

    Args:
        plan: Schedule, batch size and epochs are read.
        parts: Where RigL takes its gradients from: a batch of training samples, drawn by seed, epoch and batch.
        wanted: False for masks that are given and stay, or where there are none.

    Attributes:
        dynamic: Whether masks change at all.
        dense_updates: Whether masked weights go on learning.
        masks: Those of now; they count once an epoch was begun.

    Raises:
        BadSetting: The interval is so long that no mask would ever change.
    """

    def __init__(self, plan: Plan, parts: Parts, *, wanted: bool) -> None:
        schedule = SCHEDULES[plan.schedule.name]
        self.dynamic = schedule.dynamic and wanted
        self.dense_updates = self.dynamic and isinstance(schedule, dns.DynamicSurgery)
        self.masks: Masks = {}
        self._plan, self._parts = plan, parts
        self._per_epoch = ceil(len(parts.y_train) / plan.recovery.batch_size)
        self._total = epochs_after(plan) * self._per_epoch
        choice = plan.schedule
        if self.dynamic and choice.interval >= choice.until * self._total:
            raise BadSetting(
                f'Schedule "{schedule.name}" would never change a mask: it does so every {choice.interval} batches, '
                f"and only within the first {choice.until * self._total:.4g} of the {self._total} batches of this "
                "training. Choose a shorter interval, or more epochs."
            )

    def between(self, trainer: Trainer, masks: Masks, place: Place) -> Between:
        """What happens after each batch of the epoch that begins at this place, under these masks."""
        if not self.dynamic:
            return no_change
        self.masks = masks
        choice = self._plan.schedule

        def exchange(done: int) -> None:
            seen = place.epochs * self._per_epoch + done
            progress = seen / self._total
            if seen % choice.interval == 0 and progress < choice.until:
                self._change(trainer, progress, seen)

        return exchange

    def _change(self, trainer: Trainer, progress: float, seen: int) -> None:
        if not self.dense_updates:
            self.masks = self._grown(trainer, progress, seen)
        elif self._drawn(seen).random() < dns.chance(progress, self._plan.schedule.until):
            self.masks = self._operated(trainer)
        trainer.set_masks(self.masks)

    def _drawn(self, seen: int) -> np.random.Generator:
        """The same numbers after a batch whether the run was broken off or not."""
        return np.random.default_rng([self._plan.seed, seen])

    def _operated(self, trainer: Trainer) -> Masks:
        """The masks that the weights themselves ask for, hidden ones among them."""
        arrays = trainer.dense_arrays()
        return {name: Mask(dns.update(arrays[name], mask.kept, mask.removed).kept) for name, mask in self.masks.items()}

    def _grown(self, trainer: Trainer, progress: float, seen: int) -> Masks:
        """The masks with the smallest weights dropped and those with the largest gradients grown, from zero."""
        share = rigl.drop_fraction(progress, self._plan.schedule.drop, self._plan.schedule.until)
        model = trainer.model()
        arrays = model.arrays()
        gradients = next(iter(model.gradients([self._batch(seen)])))
        return {
            name: Mask(rigl.update(arrays[name], self._known(gradients, name), mask.kept, share)[0])
            for name, mask in self.masks.items()
        }

    def _known(self, gradients: Mapping[str, Floats], name: str) -> Floats:
        return np.nan_to_num(gradients[name])

    def _batch(self, seen: int) -> Batch:
        x, y = self._parts.split("train")
        size = min(self._plan.recovery.batch_size, len(y))
        rows = self._drawn(seen).choice(len(y), size, replace=False)
        return Batch(x[rows], y[rows])
