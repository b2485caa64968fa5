"""The one path from a plan to its result, for job, command line and page alike.

Prepare; measure dense; per step of the schedule decide, mask, heal; recover; bake or cut; compress; measure; write
everything.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from core import artefacts, compression, controls, paths
from core.backends._base import LoadedModel, Masks
from core.checkpoints import Checkpoints, Place
from core.course import Course
from core.datasets import Parts
from core.errors import BadModel
from core.histograms import before_and_after
from core.masks import digest
from core.measurement import Measurement
from core.plan import Plan
from core.recipes import Source, kernels_of, recipe_of, write_recipe
from core.reports import Report
from core.results import Result, Stage, by_layer
from core.shortfall import left_whole, shortfall


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
    if controls.total_epochs(plan) and not model.trainable:
        raise BadModel(f"This network cannot be trained here: {' '.join(model.notes)} Ask for 0 epochs.")
    paths.made(folder)
    course = Course(plan, report, model, parts, Checkpoints(folder, _key(plan, model, parts, stored)), stored)
    place = course.begin()
    if place.step == 0:
        place = course.prepare(place)
    for step in range(max(1, place.step), course.steps + 1):
        if step > place.step:
            place = course.prune(place, step)
        while course.wants_epoch(place):
            place = course.train(place)
    final = course.finish(place)
    compressed, stages = course.compress(place, final)
    final = final if compressed is None else compressed.model
    place, after = course.timed(place, final)
    if compressed is not None:
        after = replace(after, compressed_bytes=stages[-1].bytes)
        compression.write(paths.compressed_file(folder), compressed)
    else:
        paths.compressed_file(folder).unlink(missing_ok=True)
    result = _written(course, model, final, place, after, folder, source, stages)
    course.checkpoints.clear()
    course.witness.finished(result)
    return result


def _written(
    course: Course,
    model: LoadedModel,
    final: LoadedModel,
    place: Place,
    after: Measurement,
    folder: Path,
    source: Source | None,
    stages: tuple[Stage, ...],
) -> Result:
    """Write every file, the recipe and ``result.json`` last: who finds them finds all."""
    course.witness.progress.doing("Writing files")
    for old in (paths.result_file(folder), paths.recipe_file(folder)):
        old.unlink(missing_ok=True)  # cut off here, it does not stand beside another run's model
    masks, graph = course.decision.masks, course.dense.graph()
    model_file = final.save(paths.model_stem(folder))
    artefacts.write_arrays(paths.weights_file(folder), final.arrays(), {"framework": final.framework})
    artefacts.write_masks(paths.masks_file(folder), masks)
    recipe = recipe_of(place.plan, model, course.parts, course.decision, source)
    missed = (shortfall(place.plan, course.decision), left_whole(place.plan, graph))
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
        notes=(*model.notes, *course.parts.warnings, *filter(None, missed)),
        stages=stages,
    )
    artefacts.write_json(paths.histograms_file(folder), before_and_after(graph, course.dense.arrays(), final.arrays()))
    artefacts.write_json(paths.result_file(folder), result.to_dict())
    return result


def _key(plan: Plan, model: LoadedModel, parts: Parts, stored: Masks | None) -> str:
    """What is being done, on which weights, with which data, to which masks."""
    masks = digest(stored) if stored is not None else ""
    told = json.dumps([plan.to_dict(), kernels_of(model), parts.fingerprint, masks], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
