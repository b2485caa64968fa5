"""From what the walk collected to groups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from core.graph import Group, Member
from core.groups._channels import AxisIds, Ids
from core.groups._walk import Made, Use, Walk


@dataclass(frozen=True)
class Analysis:
    """All groups, and for every layer with weights that is in none the reason."""

    groups: tuple[Group, ...]
    left_out: Mapping[str, str]


@dataclass
class _Producer:
    """What a layer makes; ``reason`` is why it cannot be cut, ``output`` that it is the network's."""

    made: Made
    roots: Ids
    reason: str = ""
    output: bool = False


def build(walk: Walk) -> Analysis:
    """Groups in the order of their first producers, and the layers without."""
    axes = list(_axes(walk))
    roots = walk.channels.roots()
    producers = [_Producer(made, roots[made.ids]) for made in walk.ordered()]
    _mark_frozen(walk, roots, producers)
    components = _components(producers, roots.size)
    for component in components:
        _mark_component(component)
    place, owner = np.full(roots.size, -1, np.int32), np.full(roots.size, -1, np.int32)
    cuttable = [c for c in components if not c[0].reason and not c[0].output]
    for number, component in enumerate(cuttable):
        order = np.array(list(dict.fromkeys(component[0].roots.tolist())), np.int32)
        place[order], owner[order] = np.arange(order.size), number
    members: list[list[Member]] = [[] for _ in cuttable]
    for use in axes:
        for number, member in _members(use, roots, place, owner):
            members[number].append(member)
    estimated = _estimated(walk, roots)
    whole = {
        component[0].made.name: Group(
            component[0].made.name,
            int((owner == number).sum()),
            tuple(members[number]),
            kind=_kind(component),
            estimated=next((estimated[root] for root in component[0].roots.tolist() if root in estimated), ""),
        )
        for number, component in enumerate(cuttable)
    }
    rows = {p.made.name: _rows(p) for p in producers if p.reason and not p.output}
    found = tuple((whole | rows)[p.made.name] for p in producers if p.made.name in whole or p.made.name in rows)
    return Analysis(found, _left_out(walk, producers))


def _kind(component: list[_Producer]) -> str:
    """Hidden units that are summed with filters or neurons are channels like those."""
    kinds = {producer.made.kind for producer in component}
    return kinds.pop() if len(kinds) == 1 else "channel"


def _estimated(walk: Walk, roots: Ids) -> dict[int, str]:
    """By root: why zeros are not quite what a cut would give."""
    found: dict[int, str] = {}
    for entry in walk.channels.estimated:
        for root in np.unique(roots[entry.ids]).tolist():
            found.setdefault(root, entry.reason)
    return found


def _axes(walk: Walk) -> Iterator[Use]:
    """Every array axis once. Channels that a shared layer reads at the same place, at different uses, become one."""
    uses: dict[tuple[str, int], list[Use]] = {}
    for use in walk.uses:
        uses.setdefault((use.array, use.axis), []).append(use)
    for (array, _), several in uses.items():
        for other in several[1:]:
            _unite(walk, array, several[0].ids, other.ids)
        if several[0].ids is not None:
            yield several[0]


def _unite(walk: Walk, array: str, one: AxisIds, other: AxisIds) -> None:
    """Index by index they become one; what meets a value that is never cut stays."""
    reason = f'"{array}" is also used where nothing is ever cut: zeroed only'
    if one is None or other is None:
        for ids in (one, other):
            walk.channels.freeze(ids, reason)
    elif not np.array_equal(one, other):
        both = (one >= 0) & (other >= 0)
        walk.channels.unite(one[both], other[both])
        for ids in (one, other):
            walk.channels.freeze(np.where(both, -1, ids).astype(np.int32), reason)


def _mark_frozen(walk: Walk, roots: Ids, producers: list[_Producer]) -> None:
    by_output = {True: np.full(roots.size, -1, np.int32), False: np.full(roots.size, -1, np.int32)}
    for number, frozen in reversed(list(enumerate(walk.channels.frozen))):  # the first reason stays on top
        by_output[frozen.output][roots[frozen.ids]] = number
    for producer in producers:
        producer.output = bool((by_output[True][producer.roots] >= 0).any())
        reasons = by_output[False][producer.roots]
        if (reasons >= 0).any():
            producer.reason = walk.channels.frozen[reasons[reasons >= 0].min()].reason


def _components(producers: list[_Producer], ids: int) -> list[list[_Producer]]:
    """Producers that have a channel in common, directly or through others, in graph order."""
    latest = np.full(ids, -1, np.int32)  # by channel: the last producer that makes it
    component = list(range(len(producers)))
    for number, producer in enumerate(producers):
        joined = {component[n] for n in np.unique(latest[producer.roots]).tolist() if n >= 0}
        component = [number if c in joined else c for c in component]
        latest[producer.roots] = number
    found: dict[int, list[_Producer]] = {}
    for number, producer in zip(component, producers, strict=True):
        found.setdefault(number, []).append(producer)
    return list(found.values())


def _mark_component(component: list[_Producer]) -> None:
    """What keeps one producer's channels keeps those of all that share them."""
    first = component[0]
    reasons = [p.reason for p in component if p.reason]
    if not reasons and any(p.output for p in component):
        reasons = ["shares its channels with the network's output: zeroed only"]
    for other in component[1:]:
        if not reasons and set(other.roots.tolist()) != set(first.roots.tolist()):
            reasons = [f'"{first.made.layer}" and "{other.made.layer}" share only some of their channels: zeroed only']
    for producer in component:
        producer.reason = (reasons or [""])[0]


def _members(use: Use, roots: Ids, place: Ids, owner: Ids) -> Iterator[tuple[int, Member]]:
    """The member of each group that has channels on this axis."""
    assert use.ids is not None  # axes without channels were left out
    own = np.where(use.ids < 0, -1, roots[use.ids])
    owners = np.where(own < 0, -1, owner[own])
    for number in np.unique(owners[owners >= 0]).tolist():
        channel = np.where(owners == number, place[own], -1).astype(np.int32)
        yield number, Member(use.array, use.axis, channel, use.produces)


def _rows(producer: _Producer) -> Group:
    """The rows of a producer whose channels stay, zeroed only."""
    made = producer.made
    first = int(made.ids[0])  # fresh ids follow one another
    members = [
        Member(use.array, use.axis, (use.ids - first).astype(np.int32), use.produces)
        for use in made.rows
        if use.ids is not None
    ]
    return Group(made.name, made.ids.size, tuple(members), cuttable=False, reason=producer.reason, kind=made.kind)


def _left_out(walk: Walk, producers: list[_Producer]) -> dict[str, str]:
    outputs = {p.made.layer: "the network's output is never cut" for p in producers if p.output}
    known = {p.made.layer for p in producers if not p.output}
    reasons = walk.absorbed | outputs
    layers = dict.fromkeys(weight.layer for weight in walk.graph.weights())
    return {layer: reasons.get(layer, "no value flows through it") for layer in layers if layer not in known}
