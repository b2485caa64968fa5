"""Reads ``compressed.safetensors`` with numpy and safetensors alone: this file is the loader that is handed out."""

import json
from math import prod
from typing import Any

import numpy as np
from safetensors import safe_open


def symbols(stream: Any, lengths: Any, count: int) -> Any:
    """So many symbols of a stream of canonical prefix codes; ``lengths`` are the bits of each symbol's code."""
    order = np.argsort(lengths, kind="stable")[np.count_nonzero(lengths == 0) :]
    longest = int(lengths.max())
    table: Any = np.repeat(order, 1 << (longest - lengths[order].astype(int))).astype(np.uint16)
    table = np.pad(table, (0, (1 << longest) - len(table)))  # symbol by the next bits, whatever follows its code
    bits = np.unpackbits(np.pad(stream, (0, 2)))
    ahead: Any = np.zeros(8 * len(stream), np.uint16)
    for place in range(longest):
        ahead = ahead << 1 | bits[place : place + len(ahead)]
    steps, at, starts = lengths[table[ahead]].tobytes(), 0, np.empty(count, np.int64)
    for number in range(count):
        starts[number], at = at, at + steps[at]
    return table[ahead[starts]]


def load(path: Any) -> Any:
    """Every array by name: float32, (out, in, *kernel)."""
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        packed = json.loads(file.metadata()["packed"])
    for name, (shape, gaps, codes) in packed.items():
        flat, there = np.zeros(prod(shape), np.float32), np.arange(prod(shape))
        if gaps:  # how many zeros lie before each entry; the last symbol stands for so many zeros and no entry
            lengths = arrays.pop(f"{name}:gap_bits")
            found = symbols(arrays.pop(f"{name}:gaps"), lengths, gaps).astype(np.int64)
            there = (np.cumsum(found + (found < len(lengths) - 1)) - 1)[found < len(lengths) - 1]
        values = arrays.pop(f"{name}:values")
        if codes:
            values = arrays.pop(f"{name}:book")[symbols(values, arrays.pop(f"{name}:value_bits"), codes)]
        flat[there] = values
        arrays[name] = flat.reshape(shape)
        if f"{name}:scale" in arrays:
            arrays[name] *= arrays.pop(f"{name}:scale").reshape(-1, *[1] * (len(shape) - 1))
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}
