"""Multiply-adds that are left."""

from collections.abc import Mapping

from core.budgets._base import Measure
from core.budgets._left import Left
from core.graph import Graph
from core.measures.macs import positions, products


class Macs(Measure):
    """Multiply-adds for one sample with weights that are neither cut away nor masked.

    Products between activations shrink with the heads of an attention that are cut; others count in full.
    """

    name = "macs"
    title = "Multiply-adds"
    unit = "multiply-adds"
    note = "Multiplications for one sample with the weights that are left; zeros save them on sparse hardware only."
    by_numbers = True

    def cost(self, left: Left) -> float:
        graph, entries, rows = left.graph, left.entries(), left.widths()
        kernels = sum(entries[name] * count for name, count in positions(graph).items())
        return float(kernels + sum(count * _share(graph, layer, rows) for layer, count in products(graph).items()))


def _share(graph: Graph, layer: str, rows: Mapping[str, int]) -> float:
    """The share of an attention's products that is left: they go with the rows of query and value."""
    names = [name for name in (f"{layer}.query", f"{layer}.value") if name in rows]
    return sum(rows[name] for name in names) / sum(graph.arrays[name][0] for name in names) if names else 1.0
