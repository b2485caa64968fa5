"""Blocks of neighbouring weights, as sparse kernels of a processor like them."""

import re

from core.errors import BadSetting
from core.graph import Weight
from core.structures._parts import Parts


class Block(Parts):
    """R neighbouring outputs by C neighbouring inputs, every window position by itself; named ``block-RxC``.

    At the far edges blocks may be smaller. A layer too small for one whole block has no pool.
    """

    unit = "block"
    family = "block-{}x{}"
    number_titles = ("outputs", "inputs")

    def __init__(self, rows: int, columns: int) -> None:
        self.numbers = (rows, columns)
        self.name = self.family.format(rows, columns)
        self.title = f"Blocks {rows} x {columns}"
        self.note = (
            f"Blocks of {rows} outputs by {columns} inputs become zero together, as block-sparse kernels want it."
        )

    def box(self, weight: Weight) -> tuple[int, ...] | str:
        rows, columns = self.numbers
        if weight.shape[0] < rows or weight.shape[1] < columns:
            return f"its {weight.shape[0]} x {weight.shape[1]} weights are fewer than one block"
        return (rows, columns, *(1 for _ in weight.shape[2:]))


def block(name: str) -> Block | None:
    """The structure of that name; None if it is no name of a block.

    Raises:
        BadSetting: The numbers are out of range.
    """
    found = re.fullmatch(r"block-(\d{1,6})x(\d{1,6})", name)
    if not found:
        return None
    rows, columns = int(found[1]), int(found[2])
    if not (1 <= rows <= 1024 and 1 <= columns <= 1024):
        raise BadSetting(f'A block has 1 to 1024 outputs and inputs; got "{name}".')
    return Block(rows, columns)
