"""Tissue moves, and all that belongs to it moves along."""

import numpy as np
import pytest

from sonotrace.benchmark.physics_picture import matched_shift
from sonotrace.benchmark.physics_rig import pose_at, renderer_of
from sonotrace.simulate.motion import (
    FLOW_STEP_MM,
    STILL,
    Push,
    TissueMotion,
    Wander,
    came_from,
    draw_tissue_motion,
    draw_wander,
    flow_box,
    went_to,
)
from sonotrace.simulate.probe import Scanner, View

LOW, HIGH = (-25.0, -4.0, -15.0), (25.0, 44.0, 15.0)
BOX = flow_box(LOW, HIGH)
SCANNER = Scanner(view=View(rows=96, columns=96, pixel_mm=0.2))


@pytest.fixture
def points():
    random = np.random.default_rng(0)
    return tuple(random.uniform(a, b, 500) for a, b in zip(LOW, HIGH, strict=True))


def flow_of(*pushes, time_s=0.0, motion=None):
    return (motion or TissueMotion()).flow(time_s, BOX, pushes)


@pytest.mark.parametrize("seed", range(3))
def test_going_back_undoes_going_forward(points, seed):
    motion = draw_tissue_motion(np.random.default_rng(seed), LOW, HIGH)
    for time_s in (0.3, 1.1, 2.7):
        flow = motion.flow(time_s, BOX)
        back = came_from(flow, *went_to(flow, *points))
        np.testing.assert_allclose(back, points, atol=1e-3)


def test_going_back_is_exact_while_the_gradient_is_below_0_35(points):
    # exp(-r^2 / 2 s^2) is steepest at r = s: 0.607 / s a mm
    flow = flow_of(Push((0.0, 20.0, 0.0), 6.0, (0.0, 3.4, 0.0)))
    back = came_from(flow, *went_to(flow, *points))
    np.testing.assert_allclose(back, points, atol=1e-3)


def test_nothing_has_moved_at_time_zero(points):
    flow = draw_tissue_motion(np.random.default_rng(0), LOW, HIGH).flow(0.0, BOX)
    np.testing.assert_allclose(went_to(flow, *points), points, atol=1e-6)


def test_still_tissue_stays(points):
    assert went_to(STILL, *points) == points
    assert came_from(STILL, *points) == points


def test_a_push_moves_its_centre_by_its_vector_and_the_far_not_at_all():
    centre = (FLOW_STEP_MM * 3 + LOW[0], FLOW_STEP_MM * 8 + LOW[1], FLOW_STEP_MM * 5 + LOW[2])
    flow = flow_of(Push(centre, 4.0, (0.5, -0.25, 1.0)))
    rest = np.array([centre, [c + 20.0 for c in centre]]).T
    moved = np.array(went_to(flow, *rest)) - rest
    np.testing.assert_allclose(moved[:, 0], [0.5, -0.25, 1.0], atol=1e-6)
    np.testing.assert_allclose(moved[:, 1], 0, atol=1e-4)


def test_pressure_squeezes_in_proportion_to_depth():
    motion = TissueMotion(squeeze=Wander((0.02,), (1.0,), (0.0,)))
    flow = flow_of(motion=motion, time_s=0.25)  # the top of the sine
    depth = np.array([0.0, 10.0, 30.0])
    _, y, _ = went_to(flow, np.zeros(3), depth, np.zeros(3))
    np.testing.assert_allclose(y - depth, 0.02 * depth, atol=1e-5)


def test_no_motion_exceeds_its_bound(points):
    motion = draw_tissue_motion(np.random.default_rng(3), LOW, HIGH)
    bound = motion.largest_mm()
    for time_s in np.arange(0, 5, 0.5):
        flow = motion.flow(float(time_s), BOX)
        moved = np.array(went_to(flow, *points)) - points
        assert np.linalg.norm(moved, axis=0).max() <= min(bound, flow.largest_mm) + 1e-6


def test_a_wander_starts_at_0_and_is_smooth():
    wander = draw_wander(np.random.default_rng(0), 1.0)
    values = np.array([wander.at(t) for t in np.arange(0, 2, 0.01)])
    assert values[0] == 0
    assert abs(np.diff(values, 2)).max() < 0.01
    assert abs(values).max() <= wander.largest()


def disc(x, y):
    return np.hypot(x - 1.0, y - 10.0) < 4.0


def test_a_mask_warped_by_the_true_flow_is_the_mask_of_the_moved_tissue():
    flow = flow_of(Push((3.0, 8.0, 0.0), 6.0, (0.9, -0.7, 0.0)))
    x, y = SCANNER.pixel_points()
    rest = came_from(flow, x.ravel(), y.ravel(), np.zeros(x.size))
    moved = disc(rest[0], rest[1])
    # the other way: take the outline along with the tissue, and fill it
    angle = np.linspace(-np.pi, np.pi, 2000, endpoint=False)
    u, v = 1.0 + 4 * np.cos(angle), 10.0 + 4 * np.sin(angle)
    u, v, _ = went_to(flow, u, v, np.zeros(2000))
    outline = np.arctan2(v - v.mean(), u - u.mean()), np.hypot(u - u.mean(), v - v.mean())
    around = np.arctan2(y - v.mean(), x - u.mean()).ravel()
    radius = np.interp(around, *outline, period=2 * np.pi)
    filled = np.hypot(x - u.mean(), y - v.mean()).ravel() < radius
    assert not np.array_equal(moved, disc(x, y).ravel())
    dice = 2 * (moved & filled).sum() / (moved.sum() + filled.sum())
    assert dice > 0.99


def test_speckle_moves_with_the_tissue():
    # where all tissue is pushed alike, 0.42 mm down and 0.3 mm to the right
    flow = flow_of(Push((0.0, 10.0, 0.0), 60.0, (0.3, 0.42, 0.0)))
    renderer = renderer_of(SCANNER, [pose_at()], moved_mm=1.0)
    still = renderer.level(pose_at()).astype(np.float64)
    moved = renderer.level(pose_at(), flow=flow).astype(np.float64)
    grid = renderer.grid
    # what lies at (row, column) of `moved` was up and to the left of it
    down, right = matched_shift(still, moved, 24, 6)
    assert down * 0.2 == pytest.approx(-0.42, abs=0.03)
    assert right * grid.shape.beam_step == pytest.approx(-0.3, abs=0.03)


def test_moving_all_tissue_is_moving_the_probe_the_other_way():
    flow = flow_of(Push((0.0, 10.0, 0.0), 1e4, (0.3, 0.42, 0.15)))
    poses = [pose_at(), pose_at((-0.3, -0.42, -0.15))]
    renderer = renderer_of(SCANNER, poses, moved_mm=1.0)
    one = renderer.level(poses[0], flow=flow)
    other = renderer.level(poses[1])
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999
