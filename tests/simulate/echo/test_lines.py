"""Lines of the lattice are cut to the slice, and bend where their tissue has moved."""

import numpy as np
import pytest

from sonotrace.benchmark.physics_rig import pose_at, renderer_of
from sonotrace.simulate.echo.lines import (
    BATCH,
    BENDS,
    blend_layer,
    drift_of,
    empty_lists,
    frame_of,
    list_courses,
    scatter,
)
from sonotrace.simulate.echo.slice import slice_at
from sonotrace.simulate.motion import STILL, Push, TissueMotion, flow_box, went_to
from sonotrace.simulate.probe import Probe, Scanner, View

SCANNER = Scanner(
    probe=Probe(height_mm=8.0, lens_mm=12.0), view=View(rows=64, columns=64, pixel_mm=0.25)
)
PITCH = 0.4


def moving():
    box = flow_box((-30.0, -30.0, -30.0), (30.0, 30.0, 30.0))
    return TissueMotion().flow(0.0, box, [Push((1.0, 8.0, 1.0), 6.0, (0.6, -0.5, 0.9))])


def first_batch(angles, flow, pitch_mm=PITCH):
    """Return the lists of the first batch of a layer in the middle, and what they were made of."""
    pose = pose_at((0.2, 0.1, 0.3), angles)
    renderer = renderer_of(SCANNER, [pose], pitch_mm=pitch_mm, moved_mm=2.0)
    lattice = renderer.world.lattice
    cut = slice_at(renderer.grid, renderer.tables, lattice, pose, flow)
    frame = frame_of(lattice, cut.rotation, cut.origin, cut.where.axis)
    lists = empty_lists(lattice.box.size[cut.where.axis])
    drift = drift_of(lattice, cut, flow)
    layer = (cut.where.ranges[0] + cut.where.ranges[1]) // 2
    if not flow.still:
        blend_layer(drift, layer)
    courses, line = list_courses(lists, (layer, cut.where.ranges[2]), cut, frame, drift)
    return lists, courses, line, (lattice, cut, pose)


def places_of(lists, courses):
    """Return x, y and z of the centres of all listed cells, from their courses."""
    found = []
    for n in range(courses):
        m = np.arange(lists.cells[n, 3])[:, None]
        place = lists.starts[n, :3] + m * lists.starts[n, 3:]
        for bend in lists.bends[n]:
            place = place + np.maximum(m - bend[0], 0) * bend[1:]
        found.append(place)
    return np.concatenate(found)


def cells_of(lists, courses, axis):
    found = []
    for n in range(courses):
        first, number = lists.cells[n, :3], lists.cells[n, 3]
        found.append(first + np.arange(number)[:, None] * (np.arange(3) == axis))
    return np.concatenate(found)


@pytest.mark.parametrize("flow", [STILL, moving()], ids=["still", "moving"])
@pytest.mark.parametrize("angles", [(0, 0, 0), (0, 30, 0), (0, 70, 0), (90, 0, 0)])
def test_cells_are_where_their_tissue_has_gone(angles, flow):
    lists, courses, _, (lattice, cut, pose) = first_batch(angles, flow)
    cells = cells_of(lists, courses, cut.where.axis)
    rest = (cells + np.array(lattice.box.first) + 0.5) * PITCH
    now = np.stack(went_to(flow, *np.ascontiguousarray(rest.T)), axis=1)
    expected = (now - pose.origin) @ pose.rotation
    np.testing.assert_allclose(places_of(lists, courses), expected, atol=2e-4)


def test_a_line_of_still_tissue_is_one_straight_course():
    lists, courses, _, (_, cut, _) = first_batch((0, 10, 0), STILL)
    assert not lists.bends[:courses, :, 1:].any()
    lines = {tuple(cell[:2]) for cell in lists.cells[:courses]}
    assert len(lines) == courses
    assert cut.where.axis == 2


def test_a_line_that_bends_often_is_several_courses():
    lists, courses, _, (_, cut, _) = first_batch((0, 0, 0), moving())
    # the slice is up to 8 mm thick and the flow has a node every 2 mm
    per_course = (BENDS + 1) * 2.0 / PITCH + 1
    assert lists.cells[:courses, 3].max() <= per_course
    assert cut.where.reach_mm * 2 / PITCH > 1


def test_a_batch_ends_with_the_line_that_fills_it():
    lists, courses, line, (_, cut, _) = first_batch((0, 0, 0), STILL, pitch_mm=0.3)
    listed = lists.cells[:courses, 3].sum()
    assert BATCH <= listed < BATCH + lists.cells[courses - 1, 3]
    assert cut.where.ranges[2] < line < cut.where.ranges[3]


def test_scatterers_stay_within_their_cells_and_have_both_signs():
    lists, courses, _, (lattice, cut, _) = first_batch((0, 20, 10), STILL)
    centres = places_of(lists, courses)
    number = scatter(lists, courses, lattice, cut)
    assert number == len(centres)
    off = lists.place[:2, :number].T - centres[:, :2]
    assert np.abs(off).max() < PITCH / 2 * np.sqrt(3)
    assert set(np.unique(lists.place[3, :number])) == {-1.0, 1.0}
    assert abs(lists.place[3, :number].mean()) < 0.3
