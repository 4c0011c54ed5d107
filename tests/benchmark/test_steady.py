"""A clip is timed when the memory is full, and later."""

from sonotrace.benchmark.steady import measure_steadiness, resident_bytes


def test_the_memory_is_full_by_frame_100():
    steady = measure_steadiness("stcn:tiny", 32, ages=(90,), frames=10)
    assert 0 < steady.full_at_frame <= 100
    assert set(steady.ratios) == {90}


def test_a_process_holds_some_memory():
    assert resident_bytes() > 10**7
