import numpy as np
import pytest

from sonotrace.simulate.motion import draw_motion, draw_wander


@pytest.fixture
def points():
    return np.meshgrid(np.linspace(-20, 20, 15), np.linspace(0, 40, 15))


@pytest.mark.parametrize("seed", range(5))
def test_going_back_undoes_going_forward(points, seed):
    motion = draw_motion(np.random.default_rng(seed), 40.0)
    for time_s in (0.3, 1.1, 2.7):
        x, z = motion.backward(*motion.forward(*points, time_s), time_s)
        np.testing.assert_allclose(x, points[0], atol=1e-3)
        np.testing.assert_allclose(z, points[1], atol=1e-3)


def test_nothing_has_moved_at_time_zero(points):
    motion = draw_motion(np.random.default_rng(0), 40.0)
    np.testing.assert_allclose(motion.forward(*points, 0.0), points, atol=1e-12)


def test_no_strength_is_stillness(points):
    motion = draw_motion(np.random.default_rng(0), 40.0, 0.0)
    np.testing.assert_allclose(motion.forward(*points, 1.0), points, atol=1e-12)


def test_a_wander_is_smooth():
    wander = draw_wander(np.random.default_rng(0), 1.0)
    values = np.array([wander.at(t) for t in np.arange(0, 2, 0.01)])
    assert abs(np.diff(values, 2)).max() < 0.01
