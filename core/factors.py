"""A kernel as the product of two thinner ones: which can be, what rank keeps how much, and the factors themselves.

A kernel ``(out, in, *window)`` is read as the matrix ``out x (in * window)``. Of its singular value decomposition
``U S Vᵀ`` the first ``rank`` terms stay: ``down`` holds the rows of ``Vᵀ``, ``up`` the columns of ``U``, the root of
each singular value in both, so that the two are of one size (training and rounding like that).
Eckart & Young 1936: no matrix of that rank is nearer. For convolutions: Zhang et al. 2015, arXiv:1505.06798, section 2.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import prod

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats
from core.errors import BadModel, BadSetting
from core.graph import Graph, Node, Op, Weight

Doubles = NDArray[np.float64]
#: By Weight name ``(up, down)``, as :meth:`core.backends._base.LoadedModel.factorised` takes them.
Factors = Mapping[str, tuple[Floats, Floats]]
#: Entries from which on a decomposition takes the quicker way.
_LARGE = 1 << 20

#: Why a kernel of such an operation stays whole.
_REASONS = {
    Op.GRU: "the kernels of a recurrent layer belong to one operation that cannot be taken apart",
    Op.LSTM: "the kernels of a recurrent layer belong to one operation that cannot be taken apart",
    Op.ATTENTION: "the projections of attention belong to one operation that cannot be taken apart",
    Op.CONV_TRANSPOSE: "a transposed convolution is not factorised here",
    Op.SEPARABLE_CONV: "a separable convolution is a product of two kernels already",
}


@dataclass(frozen=True)
class Spectrum:
    """The singular values of one kernel, largest first."""

    name: str
    rows: int
    columns: int
    values: Doubles

    @property
    def size(self) -> int:
        """Entries of the kernel."""
        return self.rows * self.columns

    @property
    def most(self) -> int:
        """The largest rank whose factors have fewer entries than the kernel; 0 where there is none."""
        return min((self.size - 1) // (self.rows + self.columns), len(self.values))

    def cost(self, rank: int | None) -> int:
        """Entries of both factors; of the whole kernel where the rank is None."""
        return self.size if rank is None else rank * (self.rows + self.columns)

    def energy(self) -> Doubles:
        """Share of the squared singular values in the first 1, 2, … of them, rising to 1; all 1 for zeros."""
        squared = np.cumsum(np.square(self.values))
        return squared / squared[-1] if squared[-1] > 0 else np.ones_like(squared)


def unfactorable(graph: Graph) -> dict[str, str]:
    """By the Weight's name why it cannot be two factors; Weights that can are missing."""
    uses: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.layer is not None:
            uses.setdefault(node.layer, []).append(node)
    found = {weight.name: _reason(weight, uses.get(weight.layer, [])) for weight in graph.weights()}
    return {name: reason for name, reason in found.items() if reason}


def _reason(weight: Weight, uses: list[Node]) -> str:
    if not uses:
        return "no operation that is known uses it"
    for node in uses:
        if node.op in _REASONS:
            return _REASONS[node.op]
        if node.op is Op.CONV and node.attrs.get("groups", 1) > 1:
            return "a grouped or depthwise convolution does not mix all its channels: there is no one matrix"
        if node.op not in (Op.LINEAR, Op.CONV) or weight.role != "kernel":
            return f"the operation ({node.label or node.op}) is computed as it is"
    return ""


def checked(graph: Graph, factors: Factors) -> None:
    """Raise BadModel unless every name is a kernel that can be factorised and its factors fit it."""
    weights, refused = {weight.name: weight for weight in graph.weights()}, unfactorable(graph)
    for name, (up, down) in factors.items():
        if name not in weights:
            raise BadModel(f'There is no kernel "{name}" to factorise.')
        if name in refused:
            raise BadModel(f'"{name}" cannot be factorised: {refused[name]}.')
        out, into, *window = weights[name].shape
        rank = len(down) if down.ndim else 0
        wanted = (out, rank, *(1 for _ in window)), (rank, into, *window)
        if rank < 1 or (up.shape, down.shape) != wanted:
            raise BadModel(f'The factors of "{name}" have shapes {up.shape} and {down.shape}; {wanted} are expected.')


def spectrum(name: str, kernel: Floats) -> Spectrum:
    """The singular values of a kernel ``(out, in, *window)``."""
    matrix = _matrix(kernel)
    rows, columns = matrix.shape
    if matrix.size <= _LARGE:
        values: Doubles = np.linalg.svd(matrix, compute_uv=False).astype(np.float64, copy=False)
    else:
        values = _squared(matrix if rows <= columns else matrix.T)[0]
    return Spectrum(name, rows, columns, values)


def factors(kernel: Floats, rank: int) -> tuple[Floats, Floats]:
    """The nearest product of that rank: ``up`` ``(out, rank, 1, …)`` and ``down`` ``(rank, in, *window)``.

    Raises:
        BadSetting: The rank is not 1 to that of a full decomposition.
    """
    matrix = _matrix(kernel)
    if not 1 <= rank <= min(matrix.shape):
        raise BadSetting(f"The rank must be 1 to {min(matrix.shape)} for a kernel of {kernel.shape}; got {rank}.")
    left, right = _halves(matrix, rank)
    # A sign is free in every pair: the largest entry of each column is made positive, the same on every machine.
    sign = np.sign(left[np.abs(left).argmax(axis=0), np.arange(rank)])
    sign[sign == 0] = 1
    up, down = left * sign, sign[:, None] * right
    window = kernel.shape[2:]
    shapes = (kernel.shape[0], rank, *(1 for _ in window)), (rank, *kernel.shape[1:])
    return up.astype(np.float32).reshape(shapes[0]), down.astype(np.float32).reshape(shapes[1])


def _halves(matrix: Doubles, rank: int) -> tuple[Doubles, Doubles]:
    """``U √S`` and ``√S Vᵀ``, the first ``rank`` of each."""
    if matrix.size <= _LARGE:
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        root = np.sqrt(values[:rank])
        return left[:, :rank] * root, root[:, None] * right[:rank]
    if len(matrix) > matrix.shape[1]:
        right, left = _halves(matrix.T, rank)
        return left.T, right.T
    values, vectors = _squared(matrix)
    root = np.sqrt(np.maximum(values[:rank], np.finfo(np.float64).tiny))
    left = vectors[:, :rank]
    return left * root, (left.T @ matrix) / root[:, None]


def _squared(matrix: Doubles) -> tuple[Doubles, Doubles]:
    """Singular values and left vectors of a wide matrix by way of W Wᵀ, many times quicker; values below 1e-8 of the
    largest are rounding."""
    values, vectors = np.linalg.eigh(matrix @ matrix.T)
    return np.sqrt(np.maximum(values[::-1], 0.0)), vectors[:, ::-1]


def names(kernel: str) -> tuple[str, str]:
    """What the two factors of a Weight are called, the first one first."""
    layer = kernel.rpartition(".")[0]
    return f"{layer}_down.kernel", f"{layer}_up.kernel"


def standing_for(kernel: str, among: Collection[str]) -> tuple[str, ...]:
    """The arrays that a network's kernel is in: itself, or once it was factorised its factors, or theirs in turn; none
    where it is gone."""
    if kernel in among:
        return (kernel,)
    down, up = names(kernel)
    if not any(name.startswith(down.removesuffix(".kernel")) for name in among):
        return ()
    return (*standing_for(down, among), *standing_for(up, among))


def product(up: Floats, down: Floats) -> Floats:
    """The kernel that two factors stand for, ``(out, in, *window)``."""
    found: Floats = (up.reshape(len(up), -1) @ down.reshape(len(down), -1)).reshape(len(up), *down.shape[1:])
    return found


def by_energy(spectra: Iterable[Spectrum], energy: float) -> dict[str, int | None]:
    """The smallest rank that keeps that share of the squared singular values; None where the kernel stays whole
    because its factors would be no smaller."""
    return {one.name: _smaller(one, int(np.searchsorted(one.energy(), energy - 1e-12)) + 1) for one in spectra}


def fixed(spectra: Iterable[Spectrum], ranks: Mapping[str, int]) -> dict[str, int | None]:
    """The ranks a person chose, of those kernels only; None where the factors would be no smaller."""
    return {one.name: _smaller(one, ranks[one.name]) for one in spectra if one.name in ranks}


def by_share(spectra: Iterable[Spectrum], share: float, chosen: Mapping[str, int | None]) -> dict[str, int | None]:
    """The ranks that keep most within a budget: all kernels together have at most ``share`` of their entries.

    From rank 1 on, always the next term that adds most of its kernel's energy for each entry it costs; a kernel that
    would reach its own size stays whole instead. ``chosen`` ranks are held. Where even that is more than the budget
    (:func:`least_share`), it is what there is.
    """
    known = list(spectra)
    ranks = _least(known, chosen)
    budget = int(share * sum(one.size for one in known) + 1e-9)
    used = sum(one.cost(ranks[one.name]) for one in known)
    free = [one for one in known if ranks[one.name] is not None and one.name not in chosen]
    waiting = [(_worth(one, 2), place, 2) for place, one in enumerate(free)]
    heapify(waiting)
    while waiting:
        _, place, rank = heappop(waiting)
        one = free[place]
        wanted = _smaller(one, rank)
        more = one.cost(wanted) - one.cost(rank - 1)
        if used + more > budget:
            continue  # nor do the terms after it come
        used += more
        ranks[one.name] = wanted
        if wanted is not None:
            heappush(waiting, (_worth(one, rank + 1), place, rank + 1))
    return ranks


def least_share(spectra: Iterable[Spectrum], chosen: Mapping[str, int | None]) -> float:
    """The smallest share of entries that :func:`by_share` can come to: rank 1 wherever nothing is chosen."""
    known = list(spectra)
    ranks = _least(known, chosen)
    return sum(one.cost(ranks[one.name]) for one in known) / max(sum(one.size for one in known), 1)


def _least(spectra: list[Spectrum], chosen: Mapping[str, int | None]) -> dict[str, int | None]:
    return {one.name: 1 if one.most else None for one in spectra} | dict(chosen)


def _worth(one: Spectrum, rank: int) -> float:
    """Minus the energy that a kernel's next term adds for each entry it costs; of the last one what makes it whole."""
    total = float(np.square(one.values).sum()) or 1.0
    gained = float(np.square(one.values[rank - 1 :]).sum() if rank > one.most else one.values[rank - 1] ** 2)
    return -gained / total / (one.cost(_smaller(one, rank)) - one.cost(rank - 1))


def _smaller(one: Spectrum, rank: int) -> int | None:
    return rank if rank <= one.most else None


def _matrix(kernel: Floats) -> Doubles:
    return np.asarray(kernel, np.float64).reshape(kernel.shape[0], prod(kernel.shape[1:]))
