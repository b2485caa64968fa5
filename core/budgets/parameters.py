"""Parameters that are left."""

from core.budgets._base import Measure
from core.budgets._left import Left
from core.measures.size import trained


class Parameters(Measure):
    """Entries of everything trained (kernels, biases, normalisation) that are neither cut away nor masked."""

    name = "parameters"
    title = "Parameters"
    unit = "parameters"
    note = "Trained values that are left: not cut away, not masked. Biases and normalisation count."
    by_numbers = True

    def cost(self, left: Left) -> float:
        entries = left.entries()
        return float(sum(entries[name] for name in trained(entries)))
