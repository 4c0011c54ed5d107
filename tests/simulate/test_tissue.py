import numpy as np
import pytest

from sonotrace.simulate.beam import Probe
from sonotrace.simulate.tissue import (
    LookAlike,
    Outline,
    draw_outline,
    draw_tissue,
    inside_weight,
)

CIRCLE = Outline(2.0, 20.0, 5.0, 5.0, 0.0, (), ())


def test_a_circle_without_waves_is_the_distance_from_its_rim():
    points = np.array([2.0, 7.0, 10.0]), np.array([20.0, 20.0, 20.0])
    np.testing.assert_allclose(CIRCLE.outside_mm(*points), [-5, 0, 3], atol=1e-12)


def test_a_shrunk_circle_has_a_smaller_radius():
    assert CIRCLE.outside_mm(np.array([2.0]), np.array([20.0]), scale=0.4)[0] == pytest.approx(-2)


def test_nothing_is_inside_an_outline_that_is_gone():
    assert np.isinf(CIRCLE.outside_mm(np.array([2.0]), np.array([20.0]), scale=0.0)).all()


def test_the_boundary_is_half_way_and_the_step_is_monotone():
    weight = inside_weight(np.linspace(-3, 3, 101), 1.0)
    assert weight[50] == pytest.approx(0.5)
    assert (np.diff(weight) < 0).all()


def test_a_look_alike_darkens_the_tissue_inside_it():
    probe = Probe(size=64)
    dark = LookAlike(CIRCLE, -20.0, 0.3)
    with_it = draw_tissue(np.random.default_rng(0), probe, (dark,))
    without = draw_tissue(np.random.default_rng(0), probe, ())
    inside = CIRCLE.outside_mm(without.x, without.z) < -0.5
    ratio = abs(with_it.strength[inside] / without.strength[inside])
    np.testing.assert_allclose(ratio, 0.1, rtol=0.01)


def test_another_elevation_gives_independent_speckle_of_the_same_level():
    tissue = draw_tissue(np.random.default_rng(0), Probe(size=64), ())
    moved = tissue.at_elevation(np.pi / 2)
    assert abs(np.corrcoef(tissue.strength, moved)[0, 1]) < 0.02
    np.testing.assert_allclose(abs(moved), abs(tissue.strength), rtol=1e-9)


def test_the_same_draw_gives_the_same_outline():
    one, other = (draw_outline(np.random.default_rng(4), 0.0, 20.0, 5.0, 0.1) for _ in range(2))
    assert one == other
