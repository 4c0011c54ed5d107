import numpy as np
import pytest

from sonotrace.simulate.phantom.body import (
    Block,
    Body,
    Rod,
    Sphere,
    draw_phantom,
)

LOW, HIGH = (-20.0, 0.0, -8.0), (20.0, 40.0, 8.0)


@pytest.fixture(scope="module")
def phantom():
    return draw_phantom(np.random.default_rng(1), LOW, HIGH)


def at(*points):
    return tuple(np.array(values, dtype=np.float32) for values in zip(*points, strict=True))


def outside_mm(solid, *place):
    return float(solid.outside_mm(*np.array(place, dtype=float)[:, None])[0])


def solids(phantom):
    return [*phantom.spheres, *phantom.tubes, *phantom.wires, *phantom.bodies]


def test_distances_are_those_of_the_ruler():
    sphere = Sphere((1.0, 2.0, 3.0), 2.0, 6.0, 0.5)
    assert outside_mm(sphere, 4.0, 6.0, 3.0) == pytest.approx(3.0)
    rod = Rod((0.0, 0.0, 0.0), (10.0, 0.0, 0.0), 1.0)
    assert outside_mm(rod, 13.0, 4.0, 0.0) == pytest.approx(4.0)
    block = Block((0.0, 0.0, 0.0), (2.0, 4.0, 6.0))
    assert outside_mm(block, 5.0, 8.0, 3.0) == pytest.approx(5.0)
    assert outside_mm(block, 1.0, 2.0, 0.5) == pytest.approx(-0.5)


def test_distances_grow_by_a_mm_for_each_mm_away(phantom):
    random = np.random.default_rng(0)
    place = random.uniform(LOW, HIGH, (500, 3))
    for solid in solids(phantom):
        slopes = []
        for axis in np.eye(3):
            ahead, behind = (place + sign * 1e-4 * axis for sign in (1, -1))
            slopes.append((solid.outside_mm(*ahead.T) - solid.outside_mm(*behind.T)) / 2e-4)
        outside = solid.outside_mm(*place.T) > 1e-3
        steepness = np.linalg.norm(slopes, axis=0)[outside]
        np.testing.assert_allclose(np.median(steepness), 1.0, atol=1e-5)
        assert (np.abs(steepness - 1) < 1e-3).mean() > 0.99


def test_the_body_is_its_own_mirror_image_in_no_axis(phantom):
    body = phantom.bodies[0]
    low, high = body.extent_mm()
    random = np.random.default_rng(0)
    place = random.uniform(low, high, (20000, 3))
    inside = body.outside_mm(*place.T) < 0
    for axis in range(3):
        mirrored = place.copy()
        mirrored[:, axis] = (low + high)[axis] - mirrored[:, axis]
        other = body.outside_mm(*mirrored.T) < 0
        assert (inside & other).sum() < 0.6 * inside.sum()


def test_the_bodys_arms_have_three_lengths(phantom):
    low, high = phantom.bodies[0].extent_mm()
    lengths = np.sort(high - low)
    assert (np.diff(lengths) > 0.5).all()


def test_spheres_keep_clear_of_everything(phantom):
    assert len(phantom.spheres) == 8
    for sphere in phantom.spheres:
        for other in solids(phantom):
            if other is not sphere:
                gap = outside_mm(other, *sphere.centre_mm) - sphere.radius_mm
                assert gap > 0.7


def test_cysts_and_tubes_are_silent_and_bodies_bright(phantom):
    middle_of_tube = np.mean([phantom.tubes[0].start_mm, phantom.tubes[0].end_mm], axis=0)
    block = phantom.bodies[0].blocks[0]
    points = at(phantom.spheres[0].centre_mm, middle_of_tube, np.mean(block, axis=0))
    level = phantom.echo_db(*points)
    assert np.isneginf(level[:2]).all()
    assert level[2] == phantom.bodies[0].level_db


def test_cysts_attenuate_less_than_the_block(phantom):
    value = phantom.attenuation(*at(phantom.spheres[0].centre_mm, (0.0, 39.9, 7.9)))
    np.testing.assert_allclose(value, [0.05, phantom.attenuation_db])


def test_a_body_of_blocks_is_as_far_as_its_nearest_block():
    blocks = Block((0.0, 0.0, 0.0), (4.0, 1.0, 1.0)), Block((0.0, 0.0, 0.0), (1.0, 3.0, 1.0))
    assert outside_mm(Body(blocks, 6.0), 2.0, 3.0, 0.5) == pytest.approx(1.0)
