"""From a plan to masks: score every unit, decide how many of each pool go, and say which entries that takes.

``pools`` is the costly part (gradients) and depends on criterion, structure, calibration and seed only.
``decide`` is quick and pure: a drag calls it again on the same pools.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.allocations import ALLOCATIONS, Claim
from core.backends._base import Cuts, Floats, Labels, LoadedModel, Masks, Poll, no_poll
from core.criteria import CRITERIA, gather
from core.errors import BadSetting, BadWeights, EmptyData, NothingPrunable, UnknownName
from core.graph import Graph
from core.groups import gone, groups
from core.masks import Mask
from core.plan import Override, Plan
from core.scores import Flags, Scores
from core.selection import lowest, smallest_kept
from core.structures import STRUCTURES, Structure, Units

if TYPE_CHECKING:
    from core.datasets import Parts


@dataclass(frozen=True)
class Pool:
    """Units that compete with each other: the weights of a kernel, or the channels of a group.

    ``name`` is the Weight's, or the group's; ``worth`` says what each unit is worth, computed stretch by stretch.
    ``cuttable`` units can be removed for good; ``reason`` says why others are zeroed only.
    """

    name: str
    layer: str
    unit: str
    worth: Scores
    cuttable: bool
    reason: str

    @property
    def scores(self) -> Floats:
        """One entry per unit, canonical order, read-only. They may be computed now, and are not kept."""
        return self.worth.whole()

    @property
    def size(self) -> int:
        """Units."""
        return self.worth.size


@dataclass(frozen=True)
class Decision:
    """What goes.

    ``masks`` has every array that loses something (channels: kernels, biases, normalisation and the columns of
    consumers). ``removed``, ``sizes`` and ``thresholds`` are by pool; a threshold is the smallest score kept.
    """

    masks: Mapping[str, Mask]
    removed: Mapping[str, int]
    sizes: Mapping[str, int]
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def sparsity(self) -> float:
        """Share of all units that is gone."""
        return sum(self.removed.values()) / max(1, sum(self.sizes.values()))


def pools(model: LoadedModel, plan: Plan, parts: "Parts | None", poll: Poll = no_poll) -> dict[str, Pool]:
    """What every unit is worth, by pool name in graph order.

    Args:
        model: The network as it is; gradients are taken in evaluation mode, without masks.
        plan: Criterion, structure, calibration and seed are read; amount and overrides are not.
        parts: Data as the model takes it; None will do for a criterion that needs none.
        poll: Called after every calibration batch.

    Raises:
        UnknownName: No such criterion or structure.
        BadSetting: The criterion does not rank that structure.
        NothingPrunable: The network has no such units.
        BadWeights: Weights or gradients are NaN or infinite.
        EmptyData: The criterion needs data and there is none.
    """
    criterion, structure = CRITERIA[plan.criterion], STRUCTURES[plan.structure]
    if structure.name not in criterion.structures:
        raise BadSetting(
            f'Criterion "{criterion.name}" does not rank {structure.unit}s ("{structure.name}"). '
            f"It ranks: {', '.join(criterion.structures)}."
        )
    graph, arrays = model.graph(), model.arrays()
    units = structure.units(graph)
    if not units:
        raise NothingPrunable(f'This network has no {structure.unit} that structure "{structure.name}" could remove.')
    weights = {name: arrays[name] for unit in units for name in unit.weights}
    signals = gather(weights, structure.needs(criterion), _gradients(model, plan, parts, poll))
    return {
        unit.name: _pool(unit, structure, structure.scores(graph, unit, criterion, signals, plan.seed))
        for unit in units
    }


def decide(
    pools: Mapping[str, Pool],
    plan: Plan,
    graph: Graph,
    *,
    amount: float | None = None,
    before: Masks | None = None,
) -> Decision:
    """Which units go.

    Per pool the lowest scores go, of equal ones the first; between pools, of equal ones those of the lower name.
    Overridden pools lose their count, excluded ones nothing; the allocation shares the rest. Units gone ``before``
    stay gone and count.

    Args:
        pools: From :func:`pools` for this plan's structure.
        plan: Structure, allocation, overrides and, unless ``amount`` is given, sparsity are read.
        graph: Of the same network.
        amount: Share to remove, in [0, 1): a step of a schedule.
        before: Masks of an earlier step, of the same structure.

    Raises:
        UnknownName: An override names no pool.
        BadSetting: An override cannot be met.
    """
    structure, allocation = STRUCTURES[plan.structure], ALLOCATIONS[plan.allocation]
    for name in plan.overrides:
        if name not in pools:
            raise UnknownName("pool", name, pools)
    amount = plan.sparsity if amount is None else amount
    already = structure.gone(graph, before) if before else {}
    # By name, not as listed: frameworks list parallel branches differently, and equal scores must go alike.
    claims = [_claim(pools[name], structure, plan.overrides.get(name), already.get(name)) for name in sorted(pools)]
    open_claims = [claim for claim in claims if not _excluded(plan, claim.name)]
    counts = dict(
        zip((c.name for c in open_claims), allocation.counts(open_claims, amount, structure.quota), strict=True)
    )
    gone = {claim.name: lowest(claim.scores, counts.get(claim.name, claim.least)) for claim in claims}
    return Decision(
        structure.masks(graph, gone),
        {name: int(np.count_nonzero(gone[name])) for name in pools},
        {name: pool.size for name, pool in pools.items()},
        {name: smallest_kept(pool.worth, gone[name]) for name, pool in pools.items()},
    )


def cuts(graph: Graph, decision: Decision) -> Cuts:
    """What :meth:`LoadedModel.cut` takes: the kept indices of each array's axis, for groups that can be cut.

    Empty for single weights. Groups that are zeroed only are left as they are.
    """
    kept: dict[tuple[str, int], NDArray[np.bool_]] = {}
    for group in groups(graph):
        removed = gone(group, decision.masks) if decision.removed.get(group.name) else None
        if not group.cuttable or removed is None:
            continue
        for member in group.members:
            place = (member.array, member.axis)
            stays = kept.setdefault(place, np.ones(member.channel.size, np.bool_))
            stays[(member.channel >= 0) & removed[member.channel]] = False
    return {place: np.flatnonzero(stays) for place, stays in kept.items()}


def _gradients(model: LoadedModel, plan: Plan, parts: "Parts | None", poll: Poll) -> Iterator[dict[str, Floats]]:
    """One mapping per calibration batch. Nothing is computed before the first is asked for."""
    from core.datasets import calibration  # noqa: PLC0415 - only criteria that need data load the data sets

    if parts is None:
        raise EmptyData("The criterion needs data to compute gradients from; choose a data set.")
    batches: Iterator[tuple[Floats, Labels]] = calibration(
        parts, plan.calibration_batches, plan.calibration_size, plan.seed
    )
    for done, gradients in enumerate(model.gradients(batches), start=1):
        poll(done, plan.calibration_batches)
        yield gradients


def _pool(units: Units, structure: Structure, scores: Scores) -> Pool:
    if not (np.isfinite(scores.values.min()) and np.isfinite(scores.values.max())):
        raise BadWeights(f'Layer "{units.layer}" has weights that are NaN or infinite; it cannot be ranked.')
    return Pool(units.name, units.layer, structure.unit, scores, units.cuttable, units.reason)


def _excluded(plan: Plan, name: str) -> bool:
    return name in plan.overrides and plan.overrides[name].excluded


def _claim(pool: Pool, structure: Structure, override: Override | None, gone: Flags | None) -> Claim:
    scores, least = structure.comparable(pool.worth, gone), 0
    if gone is not None:
        scores, least = replace(scores, gone=gone.reshape(scores.values.shape)), int(np.count_nonzero(gone))
    claim = Claim(pool.name, scores, least, max(least, pool.size - structure.least))
    if override is None or override.excluded:
        return claim
    return replace(claim, held=claim.within(_fixed(pool, override)))


def _fixed(pool: Pool, override: Override) -> int:
    """The count a person fixed: as stored, else how many scores lie below the threshold."""
    if override.count is not None:
        if override.count > pool.size:
            raise BadSetting(f'"{pool.name}" has {pool.size} {pool.unit}s; an override wants {override.count} to go.')
        return override.count
    if override.threshold is not None:
        return pool.worth.below(override.threshold)
    raise BadSetting(f'The override of "{pool.name}" fixes nothing: give a count, a threshold, or exclude it.')
