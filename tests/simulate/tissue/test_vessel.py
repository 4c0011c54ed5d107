import numpy as np
import pytest

from sonotrace.simulate.tissue.vessel import (
    LARGEST_RADIUS_MM,
    LEAST_RADIUS_MM,
    REACH_MM,
    Vascular,
    draw_branches,
    make_vessels,
    nearest_vessel,
    vessels_of,
)

LOW, HIGH = (-15.0, 3.0, -10.0), (15.0, 20.0, 10.0)


class Plain:
    def echo_db(self, x, y, z):
        return np.zeros_like(x)

    def attenuation(self, x, y, z):
        return np.full_like(x, 0.8)


@pytest.fixture(scope="module")
def branches():
    return draw_branches(np.random.default_rng(3), LOW, HIGH, 3)


def one_vessel(radius_mm):
    """Along x, from -5 to 5 mm, at a depth of 10 mm."""
    ends = np.array([[-5.0, 10.0, 0.0]]), np.array([[5.0, 10.0, 0.0]])
    return make_vessels(*ends, np.array([radius_mm]), np.array([1.0]))


def at(*points):
    return tuple(np.array(values, dtype=np.float32) for values in zip(*points, strict=True))


def test_radii_obey_murrays_law_at_every_fork(branches):
    forks = [branch for branch in branches if branch.children]
    assert len(forks) > 30
    for fork in forks:
        cubes = sum(branches[child].radius_mm ** 3 for child in fork.children)
        assert cubes == pytest.approx(fork.radius_mm**3, rel=1e-12)


def test_radii_keep_their_limits(branches):
    radii = [branch.radius_mm for branch in branches]
    assert min(radii) >= LEAST_RADIUS_MM
    assert max(radii) <= LARGEST_RADIUS_MM


def test_children_begin_where_their_parent_ends(branches):
    for branch in branches:
        for child in branch.children:
            np.testing.assert_array_equal(branches[child].points_mm[0], branch.points_mm[-1])


def test_vessels_bend_smoothly(branches):
    sharpest = 0.0
    for branch in branches:
        way = np.diff(branch.points_mm, axis=0)
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        cosine = (way[1:] * way[:-1]).sum(axis=1)
        sharpest = max(sharpest, float(np.degrees(np.arccos(cosine.min(initial=1.0)))))
    assert 2 < sharpest < 30


def test_the_same_seed_draws_the_same_tree(branches):
    again = draw_branches(np.random.default_rng(3), LOW, HIGH, 3)
    assert len(again) == len(branches)
    for one, other in zip(again, branches, strict=True):
        np.testing.assert_array_equal(one.points_mm, other.points_mm)


def test_the_index_finds_what_a_search_of_all_capsules_finds(branches):
    vessels = vessels_of(branches)
    random = np.random.default_rng(0)
    points = random.uniform((-18, 0, -12), (18, 25, 12), (400, 3)).astype(np.float32)
    points[:200] = vessels.start_mm[:200] + random.normal(0, 0.4, (200, 3))
    found, _ = nearest_vessel(vessels, *np.ascontiguousarray(points.T))
    way = vessels.end_mm - vessels.start_mm
    from_start = points[:, None] - vessels.start_mm
    part = np.clip((from_start * way).sum(-1) / (way**2).sum(-1), 0, 1)
    distance = np.linalg.norm(from_start - part[..., None] * way, axis=-1) - vessels.radius_mm
    np.testing.assert_allclose(found, np.minimum(distance.min(axis=1), REACH_MM), atol=1e-5)


def test_distances_to_one_vessel_are_those_of_the_ruler():
    points = at((0, 10, 0), (0, 10.9, 0), (0, 10, 1.5), (6.5, 10, 0), (5.6, 10.8, 0), (0, 30, 0))
    distance, radius = nearest_vessel(one_vessel(0.5), *points)
    np.testing.assert_allclose(distance, [-0.5, 0.4, 1.0, 1.0, 0.5, REACH_MM], atol=1e-5)
    np.testing.assert_allclose(radius, [0.5, 0.5, 0.5, 0.5, 0.5, 0.0])


def test_lumina_are_dark_and_tissue_elsewhere_is_as_it_was():
    tissue = Vascular(tissue=Plain(), vessels=one_vessel(0.5))
    level = tissue.echo_db(*at((0, 10, 0), (0, 11.5, 0), (0, 20, 0)))
    np.testing.assert_allclose(level, [tissue.lumen_db, 0, 0])


@pytest.mark.parametrize(("radius_mm", "added"), [(0.7, 1.0), (0.1, 0.0)])
def test_only_large_vessels_have_bright_walls(radius_mm, added):
    tissue = Vascular(tissue=Plain(), vessels=one_vessel(radius_mm))
    level = tissue.echo_db(*at((0, 10 + radius_mm + 0.1, 0)))
    np.testing.assert_allclose(level, added * tissue.wall_db)


def test_blood_attenuates_less_than_tissue():
    tissue = Vascular(tissue=Plain(), vessels=one_vessel(0.5))
    value = tissue.attenuation(*at((0, 10, 0), (0, 15, 0)))
    np.testing.assert_allclose(value, [0.15, 0.8], rtol=1e-6)


def test_no_vessels_are_refused():
    empty = np.zeros((0, 3))
    with pytest.raises(ValueError, match="0 vessels"):
        make_vessels(empty, empty, np.zeros(0), np.zeros(0))
