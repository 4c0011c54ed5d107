"""Where pixels are, and which scanners cannot be."""

import numpy as np
import pytest
from pydantic import ValidationError

from sonotrace.simulate.probe import Probe, Scanner, View

VIEW = View(rows=40, columns=60, pixel_mm=0.5)
CONVEX = Probe(shape="convex", radius_mm=40.0, angle_deg=60.0)


@pytest.mark.parametrize("probe", [Probe(), CONVEX])
def test_pixels_are_found_where_they_lie(probe):
    scanner = Scanner(probe=probe, view=VIEW)
    row, column = scanner.pixel_of(*scanner.pixel_points())
    np.testing.assert_allclose(row, np.arange(40)[:, None] + np.zeros(60), atol=1e-9)
    np.testing.assert_allclose(column, np.arange(60) + np.zeros((40, 1)), atol=1e-9)


@pytest.mark.parametrize("probe", [Probe(), CONVEX])
def test_the_frame_of_the_picture_starts_at_the_centre_of_the_first_pixel(probe):
    scanner = Scanner(probe=probe, view=VIEW)
    x, y = scanner.pixel_points()
    place = scanner.probe_from_image() @ [3 * 0.5, 2 * 0.5, 0, 1]
    np.testing.assert_allclose(place, [x[2, 3], y[2, 3], 0, 1])


def test_a_convex_picture_starts_at_the_ends_of_the_array():
    # the ends of an arc of 60 degrees lie 40 (1 - cos 30) above its middle
    scanner = Scanner(probe=CONVEX, view=VIEW)
    assert scanner.fan_top_mm() == pytest.approx(-5.359, abs=1e-3)
    assert scanner.reach_mm() == pytest.approx(20 - 5.359, abs=1e-3)


def test_the_pulse_has_the_bandwidth_that_was_set():
    # two-way power spectrum of exp(-z^2 / 2 s^2): half amplitude at 1.177 / s in wavenumber 2 k
    probe = Probe(frequency_mhz=7.5, bandwidth=0.6)
    half_band_mhz = 1.177 / probe.pulse_mm / (4 * np.pi) * 1.54
    assert 2 * half_band_mhz == pytest.approx(0.6 * 7.5, rel=1e-3)


@pytest.mark.parametrize("values", [{"frequency_mhz": 0.1}, {"height_mm": 0}, {"angle_deg": 180}])
def test_impossible_probes_are_refused(values):
    with pytest.raises(ValidationError):
        Probe(**values)
