"""The fewest units that must go for a network to stay within its budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.backends._base import LoadedModel, Masks, Poll
from core.budgets._base import Measure
from core.budgets._left import Left
from core.decisions import Choice, Counts, Decision
from core.errors import BadSetting
from core.plan import Plan
from core.scores import Scores
from core.scoring import Pool
from core.structures import STRUCTURES, Units

if TYPE_CHECKING:
    from core.datasets import Parts

#: What a search is told to last, for whoever waits.
_STEPS = 40
#: A limit of so much of the least that is left may be met by another choice of units.
_NEARLY = 0.9


def within(
    measure: Measure,
    model: LoadedModel,
    plan: Plan,
    parts: "Parts | None",
    found: Mapping[str, Pool],
    before: Masks | None,
    poll: Poll,
) -> Decision:
    """The decision that keeps the plan's budget and takes no unit more than that needs; the sparsity is not read.

    With limits that want multiples, no multiple more. A time is what was measured in this search: with one unit less
    it was over the limit.

    Args:
        measure: What is limited.
        model: The network; not changed.
        plan: As for :func:`core.decisions.decide`, with a budget.
        parts: Data as the network takes it.
        found: What its units are worth.
        before: Masks of an earlier step.
        poll: Called before each probe.

    Raises:
        BadSetting: The budget is out of reach; the sentence gives the smallest cost there is.
        PruneError: As :func:`core.decisions.decide`.
    """
    assert plan.budget is not None  # the caller looked
    graph, arrays, limit = model.graph(), model.arrays(), plan.budget.limit
    choice = Choice(found, replace(plan, sharing=replace(plan.sharing, deviations=None)), graph, before)
    done = 0

    def probe(counts: Counts) -> tuple[Decision, float]:
        nonlocal done
        done += 1
        poll(min(done, _STEPS - 1), _STEPS)
        decision = choice.decision(counts)
        return decision, measure.cost(Left(model, graph, arrays, decision, parts))

    fewest, most = choice.counts(0.0), choice.counts(1.0)
    kept, whole = probe(fewest)
    if whole <= limit:
        return kept
    _, least = probe(most)
    if least > limit:
        raise BadSetting(_out_of_reach(measure, choice, limit, min(whole, least)))
    search = _Search(limit, lambda counts: probe(counts)[1], straight=measure.exact)
    over, under = search.adjacent((fewest, whole), (most, least), lambda count: choice.counts(_amount(choice, count)))
    several = sum(under.values()) - sum(over.values()) > 1  # an allocation took several where its rounding jumps
    if several and choice.plan.limits.multiple == 1:
        over = {name: min(count, under[name]) for name, count in over.items()}
        ends = (over, search.cost(over)), (under, search.cost(under))
        first, last = over, under
        _, under = search.adjacent(*ends, lambda count: choice.between(first, last, count))
    return choice.decision(under)


def refuse_unreachable(measure: Measure, model: LoadedModel, plan: Plan, units: Sequence[Units]) -> None:
    """Refuse a budget that is out of reach whatever the units turn out to be worth, before anything is trained.

    Only where the cost goes by numbers; where numbers still hang on a threshold nothing is said. What is left over at
    the least may differ a little with the choice, so a limit that is nearly within reach is let pass.

    Args:
        measure: What is limited.
        model: The network before any pruning.
        plan: Its limit, limits and overrides are read.
        units: The pools that can be ranked.

    Raises:
        BadSetting: It is out of reach; the sentence gives about the smallest cost there is.
    """
    open_ended = any(given.count is None and not given.excluded for given in plan.overrides.values())
    if plan.budget is None or not measure.by_numbers or open_ended:
        return
    unit, graph = STRUCTURES[plan.structure].unit, model.graph()
    nothing = {one.name: Scores(np.zeros(one.size, np.float32)) for one in units}
    found = {one.name: Pool(one.name, one.layer, unit, nothing[one.name], one.cuttable, one.reason) for one in units}
    choice = Choice(found, plan, graph)
    least = measure.cost(Left(model, graph, model.arrays(), choice.decision(choice.counts(1.0))))
    if plan.budget.limit < _NEARLY * least:
        raise BadSetting(_out_of_reach(measure, choice, plan.budget.limit, least))


class _Search:
    """Between counts that cost too much and counts that do not, the last pair one unit apart."""

    def __init__(self, limit: float, cost: Callable[[Counts], float], *, straight: bool) -> None:
        self.limit, self.cost, self.straight = limit, cost, straight

    def adjacent(
        self, over: tuple[Counts, float], under: tuple[Counts, float], at: Callable[[int], Counts]
    ) -> tuple[Counts, Counts]:
        """Counts one unit apart by ``at``, of which the first cost too much and the second do not.

        Costs are nearly straight lines: two guesses of three are where the line meets the limit, the third is the
        middle, so that no curve makes it slow. A measured time is no line: always the middle, ten times for a thousand.
        """
        low, high = sum(over[0].values()), sum(under[0].values())
        tried = 0
        while high - low > 1:
            tried += 1
            share = 0.5
            if self.straight and tried % 3:
                share = (over[1] - self.limit) / max(over[1] - under[1], 1e-300)
            middle = min(max(low + round(share * (high - low)), low + 1), high - 1)
            counts = at(middle)
            cost = self.cost(counts)
            if cost <= self.limit:
                high, under = middle, (counts, cost)
            else:
                low, over = middle, (counts, cost)
        return over[0], under[0]


def _amount(choice: Choice, count: int) -> float:
    return choice.structure.amount(sum(claim.size for claim in choice.open), count)


def _out_of_reach(measure: Measure, choice: Choice, limit: float, smallest: float) -> str:
    least = f"it comes to {measure.said(smallest)}"
    if not choice.follows:
        return (
            f"The budget of {measure.said(limit)} is not met: {least}, and allocation "
            f'"{choice.allocation.name}" decides by itself how much goes. Choose another allocation.'
        )
    cuttable = any(pool.cuttable for pool in choice.pools.values())
    return f"The budget of {measure.said(limit)} is out of reach: {least} at the least. {measure.hint(not cuttable)}"
