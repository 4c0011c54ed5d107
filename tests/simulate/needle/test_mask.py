import numpy as np
import pytest

from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.motion import STILL, Push, TissueMotion, flow_box
from sonotrace.simulate.needle.body import Advance, Needle
from sonotrace.simulate.needle.echo import see
from sonotrace.simulate.needle.mask import paint
from sonotrace.simulate.path import poses_from
from sonotrace.simulate.probe import Probe, Scanner, View
from sonotrace.simulate.scene import Moment
from sonotrace.simulate.tissue.blob_mask import mark_blob
from sonotrace.simulate.tissue.fascia import Streak, mark_streaks
from sonotrace.simulate.tissue.outline import Blob, draw_waves
from sonotrace.simulate.tissue.section import mark_section, trace_near, trace_tissue
from sonotrace.simulate.world import pose_of

GRIDS = {
    "linear": make_grid(
        Scanner(probe=Probe(elevation="gaussian"), view=View(rows=120, columns=96, pixel_mm=0.2))
    ),
    "convex": make_grid(
        Scanner(
            probe=Probe(shape="convex", frequency_mhz=5.0, radius_mm=40.0, elevation="gaussian"),
            view=View(rows=96, columns=112, pixel_mm=0.3),
        )
    ),
}
TILTED = pose_of(poses_from(np.array([[0.4, 0.1, -0.3]]), np.array([[0.05, 0.1, -0.08]]))[0])
BLOB = Blob(
    centre=(1.0, 9.0, 0.5),
    half_mm=(4.0, 3.0, 5.0),
    roll_rad=0.3,
    waves=draw_waves(np.random.default_rng(3), 6, 0.06, (2.0, 5.0)),
)
STREAKS = tuple(
    Streak(
        centre=(x, y, 0.2), slope_rad=slope, half_mm=4.5, out_mm=3.0, thickness_mm=0.3,
        level_db=15.0,
    )
    for x, y, slope in ((-3.0, 7.0, 0.5), (6.0, 14.0, -0.6), (0.0, 2.0, 0.0))
)  # fmt: skip


@pytest.fixture(params=GRIDS)
def at(request):
    """Return a moment at which tissue is bent."""
    box = flow_box((-30.0, -10.0, -8.0), (30.0, 40.0, 8.0))
    pushes = [Push((0.0, 9.0, 0.0), 5.0, (1.2, -0.8, 0.5)), Push((5.0, 14.0, 1.0), 7.0, (0, 1, 0))]
    return Moment(0, 0.0, GRIDS[request.param], TILTED, TissueMotion().flow(0.0, box, pushes))


def blank(at):
    view = at.grid.scanner.view
    return np.zeros((view.rows, view.columns), dtype=np.uint8)


def test_square_by_square_a_lesion_covers_the_pixels_that_it_covers_one_by_one(at):
    quick, slow = blank(at), blank(at)
    mark_blob(quick, trace_near(at, (BLOB,)), BLOB, 2)
    mark_section(slow, trace_tissue(at), BLOB, 2)
    assert (slow == 2).sum() > 100
    # the inverse of the motion is known to 1e-4 mm, which hardly ever decides a pixel
    assert (quick != slow).sum() <= 1


def test_square_by_square_streaks_cover_the_pixels_that_they_cover_one_by_one(at):
    quick, slow = blank(at), blank(at)
    mark_streaks(quick, trace_near(at, STREAKS), STREAKS)
    tracing = trace_tissue(at)
    for streak in STREAKS:
        mark_section(slow, tracing, streak, 1)
    assert slow.sum() > 30
    assert (quick != slow).sum() <= 1


def test_an_angular_lesion_is_marked_as_well(at):
    boxy = Blob(centre=BLOB.centre, half_mm=BLOB.half_mm, squareness=4.0)
    quick, slow = blank(at), blank(at)
    mark_blob(quick, trace_near(at, (boxy,)), boxy, 2)
    mark_section(slow, trace_tissue(at), boxy, 2)
    assert (quick != slow).sum() <= 1


def test_the_needle_lies_before_the_lesion_and_hides_of_it_only_what_is_seen_of_the_needle():
    grid = GRIDS["linear"]
    at = Moment(0, 0.0, grid, pose_of(np.eye(4)), STILL)
    needle = Needle(
        gauge=16, pivot=(-12.0, 2.0, 0.0), side=1, angle_rad=0.5, out_rad=0.0,
        advance=Advance((0.0,), (18.0,)),
    )  # fmt: skip
    nodes = see(grid, at.pose, needle.shaft(0.0, needle.along(0.0, 0.5)))
    behind = blank(at)
    mark_blob(behind, trace_near(at, (BLOB,)), BLOB, 2)
    near_tip = np.arange(len(nodes.x)) >= len(nodes.x) - 6
    geometric, visible, any_seen = paint(grid, nodes, near_tip, behind)
    shaft = paint(grid, nodes, near_tip, np.zeros_like(behind))[0] == 1
    assert any_seen
    assert ((geometric == 1) == shaft).all()
    assert (geometric[~shaft] == behind[~shaft]).all()
    hidden = visible != behind
    assert (visible[hidden] == 1).all()
    assert 0 < hidden.sum() < 0.5 * shaft.sum()
    _, unseen, any_seen = paint(grid, nodes, np.zeros_like(near_tip), behind)
    assert not any_seen
    assert (unseen == behind).all()
