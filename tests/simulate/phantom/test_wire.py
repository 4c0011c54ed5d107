import numpy as np
import pytest

from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.motion import STILL, Push, TissueMotion, flow_box
from sonotrace.simulate.phantom.body import Rod
from sonotrace.simulate.phantom.wire import wire_echoes
from sonotrace.simulate.probe import Probe, Scanner, View
from sonotrace.simulate.scene import Moment
from sonotrace.simulate.world import pose_of

GRIDS = {
    shape: make_grid(
        Scanner(
            probe=Probe(shape=shape, elevation="gaussian", radius_mm=40.0),
            view=View(rows=96, columns=96, pixel_mm=0.25),
        )
    )
    for shape in ("linear", "convex")
}
CROSSING = Rod((2.0, 10.0, -8.0), (2.0, 10.0, 8.0), 0.05)
SLANTED = Rod((-4.0, 6.0, -8.0), (0.0, 14.0, 8.0), 0.05)


@pytest.fixture(params=GRIDS)
def grid(request):
    return GRIDS[request.param]


def moment(grid, flow=STILL):
    return Moment(0, 0.0, grid, pose_of(np.eye(4)), flow)


def places(grid, points):
    """Return x and y of points."""
    if not grid.shape.convex:
        return points.across, points.depth_mm
    reach = points.depth_mm + grid.shape.radius
    return reach * np.sin(points.across), reach * np.cos(points.across) - grid.shape.radius


def test_echoes_lie_on_the_wire_within_the_slice(grid):
    points = wire_echoes((CROSSING,), moment(grid))
    x, y = places(grid, points)
    np.testing.assert_allclose(x, 2.0, atol=1e-9)
    np.testing.assert_allclose(y, 10.0, atol=1e-9)
    half = float(grid.half_slab_mm(points.depth_mm[:1])[0])
    assert len(x) == pytest.approx(2 * half / 0.05, abs=1.5)
    assert (points.strength > 0).all()


def test_two_wires_echo_as_each_does_alone(grid):
    one, other = (wire_echoes((wire,), moment(grid)) for wire in (CROSSING, SLANTED))
    both = wire_echoes((CROSSING, SLANTED), moment(grid))
    for a, b, c in zip(one, other, both, strict=True):
        np.testing.assert_allclose(np.concatenate([a, b]), c)


def test_wires_go_with_the_tissue(grid):
    box = flow_box((-20.0, -10.0, -12.0), (20.0, 30.0, 12.0))
    pushed = TissueMotion().flow(0.0, box, [Push((2.0, 10.0, 0.0), 100.0, (1.0, -2.0, 0.0))])
    x, y = places(grid, wire_echoes((CROSSING,), moment(grid, pushed)))
    np.testing.assert_allclose(x, 3.0, atol=0.02)
    np.testing.assert_allclose(y, 8.0, atol=0.02)


def test_a_wire_beside_the_slice_is_silent(grid):
    beside = Rod((-5.0, 10.0, 9.0), (5.0, 10.0, 9.0), 0.05)
    assert wire_echoes((beside,), moment(grid)).depth_mm.size == 0
