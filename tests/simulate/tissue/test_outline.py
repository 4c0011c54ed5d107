import numpy as np
import pytest

from sonotrace.simulate.tissue.outline import Blob, Tube, draw_spikes, draw_waves, facing


def grid(reach, count=31):
    axis = np.linspace(-reach, reach, count)
    return [values.ravel() for values in np.meshgrid(axis, axis, axis)]


def drawn(seed):
    random = np.random.default_rng(seed)
    return Blob(
        centre=(1.0, 12.0, -0.5),
        half_mm=(5.0, 3.0, 4.0),
        roll_rad=0.4,
        squareness=(2.0, 3.0)[seed % 2],
        waves=draw_waves(random, 6, 0.1, (2.0, 7.0)),
        spikes=draw_spikes(random, 8, (0.2, 0.5), (20.0, 60.0)),
    )


def test_the_distance_to_a_sphere_is_exact():
    x, y, z = grid(9.0)
    ball = Blob(centre=(0.0, 0.0, 0.0), half_mm=(4.0, 4.0, 4.0))
    expected = np.sqrt(x**2 + y**2 + z**2) - 4
    np.testing.assert_allclose(ball.distance_mm(x, y, z), expected, atol=1e-6)


def test_near_an_ellipsoid_the_distance_grows_by_1_mm_for_every_mm():
    body = Blob(centre=(0.0, 0.0, 0.0), half_mm=(7.0, 3.0, 5.0))
    random = np.random.default_rng(0)
    normal = random.normal(0, 1, (3, 500))
    normal /= np.linalg.norm(normal, axis=0)
    surface = normal * np.array(body.half_mm)[:, None]
    outward = surface / np.square(body.half_mm)[:, None]
    outward /= np.linalg.norm(outward, axis=0)
    for step in (-0.2, 0.2):
        np.testing.assert_allclose(body.distance_mm(*(surface + step * outward)), step, atol=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_contains_is_where_the_distance_is_below_0(seed):
    body = drawn(seed)
    x, y, z = grid(12.0)
    np.testing.assert_array_equal(body.contains(x, y + 12, z), body.distance_mm(x, y + 12, z) < 0)


@pytest.mark.parametrize("seed", range(4))
def test_a_body_lies_within_its_box_and_nearly_fills_it(seed):
    body = drawn(seed)
    x, y, z = grid(12.0, 61)
    place = np.stack([x, y + 12, z])[:, body.contains(x, y + 12, z)]
    low, high = body.box_mm()
    assert (place.min(axis=1) >= low).all()
    assert (place.max(axis=1) <= high).all()
    assert (np.subtract(high, low) - np.ptp(place, axis=1) < 1.5).all()


def test_single_and_double_precision_give_the_same_distance():
    body = drawn(1)
    places = grid(9.0)
    single = body.distance_mm(*(axis.astype(np.float32) for axis in places))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, body.distance_mm(*places), atol=2e-5)


def test_a_spike_reaches_as_far_as_it_is_high():
    body = Blob(
        centre=(0.0, 0.0, 0.0), half_mm=(5.0, 5.0, 5.0), spikes=((0.4, 50.0, 1.0, 0.0, 0.0),)
    )
    tip = np.array([6.99, 7.01]), np.zeros(2), np.zeros(2)
    np.testing.assert_array_equal(body.contains(*tip), [True, False])


def test_a_tube_is_as_wide_as_twice_its_radius():
    tube = Tube(
        centre=(0.0, 5.0, 0.0), direction=(0.0, 0.0, 1.0), half_length_mm=9.0, radius_mm=2.0
    )
    x = np.array([-2.01, -1.99, 1.99, 2.01])
    inside = tube.contains(x, np.full(4, 5.0), np.zeros(4))
    np.testing.assert_array_equal(inside, [False, True, True, False])


def test_a_tube_lies_within_its_box():
    tube = Tube(
        centre=(0.0, 0.0, 0.0),
        direction=(0.8, 0.0, 0.6),
        half_length_mm=8.0,
        radius_mm=1.5,
        bend_mm=1.0,
    )
    x, y, z = grid(12.0, 61)
    place = np.stack([x, y, z])[:, tube.contains(x, y, z)]
    low, high = tube.box_mm()
    assert place.shape[1] > 100
    assert (place.min(axis=1) >= low).all()
    assert (place.max(axis=1) <= high).all()


def test_the_top_of_a_ball_faces_the_beam_and_its_side_does_not():
    ball = Blob(centre=(0.0, 10.0, 0.0), half_mm=(4.0, 4.0, 4.0))
    x, y, z = np.array([0.0, 4.0]), np.array([6.0, 10.0]), np.zeros(2)
    turned = facing(ball, x, y, z, ball.distance_mm(x, y, z))
    np.testing.assert_allclose(turned, [1.0, 0.0], atol=0.05)
