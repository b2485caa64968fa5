"""Prefix codes: how long each symbol's code is, and the bits of a message.

Codes are canonical: in the order of (length, symbol) they count upwards (Schwartz and Kallick 1964), so that the
lengths say everything. The way back is in :mod:`core.compression._loader`.
"""

from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The longest code, in bits: what the loader's window holds.
LONGEST = 16


def huffman(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Bits of each symbol's code, 0 for a symbol that never occurs; a lone symbol has a code of 1 bit.

    Huffman 1952. Where a code were longer than ``LONGEST``, counts are halved until it is not.
    """
    lengths = _lengths(counts)
    while lengths.max(initial=0) > LONGEST:
        counts = np.where(counts > 0, counts // 2 + 1, 0)
        lengths = _lengths(counts)
    return lengths


def _lengths(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    lengths = np.zeros(len(counts), np.uint8)
    used = np.flatnonzero(counts)
    if len(used) == 1:
        lengths[used] = 1
        return lengths
    heap: list[tuple[int, int, list[int]]] = [(int(counts[symbol]), int(symbol), [int(symbol)]) for symbol in used]
    heapify(heap)
    while len(heap) > 1:
        (one, first, left), (other, _, right) = heappop(heap), heappop(heap)
        members = left + right
        lengths[members] += 1
        heappush(heap, (one + other, first, members))
    return lengths


def uniform(symbols: int) -> NDArray[np.uint8]:
    """The same for codes of one length."""
    return np.full(symbols, max(1, (symbols - 1).bit_length()), np.uint8)


def codes(lengths: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Each symbol's canonical code, its lowest ``length`` bits."""
    found = np.zeros(len(lengths), np.uint32)
    code, before = 0, 0
    for symbol in np.argsort(lengths, kind="stable"):
        length = int(lengths[symbol])
        if length:
            code <<= length - before
            found[symbol], code, before = code, code + 1, length
    return found


def packed(symbols: NDArray[Any], lengths: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The message's bits, eight a byte, the first one highest."""
    own, code = lengths[symbols].astype(np.int64), codes(lengths)[symbols]
    ends = np.cumsum(own)
    bits = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    for back in range(int(lengths.max(initial=0))):
        there = own > back
        bits[ends[there] - 1 - back] = (code[there] >> np.uint32(back)) & np.uint32(1)
    return np.packbits(bits)


def bits(counts: NDArray[np.int64], lengths: NDArray[np.uint8]) -> int:
    """How long a message with these counts is."""
    return int((counts * lengths).sum())
