import numpy as np
import pytest

from sonotrace.simulate.tissue.inclusion import Filling, Inclusion, Overlay, inside_weight
from sonotrace.simulate.tissue.outline import Blob

BALL = Blob(centre=(0.0, 10.0, 0.0), half_mm=(4.0, 4.0, 4.0))


class Even:
    def echo_db(self, x, y, z):
        return np.zeros_like(x)

    def attenuation(self, x, y, z):
        return np.full_like(x, 0.7)


def down(count=2001):
    """Places on the axis of depth through the ball."""
    y = np.linspace(0, 20, count, dtype=np.float32)
    return np.zeros_like(y), y, np.zeros_like(y)


def filled(**changes):
    filling = Filling(**({"level_db": -10.0, "attenuation": 0.2, "grain_db": 0.0} | changes))
    return Overlay(base=Even(), inclusions=(Inclusion(body=BALL, filling=filling),))


def test_inside_the_filling_holds_and_far_outside_the_base():
    x, y, z = down()
    level, loss = filled().echo_db(x, y, z), filled().attenuation(x, y, z)
    deep, far = abs(y - 10) < 3, abs(y - 10) > 5.5
    np.testing.assert_allclose(level[deep], -10, atol=0.1)
    np.testing.assert_array_equal(level[far], 0)
    np.testing.assert_allclose(loss[deep], 0.2, atol=0.01)
    np.testing.assert_allclose(loss[far], 0.7, atol=0.01)


@pytest.mark.parametrize("softness", [0.4, 0.9, 1.8])
def test_the_level_is_halfway_at_the_surface_whatever_the_softness(softness):
    x, y, z = down()
    level = filled(softness_mm=softness).echo_db(x, y, z)
    top = np.interp(6.0, y, level)
    assert top == pytest.approx(-5.0, abs=0.1)


def test_the_step_takes_its_softness_from_an_eighth_to_seven_eighths():
    """The weight 1 / (1 + exp(4 d / s)) is 0.119 and 0.881 at d = +-s / 2."""
    edge = np.array([-0.5, 0.0, 0.5], dtype=np.float32)
    np.testing.assert_allclose(inside_weight(edge, 1.0), [0.881, 0.5, 0.119], atol=1e-3)


def test_a_rim_is_brighter_where_it_lies_across_the_beam():
    places = np.array([[0, 6, 0], [4, 10, 0]], dtype=np.float32).T
    plain, rimmed = (filled(rim_db=size).echo_db(*places) for size in (0.0, 8.0))
    np.testing.assert_allclose(rimmed - plain, [8.0, 2.0], atol=0.5)


def test_a_halo_lies_outside_and_fades():
    x, y, z = down()
    halo = filled(halo_db=4.0, halo_mm=1.0, level_db=None).echo_db(x, y, z)
    assert np.interp(5.9, y, halo) == pytest.approx(4.0, abs=0.2)
    assert np.interp(3.0, y, halo) < 0.1
    assert np.interp(10.0, y, halo) == 0


def test_edges_cast_shadows_where_the_surface_lies_along_the_beam():
    places = np.array([[0, 6, 0], [4, 10, 0]], dtype=np.float32).T
    plain = filled().attenuation(*places)
    edged = filled(edge_attenuation=2.0).attenuation(*places)
    np.testing.assert_allclose(edged - plain, [0.0, 2.0], atol=0.15)


def test_later_inclusions_lie_over_earlier_ones():
    both = [
        Inclusion(body=BALL, filling=Filling(level_db=level, attenuation=None, grain_db=0.0))
        for level in (-20.0, 5.0)
    ]
    level = Overlay(base=Even(), inclusions=tuple(both)).echo_db(*down())
    assert level[1000] == pytest.approx(5.0, abs=0.1)


def test_no_level_is_above_what_can_be_stored():
    assert filled(level_db=60.0).echo_db(*down()).max() <= 25
