"""What is gone after one step of the schedule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.allocations import ALLOCATIONS
from core.backends._base import Floats, LoadedModel, Masks, Poll
from core.controls import prunes, steps
from core.errors import BadSetting
from core.graph import Graph
from core.masks import Mask
from core.plan import Override, Plan
from core.pruning import Decision, Pool, choose, counted, pools
from core.schedules import SCHEDULES
from core.structures import STRUCTURES

if TYPE_CHECKING:
    from core.datasets import Parts


@dataclass(frozen=True)
class Step:
    """One step, ``number`` from 1, on the network with that dense ``graph``.

    ``before`` is what earlier steps removed. ``stored`` are the masks of a recipe: the last step ends with exactly
    them, and no step before takes anything they keep. ``movement`` is what training moved so far, where it was asked to
    sum that up.
    """

    number: int
    graph: Graph
    before: Decision
    stored: Masks | None
    movement: Mapping[str, Floats] | None = None

    def decide(self, plan: Plan, now: Callable[[], LoadedModel], parts: "Parts", poll: Poll) -> tuple[Plan, Decision]:
        """The plan with every dragged threshold counted, and what is gone after this step.

        Of several steps the first also counts what an allocation's own thresholds come to: weights move while
        fine-tuning, and what is gone would shift a mean or a deviation, but counts hold.

        Args:
            plan: The settings.
            now: Gives the network as it is, for scores.
            parts: Data as it takes it.
            poll: Called after every calibration batch.

        Raises:
            PruneError: As :func:`core.pruning.pools` and :func:`core.pruning.choose`.
            BadSetting: The schedule does not suit the structure.
        """
        schedule = SCHEDULES[plan.schedule.name]
        if refusal := schedule.refuses(plan.structure):
            raise BadSetting(refusal)
        last = self.number == steps(plan)
        if self.stored is not None and last:
            return plan, decision_of(self.stored, plan, self.graph)
        if not prunes(plan):
            return plan, self.before  # the dense network, fine-tuned for comparison
        model = now()
        found = pools(model, plan, parts, poll, movement=self.movement)
        plan = counted(found, plan)
        before = self.before.masks

        def chosen(wanted: Plan, amount: float | None = None) -> Decision:
            return choose(model, wanted, parts, found, amount=amount, before=before, poll=poll)

        if last:
            decision = chosen(plan)
        elif plan.budget is not None or _by_itself(plan):  # where it ends is found now, and gone towards
            ends = chosen(plan).removed
            if plan.budget is None:
                plan = _settled(plan, ends)
            fixed = replace(plan, allocation="thresholds", budget=None)
            decision = chosen(self._on_the_way(fixed, ends, found))
        else:
            amounts = schedule.amounts(plan.sparsity, steps(plan), plan.schedule.initial)
            counts = {name: given.count for name, given in plan.overrides.items() if given.count is not None}
            decision = chosen(self._on_the_way(plan, counts, found), amounts[self.number - 1])
        return plan, decision if self.stored is None else replace(decision, masks=_within(decision.masks, self.stored))

    def _on_the_way(self, plan: Plan, counts: Mapping[str, int], found: Mapping[str, Pool]) -> Plan:
        """The plan for a step before the last: what is fixed follows the schedule, pool by pool."""
        overrides = dict(plan.overrides)
        for name, count in counts.items():
            given = overrides.get(name, Override())
            if not given.excluded and name in found:
                overrides[name] = replace(given, count=self._so_far(plan, count, found[name].size))
        return replace(plan, overrides=overrides)

    def _so_far(self, plan: Plan, count: int, size: int) -> int:
        """How many of the ``count`` units that go in the end are gone after this step."""
        final = count / max(1, size)
        amounts = SCHEDULES[plan.schedule.name].amounts(final, steps(plan), plan.schedule.initial)
        return round(count * amounts[self.number - 1] / final) if count else 0


def decision_of(masks: Masks, plan: Plan, graph: Graph) -> Decision:
    """The decision that given masks stand for.

    Raises:
        BadSetting: They are masks of another network.
    """
    for name, mask in masks.items():
        if graph.arrays.get(name) != mask.kept.shape:
            raise BadSetting(
                f'The stored masks do not fit this network: "{name}" has the shape {mask.kept.shape} there '
                f"and {graph.arrays.get(name, 'none')} here."
            )
    structure = STRUCTURES[plan.structure]
    sizes = {unit.name: unit.size for unit in structure.units(graph)}
    gone = structure.gone(graph, masks)
    removed = {name: int(np.count_nonzero(gone[name])) if name in gone else 0 for name in sizes}
    return Decision(masks, removed, sizes)


def _by_itself(plan: Plan) -> bool:
    """Whether the allocation finds how much goes, rather than being told."""
    return plan.allocation != "thresholds" and not ALLOCATIONS[plan.allocation].follows(plan.sharing)


def _settled(plan: Plan, removed: Mapping[str, int]) -> Plan:
    """The plan with the count of every pool fixed, unless a person did that."""
    counts = {name: Override(count=count) for name, count in removed.items()}
    return replace(plan, overrides={**counts, **plan.overrides})


def _within(masks: Masks, stored: Masks) -> dict[str, Mask]:
    """Masks that take nothing the stored ones keep."""
    both = {name: Mask(mask.kept | stored[name].kept) for name, mask in masks.items() if name in stored}
    return {name: mask for name, mask in both.items() if mask.removed}
