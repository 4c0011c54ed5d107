"""Folded beams, long rows and a logarithm of our own give what plain sums give."""

import numpy as np
import pytest

from sonotrace.benchmark.physics_rig import complex_echoes, pose_at, renderer_of
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.picture import make_developer
from sonotrace.simulate.echo.picture_kernel import fold_looks
from sonotrace.simulate.echo.slice import empty_echo
from sonotrace.simulate.probe import Probe, Scanner, View

VIEW = View(rows=96, columns=96, pixel_mm=0.2)
EVERYTHING = np.ones((8, 8), dtype=np.float32)


def folded(*steering_deg):
    taps = make_grid(Scanner(probe=Probe(steering_deg=steering_deg), view=VIEW)).taps
    return taps, fold_looks(taps.pulse, taps.beam_real, taps.beam_imag)


@pytest.mark.parametrize(
    ("steering_deg", "kept"),
    [((0.0,), 1), ((5.0,), 1), ((-7.0, 0.0, 7.0), 2), ((-7.0, 0.0, 5.0), 3), ((7.0, -7.0), 1)],
)
def test_looks_that_mirror_one_another_are_kept_once(steering_deg, kept):
    assert len(folded(*steering_deg)[1].kind) == kept


def test_even_and_odd_parts_add_up_to_the_taps():
    taps, looks = folded(-7.0, 7.0)
    even, odd = (part[0] @ np.array([1, 1j]) for part in (looks.even, looks.odd))
    even[:, 0] *= 2  # the middle is stored by halves
    middle = taps.beam_real.shape[2] // 2
    beam = taps.beam_real + 1j * taps.beam_imag
    np.testing.assert_allclose(even + odd, beam[0, :, middle:], atol=1e-6)
    np.testing.assert_allclose(even - odd, beam[1, :, middle:], atol=1e-6)


@pytest.mark.parametrize("steering_deg", [(5.0,), (-7.0, 7.0), (-4.0, 0.0, 6.0)])
@pytest.mark.parametrize("columns", [96, 91])
def test_levels_are_the_mean_power_of_any_looks_and_of_any_width(steering_deg, columns):
    view = View(rows=80, columns=columns, pixel_mm=0.2)
    scanner = Scanner(probe=Probe(steering_deg=steering_deg), view=view)
    renderer = renderer_of(scanner, [pose_at()], pitch_mm=0.4)
    grid, echo = renderer.grid, renderer.echoes(pose_at())
    looks = range(len(steering_deg))
    power = np.mean([np.abs(complex_echoes(grid, echo, k)) ** 2 for k in looks], axis=0)
    power = power.reshape(grid.lines, grid.shape.per_row, grid.beams).mean(axis=1)
    level = renderer.developer.level(echo, EVERYTHING, None)
    np.testing.assert_allclose(level, 10 * np.log10(power), atol=1e-3)


def test_levels_follow_the_logarithm_over_twenty_powers_of_ten():
    developer = make_developer(make_grid(Scanner(view=VIEW)), 0)
    echo = empty_echo(developer.grid)
    echo[:] = 1
    one = developer.level(echo, EVERYTHING, None)
    for power in np.arange(-9.0, 11.0, 0.37):
        found = developer.level(np.float32(10 ** (power / 2)) * echo, EVERYTHING, None)
        np.testing.assert_allclose(found - one, 10 * power, atol=1e-4)


@pytest.mark.parametrize("steering_deg", [(0.0,), (-7.0, 0.0, 7.0)])
def test_what_is_not_a_number_is_not_hidden(steering_deg):
    developer = make_developer(
        make_grid(Scanner(probe=Probe(steering_deg=steering_deg), view=VIEW)), 0
    )
    echo = empty_echo(developer.grid)
    echo[100, 0, 20, 0] = np.nan
    level = developer.level(echo, EVERYTHING, 1)
    assert np.isnan(level).any()
    assert np.isfinite(level[-8:]).all()
    assert (developer.grey(np.full_like(level, np.nan)) == 0).all()
