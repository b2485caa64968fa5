"""What is gone after one step of the schedule."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.backends._base import LoadedModel, Masks, Poll
from core.errors import BadSetting
from core.graph import Graph
from core.masks import Mask
from core.plan import Override, Plan
from core.pruning import Decision, Pool, decide, pools
from core.schedules import SCHEDULES
from core.structures import STRUCTURES

if TYPE_CHECKING:
    from core.datasets import Parts


@dataclass(frozen=True)
class Step:
    """One step, ``number`` from 1, on the network with that dense ``graph``.

    ``before`` is what earlier steps removed. ``stored`` are the masks of a recipe: the last step ends with exactly
    them, and no step before takes anything they keep.
    """

    number: int
    graph: Graph
    before: Decision
    stored: Masks | None

    def decide(self, plan: Plan, now: Callable[[], LoadedModel], parts: "Parts", poll: Poll) -> tuple[Plan, Decision]:
        """The plan with every dragged threshold counted, and what is gone after this step.

        Args:
            plan: The settings.
            now: Gives the network as it is, for scores.
            parts: Data as it takes it.
            poll: Called after every calibration batch.

        Raises:
            PruneError: As :func:`core.pruning.pools` and :func:`core.pruning.decide`.
        """
        last = self.number == plan.schedule.steps
        if self.stored is not None and last:
            return plan, decision_of(self.stored, plan, self.graph)
        if not plan.sparsity and not plan.overrides:
            return plan, self.before  # the dense network, fine-tuned for comparison
        found = pools(now(), plan, parts, poll)
        plan = _counted(plan, found)
        share = 1.0 if last else SCHEDULES[plan.schedule.name].share(self.number / plan.schedule.steps)
        decision = decide(
            found, _scaled(plan, share), self.graph, amount=plan.sparsity * share, before=self.before.masks
        )
        return plan, decision if self.stored is None else replace(decision, masks=_within(decision.masks, self.stored))


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


def _counted(plan: Plan, found: dict[str, Pool]) -> Plan:
    """Dragged thresholds as counts, once and for all: weights move while fine-tuning, counts do not."""

    def counted(name: str, given: Override) -> Override:
        if given.excluded or given.count is not None or given.threshold is None or name not in found:
            return given
        return replace(given, count=found[name].worth.below(given.threshold))

    return replace(plan, overrides={name: counted(name, given) for name, given in plan.overrides.items()})


def _scaled(plan: Plan, share: float) -> Plan:
    """The plan for a step that removes ``share`` of the final amount: fixed counts grow along."""
    overrides = {
        name: given if given.count is None or share == 1 else replace(given, count=round(given.count * share))
        for name, given in plan.overrides.items()
    }
    return replace(plan, overrides=overrides)


def _within(masks: Masks, stored: Masks) -> dict[str, Mask]:
    """Masks that take nothing the stored ones keep."""
    both = {name: Mask(mask.kept | stored[name].kept) for name, mask in masks.items() if name in stored}
    return {name: mask for name, mask in both.items() if mask.removed}
