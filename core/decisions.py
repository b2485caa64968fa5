"""Which units go: quick and pure, from scores and a plan. A drag calls it again on the same pools."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray

from core.allocations import ALLOCATIONS, Allocation, Claim
from core.backends._base import Cuts, Masks
from core.criteria._seeding import generator
from core.errors import BadSetting, UnknownName
from core.graph import Graph
from core.groups import gone as gone_of
from core.groups import groups
from core.limits import Bound, between, bound, limited
from core.masks import Mask
from core.plan import Override, Plan
from core.scores import Flags, Scores
from core.scoring import Pool
from core.selection import lowest, smallest_kept
from core.structures import STRUCTURES, Structure
from core.structures._groups import Grouped


@dataclass(frozen=True)
class Decision:
    """What goes.

    ``masks`` has every array that loses something (channels: kernels, biases, normalisation and the columns of
    consumers). ``removed``, ``sizes`` and ``thresholds`` are by pool; a threshold is the smallest score kept.
    ``estimated`` says why zeros are not quite what the cut network gives; empty where both are equal.
    """

    masks: Mapping[str, Mask]
    removed: Mapping[str, int]
    sizes: Mapping[str, int]
    thresholds: Mapping[str, float] = field(default_factory=dict)
    estimated: tuple[str, ...] = ()

    @property
    def sparsity(self) -> float:
        """Share of all units that is gone."""
        return sum(self.removed.values()) / max(1, sum(self.sizes.values()))


#: By pool: how many units go.
Counts = Mapping[str, int]


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
    Overridden pools lose their count, excluded ones nothing; the allocation shares the rest within the plan's limits.
    With ``sharing.drawn`` below 1 a pool's count is drawn from its ``count / drawn`` lowest units, the lower the
    likelier. Units gone ``before`` stay gone and count. A budget is not looked at: see :mod:`core.budgets`.

    Args:
        pools: From :func:`core.scoring.pools` for this plan's structure.
        plan: Structure, allocation, sharing, limits, overrides, seed and, unless ``amount`` is given, sparsity.
        graph: Of the same network.
        amount: Share to remove, in [0, 1]: a step of a schedule.
        before: Masks of an earlier step, of the same structure.

    Raises:
        UnknownName: An override names no pool.
        BadSetting: An override cannot be met.
    """
    choice = Choice(pools, plan, graph, before)
    return choice.decision(choice.counts(plan.sparsity if amount is None else amount))


def counted(pools: Mapping[str, Pool], plan: Plan) -> Plan:
    """The plan with dragged thresholds as counts, once and for all: weights move while fine-tuning, counts do not."""
    guarded = plan.limits.guard and STRUCTURES[plan.structure].whole == 1

    def told(name: str, given: Override) -> Override:
        if given.excluded or given.count is not None or given.threshold is None or name not in pools:
            return given
        return replace(given, count=_fixed(pools[name], given, guarded=guarded))

    return replace(plan, overrides={name: told(name, given) for name, given in plan.overrides.items()})


def cuts(graph: Graph, decision: Decision) -> Cuts:
    """What :meth:`LoadedModel.cut` takes: the kept indices of each array's axis, for groups that can be cut.

    Empty for single weights. Groups that are zeroed only are left as they are.
    """
    kept: dict[tuple[str, int], NDArray[np.bool_]] = {}
    for group in groups(graph):
        removed = gone_of(group, decision.masks) if decision.removed.get(group.name) else None
        if not group.cuttable or removed is None:
            continue
        for member in group.members:
            place = (member.array, member.axis)
            stays = kept.setdefault(place, np.ones(member.channel.size, np.bool_))
            stays[(member.channel >= 0) & removed[member.channel]] = False
    return {place: np.flatnonzero(stays) for place, stays in kept.items()}


@dataclass(frozen=True, eq=False)
class Choice:
    """Everything that is the same for all amounts: who claims what, and within which bounds."""

    pools: Mapping[str, Pool]
    plan: Plan
    graph: Graph
    before: Masks | None = None

    @cached_property
    def structure(self) -> Structure:
        """What is removed together."""
        return STRUCTURES[self.plan.structure]

    @cached_property
    def allocation(self) -> Allocation:
        """How much goes from where."""
        return ALLOCATIONS[self.plan.allocation]

    @cached_property
    def claims(self) -> list[Claim]:
        """Of all pools, by name, not as listed: frameworks list parallel branches differently, and equal scores must
        go alike."""
        for name, override in self.plan.overrides.items():
            if name not in self.pools:
                if name not in {unit.name for unit in self.structure.units(self.graph)}:
                    raise UnknownName("pool", name, self.pools)
                refuse_unranked(self.plan.criterion, name, override)
        already = self.structure.gone(self.graph, self.before) if self.before else {}
        told = self._told()
        return [self._claim(self.pools[n], already.get(n), told.get(n, ((), ""))) for n in sorted(self.pools)]

    @cached_property
    def open(self) -> list[Claim]:
        """Of the pools that are not excluded."""
        return [claim for claim in self.claims if not self._given(claim.name).excluded]

    @cached_property
    def bounds(self) -> list[Bound]:
        """What each open claim may lose under the plan's limits."""
        limits = self.plan.limits
        rounded = limits.multiple > 1 and self.structure.rounds
        heads = {group.name for group in groups(self.graph) if group.kind == "head"} if rounded else set()
        return [bound(c, self.structure, limits, rounds=rounded and c.name not in heads) for c in self.open]

    @cached_property
    def ranked(self) -> list[Scores]:
        """By what the units of open claims are compared."""
        return [self.allocation.ranked(claim) for claim in self.open]

    @property
    def follows(self) -> bool:
        """Whether the amount says how much goes."""
        return self.allocation.follows(self.plan.sharing)

    def counts(self, amount: float) -> Counts:
        """How many units each pool loses at that amount."""
        given = self.allocation.counts(self.open, amount, self.structure.quota, self.plan.sharing)
        if not self.follows and self.plan.sharing.drawn < 1:
            given = [self._drawn(claim, count) for claim, count in zip(self.open, given, strict=True)]
        if self._unbound(given):
            return {claim.name: count for claim, count in zip(self.open, given, strict=True)}
        found = limited(self.open, given, self.bounds, self.ranked, self.follows)
        return {claim.name: count for claim, count in zip(self.open, found, strict=True)}

    def between(self, fewer: Counts, more: Counts, total: int) -> Counts:
        """Counts that add up to ``total``, each from ``fewer`` to ``more``: the next scores go."""
        names = [claim.name for claim in self.open]
        found = between([fewer[n] for n in names], [more[n] for n in names], self.ranked, total)
        return dict(zip(names, found, strict=True))

    def decision(self, counts: Counts) -> Decision:
        """What goes when each pool loses so many units."""
        gone = {claim.name: self._gone(claim, counts.get(claim.name, claim.least)) for claim in self.claims}
        worth = {name: pool.worth for name, pool in self.pools.items()}
        removed = {name: int(np.count_nonzero(gone[name])) for name in self.pools}
        return Decision(
            self.structure.masks(self.graph, gone, worth, self.before),
            removed,
            {name: pool.size for name, pool in self.pools.items()},
            {name: smallest_kept(pool.worth, gone[name]) for name, pool in self.pools.items()},
            _estimated(self.graph, removed) if isinstance(self.structure, Grouped) else (),
        )

    def _told(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """By pool: the shape of its first Weight, and its kin where that is asked for."""
        kin = self.structure.kin if self.allocation.needs_kin else None
        return {
            unit.name: (self.graph.arrays[unit.weights[0]], "" if kin is None else kin(self.graph, unit))
            for unit in self.structure.units(self.graph)
        }

    def _claim(self, pool: Pool, gone: Flags | None, told: tuple[tuple[int, ...], str]) -> Claim:
        scores, least = self.structure.comparable(pool.worth, gone), 0
        if gone is not None:
            scores, least = replace(scores, gone=gone.reshape(scores.values.shape)), int(np.count_nonzero(gone))
        most = max(least, pool.size - self.structure.least)
        claim = Claim(pool.name, scores, least, most, shape=told[0], kin=told[1], curve=pool.curve)
        override = self._given(pool.name)
        if pool.name not in self.plan.overrides or override.excluded:
            return claim
        return replace(claim, held=claim.within(_fixed(pool, override, guarded=self._guarded)))

    @property
    def _guarded(self) -> bool:
        return self.plan.limits.guard and self.structure.whole == 1

    def _given(self, name: str) -> Override:
        return self.plan.overrides.get(name, _NOTHING)

    def _unbound(self, counts: list[int]) -> bool:
        """Whether all counts are well within the bounds: nothing has to be taken elsewhere."""
        return all(b.multiple == 1 and n <= b.most for n, b in zip(counts, self.bounds, strict=True))

    def _drawn(self, claim: Claim, count: int) -> int:
        """Of the units below a threshold of the allocation's own a share goes."""
        if claim.held is not None:
            return count
        return claim.least + round((count - claim.least) * self.plan.sharing.drawn)

    def _gone(self, claim: Claim, count: int) -> Flags:
        share = self.plan.sharing.drawn
        if share == 1 or count == claim.least:
            return lowest(claim.scores, count)
        reach = min(claim.size, claim.least + ceil((count - claim.least) / share - 1e-9))
        return drawn(claim.worth, count, reach, claim.least, generator(self.plan.seed, f"{claim.name} drawn"))


_NOTHING = Override()


def drawn(scores: Scores, count: int, reach: int, certain: int, rng: np.random.Generator) -> Flags:
    """Which units go when ``count`` are drawn, without replacement, from the ``reach`` lowest.

    The lowest of n candidates is n times as likely to be drawn next as the highest: chances fall evenly with rank.
    (By sorting u^(1 / chance), Efraimidis & Spirakis 2006, Information Processing Letters 97.)

    Args:
        scores: What units are worth.
        count: From ``certain`` to ``reach``.
        reach: Candidates, the lowest first.
        certain: So many of the lowest go in any case: they are gone already.
        rng: Every unit draws once, whatever the counts, so that more is drawn when the count grows.
    """
    values = scores.whole()
    order = np.argsort(values, kind="stable")[certain:reach]
    chances = np.arange(order.size, 0, -1, dtype=np.float64)
    keys = np.log(rng.random(values.size)[order] + np.finfo(np.float64).tiny) / chances
    gone = lowest(values, certain) if certain else np.zeros(values.size, np.bool_)
    gone[order[np.argsort(-keys, kind="stable")[: count - certain]]] = True
    return gone.reshape(scores.values.shape)


def _fixed(pool: Pool, override: Override, *, guarded: bool) -> int:
    """The count a person fixed: as stored, else how many scores lie below the threshold.

    A count that empties the pool was asked for; a threshold beyond the last score leaves one unit where the guard is
    on.
    """
    refuse_count(pool.name, pool.size, pool.unit, override)
    if override.count is not None:
        return override.count
    assert override.threshold is not None  # it fixes something
    return min(pool.worth.below(override.threshold), pool.size - int(guarded))


def refuse_count(name: str, size: int, unit: str, override: Override) -> None:
    """Refuse an override of a pool of ``size`` units that fixes nothing, or more than there is.

    Raises:
        BadSetting: It does.
    """
    if override.excluded:
        return
    if override.count is None and override.threshold is None:
        raise BadSetting(f'The override of "{name}" fixes nothing: give a count, a threshold, or exclude it.')
    if override.count is not None and override.count > size:
        raise BadSetting(f'"{name}" has {size} {unit}s; an override wants {override.count} to go.')


def refuse_unranked(criterion: str, name: str, override: Override) -> None:
    """What a criterion cannot rank may be left whole, but nobody knows which of its units go.

    Raises:
        BadSetting: Some are to go.
    """
    if not override.excluded and override.count != 0:
        raise BadSetting(
            f'Criterion "{criterion}" cannot rank "{name}", so no number of it can go. Reset what was set for it, or '
            "choose another criterion."
        )


def _estimated(graph: Graph, removed: Counts) -> tuple[str, ...]:
    """Why zeros differ from the cut network, of groups that lose something."""
    return tuple(dict.fromkeys(g.estimated for g in groups(graph) if g.estimated and removed.get(g.name)))
