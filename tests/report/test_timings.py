"""Percentiles of known numbers."""

import pytest

from sonotrace.report.timings import Timings


def test_percentiles_are_those_of_the_measurements():
    timings = Timings()
    for milliseconds in range(1, 102):
        timings.add("track", milliseconds / 1000)
    summary = timings.summary()["track"]
    assert summary["p50_ms"] == pytest.approx(51)
    assert summary["p95_ms"] == pytest.approx(96)
    assert summary["max_ms"] == pytest.approx(101)
    assert summary["count"] == 101


def test_a_stage_that_never_ran_took_no_time():
    assert Timings().total("track") == 0.0
    assert Timings().percentile_ms("track", 95.0) == 0.0


def test_a_block_is_counted_once():
    timings = Timings()
    with timings.measure("read"):
        pass
    assert timings.summary()["read"]["count"] == 1
