"""Speckle reduction averages, keeps the mean and knows the border."""

import numpy as np
import pytest
from scipy import ndimage

from sonotrace.settings import replace
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.smoothing import make_smoother, smooth_level
from sonotrace.simulate.probe import Display, Scanner, View

LIMITS = (-100.0, 100.0)


def smoother(share=1.0, depth_mm=0.2, across_mm=0.5):
    display = Display(smooth_depth_mm=depth_mm, smooth_across_mm=across_mm, smooth_share=share)
    return make_smoother(make_grid(scanner(display)))


def scanner(display):
    return Scanner(display=display, view=View(rows=96, columns=96, pixel_mm=0.2))


@pytest.fixture
def level():
    return np.random.default_rng(0).standard_normal((40, 60)).astype(np.float32)


def test_no_smoothing_is_the_default():
    assert make_smoother(make_grid(scanner(Display()))) is None


def test_the_filter_is_a_gaussian_of_the_widths_in_mm(level):
    grid = make_grid(scanner(Display()))
    sigma = (0.2 / 0.2, 0.5 / grid.shape.beam_step)
    expected = ndimage.gaussian_filter(level, sigma, mode="nearest", truncate=2.5)
    smooth = smooth_level(level, smoother(), LIMITS)
    assert np.abs(smooth - expected).max() < 0.05  # the last taps are cut differently


def test_an_even_picture_stays_as_it_is(level):
    even = np.full_like(level, 3.25)
    assert smooth_level(even, smoother(), LIMITS) == pytest.approx(even, abs=1e-5)


def test_half_a_share_lies_half_way(level):
    full, half = (smooth_level(level, smoother(share), LIMITS) for share in (1.0, 0.5))
    assert half == pytest.approx((full + level) / 2, abs=1e-5)


def test_what_is_black_counts_as_black_however_dark(level):
    dark = level.copy()
    dark[20, 30] = -80.0
    black = np.maximum(dark, -4.0)
    assert smooth_level(dark, smoother(), (-4.0, 9.0)) == pytest.approx(
        smooth_level(black, smoother(), (-4.0, 9.0))
    )


def test_widths_below_a_pixel_change_little(level):
    fine = smoother(depth_mm=0.0, across_mm=0.0)
    assert smooth_level(level, fine, LIMITS) == pytest.approx(level, abs=1e-6)


def test_a_convex_array_is_smoothed_in_mm_at_half_depth():
    made = scanner(Display(smooth_share=1.0, smooth_across_mm=1.5))
    made = replace(made, probe=replace(made.probe, shape="convex", frequency_mhz=3.5))
    made = replace(made, view=replace(made.view, pixel_mm=0.8))
    grid = make_grid(made)
    step_mm = grid.shape.beam_step * (grid.shape.radius + grid.depth_of_lines()[-1] / 2)
    taps = make_smoother(grid).across
    weights = np.concatenate([taps[:0:-1], taps])
    place = (np.arange(len(weights)) - len(taps) + 1) * step_mm
    assert np.sqrt((weights * place**2).sum()) == pytest.approx(1.5, rel=0.1)
