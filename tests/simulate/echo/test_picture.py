"""From echoes to grey: pulse and beam, noise, compression."""

import numpy as np
import pytest

from sonotrace.benchmark.physics_picture import peaks_of_points, point_spread
from sonotrace.benchmark.physics_rig import (
    PhysicsSettings,
    complex_echoes,
    pose_at,
    renderer_of,
    scanner_of,
)
from sonotrace.settings import replace
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.picture import make_developer
from sonotrace.simulate.echo.slice import empty_echo
from sonotrace.simulate.probe import Display, Probe, Scanner, View

VIEW = View(rows=96, columns=96, pixel_mm=0.2)
EVERYTHING = np.ones((8, 8), dtype=np.float32)


@pytest.mark.parametrize(
    "probe",
    [
        Probe(),
        Probe(steering_deg=(-7.0, 0.0, 7.0)),
        Probe(shape="convex", radius_mm=20.0, lens_mm=12.0, focus_mm=12.0),
    ],
)
def test_levels_are_the_mean_power_of_looks_and_samples(probe):
    renderer = renderer_of(Scanner(probe=probe, view=VIEW), [pose_at()], pitch_mm=0.4)
    grid, echo = renderer.grid, renderer.echoes(pose_at())
    looks = range(len(probe.steering_deg))
    power = np.mean([np.abs(complex_echoes(grid, echo, k)) ** 2 for k in looks], axis=0)
    power = power.reshape(grid.lines, grid.shape.per_row, grid.beams).mean(axis=1)
    level = renderer.developer.level(echo, EVERYTHING, None)
    np.testing.assert_allclose(level, 10 * np.log10(power), atol=1e-3)


def test_points_are_as_wide_as_was_set():
    found = point_spread(PhysicsSettings())
    np.testing.assert_allclose(found["across_mm"], found["set_across_mm"], rtol=0.04)
    np.testing.assert_allclose(found["along_mm"], found["set_along_mm"], rtol=0.04)


def test_points_keep_their_peak_between_samples():
    # 2.1 dB at 256 pixels over 40 mm, 1.4 dB at 448
    assert np.ptp(peaks_of_points(scanner_of(448), 20.0, 4, "grid")) < 1.5


def developer_of(**display):
    scanner = Scanner(view=VIEW, display=Display(**display))
    return make_developer(make_grid(scanner), 3)


def silent(developer, noise_seed):
    return developer.level(empty_echo(developer.grid), EVERYTHING, noise_seed)


def rms_db(level):
    return 10 * np.log10((10 ** (level.astype(np.float64) / 10)).mean(axis=1))


def test_noise_has_its_level_at_the_lower_edge_and_less_above():
    # pulse and beam do not smooth it: 96 beams, 4 samples a row, about 2 dB of scatter
    level = rms_db(silent(developer_of(noise_db=-20.0, clutter_db=-200.0), 1))
    assert level[-8:].mean() == pytest.approx(-20, abs=1)
    assert level[:8].mean() < level[-8:].mean() - 5


def test_haze_has_its_level_at_the_face_and_falls_with_depth():
    developer = developer_of(noise_db=-200.0, clutter_db=-10.0, clutter_decay_db_per_mm=0.5)
    level = rms_db(silent(developer, 1))
    depth = developer.grid.depth_of_lines()
    slope, start = np.polyfit(depth, level, 1)
    assert start == pytest.approx(-10, abs=1.5)
    assert slope == pytest.approx(-0.5, abs=0.15)


def test_noise_changes_with_its_seed_and_haze_does_not():
    noise = developer_of(noise_db=0.0, clutter_db=-200.0)
    haze = developer_of(noise_db=-200.0, clutter_db=0.0)
    assert np.array_equal(silent(noise, 4), silent(noise, 4))
    assert not np.allclose(silent(noise, 4), silent(noise, 5))
    np.testing.assert_allclose(silent(haze, 4), silent(haze, 5), atol=1e-3)


def test_without_a_seed_there_is_neither_noise_nor_haze():
    level = silent(developer_of(noise_db=0.0, clutter_db=0.0), None)
    assert (level < -100).all()


@pytest.mark.parametrize(("db", "grey"), [(40, 255), (34, 255), (4, 127), (-26, 0), (-300, 0)])
def test_grey_is_linear_in_db_between_black_and_white(db, grey):
    developer = developer_of(full_db=34.0, dynamic_range_db=60.0)
    level = np.full((developer.grid.lines, developer.grid.beams), db, dtype=np.float32)
    found = developer.grey(level)
    assert found.shape == (96, 96)
    assert np.abs(found.astype(int) - grey).max() <= 1


def test_gain_that_errs_with_depth_is_added_in_db():
    plain, tilted = developer_of(), developer_of(gain_db_per_mm=-0.3)
    echo = empty_echo(plain.grid)
    echo[:] = 1
    gain = tilted.level(echo, EVERYTHING, None) - plain.level(echo, EVERYTHING, None)
    depth = plain.grid.depth_of_lines()
    np.testing.assert_allclose(gain[:, 40], -0.3 * (depth - depth[-1] / 2), atol=1e-3)


def test_a_steeper_curve_keeps_black_white_and_middle():
    straight, bent = developer_of(), developer_of(curve=0.7)
    ramp = np.linspace(-26, 34, straight.grid.lines, dtype=np.float32)
    level = np.repeat(ramp[:, None], straight.grid.beams, axis=1)
    a, b = straight.grey(level)[:, 0].astype(int), bent.grey(level)[:, 0].astype(int)
    assert abs(b[0] - a[0]) <= 1
    assert abs(b[-1] - a[-1]) <= 1
    assert abs(b[len(b) // 2] - a[len(a) // 2]) <= 2
    assert np.diff(b).max() > np.diff(a).max()
    assert (np.diff(b) >= 0).all()


def test_tissue_above_takes_from_echoes_but_not_from_noise():
    scanner = replace(Scanner(view=VIEW), display=Display(noise_db=0.0, clutter_db=-200.0))
    developer = make_developer(make_grid(scanner), 0)
    level = silent(developer, 2)
    dark = developer.level(empty_echo(developer.grid), 0 * EVERYTHING, 2)
    np.testing.assert_array_equal(level, dark)
