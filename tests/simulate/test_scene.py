"""A scene decides every frame; frames can be asked for in any order."""

import numpy as np
import pytest

from sonotrace.benchmark.physics_rig import Uniform
from sonotrace.errors import GeometryError
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.motion import Push, draw_tissue_motion, went_to
from sonotrace.simulate.path import draw_path
from sonotrace.simulate.probe import Scanner, View
from sonotrace.simulate.scene import Scene, Truth, render, set_stage

SCANNER = Scanner(view=View(rows=64, columns=64, pixel_mm=0.25))
CENTRE = np.array([1.0, 8.0, 0.0])


class Ball:
    """A sphere of tissue that a needle could push, with a wall that echoes."""

    def pushes(self, time_s):
        return [Push((0.0, 8.0, 0.0), 5.0, (0.5 * time_s, 0.0, 0.2))]

    def points(self, moment):
        return [Points(np.array([8.0]), np.array([1.0 + 0.1 * moment.index]), np.array([10.0]))]

    def truth(self, moment):
        x, y, z = moment.tissue_at(*map(np.ravel, moment.grid.scanner.pixel_points()))
        inside = np.linalg.norm(np.stack([x, y, z]).T - CENTRE, axis=1) < 3
        mask = inside.reshape(64, 64).astype(np.uint8)
        return Truth(mask, mask, np.zeros_like(mask), {"index": moment.index})


def scene(frames=4, **changes):
    poses = draw_path(np.random.default_rng(0), "straight", frames, length_mm=1.0)
    parts = {
        "kind": "lesion", "seed": 5, "domain": "linear-soft", "scanner": SCANNER,
        "anatomy": Uniform(), "content": Ball(), "poses": poses, "pitch_mm": 0.4, "facts": {},
        "motion": draw_tissue_motion(np.random.default_rng(1), (-9.0, 0.0, -4.0), (9.0, 17.0, 4.0)),
    }  # fmt: skip
    return Scene(**(parts | changes))


def frames_of(*arguments, **options):
    return [frame.grey.tobytes() for frame in render(*arguments, **options)]


def test_frames_do_not_depend_on_the_number_of_threads():
    assert frames_of(scene(), threads=1) == frames_of(scene(), threads=2)


def test_frames_do_not_depend_on_which_were_asked_for():
    every = frames_of(scene(), threads=1)
    assert frames_of(scene(), threads=1, only=[3, 1]) == [every[3], every[1]]


def test_another_seed_gives_other_frames():
    one, other = (next(iter(render(scene(seed=seed), threads=1))).grey for seed in (5, 6))
    likeness = np.corrcoef(one.ravel().astype(float), other.ravel().astype(float))[0, 1]
    assert abs(likeness) < 0.2


def test_the_truth_of_a_frame_is_the_same_without_rendering_it():
    stage = set_stage(scene(), threads=1)
    alone, together = stage.truth(2), stage.frame(2).truth
    assert np.array_equal(alone.visible, together.visible)
    assert alone.facts == together.facts == {"index": 2}


def test_going_from_pixels_to_tissue_and_back_comes_home():
    moment = set_stage(scene(), threads=1).moment(3)
    x, y = np.array([0.0, 3.0, -2.0]), np.array([4.0, 8.0, 12.0])
    world = moment.pose.rotation @ np.stack([x, y, np.zeros(3)]) + moment.pose.origin[:, None]
    np.testing.assert_allclose(moment.probe_at(*world), [x, y, np.zeros(3)], atol=1e-12)


def test_tissue_at_a_pixel_undoes_the_motion_of_probe_and_tissue():
    moment = set_stage(scene(), threads=1).moment(3)
    x, y = np.array([0.0, 3.0, -2.0]), np.array([4.0, 8.0, 12.0])
    now = went_to(moment.flow, *moment.tissue_at(x, y))
    np.testing.assert_allclose(moment.probe_at(*now), [x, y, np.zeros(3)], atol=1e-3)


def test_a_point_of_the_wall_lands_on_the_edge_of_the_mask_within_half_a_pixel():
    stage = set_stage(scene(), threads=1)
    moment, mask = stage.moment(3), stage.truth(3).geometric
    radius = 3.0
    for start in (0.0, 1.0, 2.5, 4.0):
        low, high = -2.0, 2.0  # find where along z the wall lies in the slice now
        for _ in range(40):
            middle = 0.5 * (low + high)
            ring = np.sqrt(radius**2 - middle**2)
            wall = CENTRE + np.array([ring * np.cos(start), ring * np.sin(start), middle])
            now = went_to(moment.flow, *(np.array([c]) for c in wall))
            low, high = (middle, high) if moment.probe_at(*now)[2][0] < 0 else (low, middle)
        x, y, _ = moment.probe_at(*now)
        row, column = SCANNER.pixel_of(x, y)
        out = (np.cos(start) * 0.6, np.sin(start) * 0.6)
        at = [mask[round(row[0] + s * out[1]), round(column[0] + s * out[0])] for s in (-1.5, 1.5)]
        assert at == [1, 0]


def test_a_pose_that_is_not_rigid_is_refused():
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, 0, 0] = 1.1
    with pytest.raises(GeometryError, match="no motion of a rigid probe"):
        set_stage(scene(poses=poses))


def test_a_scene_has_as_many_frames_as_poses():
    assert len(scene(3)) == 3
    assert len(frames_of(scene(3), threads=1)) == 3
