"""Hidden units of recurrent layers."""

from core.structures._groups import Grouped


class Hidden(Grouped):
    """One hidden unit of a GRU or LSTM: its rows of every gate, its recurrent columns, and the consumers' columns."""

    name = "hidden"
    title = "Hidden units"
    note = "Hidden units of GRU and LSTM go with all their gates, and the network really becomes smaller and faster."
    unit = "hidden unit"
    kinds = ("hidden",)
