"""Huffman codes for what the file counts in whole numbers."""

from dataclasses import replace

from core.compression._base import Compressed, Context, Method
from core.plan import Compression


class Coding(Method):
    """Frequent indices, and frequent distances between non-zeros, get short codes.

    Nothing changes but the bytes. Only whole numbers are coded: the indices of shared values, 8-bit weights, and where
    the non-zeros are.
    """

    name = "coding"
    title = "Huffman coding"
    formula = "canonical Huffman codes of the values' indices and of the distances between non-zeros"
    reference = "Huffman 1952; Han et al. 2016, Deep Compression, arXiv:1510.00149, section 4"
    note = "Loses nothing; pays after sharing or 8-bit integers, and where much is pruned."
    lossless = True

    def apply(self, before: Compressed, choice: Compression, context: Context) -> Compressed:
        return replace(before, coded=True, told=(), layers={})
