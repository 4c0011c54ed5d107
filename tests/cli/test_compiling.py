"""Compilation is seen when it happens, and only then."""

import numba
import pytest

from sonotrace.cli.compiling import watch_compiling


def fresh():
    return numba.njit(lambda x: x + 1)


def test_what_is_compiled_is_told_of_once_and_timed():
    told = []
    with watch_compiling(lambda: told.append(True)) as compiling:
        assert compiling.seconds == 0
        fresh()(1)
        first = compiling.seconds
        fresh()(2)
    assert told == [True]
    assert 0 < first < compiling.seconds


def test_what_was_compiled_before_or_is_compiled_later_does_not_count():
    told, known, late = [], fresh(), fresh()
    known(1)
    with watch_compiling(lambda: told.append(True)) as compiling:
        known(2)
    late(1)
    assert not told
    assert compiling.seconds == 0


def test_nothing_is_watched_any_more_after_an_error():
    told = []
    with pytest.raises(KeyError), watch_compiling(lambda: told.append(True)):
        raise KeyError
    fresh()(1)
    assert not told
