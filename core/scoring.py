"""What every unit of a network is worth: the costly part of a decision."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.ablating import ablated
from core.allocations import ALLOCATIONS, Curve
from core.backends._base import Floats, LoadedModel, Masks, Poll, no_poll
from core.calibrating import Batches, calibration_batches, trained_movement
from core.criteria import CRITERIA, Criterion
from core.criteria._base import UNITS, WITHOUT_DATA
from core.criteria._gather import folded
from core.criteria._passes import Source
from core.criteria._passes import parts as parts_of
from core.criteria._places import missing
from core.criteria._spread import Spread
from core.errors import BadSetting, BadWeights, EmptyData, NothingPrunable
from core.graph import Graph
from core.plan import Plan
from core.scores import Scores
from core.sensitivity import curves
from core.structures import STRUCTURES, Structure, Units

if TYPE_CHECKING:
    from core.datasets import Parts


@dataclass(frozen=True)
class Pool:
    """Units that compete with each other: the weights of a kernel, or the channels of a group.

    ``name`` is the Weight's, or the group's; ``worth`` says what each unit is worth, computed stretch by stretch.
    ``cuttable`` units can be removed for good; ``reason`` says why others are zeroed only. ``spread`` is the relative
    standard error of the scores over the calibration batches, None where no data is looked at, or one batch. ``curve``
    says how the loss answers when the pool alone is pruned; it is measured for allocations that need it.
    """

    name: str
    layer: str
    unit: str
    worth: Scores
    cuttable: bool
    reason: str
    spread: float | None = None
    curve: Curve = ()

    @property
    def scores(self) -> Floats:
        """One entry per unit, canonical order, read-only. They may be computed now, and are not kept."""
        return self.worth.whole()

    @property
    def size(self) -> int:
        """Units."""
        return self.worth.size


def pools(
    model: LoadedModel,
    plan: Plan,
    parts: "Parts | None",
    poll: Poll = no_poll,
    *,
    before: Masks | None = None,
    movement: Mapping[str, Floats] | None = None,
) -> dict[str, Pool]:
    """What every unit is worth, by pool name in graph order. Pools of :func:`unranked` are left out.

    Args:
        model: The network as it is, in evaluation mode.
        plan: Criterion, structure, calibration and seed are read, for movement the recovery, of the allocation whether
            it needs curves; amount and overrides are not.
        parts: Data as the model takes it; None will do for a criterion that needs none.
        poll: Called before every calibration batch and after the last, or after every unit.
        before: Masks that lie over the network.
        movement: What a running training moved so far (:meth:`Trainer.movement`); by default one pass over the
            calibration samples stands in for it.

    Raises:
        UnknownName: No such criterion or structure.
        BadSetting: The criterion does not rank that structure.
        NothingPrunable: The network has no such units, or none that the criterion has anything to say about.
        BadWeights: Weights or gradients are NaN or infinite.
        EmptyData: The criterion needs data and there is none.
    """
    criterion, structure, graph = CRITERIA[plan.criterion], STRUCTURES[plan.structure], model.graph()
    units, masks = ranked_units(graph, plan), before or {}
    needs, arrays = structure.needs(criterion), model.arrays()
    if parts is None and movement is None and (criterion.ablates or needs - WITHOUT_DATA):
        raise EmptyData(f'Criterion "{criterion.name}" needs data to compute its scores from; choose a data set.')
    batches = calibration_batches(model, plan, parts, masks, poll)
    if criterion.ablates:
        worth = ablated(model, structure, units, batches, masks, poll)
        found = {unit.name: _pool(unit, structure, worth[unit.name]) for unit in units}
        return _with_curves(model, plan, found, batches, masks, poll)
    weights = {n: arrays[n] for unit in units for n in unit.weights if not _why(graph, n, criterion, structure)}

    def moved() -> Mapping[str, Floats]:
        return trained_movement(model, plan, batches, masks) if movement is None else movement

    source = Source(model, batches, moved, masks, plan.seed)
    spread = Spread(criterion, structure.name in UNITS, weights) if len(needs) == 1 else None
    signals = folded(weights, needs, parts_of(source, weights, needs), spread)
    found = {
        unit.name: _pool(
            unit,
            structure,
            structure.scores(graph, unit, criterion, signals, plan.seed),
            None if spread is None else spread.of(n for n in unit.weights if n in weights),
        )
        for unit in units
    }
    return _with_curves(model, plan, found, batches, masks, poll)


def unranked(graph: Graph, plan: Plan) -> dict[str, str]:
    """By pool name why the plan's criterion cannot rank it: none of its Weights has what the criterion goes by."""
    criterion, structure = CRITERIA[plan.criterion], STRUCTURES[plan.structure]
    return {
        unit.name: reason for unit in structure.units(graph) if (reason := _reason(graph, unit, criterion, structure))
    }


def _with_curves(
    model: LoadedModel, plan: Plan, found: dict[str, Pool], batches: Batches, masks: Masks, poll: Poll
) -> dict[str, Pool]:
    """The pools with how the loss answers, where the allocation goes by that."""
    if not ALLOCATIONS[plan.allocation].needs_curves:
        return found
    worth = {name: pool.worth for name, pool in found.items()}
    measured = curves(model, STRUCTURES[plan.structure], worth, batches, masks, poll)
    return {name: replace(pool, curve=measured[name]) for name, pool in found.items()}


def unfit(criterion: Criterion, structure: Structure) -> str:
    """One sentence why the criterion does not rank units of that structure; "" where it does."""
    if criterion.ranks(structure.name):
        return ""
    return (
        f'Criterion "{criterion.name}" does not rank {structure.unit}s ("{structure.name}"). '
        f"It ranks: {', '.join(criterion.structures)}."
    )


def ranked_units(graph: Graph, plan: Plan) -> list[Units]:
    """The pools that the plan's criterion can rank, not scored yet.

    Raises:
        UnknownName, BadSetting, NothingPrunable: As :func:`pools`.
    """
    criterion, structure = CRITERIA[plan.criterion], STRUCTURES[plan.structure]
    if sentence := unfit(criterion, structure):
        raise BadSetting(sentence)
    refusal = criterion.refuses(graph)
    if refusal:
        raise NothingPrunable(refusal)
    units = structure.units(graph)
    if not units:
        raise NothingPrunable(f'This network has no {structure.unit} that structure "{structure.name}" could remove.')
    reasons = {unit.name: _reason(graph, unit, criterion, structure) for unit in units}
    if all(reasons.values()):
        raise NothingPrunable(
            f'Criterion "{criterion.name}" can rank none of the {structure.unit}s of this network; '
            f'of "{units[0].name}", {reasons[units[0].name]}.'
        )
    return [unit for unit in units if not reasons[unit.name]]


def _reason(graph: Graph, unit: Units, criterion: Criterion, structure: Structure) -> str:
    reasons = [_why(graph, name, criterion, structure) for name in unit.weights]
    return reasons[0] if reasons and all(reasons) else ""


def _why(graph: Graph, weight: str, criterion: Criterion, structure: Structure) -> str:
    """Why nothing is known of one Weight's units."""
    return missing(graph, weight, structure.needs(criterion)) or criterion.silent(graph, weight, structure.name)


def _pool(units: Units, structure: Structure, scores: Scores, spread: float | None = None) -> Pool:
    if not (np.isfinite(scores.values.min()) and np.isfinite(scores.values.max())):
        raise BadWeights(f'Layer "{units.layer}" has weights that are NaN or infinite; it cannot be ranked.')
    return Pool(units.name, units.layer, structure.unit, scores, units.cuttable, units.reason, spread)
