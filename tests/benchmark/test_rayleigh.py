"""The integral against closed forms of diffraction."""

import numpy as np
import pytest

from sonotrace.benchmark.rayleigh import (
    correlation_of_shift,
    correlation_of_tilt,
    half_width,
    strip_field,
)
from sonotrace.simulate.probe import Probe

PROBE = Probe()  # 7.5 MHz, a lens of 5 mm focused at 20 mm


def test_at_the_focus_the_field_is_the_square_of_a_sinc():
    # one way: sinc(H y / (lambda z)); the first null lies at lambda z / H = 0.821 mm
    offset = np.linspace(0, 0.7, 50)
    field = np.abs(strip_field(PROBE, 7.5, np.full(50, 20.0), offset))
    expected = np.sinc(offset * 5 / (1.54 / 7.5 * 20)) ** 2
    np.testing.assert_allclose(field / field[0], expected, atol=0.01)


def test_waves_arrive_in_step_at_the_focus_and_nowhere_as_strongly():
    depth = np.linspace(8, 40, 65)
    size = np.abs(strip_field(PROBE, 7.5, depth, np.zeros(65)))
    assert depth[np.argmax(size * depth**2)] == pytest.approx(20, abs=1)
    assert size[np.argmin(abs(depth - 20))] == pytest.approx(1 / 20**2, rel=0.01)


def test_at_the_focus_correlation_is_the_overlap_of_two_squared_sincs():
    # the overlap of sinc^2 with itself is the transform of a squared triangle: a cubic spline
    wavelength = 1.54 / 7.5
    shift = np.array([0.2, 0.4, 0.6])
    frequency = np.linspace(-1, 1, 4001)
    weight = (1 - np.abs(frequency)) ** 2
    turn = 2 * np.pi * 5 / (wavelength * 20) * shift[:, None] * frequency
    expected = (weight * np.cos(turn)).sum(axis=1) / weight.sum()
    np.testing.assert_allclose(correlation_of_shift(PROBE, 20.0, shift), expected, atol=0.03)


def test_slices_that_do_not_move_are_alike():
    assert correlation_of_shift(PROBE, 12.0, np.zeros(1)) == pytest.approx(1)
    assert correlation_of_tilt(PROBE, 12.0, np.zeros(1)) == pytest.approx(1)


def test_a_tilt_does_not_tell_its_sign():
    angle = np.radians([0.5])
    one, other = (correlation_of_tilt(PROBE, 15.0, a) for a in (angle, -angle))
    assert one == pytest.approx(other)


def test_the_half_width_of_a_line_is_where_it_crosses_one_half():
    distance = np.linspace(0, 1, 11)
    assert half_width(distance, 1 - 0.8 * distance) == pytest.approx(0.625)
