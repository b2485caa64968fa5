"""The one path from a plan to its result, for job, command line and page alike.

Measure dense; per step of the schedule decide, mask, fine-tune; recover; bake or cut; measure again; write everything.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from core import artefacts, paths
from core.backends._base import LoadedModel, Masks, Trainer
from core.checkpoints import Checkpoints, Place
from core.datasets import Parts
from core.errors import BadModel
from core.masks import digest
from core.measurement import Measurement
from core.measures import measure
from core.measures.latency import Latency, latencies
from core.plan import Plan
from core.pruning import Decision, cuts
from core.recipes import Source, kernels_of, recipe_of, write_recipe
from core.recovery import learning_rate
from core.reports import Progress, Report
from core.results import Result, by_layer
from core.steps import Step

_NOTHING = Decision({}, {}, {})


def run(
    plan: Plan,
    report: Report,
    *,
    model: LoadedModel,
    parts: Parts,
    folder: Path,
    source: Source | None = None,
    stored: Masks | None = None,
) -> Result:
    """Carry out a plan, or go on with it from the checkpoint in its folder.

    Args:
        plan: Its model and data were opened already; the names in it are for the recipe.
        report: Told what happens; its ``poll`` is called after every batch.
        model: The dense network; not changed.
        parts: Data as the network takes it.
        folder: Where model, weights, masks, recipe and result are written; made when missing.
        source: Where the network came from, for the recipe.
        stored: Masks of a recipe: they are what is left at the end, instead of what the criterion would choose.

    Raises:
        Cancelled: The report was asked to stop; the checkpoint is there.
        BadModel: Training was asked for and the network cannot be trained.
        Unavailable: The disk is full.
        PruneError: Whatever else is wrong with plan, network or data.
    """
    epochs = _epochs_in_all(plan)
    if epochs and not model.trainable:
        raise BadModel(f"This network cannot be trained here: {' '.join(model.notes)} Ask for 0 epochs.")
    paths.made(folder)
    course = _Course(plan, report, model, parts, Checkpoints(folder, _key(plan, model, parts, stored)), stored)
    place = course.begin(epochs)
    for step in range(max(1, place.step), plan.schedule.steps + 1):
        if step > place.step:
            place = course.prune(place, step)
        while course.wants_epoch(place):
            place = course.train(place)
    final = course.finish(place)
    place, after = course.timed(place, final, course.measured(final, split="test"))
    result = _written(course, final, place, after, folder, source)
    course.checkpoints.clear()
    told = {"before": place.before.to_dict(), "after": after.to_dict()}
    report.event("finished", {**told, "layers": [layer.to_dict() for layer in result.layers]})
    return result


def _written(
    course: "_Course", final: LoadedModel, place: Place, after: Measurement, folder: Path, source: Source | None
) -> Result:
    """Write every file, the recipe and ``result.json`` last: who finds them finds all."""
    course.progress.doing("Writing files")
    for old in (paths.result_file(folder), paths.recipe_file(folder)):
        old.unlink(missing_ok=True)  # cut off here, it does not stand beside another run's model
    masks, graph = course.decision.masks, course.dense.graph()
    model_file = final.save(paths.model_stem(folder))
    artefacts.write_arrays(paths.weights_file(folder), final.arrays(), {"framework": final.framework})
    artefacts.write_masks(paths.masks_file(folder), masks)
    recipe = recipe_of(place.plan, course.dense, course.parts, course.decision, source)
    result = Result(
        plan=place.plan,
        before=place.before,
        after=after,
        layers=by_layer(graph, final.arrays()),
        folder=folder,
        model_file=model_file,
        recipe_file=write_recipe(folder, recipe),
        model=final,
        masks=masks,
        notes=(*course.dense.notes, *course.parts.warnings),
    )
    artefacts.write_json(paths.result_file(folder), result.to_dict())
    return result


def _key(plan: Plan, model: LoadedModel, parts: Parts, stored: Masks | None) -> str:
    """What is being done, on which weights, with which data, to which masks."""
    masks = digest(stored) if stored is not None else ""
    told = json.dumps([plan.to_dict(), kernels_of(model), parts.fingerprint, masks], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _epochs_in_all(plan: Plan) -> int:
    return (plan.schedule.steps - 1) * plan.schedule.epochs_between + plan.recovery.epochs


@dataclass
class _Course:
    """One run on its way: what changes between steps and epochs."""

    plan: Plan
    report: Report
    dense: LoadedModel
    parts: Parts
    checkpoints: Checkpoints
    stored: Masks | None
    decision: Decision = _NOTHING
    trainer: Trainer | None = None

    def begin(self, epochs: int) -> Place:
        """Measure the dense network, or read the checkpoint."""
        kept = self.checkpoints.read()
        self.progress = Progress(self.report, epochs, kept[0].number if kept else 0)
        self.report.event("started", {"continued": kept is not None})
        if epochs:
            masks = kept[1].masks if kept else {}
            self.trainer = self.dense.trainer(self.plan.recovery, masks, self.plan.seed)
        if kept is not None and self.trainer is not None:
            place, self.decision, weights = kept
            self.trainer.load(weights)
            return place
        self.progress.doing("Measuring the dense model")
        self._point("dense", Place(self.plan, _UNMEASURED), self.measured(self.dense))
        return Place(self.plan, self.measured(self.dense, split="test"))

    def prune(self, place: Place, step: int) -> Place:
        """Take one step of the schedule."""
        steps = self.plan.schedule.steps
        self.progress.doing(f"Pruning, step {step} of {steps}" if steps > 1 else "Pruning")
        taken = Step(step, self.dense.graph(), self.decision, self.stored)
        plan, self.decision = taken.decide(place.plan, self.now, self.parts, self.progress.poll)
        if self.trainer is not None:
            self.trainer.set_masks(self.decision.masks)
        place = replace(place, plan=plan, step=step, epochs=0, best=None, waited=0)
        measured = self.measured(self.now())
        self.report.event("pruned", {"step": step, "steps": steps, "sparsity": measured.sparsity})
        self._point("pruned", place, measured)
        last = step == steps  # only then are there best weights to come back to
        return self._kept(replace(place, pruned=measured, best=_rank(measured) if last else None), best=last)

    def wants_epoch(self, place: Place) -> bool:
        """Whether another epoch comes before the next step, or before the end."""
        if place.step < self.plan.schedule.steps:
            return place.epochs < self.plan.schedule.epochs_between
        patience = self.plan.recovery.patience
        return place.epochs < self.plan.recovery.epochs and not (patience and place.waited >= patience)

    def train(self, place: Place) -> Place:
        """One epoch, measured on validation and kept."""
        assert self.trainer is not None and place.pruned is not None  # there are epochs: both were made
        zipped = place.pruned.zipped_bytes
        last = place.step == self.plan.schedule.steps
        rate = learning_rate(self.plan.recovery, place.epochs) if last else self.plan.recovery.learning_rate
        of_all = _epochs_in_all(self.plan)
        self.progress.doing(f"Fine-tuning, epoch {place.number + 1} of {of_all}")
        done = self.trainer.epoch(*self.parts.split("train"), place.number, rate, self.progress.epoch())
        place = replace(place, epochs=place.epochs + 1, number=place.number + 1)
        # Deflating is slow and barely moves within a step: the size of the step stands for its epochs.
        measured = replace(self.measured(self.now(), zipped=False), zipped_bytes=zipped)
        better = last and (place.best is None or _rank(measured) > place.best)
        if last:
            place = replace(
                place, best=_rank(measured) if better else place.best, waited=0 if better else place.waited + 1
            )
        self.report.event(
            "epoch",
            {
                "epoch": place.number,
                "epochs": of_all,
                "step": place.step,
                "loss": done.loss,
                "accuracy": done.accuracy,
                "validation_loss": measured.loss,
                "validation_accuracy": measured.accuracy,
                "learning_rate": rate,
                "seconds": done.seconds,
            },
        )
        self._point("epoch", place, measured)
        self.progress.epoch_done()
        return self._kept(place, best=better)

    def finish(self, place: Place) -> LoadedModel:
        """The network as it is saved: best weights, zeros baked in or channels gone."""
        if self.trainer is not None and self.plan.recovery.keep_best and place.best_file:
            self.trainer.load(self.checkpoints.best(place))
        self.progress.doing("Finishing")
        baked = self.now()
        removed = cuts(self.dense.graph(), self.decision)
        final = baked.cut(removed) if removed else baked
        self._point("final", place, self.measured(final))
        return final

    def now(self) -> LoadedModel:
        """The network as it is, zeros baked in."""
        if self.trainer is not None:
            return self.trainer.model()
        return self.dense.masked(self.decision.masks) if self.decision.masks else self.dense

    def timed(self, place: Place, final: LoadedModel, after: Measurement) -> tuple[Place, Measurement]:
        """Latency of the dense and the final network, taken in turn: before and after can be compared."""
        self.progress.doing("Timing dense and pruned in turn")
        one = self.parts.split("test")[0][:1]
        dense, pruned = latencies([self.dense, final], one, poll=self.progress.poll)
        return replace(place, before=_with(place.before, dense)), _with(after, pruned)

    def measured(self, model: LoadedModel, *, split: str = "validation", zipped: bool = True) -> Measurement:
        """A Measurement against the dense network."""
        dense, poll = self.dense.graph(), self.progress.poll
        return measure(model, self.parts, split, dense=dense, zipped=zipped, poll=poll)

    def _kept(self, place: Place, *, best: bool) -> Place:
        if self.trainer is None:
            return place
        return self.checkpoints.keep(place, self.trainer, self.decision, best=best)

    def _point(self, phase: str, place: Place, measurement: Measurement) -> None:
        data = {"phase": phase, "step": place.step, "epoch": place.number, "measurement": measurement.to_dict()}
        self.report.event("point", data)


_UNMEASURED = Measurement("test", 0, 0)


def _with(measured: Measurement, timing: Latency) -> Measurement:
    return replace(measured, latency_ms=timing.median_ms, latency_spread_ms=timing.spread_ms)


def _rank(measured: Measurement) -> tuple[float, float]:
    """Better is larger: accuracy, then loss; a network that diverged is worst."""
    if measured.accuracy is None or measured.loss is None or measured.loss != measured.loss:
        return (-1.0, 0.0)
    return (measured.accuracy, -measured.loss)
