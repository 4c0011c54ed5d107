import math

import numpy as np
import pytest
from scipy import ndimage

from sonotrace.simulate.beam import (
    AXIAL_STEPS,
    Probe,
    draw_gain,
    echo_of_scatterers,
    echo_of_surface,
    grid_points,
    line_scale,
    picture_of,
    pixel_points,
    speckle_scale,
)

SIZE = 256
PROBE = Probe(size=SIZE, noise_db=-200.0)
FLAT = np.zeros((AXIAL_STEPS * SIZE, SIZE), dtype=np.float32)


def speckle(random, per_mm2=60.0):
    count = round(per_mm2 * 44 * 44)
    x, z = random.uniform(-22, 22, count), random.uniform(-2, 42, count)
    signs = 2.0 * random.integers(0, 2, count) - 1
    return echo_of_scatterers(PROBE, x, z, speckle_scale(PROBE, per_mm2) * signs)


def level_db(grey):
    """Undo the display."""
    return (grey.astype(float) / 255 - 1) * PROBE.dynamic_range_db + PROBE.full_db


def inner(grey):
    return level_db(grey)[8:-8, 8:-8]


def test_speckle_of_strength_one_has_an_rms_of_one():
    random = np.random.default_rng(0)
    power = 10 ** (inner(picture_of(PROBE, speckle(random), FLAT, random)) / 10)
    assert 10 * math.log10(power.mean()) == pytest.approx(-0.2, abs=0.3)


def test_speckle_is_fully_developed():
    # Intensity before the average over rows: <I^2> / <I>^2 = 2 for a circular Gaussian field.
    random = np.random.default_rng(1)
    echo = speckle(random)
    sigma = (PROBE.pulse_mm / PROBE.row_mm, PROBE.beam_mm / PROBE.pixel_mm)
    field = ndimage.gaussian_filter(echo.real, sigma) + 1j * ndimage.gaussian_filter(
        echo.imag, sigma
    )
    intensity = abs(field[16:-16, 8:-8]) ** 2
    assert (intensity**2).mean() / intensity.mean() ** 2 == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("degrees", [0, 20, 40, 60])
def test_a_line_peaks_at_its_level_at_any_angle(degrees):
    angle, along = math.radians(degrees), np.arange(-12, 12, 0.02)
    x, z = along * math.cos(angle), 20 + along * math.sin(angle)
    strength = np.full(len(x), line_scale(PROBE, 50.0, angle) * 10 ** (20 / 20))
    echo = echo_of_surface(PROBE, x, z, strength)
    shown = level_db(picture_of(PROBE, echo, FLAT, np.random.default_rng(0)))
    # A pixel averages over its rows, and the ridge's middle lies between pixels.
    assert np.median(shown[80:176, 118:138].max(axis=0)) == pytest.approx(18.5, abs=1.5)


def test_gain_shifts_the_level_by_itself():
    echo = speckle(np.random.default_rng(2))
    plain = inner(picture_of(PROBE, echo, FLAT, np.random.default_rng(0)))
    lower = inner(picture_of(PROBE, echo, FLAT - 5, np.random.default_rng(0)))
    assert np.median(plain - lower) == pytest.approx(5, abs=0.3)


def test_echoes_outside_the_picture_leave_no_trace():
    far = np.array([-300.0, 300.0, 0.0, 0.0]), np.array([20.0, 20.0, -50.0, 90.0])
    assert not echo_of_scatterers(PROBE, *far, np.ones(4)).any()


def test_only_noise_changes_between_frames_of_the_same_echo():
    probe, echo = Probe(size=SIZE), speckle(np.random.default_rng(3))
    one, other = (picture_of(probe, echo, FLAT, np.random.default_rng(i)) for i in range(2))
    assert (one != other).any()
    assert np.median(abs(one.astype(int) - other)) <= 3


def test_pixels_lie_in_the_middle_of_their_grid_rows():
    _, fine = grid_points(PROBE)
    _, coarse = pixel_points(PROBE)
    np.testing.assert_allclose(fine.reshape(SIZE, AXIAL_STEPS, SIZE).mean(axis=1), coarse)


def test_a_drawn_gain_fits_the_grid():
    assert draw_gain(PROBE, np.random.default_rng(0)).shape == FLAT.shape
