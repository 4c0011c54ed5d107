"""Slices of one world: what changes from pose to pose obeys the laws of speckle."""

import numpy as np
import pytest

from sonotrace.benchmark.physics import (
    decorrelation_of_tilt,
    decorrelation_of_yaw,
    elevational_decorrelation,
    recovered_steps,
)
from sonotrace.benchmark.physics_picture import recovered_shifts
from sonotrace.benchmark.physics_rig import PhysicsSettings, pose_at, renderer_of
from sonotrace.errors import GeometryError
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.probe import Probe, Scanner, View

SMALL = Scanner(view=View(rows=96, columns=96, pixel_mm=0.2))
FAN = Scanner(
    probe=Probe(shape="convex", radius_mm=20.0, focus_mm=12.0, lens_mm=12.0),
    view=View(rows=96, columns=96, pixel_mm=0.3),
)


def test_parallel_slices_decorrelate_as_the_beam_says():
    settings = PhysicsSettings(seeds=2, depths_mm=(10.0, 20.0, 30.0), farthest_mm=0.6)
    for found in elevational_decorrelation(settings)["depths"]:
        np.testing.assert_allclose(found["power"], np.square(found["table"]), atol=0.05)
        np.testing.assert_allclose(found["power"], np.square(found["rayleigh"]), atol=0.08)
        half = found["half_mm"]
        assert half["measured"] == pytest.approx(half["rayleigh"], rel=0.15)


def test_a_yaw_decorrelates_every_beam_by_its_own_shift():
    found = decorrelation_of_yaw(PhysicsSettings(seeds=2))
    np.testing.assert_allclose(found["power"], found["law"], atol=0.05)


def test_a_tilt_decorrelates_by_shift_and_lean():
    settings = PhysicsSettings(seeds=2, depths_mm=(10.0, 20.0, 30.0), tilts_deg=(0.8,))
    found = decorrelation_of_tilt(settings)["angles"][0]
    np.testing.assert_allclose(found["gaussian"], found["law"], atol=0.06)
    np.testing.assert_allclose(found["lens"], found["rayleigh"], atol=0.09)


def test_elevational_steps_are_read_from_decorrelation():
    found = recovered_steps(PhysicsSettings(seeds=2))
    np.testing.assert_allclose(found["float_mm"], found["step_mm"], rtol=0.05)
    np.testing.assert_allclose(found["picture_mm"][1:], found["step_mm"][1:], rtol=0.05)


def test_shifts_within_the_plane_are_found_by_matching_blocks():
    found = recovered_shifts(PhysicsSettings(seeds=1, pixels=128))
    np.testing.assert_allclose(found["found_px"], found["shift_px"], atol=0.1)


@pytest.mark.parametrize("scanner", [SMALL, FAN])
def test_the_same_pose_gives_the_same_bytes_whatever_came_before(scanner):
    poses = [pose_at(), pose_at((0, 0, 1))]
    renderer = renderer_of(scanner, poses, pitch_mm=0.4)
    first = renderer.grey(poses[0], noise_seed=5)
    renderer.grey(poses[1], noise_seed=6)
    assert np.array_equal(renderer.grey(poses[0], noise_seed=5), first)


def test_half_a_turn_about_the_axis_of_depth_mirrors_the_picture():
    poses = [pose_at(), pose_at(angles_deg=(180, 0, 0))]
    renderer = renderer_of(SMALL, poses, pitch_mm=0.4)
    one, other = (renderer.level(pose) for pose in poses)
    assert np.corrcoef(one.ravel(), other[:, ::-1].ravel())[0, 1] > 0.9999


def test_a_frame_is_finite_to_its_last_row_and_column():
    for scanner in (SMALL, FAN):
        renderer = renderer_of(scanner, [pose_at()], pitch_mm=0.4)
        level = renderer.level(pose_at())
        assert np.isfinite(level).all()
        assert level[-1].max() > -20
        assert level[:, -1].max() > -20


@pytest.mark.parametrize("scanner", [SMALL, FAN])
@pytest.mark.parametrize(("depth", "across"), [(5.03, 0.0), (11.4, 0.13), (8.22, -0.2)])
def test_a_point_appears_at_its_pixel(scanner, depth, across):
    renderer = renderer_of(scanner, [pose_at()], pitch_mm=0.4)
    beam = across if scanner is FAN else across * 30
    point = Points(np.array([depth]), np.array([beam]), np.array([1000.0]))
    grey = renderer.grey(pose_at(), points=[point]).astype(np.float64)
    radius = scanner.probe.radius_mm
    x, y = (beam, depth) if scanner is SMALL else (
        (radius + depth) * np.sin(beam), (radius + depth) * np.cos(beam) - radius
    )  # fmt: skip
    row, column = scanner.pixel_of(np.array([x]), np.array([y]))
    weight = np.maximum(grey - 200, 0)
    rows, columns = np.indices(grey.shape)
    assert (rows * weight).sum() / weight.sum() == pytest.approx(row[0], abs=0.5)
    assert (columns * weight).sum() / weight.sum() == pytest.approx(column[0], abs=0.5)


def test_points_outside_the_picture_do_nothing():
    renderer = renderer_of(SMALL, [pose_at()], pitch_mm=0.5)
    far = np.array([-5.0, 500.0, 5.0, 5.0])
    points = Points(far, np.array([0.0, 0.0, -500.0, 500.0]), np.full(4, 1e3))
    assert np.array_equal(renderer.level(pose_at()), renderer.level(pose_at(), points=[points]))


def test_a_pose_outside_the_world_is_refused():
    renderer = renderer_of(SMALL, [pose_at()], pitch_mm=0.5)
    with pytest.raises(GeometryError, match="keep the probe within it"):
        renderer.level(pose_at((60, 0, 0)))
