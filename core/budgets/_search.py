"""The fewest units that must go for a network to stay within its budget."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from core.backends._base import LoadedModel, Masks, Poll
from core.budgets._base import Measure
from core.decisions import Choice, Counts, Decision
from core.errors import BadSetting
from core.plan import Plan
from core.scoring import Pool

if TYPE_CHECKING:
    from core.datasets import Parts

#: How often a cost is measured that differs from time to time.
PROBES = 8
#: What a search is told to last, for whoever waits.
_STEPS = 40


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

    With limits that want multiples, no multiple more; of a measured time, as near as a few probes come.

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
        return decision, measure.cost(model, graph, arrays, decision, parts)

    fewest, most = choice.counts(0.0), choice.counts(1.0)
    kept, whole = probe(fewest)
    if whole <= limit:
        return kept
    kept, least = probe(most)
    if least > limit:
        raise BadSetting(_out_of_reach(measure, choice, limit, min(whole, least)))
    if not measure.exact:
        return _roughly(choice, (sum(fewest.values()), sum(most.values())), kept, probe, limit)
    over, under = _by_amount(choice, fewest, most, lambda c: probe(c)[1] <= limit)
    if choice.plan.limits.multiple == 1:
        under = _by_unit(choice, over, under, lambda c: probe(c)[1] <= limit)
    return choice.decision(under)


def _by_amount(choice: Choice, over: Counts, under: Counts, fits: Callable[[Counts], bool]) -> tuple[Counts, Counts]:
    """Counts at two amounts one unit apart, of which the first costs too much and the second does not."""
    low, high = sum(over.values()), sum(under.values())
    while high - low > 1:
        middle = (low + high) // 2
        counts = choice.counts(_amount(choice, middle))
        if fits(counts):
            high, under = middle, counts
        else:
            low, over = middle, counts
    return over, under


def _by_unit(choice: Choice, over: Counts, under: Counts, fits: Callable[[Counts], bool]) -> Counts:
    """One unit apart in fact: an allocation may take several at once where the amount crosses a rounding."""
    over = {name: min(count, under[name]) for name, count in over.items()}
    low, high = sum(over.values()), sum(under.values())
    first, last = over, under
    while high - low > 1:
        middle = (low + high) // 2
        counts = choice.between(first, last, middle)
        if fits(counts):
            high, under = middle, counts
        else:
            low, over = middle, counts
    return under


def _roughly(
    choice: Choice,
    ends: tuple[int, int],
    kept: Decision,
    probe: Callable[[Counts], tuple[Decision, float]],
    limit: float,
) -> Decision:
    """The fewest units with which a measured cost was within the limit, after a few measurements."""
    low, high = ends
    for _ in range(PROBES):
        if high - low <= 1:
            break
        middle = (low + high) // 2
        decision, cost = probe(choice.counts(_amount(choice, middle)))
        if cost <= limit:
            high, kept = middle, decision
        else:
            low = middle
    return kept


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
