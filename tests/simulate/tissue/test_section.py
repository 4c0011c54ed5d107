import numpy as np
import pytest

from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.motion import STILL, Push, TissueMotion, flow_box
from sonotrace.simulate.probe import Probe, Scanner, View
from sonotrace.simulate.scene import Moment
from sonotrace.simulate.tissue.outline import Blob
from sonotrace.simulate.tissue.section import mark_section, trace_tissue
from sonotrace.simulate.world import pose_of

BODY = Blob(centre=(2.0, 14.0, 0.0), half_mm=(5.0, 3.0, 4.0))
GRID = make_grid(Scanner(view=View(rows=128, columns=128, pixel_mm=0.25)))
FAN = make_grid(
    Scanner(
        probe=Probe(shape="convex", frequency_mhz=3.5, radius_mm=40.0, angle_deg=60.0),
        view=View(rows=128, columns=128, pixel_mm=0.5),
    )
)


def moment(flow=STILL, z_mm=0.0, grid=GRID):
    pose = np.eye(4)
    pose[2, 3] = z_mm
    return Moment(0, 0.0, grid, pose_of(pose), flow)


def pushed():
    box = flow_box((-25.0, -5.0, -10.0), (25.0, 40.0, 10.0))
    pushes = [
        Push((4.0, 12.0, 0.0), 4.0, (0.8, 1.0, 0.2)),
        Push((-3.0, 18.0, 1.0), 5.0, (0, -1, 0)),
    ]
    return TissueMotion().flow(
        0.0, box, [Push(p[0], p[1], tuple(map(float, p[2]))) for p in pushes]
    )


def marked(at, body=BODY):
    labels = np.zeros((at.grid.scanner.view.rows, at.grid.scanner.view.columns), dtype=np.uint8)
    mark_section(labels, trace_tissue(at), body, 2)
    return labels


def test_a_body_at_rest_is_marked_where_its_distance_is_below_0():
    x, y = GRID.scanner.pixel_points()
    inside = BODY.contains(x.ravel(), y.ravel(), np.zeros(x.size)).reshape(x.shape)
    np.testing.assert_array_equal(marked(moment()) == 2, inside)


def test_a_section_off_the_middle_is_smaller_by_the_ellipse_of_its_offset():
    """An ellipsoid cut at z = c / 2 has 1 - 1/4 of the area of its middle section."""
    middle, off = (np.count_nonzero(marked(moment(z_mm=z))) for z in (0.0, 2.0))
    assert middle * 0.25**2 == pytest.approx(np.pi * 5 * 3, rel=0.02)
    assert off / middle == pytest.approx(0.75, abs=0.02)


def test_nothing_is_marked_beyond_the_body():
    assert not marked(moment(z_mm=4.3)).any()
    assert not marked(moment(z_mm=50.0)).any()


def test_the_mask_of_moved_tissue_is_off_by_less_than_a_tenth_of_a_pixel():
    """Against tracing every pixel back: those that differ lie right at the border."""
    at = moment(pushed())
    x, y, z = at.tissue_at(*map(np.ravel, at.grid.scanner.pixel_points()))
    distance = BODY.distance_mm(x, y, z).reshape(128, 128)
    labels = marked(at)
    assert np.count_nonzero(labels) > 500
    wrong = (labels == 2) != (distance < 0)
    assert abs(distance[wrong]).max(initial=0) < 0.1 * 0.25


def test_pixels_outside_a_fan_are_never_marked():
    wide = Blob(centre=(0.0, 20.0, 0.0), half_mm=(60.0, 60.0, 60.0))
    labels = marked(moment(grid=FAN), wide)
    np.testing.assert_array_equal(labels > 0, FAN.conversion.node >= 0)
