"""The beam against what theory and an independent integral say."""

import numpy as np
import pytest

from sonotrace.benchmark.physics import table_correlation
from sonotrace.benchmark.rayleigh import correlation_of_shift, correlation_of_tilt, half_width
from sonotrace.simulate.echo.beam import (
    beam_mm,
    elevation_table,
    gaussian_waist_mm,
    lateral_inverse_square,
    make_taps,
)
from sonotrace.simulate.probe import Probe

PROBE = Probe()  # 7.5 MHz, lens of 5 mm focused at 20 mm
FINE = np.arange(0, 3, 0.01)


@pytest.mark.parametrize("depth", [10.0, 20.0, 30.0])
def test_speckle_decorrelates_as_the_rayleigh_integral_says(depth):
    table, _ = table_correlation(PROBE, depth, FINE)
    integral = correlation_of_shift(PROBE, depth, FINE)
    assert half_width(FINE, table) == pytest.approx(half_width(FINE, integral), rel=0.15)
    assert np.abs(table**2 - integral**2)[FINE < 0.6].max() < 0.08


@pytest.mark.parametrize(("depth", "times"), [(6.0, 7.2), (10.0, 4.5), (36.0, 3.3)])
def test_without_its_phase_the_field_would_decorrelate_several_times_too_slowly(depth, times):
    _, bare = table_correlation(PROBE, depth, FINE)
    integral = correlation_of_shift(PROBE, depth, FINE)
    assert half_width(FINE, bare) / half_width(FINE, integral) == pytest.approx(times, rel=0.1)


def overlap_after_tilt(probe, depth, angle):
    """Sum echoes of a plane across the beam, phase of the depth included, before and after."""
    table = elevation_table(probe, 40.0)
    row = table.field[round(depth / table.depth_step_mm)].astype(np.complex128)
    field = np.concatenate([row[:0:-1], row])
    offset = (np.arange(len(field)) - len(row) + 1) * table.offset_step_mm
    moved = offset + depth * np.sin(angle)
    other = np.interp(moved, offset, field.real, 0, 0)
    other = other + 1j * np.interp(moved, offset, field.imag, 0, 0)
    other *= np.exp(4j * np.pi / probe.wavelength_mm * offset * np.sin(angle))
    return abs((field * other.conj()).sum()) / (np.abs(field) ** 2).sum()


@pytest.mark.parametrize("depth", [10.0, 20.0, 30.0])
def test_wavefronts_bend_the_way_that_a_tilt_demands(depth):
    # with the opposite sign: 0.93, 0.75 and 0.48
    angle = np.radians(0.8)
    expected = correlation_of_tilt(PROBE, depth, np.array([angle]))[0]
    assert overlap_after_tilt(PROBE, depth, angle) == pytest.approx(expected, abs=0.06)


def test_a_gaussian_slice_decorrelates_alike_at_all_depths():
    probe = Probe(elevation="gaussian")
    law = np.exp(-(FINE**2) / (4 * gaussian_waist_mm(probe) ** 2))
    for depth in (8.0, 20.0, 33.0):
        table, _ = table_correlation(probe, depth, FINE)
        np.testing.assert_allclose(table, law, atol=0.01)


def test_at_its_focus_the_lens_holds_the_energy_of_a_sinc_to_the_fourth():
    # the integral of sinc(H z / (lambda y))^4 is 2/3 lambda y / H
    table = elevation_table(PROBE, 40.0)
    row = round(PROBE.lens_mm / table.depth_step_mm)
    expected = 2 / 3 * PROBE.wavelength_mm * PROBE.lens_mm / PROBE.height_mm
    assert table.energy_mm[row] == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("elevation", ["lens", "gaussian"])
def test_the_slab_holds_99_percent_of_the_energy(elevation):
    table = elevation_table(Probe(elevation=elevation), 40.0)
    offset = np.arange(table.field.shape[1]) * table.offset_step_mm
    power = np.abs(table.field) ** 2
    kept = 2 * (power * (offset <= table.half_mm[:, None])).sum(axis=1) * table.offset_step_mm
    assert (kept > 0.97 * table.energy_mm).all()


def test_the_beam_is_narrowest_at_the_focus_of_transmission():
    depth = np.arange(5.0, 40.0)
    assert depth[np.argmin(beam_mm(PROBE, depth))] == pytest.approx(PROBE.focus_mm, abs=2)


def test_at_the_focus_the_beam_is_that_of_both_apertures():
    # 1 / s^2 = 1 / (0.512 lambda F_rx)^2 + 1 / (0.512 lambda F_tx)^2
    inverse = lateral_inverse_square(PROBE, np.array([PROBE.focus_mm]))[0]
    waves = 0.512 * 1.54 / 7.5
    expected = 1 / (waves * 1.5) ** 2 + 1 / (waves * 3.0) ** 2
    assert inverse.real == pytest.approx(expected, rel=1e-6)
    assert inverse.imag == pytest.approx(0)


@pytest.mark.parametrize("step", [0.05, 0.1, 0.14])
def test_steered_looks_leave_as_much_energy_as_straight_ones(step):
    depth = np.array([10.0, 18.0, 30.0])
    taps = make_taps(Probe(steering_deg=(-7.0, 0.0, 7.0)), depth, 0.045, np.full(3, step))
    field = taps.beam_real + 1j * taps.beam_imag
    part = (np.arange(32) + 0.5) / 32
    energies = []
    for look in range(3):
        padded = np.pad(field[look], ((0, 0), (1, 1)))
        split = padded[:, 1:, None] * (1 - part) + padded[:, :-1, None] * part
        boost = 1 + 4 * taps.boost_beam[:, None] * part * (1 - part)
        energies.append(((np.abs(split) ** 2).sum(axis=1) * boost**2).mean(axis=1))
    np.testing.assert_allclose(energies[0], energies[1], rtol=0.01)
    np.testing.assert_allclose(energies[2], energies[1], rtol=0.01)
