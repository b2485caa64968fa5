"""N:M: of every M consecutive weights N stay, as sparse tensor cores want it."""

import re
from collections.abc import Mapping

import numpy as np

from core.backends._base import Masks
from core.criteria import Criterion, Need, Signals
from core.criteria._seeding import generator
from core.errors import BadSetting
from core.graph import Graph, Weight
from core.masks import Mask
from core.scores import Array, Flags, Scores
from core.structures._base import Gone, Structure, Units

#: Entries whose order is looked for in one go.
CHUNK = 1 << 22


class NOfM(Structure):
    """One unit is a group of M consecutive weights along the input axis; when it goes, its M - N lowest entries do.

    A unit is worth the sum of the scores of those entries. The sparsity counts weights: all units gone is 1 - N/M.
    Inputs that do not fill a last group stay whole; a layer with fewer than M inputs has no pool.
    """

    unit = "group"
    least = 0
    family = "{}:{}"
    number_titles = ("kept", "of")

    def __init__(self, kept: int, of: int) -> None:
        self.kept, self.of = self.numbers = (kept, of)
        self.name = self.family.format(kept, of)
        self.title = f"{self.name} (keep {kept} of {of})"
        self.note = f"Of every {of} weights along the inputs the {kept} best stay; at most {1 - kept / of:.0%} go."
        self.whole = 1 - kept / of

    def left_out(self, graph: Graph) -> dict[str, str]:
        there = {unit.layer for unit in self.units(graph)}
        return {
            w.layer: f"it has {w.shape[1]} input{'s' * (w.shape[1] != 1)}, and a group takes {self.of}"
            for w in graph.weights()
            if w.layer not in there
        }

    def units(self, graph: Graph) -> tuple[Units, ...]:
        return tuple(Units(w.name, w.layer, self._groups(w), (w.name,)) for w in self._weights(graph))

    def needs(self, criterion: Criterion) -> frozenset[Need]:
        return criterion.entry_needs

    def scores(
        self, graph: Graph, units: Units, criterion: Criterion, signals: Mapping[str, Signals], seed: int
    ) -> Scores:
        scores = criterion.entries(signals[units.name], generator(seed, units.name))
        grouped = self._grouped(scores)
        lowest = np.empty(grouped.shape, np.bool_)
        worth = np.empty(len(grouped), np.float32)
        for start in range(0, len(grouped), CHUNK // self.of + 1):
            part = slice(start, start + CHUNK // self.of + 1)
            lowest[part] = _lowest(grouped[part], self.of - self.kept)
            worth[part] = np.sum(grouped[part], axis=1, where=lowest[part], dtype=np.float64)
        return Scores(worth, entries=self._spread(lowest, scores.shape))

    def quota(self, size: int, amount: float) -> int:
        """``round(size x amount / (1 - N/M))``, at most all."""
        return min(size, round(size * amount / self.whole))

    def comparable(self, scores: Scores, gone: Flags | None) -> Scores:
        """As they are: the units of all layers are groups of M weights."""
        return scores

    def gone(self, graph: Graph, masks: Masks) -> dict[str, Flags]:
        """Groups that have lost M - N entries, or more."""
        return {
            w.name: np.count_nonzero(self._grouped(masks[w.name].kept), axis=1) <= self.kept
            for w in self._weights(graph)
            if w.name in masks
        }

    def masks(
        self,
        graph: Graph,
        gone: Gone,
        worth: Mapping[str, Scores] | None = None,
        before: Masks | None = None,
    ) -> dict[str, Mask]:
        """Of a unit gone ``before`` the same entries as then; of others the lowest, or, not told them, the first."""
        found = {}
        for weight in self._weights(graph):
            flags = gone.get(weight.name)
            if flags is None or not flags.any():
                continue
            lowest = None if worth is None else worth[weight.name].entries
            dropped = self._first(flags.size) if lowest is None else self._grouped(lowest)
            kept = ~(dropped & flags[:, None])
            if before and weight.name in before:
                then = self._grouped(before[weight.name].kept)
                same = np.count_nonzero(then, axis=1) <= self.kept
                kept[same] = then[same]
            found[weight.name] = Mask(np.logical_not(self._spread(~kept, weight.shape)))
        return found

    def _weights(self, graph: Graph) -> list[Weight]:
        return [weight for weight in graph.weights() if weight.shape[1] >= self.of]

    def _groups(self, weight: Weight) -> int:
        return weight.size // weight.shape[1] * (weight.shape[1] // self.of)

    def _grouped(self, array: np.ndarray) -> np.ndarray:
        """The entries as ``(units, M)``: units by output, then window position, then input."""
        rows = np.moveaxis(array, 1, -1)
        whole = rows[..., : rows.shape[-1] // self.of * self.of]
        return np.ascontiguousarray(whole).reshape(-1, self.of)

    def _spread(self, grouped: Flags, shape: tuple[int, ...]) -> Flags:
        """The flags of :meth:`_grouped` in the Weight's shape; inputs without a group have none."""
        spread = np.zeros(shape, np.bool_)
        rows = np.moveaxis(spread, 1, -1)
        inputs = shape[1] // self.of * self.of
        rows[..., :inputs] = grouped.reshape(*rows.shape[:-1], inputs)
        return spread

    def _first(self, units: int) -> Flags:
        return np.tile(np.arange(self.of) < self.of - self.kept, (units, 1))


def n_of_m(name: str) -> NOfM | None:
    """The structure of that name; None if it is no such name.

    Raises:
        BadSetting: The numbers are out of range.
    """
    found = re.fullmatch(r"(\d{1,6}):(\d{1,6})", name)
    if not found:
        return None
    kept, of = int(found[1]), int(found[2])
    if not 1 <= kept < of <= 1024:
        raise BadSetting(f'N:M keeps at least 1 and fewer than M, with M at most 1024; got "{name}".')
    return NOfM(kept, of)


def _lowest(groups: Array, count: int) -> Flags:
    """Of each row the ``count`` lowest, of equal ones the first."""
    order = np.argsort(groups, axis=1, kind="stable")
    flags = np.zeros(groups.shape, np.bool_)
    np.put_along_axis(flags, order[:, :count], True, axis=1)
    return flags
