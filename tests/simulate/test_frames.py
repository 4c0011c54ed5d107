"""Frames come in order, few at a time, whatever the number of threads."""

import threading
import time

import pytest

from sonotrace.benchmark.physics_rig import pose_at, renderer_of
from sonotrace.simulate.frames import in_order, usable_threads
from sonotrace.simulate.probe import Scanner, View


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads):
    def slow_at_first(n):
        time.sleep(0.01 * (n < 2))
        return n * n

    assert list(in_order(slow_at_first, range(9), threads)) == [n * n for n in range(9)]


def test_no_more_items_are_taken_than_there_are_threads():
    taken = []

    def items():
        for n in range(20):
            taken.append(n)
            yield n

    results = in_order(lambda n: n, items(), 2)
    next(results)
    assert len(taken) <= 3


def test_an_error_reaches_who_asked():
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda n: 1 / n, [1, 0, 1], 2))


def test_a_reader_that_stops_early_leaves_no_thread():
    before = threading.active_count()
    results = in_order(lambda n: n, range(100), 3)
    next(results)
    results.close()
    assert threading.active_count() == before


def test_frames_are_the_same_bytes_on_one_and_two_threads():
    scanner = Scanner(view=View(rows=96, columns=96, pixel_mm=0.2))
    poses = [pose_at((0.0, 0.0, 0.2 * n), (n, 0, 0)) for n in range(6)]
    renderer = renderer_of(scanner, poses)

    def frame(n):
        return renderer.grey(poses[n], noise_seed=n).tobytes()

    one, two = (list(in_order(frame, range(6), threads)) for threads in (1, 2))
    assert one == two


def test_the_number_of_threads_is_at_least_one():
    assert usable_threads(0) == 1
    assert usable_threads(3) == 3
    assert usable_threads() >= 1
