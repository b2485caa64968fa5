"""Everything that can be removed for good, together."""

from core.structures._groups import Grouped


class Removable(Grouped):
    """Channels, attention heads and hidden units, all in one plan."""

    name = "removable"
    title = "All that can be removed"
    note = "Channels, attention heads and hidden units together: the smallest network in one go."
    unit = "unit"
    kinds = ("channel", "head", "hidden")
