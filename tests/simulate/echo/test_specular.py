import numpy as np
import pytest

from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.picture import make_developer
from sonotrace.simulate.echo.points import Points, add_points
from sonotrace.simulate.echo.slice import empty_echo
from sonotrace.simulate.echo.specular import (
    Finish,
    elevational_weight,
    half_slice_mm,
    point_strength,
    reflected,
)
from sonotrace.simulate.probe import Probe, Scanner, View

VIEW = View(rows=96, columns=96, pixel_mm=0.2)
PROBES = {
    "linear": Probe(focus_mm=12.0),
    "compounding": Probe(focus_mm=12.0, steering_deg=(-7.0, 0.0, 7.0)),
    "convex": Probe(shape="convex", frequency_mhz=5.0, focus_mm=12.0, radius_mm=30.0),
}


@pytest.fixture(scope="module", params=PROBES)
def grid(request):
    probe = PROBES[request.param].model_copy(update={"elevation": "gaussian"})
    return make_grid(Scanner(probe=probe, view=VIEW))


def level_of_line(grid, slope_rad, depth_mm):
    """Return the mean level along the rows that hold a line of amplitude 10."""
    step = 0.03
    along = np.arange(-5, 5, step)
    down = depth_mm + along * np.sin(slope_rad)
    across = along * np.cos(slope_rad)
    reach = grid.shape.radius + depth_mm if grid.shape.convex else 1.0
    slope = np.full_like(along, np.tan(slope_rad))
    steps, ten = np.full_like(along, step), np.full_like(along, 10.0)
    strength = point_strength(grid, down, slope, steps, ten)
    echo = empty_echo(grid)
    add_points(echo, grid, Points(down, across / reach, strength))
    developer = make_developer(grid, 0)
    level = developer.level(echo, np.ones((8, 8), dtype=np.float32), None)
    columns = abs(grid.beam_positions() * reach) < 2.0 * np.cos(slope_rad)
    return 10 * np.log10((10 ** (level[:, columns] / 10)).max(axis=0).mean())


@pytest.mark.parametrize("slope_deg", [0, 20, 40, 60])
def test_a_line_peaks_at_the_amplitude_asked_for_whatever_its_slope(grid, slope_deg):
    depths = 11 + 0.2 * np.arange(4) / 4  # where in a row a flat line lies moves its level
    level = [level_of_line(grid, np.radians(slope_deg), depth) for depth in depths]
    assert np.mean(level) == pytest.approx(20, abs=0.8)


def test_reflection_is_strongest_across_the_beam_and_never_below_its_diffuse_part():
    finish = Finish(32.0, -31.0, np.radians(20))
    level = 20 * np.log10(reflected(finish, np.radians([0.0, 20.0, 40.0, 89.0])))
    # by hand: 32; 32 + 20 log10(0.0282 + 0.9718 / e); the same with exp(-4); 32 - 31
    assert level == pytest.approx([32.0, 23.7, 5.3, 1.0], abs=0.1)


@pytest.mark.parametrize("elevation", ["lens", "gaussian"])
def test_the_elevational_weight_never_rises_with_the_offset(elevation):
    grid = make_grid(Scanner(probe=Probe(elevation=elevation), view=VIEW))
    offset = np.linspace(0, 8, 400)
    for depth in (2.0, 8.0, 18.0):
        weight = elevational_weight(grid, np.full_like(offset, depth), offset)
        assert (np.diff(weight) <= 1e-12).all()
        assert weight[0] == pytest.approx(1.0, abs=1e-6)
        assert weight[-1] == 0


def test_the_slice_is_as_thick_as_nine_tenths_of_a_gaussian_beam():
    probe = Probe(elevation="gaussian")
    grid = make_grid(Scanner(probe=probe, view=VIEW.model_copy(update={"rows": 110})))
    # at the focus |W|^2 = exp(-z^2 / s^2), s = 0.376 wavelength lens / height = 0.309 mm;
    # erf(z / s) = 0.9 at z = 1.163 s
    assert half_slice_mm(grid, np.array([20.0]))[0] == pytest.approx(0.359, abs=0.03)
