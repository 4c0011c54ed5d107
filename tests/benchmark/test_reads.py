"""Two ways to read, one answer."""

from sonotrace.benchmark.reads import ReadTimes, compare_reads


def test_both_reads_find_the_same():
    assert compare_reads(300, side=5, K=8, V=16, rounds=1).error < 1e-5


def test_the_ratio_is_that_of_the_times():
    times = ReadTimes(positions=10, gathered_ms=2.0, dense_ms=6.0, error=0.0)
    assert times.ratio == 3
