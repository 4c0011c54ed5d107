"""Counts agree with what can be counted by hand."""

import pytest

from sonotrace.benchmark.count import count_stages


def test_reads_are_counted_as_in_the_formulas():
    counts = count_stages("stcn:paper", 448, (50,))
    assert counts["dense read 50"].gmac == pytest.approx(784 * 39_200 * (64 + 512) / 1e9)
    assert counts["read 50"].gmac == pytest.approx((784 * 39_200 * 64 + 784 * 20 * 512) / 1e9)


def test_the_decoder_of_the_published_size_takes_48_gmac():
    """Eleven convolutions of 3 x 3 by hand: those at stride 16, 8 and 4, and the last."""
    at16 = 28**2 * 9 * (2 * 1024 * 512 + 512 * 512)
    at8 = 56**2 * 9 * (512 * 512 + 2 * 512 * 256 + 256 * 256)
    at4 = 112**2 * 9 * (3 * 256 * 256 + 256)
    decode = count_stages("stcn:paper", 448, ())["decode"]
    assert decode.gmac == pytest.approx((at16 + at8 + at4) / 1e9)
