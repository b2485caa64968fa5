"""The places of a run, one after the other: prepared, pruned step by step, recovered, finished."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from core import controls
from core.backends._base import Floats, LoadedModel, Masks, Trainer, no_change
from core.checkpoints import Checkpoints, Place
from core.compression import Compressed
from core.course._compressing import Compressing, refuse_compression
from core.course._lessons import moves, of_preparation, of_recovery
from core.course._ranking import rank, refuse_target
from core.course._regrowth import Regrowth
from core.course._shrinking import shrunk
from core.course._witness import Witness, with_latency
from core.course._work import Work
from core.datasets import Parts
from core.errors import BadSetting, BadWeights
from core.initialisation import fresh
from core.measurement import Measurement
from core.plan import Plan
from core.pruning import Decision, cuts
from core.recovery import RECOVERIES, Method, Origin, Stage, learning_rate
from core.refusals import refusals, refuse_for
from core.reports import Report
from core.results import Stage as Weighed
from core.steps import Step

_NOTHING = Decision({}, {}, {})
_UNMEASURED = Measurement("test", 0, 0)


class Course:
    """One run on its way: what changes between steps and epochs.

    Args:
        plan: What is to be done.
        report: Told what happens.
        model: The network as it came; not changed.
        parts: Data as it takes it.
        checkpoints: Of the run's folder.
        stored: Masks of a recipe.

    Attributes:
        dense: The network as it is before pruning.
        decision: What is gone.

    Raises:
        UnknownName: One of the plan's names is not known, or an override names no pool.
        BadSetting: The plan asks for something that cannot be done, or that could have no effect.
        NothingPrunable: The network has no units of the plan's structure.
    """

    def __init__(
        self,
        plan: Plan,
        report: Report,
        model: LoadedModel,
        parts: Parts,
        checkpoints: Checkpoints,
        stored: Masks | None,
    ) -> None:
        self.plan, self.parts, self.checkpoints, self._stored = plan, parts, checkpoints, stored
        self._method, self.steps = _checked(plan, parts), controls.steps(plan)
        refuse_for(plan, model)
        refuse_compression(plan, model)
        self._start = model.with_arrays(fresh(model.graph(), plan.seed)) if plan.preparation.fresh else model
        self.witness = Witness(report, parts, self._start, controls.total_epochs(plan))
        self._regrowth = Regrowth(plan, parts, wanted=stored is None and controls.prunes(plan))
        self.dense = self._start
        self.decision = _NOTHING
        self._work = Work(self._start, {})
        self._moved: Mapping[str, Floats] | None = None

    def begin(self) -> Place:
        """The beginning, or the place that was kept."""
        kept = self.checkpoints.read()
        self.witness.started(kept[0] if kept else None)
        if kept is None:
            return Place(self.plan, _UNMEASURED)
        place, self.decision, weights = kept
        if place.step:
            self._prepared(place)
            self._recover(place.step)
        else:
            self._work.trainer = self._preparing()
        assert self._work.trainer is not None  # it wrote what was kept
        self._work.trainer.load(weights)
        return place

    def prepare(self, place: Place) -> Place:
        """Train before the first pruning step, where the plan wants it, and measure what is then dense."""
        epochs = self.plan.preparation.epochs
        if place.number == 0:
            place = self._early(place, self._start)
            if epochs or controls.epochs_between(self.plan) or controls.epochs_after(self.plan):
                self.witness.histogram("prepare", place, self._start, {})
        if epochs and self._work.trainer is None:
            self._work.trainer = self._preparing()
        while place.number < epochs:
            rate = learning_rate(self.plan.recovery, place.number, epochs)
            place = self._epoch(place, "prepare", rate)
        if self._work.trainer is not None:
            place = self._turned(place, self._work.trainer)
        self.witness.progress.doing("Measuring the dense model")
        self.witness.point("dense", place, self.witness.measured(self.dense))
        return replace(place, before=self.witness.measured(self.dense, split="test"))

    def prune(self, place: Place, step: int) -> Place:
        """Take one step of the schedule."""
        self.witness.progress.doing(f"Pruning, step {step} of {self.steps}" if self.steps > 1 else "Pruning")
        taken = Step(step, self.dense.graph(), self.decision, self._stored, self._movement())
        plan, self.decision = taken.decide(place.plan, self._work.now, self.parts, self.witness.progress.poll)
        place = replace(place, plan=plan, step=step, epochs=0, best=None, waited=0)
        if step == 1 or (self._last(place) and self._method.shrinks):
            self._recover(step)
        else:
            self._work.lay(self.decision.masks)
        self._go_back(place)
        measured = self.witness.measured(self._work.now())
        self.witness.pruned(place, self.steps, measured)
        best = rank(measured, plan.recovery.target) if self._last(place) else None
        return self._kept(replace(place, pruned=measured, best=best), best=self._last(place))

    def wants_epoch(self, place: Place) -> bool:
        """Whether another epoch comes before the next step, or before the end."""
        if self._work.trainer is None:
            return False
        patience = self.plan.recovery.patience if self._last(place) else 0
        return place.epochs < self._stage(place).epochs and not (patience and place.waited >= patience)

    def train(self, place: Place) -> Place:
        """One epoch of the recovery, measured on validation and kept."""
        return self._epoch(place, "recover", self._method.rate(self.plan, place.epochs, self._stage(place)))

    def finish(self, place: Place) -> LoadedModel:
        """The network as it is saved: best weights, zeros baked in or channels gone."""
        if self._work.trainer is not None and self.plan.recovery.keep_best and place.best_file:
            file, masks = self.checkpoints.best(place)
            if self._regrowth.dynamic:
                self.decision = replace(self.decision, masks=masks)
                self._work.lay(masks)
            self._work.trainer.load(file)
        self.witness.progress.doing("Finishing")
        final = self._work.now()
        removed = cuts(self.dense.graph(), self.decision)
        if removed and not self._method.shrinks:
            final = final.cut(removed)
        self.witness.point("final", place, self.witness.measured(final))
        return final

    def compress(self, place: Place, final: LoadedModel) -> tuple[Compressed | None, tuple[Weighed, ...]]:
        """The finished network made smaller, where the plan asks for it, and what it weighed on the way."""
        if not self.plan.compression:
            return None, ()
        return Compressing(self.plan, self.parts, self.dense, self.witness).carried_out(place, final)

    def timed(self, place: Place, final: LoadedModel) -> tuple[Place, Measurement]:
        """The final network measured on test, and both it and the dense one with their latency."""
        after = self.witness.measured(final, split="test")
        dense, pruned = self.witness.timed(self.dense, final)
        return replace(place, before=with_latency(place.before, dense)), with_latency(after, pruned)

    def _last(self, place: Place) -> bool:
        return place.step == self.steps

    def _stage(self, place: Place) -> Stage:
        last = self._last(place)
        epochs = controls.epochs_after(self.plan) if last else self.plan.schedule.epochs_between
        return Stage(epochs, self.plan.preparation.epochs, last)

    def _preparing(self) -> Trainer:
        extras = of_preparation(self.plan, self.parts, self._start.classes)
        return self._start.trainer(self.plan.recovery, {}, self.plan.seed, extras)

    def _turned(self, place: Place, trainer: Trainer) -> Place:
        """From preparation to pruning: what was trained is now the dense network, and its trainer is let go."""
        arrays = trainer.model().arrays()
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise BadWeights(
                    f'The training before pruning diverged: "{name}" is NaN or infinite. Choose a smaller learning '
                    "rate, or scale the data."
                )
        place = self.checkpoints.put(replace(place, epochs=0), "prepared", arrays)
        if moves(self.plan):
            self._moved = trainer.movement()
            place = self.checkpoints.put(place, "moved", self._moved)
        self.dense = self._start.with_arrays(arrays)
        self._work = Work(self.dense, {})
        return place

    def _movement(self) -> Mapping[str, Floats] | None:
        """What training moved so far, where the criterion goes by it: since the first step, or while preparing."""
        if not moves(self.plan):
            return None
        if self._work.trainer is not None and controls.epochs_between(self.plan):
            return self._work.trainer.movement()
        return self._moved

    def _prepared(self, place: Place) -> None:
        """The dense network again, as it was when pruning began."""
        if "prepared" in place.files:
            self.dense = self._start.with_arrays(self.checkpoints.arrays(place, "prepared"))
        if "moved" in place.files:
            self._moved = self.checkpoints.arrays(place, "moved")

    def _recover(self, step: int) -> None:
        """Go on from the dense network under the masks, or from what is left when it is cut first."""
        work = Work(self.dense, self.decision.masks)
        if self._method.shrinks and step == self.steps:
            work = Work(*shrunk(self.dense, self.decision))
        if controls.epochs_between(self.plan) + controls.epochs_after(self.plan):
            dense_updates, poll = self._regrowth.dense_updates, self.witness.progress.poll
            extras = of_recovery(self.plan, self.parts, self.dense, poll, dense_updates=dense_updates)
            work.trainer = work.base.trainer(self.plan.recovery, work.masks, self.plan.seed, extras)
        self._work = work

    def _go_back(self, place: Place) -> None:
        """Give the kept weights the values that the recovery goes on from, and measure batch normalisation anew."""
        origin = Origin(
            self._work.base.graph(),
            self.plan.seed,
            self._start.arrays(),
            lambda: self.checkpoints.arrays(place, "early"),
        )
        weights = self._method.weights(origin, self._stage(place))
        if weights is not None:
            self._work.put(weights)
        if self._method.recalibrates or self.plan.recovery.recalibrate:
            samples = self.parts.split("train")[0]
            self._work.recalibrate(samples, self.plan.recovery.batch_size, self.plan.seed)

    def _early(self, place: Place, model: LoadedModel) -> Place:
        """Keep the weights of the epoch that is rewound to, once it is there."""
        if not self._method.goes_early or place.number != self.plan.recovery.rewind_epoch:
            return place
        return self.checkpoints.put(place, "early", model.arrays())

    def _epoch(self, place: Place, phase: str, rate: float) -> Place:
        """One epoch, measured on validation and kept."""
        assert self._work.trainer is not None  # there are epochs: it was made
        preparing = phase == "prepare"
        total = controls.total_epochs(self.plan)
        self.witness.progress.doing(f"{_DOING[phase]}, epoch {place.number + 1} of {total}")
        between = no_change if preparing else self._regrowth.between(self._work.trainer, self.decision.masks, place)
        x, y = self.parts.split("train")
        done = self._work.trainer.epoch(x, y, place.number, rate, self.witness.progress.epoch(), between)
        if self._regrowth.dynamic and not preparing:
            self._work.masks = self._regrowth.masks
            self.decision = replace(self.decision, masks=self._regrowth.masks)
        place = replace(place, epochs=place.epochs + 1, number=place.number + 1)
        # Deflating is slow and barely moves within a step: the size of the step stands for its epochs.
        zipped = place.pruned.zipped_bytes if place.pruned is not None else None
        model = self._work.now()
        measured = replace(self.witness.measured(model, zipped=False), zipped_bytes=zipped)
        place, better = self._ranked(place, measured)
        self.witness.epoch(phase, place, done, measured, rate)
        self.witness.histogram(phase, place, model, self._work.masks)
        return self._kept(self._early(place, model) if preparing else place, best=better)

    def _ranked(self, place: Place, measured: Measurement) -> tuple[Place, bool]:
        """Whether this epoch is the best one since the last step; before that nothing is ranked."""
        if not self._last(place):
            return place, False
        found = rank(measured, self.plan.recovery.target)
        if place.best is None or found > place.best:
            return replace(place, best=found, waited=0), True
        return replace(place, waited=place.waited + 1), False

    def _kept(self, place: Place, *, best: bool) -> Place:
        if self._work.trainer is None:
            return place
        return self.checkpoints.keep(place, self._work.trainer, self.decision, best=best)


_DOING = {"prepare": "Preparing", "recover": "Fine-tuning"}


def _checked(plan: Plan, parts: Parts) -> Method:
    """The recovery, if everything that the plan asks for can be done."""
    for sentence in refusals(plan):
        raise BadSetting(sentence)
    refuse_target(plan, parts.task)
    return RECOVERIES[plan.recovery.method]
