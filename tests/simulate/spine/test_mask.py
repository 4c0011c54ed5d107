"""Classes of bone come in pieces wide enough to be seen."""

import numpy as np
import pytest

from sonotrace.simulate.spine.mask import tidy


def tidied(kind, depth_mm=None, narrow_mm=3.0):
    found = np.array(kind, dtype=np.uint8)
    depth = np.full(len(kind), 20.0) if depth_mm is None else np.array(depth_mm, dtype=float)
    tidy(found, depth, np.ones(len(kind)), narrow_mm)
    return found.tolist()


def test_stripes_take_the_class_of_the_wider_neighbour():
    assert tidied([2] * 6 + [1] * 2 + [2] + [1] * 5) == [2] * 6 + [1] * 8
    assert tidied([1] + [2] * 5) == [2] * 6
    assert tidied([2] * 5 + [1]) == [2] * 6


@pytest.mark.parametrize("at", [3, 5, 8])
def test_borders_of_wide_pieces_stay(at):
    kind = [2] * at + [1] * (12 - at)
    assert tidied(kind) == kind


def test_a_narrow_surface_has_no_class_and_its_neighbours_keep_theirs():
    kind, depth = [2] * 5 + [3] * 2 + [1] * 5, [20.0] * 5 + [40.0] * 2 + [10.0] * 5
    assert tidied(kind, depth) == [2] * 5 + [0] * 2 + [1] * 5
    nothing = [20.0] * 5 + [np.nan] * 2 + [20.0] * 5
    assert tidied([2] * 5 + [0] * 2 + [1] * 5, nothing) == [2] * 5 + [0] * 2 + [1] * 5


def test_a_class_is_not_taken_across_a_break():
    kind, depth = [2] * 4 + [1] + [3] * 3, [20.0] * 4 + [40.0] * 4
    assert tidied(kind, depth) == [2] * 4 + [3] * 4
