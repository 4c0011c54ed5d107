"""Bones are where their vertebra says, whatever its turn and size."""

import itertools

import numpy as np
import pytest

from sonotrace.simulate.echo.surface import read_sheet
from sonotrace.simulate.spine.body import (
    ARTICULAR,
    CANAL_TOP_MM,
    LAMINA,
    PERIOD_MM,
    SPINOUS,
    axis_at,
    bake_bone,
    draw_spine,
    sheets_of,
)

STEP = 0.4
LOW, HIGH = np.array([-24.0, 4.0, -20.0]), np.array([24.0, 44.0, 20.0])


@pytest.fixture(scope="module", params=[1, 2])
def spine(request):
    return draw_spine(np.random.default_rng(request.param), 0.5, 20.0)


@pytest.fixture(scope="module")
def baked(spine):
    return bake_bone(spine, LOW, HIGH, STEP)


def place_of(row, u, v, w):
    """Return where a point of a vertebra is in tissue."""
    return row[:3] + row[3:12].reshape(3, 3) @ (row[12] * np.array([u, v, w]))


def at(volume, place):
    x, y, z = np.rint((place - LOW) / STEP).astype(int)
    return volume[y, x, z]


def inner(spine):
    """Return the vertebrae that lie well within the box."""
    return [row for row in spine.vertebrae if abs(row[2]) < 13]


def test_every_part_is_bone_where_the_vertebra_has_it(spine, baked):
    bone, part = baked
    for row in inner(spine):
        for kind, (u, v, w) in {
            SPINOUS: (0.5 * row[13], -0.5 * row[14], 6.0),
            ARTICULAR: (26.0, 8.2, -5.8),
        }.items():
            place = place_of(row, u, v, w)
            assert at(bone.distance, place) < 0
            assert at(part, place) == kind
        for side in (-1, 1):
            place = place_of(row, 8.0 * side, 1.5, 0.0)
            assert at(bone.distance, place) < 0.5
            assert at(part, place) == LAMINA


def test_the_canal_holds_no_bone(spine, baked):
    bone, _ = baked
    for row in inner(spine):
        place = place_of(row, 0.0, CANAL_TOP_MM + spine.canal[1], 0.0)
        assert at(bone.distance, place) > 1.5


def test_the_distance_changes_by_at_most_a_mm_for_each_mm(baked):
    """Rounded ellipsoids and the roughness of the surface make it a little steeper in places."""
    bone, _ = baked
    for axis in range(3):
        slope = np.abs(np.diff(bone.distance, axis=axis)) / STEP
        near = np.abs(bone.distance[tuple(slice(0, n) for n in slope.shape)]) < 1.0
        assert np.median(slope[near]) <= 1
        assert (slope[near] < 1.6).mean() > 0.98


def test_the_axis_runs_through_every_vertebra(spine):
    z = spine.vertebrae[:, 2].copy()
    x, y, turn = axis_at(spine, z)
    np.testing.assert_allclose(x, spine.vertebrae[:, 0], atol=1e-9)
    np.testing.assert_allclose(y, spine.vertebrae[:, 1], atol=1e-9)
    np.testing.assert_allclose(
        turn, np.arctan2(spine.vertebrae[:, 6], spine.vertebrae[:, 3]), atol=1e-9
    )


def test_vertebrae_follow_one_another_at_the_period_of_their_size(spine):
    steps = np.diff(spine.vertebrae[:, 2])
    assert np.abs(steps.mean() / (spine.size * PERIOD_MM) - 1) < 0.1
    assert steps.min() > 0.7 * spine.size * PERIOD_MM


def test_surfaces_in_the_midline_lie_one_below_the_other(spine):
    sheets = sheets_of(spine, LOW, HIGH)
    z = np.linspace(-15, 15, 31)
    x, _, _ = axis_at(spine, z)
    depths = [
        read_sheet(sheets[name].height, sheets[name], x.astype(np.float32), z.astype(np.float32))
        for name in ("ligament", "ligament_end", "dura", "front")
    ]
    for above, below in itertools.pairwise(depths):
        assert (below > above + 0.3 * spine.size).all()
