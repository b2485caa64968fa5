"""Attention heads."""

from core.structures._groups import Grouped


class Head(Grouped):
    """One head of a multi-head attention: its rows of query, key and value and its columns of the out projection."""

    name = "head"
    title = "Attention heads"
    note = "Whole attention heads go, and the network really becomes smaller and faster."
    unit = "head"
    rounds = False
    kinds = ("head",)
