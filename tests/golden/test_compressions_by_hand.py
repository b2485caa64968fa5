"""Compressions on numbers a reader can check by eye, with the source of each."""

import numpy as np
import pytest

from core.compression._clusters import clustered
from core.compression._file import _symbols
from core.compression._huffman import bits, codes, huffman, packed, uniform
from core.compression._loader import symbols
from core.compression.float16 import halved
from core.compression.int8 import rounded
from core.compression.sharing import shared
from core.plan import STARTS

#: Han et al. 2016, arXiv:1510.00149, figure 3: the weights.
WEIGHTS = np.array(
    [[2.09, -0.98, 1.48, 0.09], [0.05, -0.14, -1.08, 2.12], [-0.91, 1.92, 0, -1.03], [1.87, 0, 1.53, 1.49]], np.float32
)


def rng():
    return np.random.default_rng(0)


def test_shared_values_and_indices_of_deep_compressions_figure():
    """Figure 3: centroids -1.00, 0.00, 1.50, 2.00. There the two zeros are members of the second; here of none."""
    kept = shared(np.tile(WEIGHTS, (40, 1)), 2, "linear", rng())  # so often, or sharing saves nothing
    np.testing.assert_allclose(kept.book, [-1, 0, 1.5, 2], atol=1e-6)
    np.testing.assert_array_equal(kept.values[:14], [3, 0, 2, 1, 1, 1, 0, 3, 0, 3, 0, 3, 2, 2])
    assert not kept.restored()[WEIGHTS.shape[0] - 2, 2]
    np.testing.assert_allclose(kept.restored()[0], [2, -1, 1.5, 0], atol=1e-6)


def test_a_linear_start_puts_one_centre_at_each_end():
    """1, 2, 9, 10, 12: centres 1 and 12 split at 6.5; means 1.5 and 31 / 3 split at 5.9: nothing changes any more."""
    book, found = clustered(np.array([12, 1, 9, 2, 10], np.float32), 2, "linear", rng())
    np.testing.assert_allclose(book, [1.5, 31 / 3])
    np.testing.assert_array_equal(found, [1, 0, 1, 0, 1])


def test_a_density_start_has_as_many_values_about_each_centre():
    """1, 2, 3, 10: a quarter and three quarters of the way are 1.75 and 4.75, split at 3.25."""
    book, found = clustered(np.array([1, 2, 3, 10], np.float32), 2, "density", rng())
    np.testing.assert_allclose(book, [2, 10])
    np.testing.assert_array_equal(found, [0, 0, 0, 1])


@pytest.mark.parametrize("start", STARTS)
def test_as_many_clusters_as_values_lose_nothing(start):
    values = np.array([0.5, -1, 0.5, 3, -1, 0.25], np.float32)
    book, found = clustered(values, 8, start, rng())
    np.testing.assert_allclose(book[found], values)


def test_huffman_codes_of_the_textbook():
    """Cormen et al., Introduction to Algorithms, 16.3: a 45, b 13, c 12, d 16, e 9, f 5 take 224 bits (of 300)."""
    counts = np.array([45, 13, 12, 16, 9, 5])
    lengths = huffman(counts)
    np.testing.assert_array_equal(lengths, [1, 3, 3, 3, 4, 4])
    assert bits(counts, lengths) == 224
    assert bits(counts, uniform(6)) == 300


def test_canonical_codes_count_upwards():
    """Lengths 1 3 3 3 4 4 give 0 100 101 110 1110 1111; "face" is 1111 0 101 1110, padded with zeros."""
    lengths = np.array([1, 3, 3, 3, 4, 4], np.uint8)
    np.testing.assert_array_equal(codes(lengths), [0, 0b100, 0b101, 0b110, 0b1110, 0b1111])
    face = np.array([5, 0, 2, 4])
    assert packed(face, lengths).tobytes() == bytes([0b11110101, 0b11100000])
    np.testing.assert_array_equal(symbols(packed(face, lengths), lengths, 4), face)


def test_codes_that_would_be_too_long_are_cut_back():
    """Fibonacci's counts make the longest codes there are: 29 bits for 30 symbols."""
    counts = [1, 1]
    while len(counts) < 30:
        counts.append(counts[-1] + counts[-2])
    lengths = huffman(np.array(counts))
    assert lengths.max() <= 16
    assert sum(2.0 ** -int(length) for length in lengths) <= 1


def test_distances_and_their_fillers():
    """Figure 2 of Deep Compression: entries at 1, 4 and 15 with three bits each: eleven on is one filler and three."""
    gaps = np.diff(np.array([1, 4, 15]), prepend=-1) - 1
    np.testing.assert_array_equal(_symbols(gaps, 7), [1, 2, 7, 3])


def test_eight_bit_integers_round_to_even_and_keep_a_scale_a_channel():
    """s = max|w| / 127 of each row: 1 and 2. Ties go to the even number (IEEE 754)."""
    kept = rounded(np.array([[127, 2.5, -3.5, 0.5], [-254, 2, 0, 6.9]], np.float32))
    np.testing.assert_array_equal(kept.scale, [1, 2])
    np.testing.assert_array_equal(kept.restored(), [[127, 2, -4, 0], [-254, 2, 0, 6]])


def test_half_precision_has_eleven_bits():
    """2049 lies between 2048 and 2050, ties to even; 70,000 is more than there is; 1e-9 is less."""
    kept = halved(None, np.array([2049, 70_000, 1e-9, 0, 1.5], np.float32))
    np.testing.assert_array_equal(kept.restored(), [2048, 65_504, 0, 0, 1.5])
