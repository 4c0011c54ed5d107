"""Paths of the probe are rigid motions of the shape that was asked for."""

import numpy as np
import pytest

from sonotrace.simulate.path import FASTEST_MM_S, SHAPES, draw_path, longest_mm, poses_from


def drawn(shape, seed=0, **options):
    options = {"frames": 60, "length_mm": 30.0, "tremor_mm": 0.0} | options
    return draw_path(np.random.default_rng(seed), shape, **options)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_pose_is_rigid(shape):
    turns = drawn(shape, tremor_mm=0.3)[:, :3, :3]
    np.testing.assert_allclose(
        turns @ turns.transpose(0, 2, 1), np.tile(np.eye(3), (60, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(turns), 1)


@pytest.mark.parametrize("shape", ["straight", "curved", "s-shaped"])
def test_a_sweep_has_its_length_and_never_turns_back(shape):
    steps = np.diff(drawn(shape)[:, :3, 3], axis=0)
    assert np.linalg.norm(steps, axis=1).sum() == pytest.approx(30, rel=1e-3)
    assert (steps[:, 2] > 0).all()


@pytest.mark.parametrize("shape", ["curved", "s-shaped"])
def test_a_path_turns_with_its_length_and_by_40_degrees_at_most(shape):
    def turn(length_mm):
        angles = []
        for seed in range(6):
            poses = drawn(shape, seed, length_mm=length_mm, tightest_mm=50.0)
            yaw = np.degrees(np.arctan2(poses[:, 0, 2], poses[:, 2, 2]))
            angles.append(np.ptp(yaw))
        return np.array(angles)

    np.testing.assert_allclose(turn(10.0), 10 * turn(1.0), rtol=1e-6)
    assert (turn(1000.0) <= 40).all()
    assert (turn(1000.0) > 15).all()


@pytest.mark.parametrize("shape", ["curved", "s-shaped"])
def test_no_bend_is_tighter_than_was_asked_for(shape):
    for seed in range(6):
        poses = drawn(shape, seed, frames=400, tightest_mm=50.0)
        way = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
        yaw = np.arctan2(poses[:, 0, 2], poses[:, 2, 2])
        assert np.abs(np.diff(yaw) / way).max() < 1.001 / 50
        assert np.abs(np.diff(yaw) / way).max() > 0.49 / 50


def test_a_long_path_is_as_unsteady_as_a_short_one():
    poses = drawn("straight", frames=30_000, length_mm=3000.0, tremor_mm=0.1)
    speed = np.diff(poses[:, 2, 3]) / 0.1
    assert speed.min() > 0.3
    assert speed.max() < 2.5
    # a factor of 0.3 standard deviations of speed, over few swings
    assert 0.1 < np.log(speed).std() < 0.5


def test_back_and_forth_returns_to_where_it_began():
    z = drawn("back-and-forth")[:, 2, 3]
    assert z[0] == pytest.approx(z[-1])
    assert np.ptp(z) == pytest.approx(30, rel=0.1)


def test_holding_still_without_tremor_is_one_pose():
    poses = drawn("hold")
    np.testing.assert_allclose(poses, np.tile(np.eye(4), (60, 1, 1)), atol=1e-12)


def test_a_fan_tilts_about_the_face_and_stays_in_place():
    poses = drawn("fan")
    np.testing.assert_allclose(poses[:, :3, 3], 0, atol=1e-12)
    tilt = np.degrees(np.arctan2(poses[:, 2, 1], poses[:, 2, 2]))
    assert np.ptp(tilt) == pytest.approx(30)


def test_a_curved_path_bends_and_the_probe_turns_with_it():
    poses = drawn("curved")
    step = np.diff(poses[:, :3, 3], axis=0)
    heading = step / np.linalg.norm(step, axis=1, keepdims=True)
    normal = poses[:-1, :3, 2]
    assert (heading * normal).sum(axis=1).min() > 0.99


def test_the_probe_stays_on_the_skin_however_the_hand_trembles():
    assert (drawn("straight", tremor_mm=0.5)[:, 1, 3] == 0).all()


def test_tremor_has_the_size_that_was_asked_for():
    x = np.concatenate(
        [drawn("hold", seed, frames=400, tremor_mm=0.2)[:, 0, 3] for seed in range(8)]
    )
    assert x.std() == pytest.approx(0.2, rel=0.3)


def test_the_same_seed_draws_the_same_path():
    assert np.array_equal(drawn("curved", 4, tremor_mm=0.1), drawn("curved", 4, tremor_mm=0.1))
    assert not np.array_equal(drawn("curved", 4), drawn("curved", 5))


def test_yaw_tilt_and_roll_turn_about_depth_across_and_out_of_the_picture():
    quarter = np.pi / 2
    yaw, tilt, roll = poses_from(np.zeros((3, 3)), quarter * np.eye(3))[:, :3, :3]
    np.testing.assert_allclose(yaw @ [0, 1, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(yaw @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(tilt @ [1, 0, 0], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(tilt @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(roll @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_a_path_of_one_frame_is_its_middle():
    assert drawn("straight", frames=1)[0, 2, 3] == 0


@pytest.mark.parametrize("shape", ["straight", "back-and-forth"])
@pytest.mark.parametrize("frames", [2, 25, 101])
def test_the_longest_path_goes_at_the_speed_of_a_hand(shape, frames):
    z = drawn(shape, frames=frames, length_mm=longest_mm(shape, frames))[:, 2, 3]
    speed = np.abs(np.diff(z)).sum() / ((frames - 1) / 25)
    # no frame need be the farthest one
    assert speed <= FASTEST_MM_S + 1e-9
    assert frames < 100 or speed > 0.97 * FASTEST_MM_S


def test_a_single_frame_has_no_speed():
    assert longest_mm("back-and-forth", 1) == np.inf
