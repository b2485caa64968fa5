"""Whole channels: rows of producers with everything that hangs on them. Smaller shapes, real speed."""

from core.structures._groups import Grouped


class Channel(Grouped):
    """Neurons, filters and features with their biases, normalisation and the columns of all consumers."""

    name = "channel"
    title = "Channels"
    note = "Whole neurons and filters go, and the network really becomes smaller and faster."
    unit = "channel"
    kinds = ("channel",)
