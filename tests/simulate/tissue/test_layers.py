import numpy as np
import pytest

from sonotrace.simulate.domains import find_domain
from sonotrace.simulate.echo.lattice import encode_levels
from sonotrace.simulate.tissue.layers import draw_breast, draw_muscle

DRAWS = [draw_breast, draw_muscle]


def plane(width=36.0, depth=40.0, step=0.15):
    x, y = np.meshgrid(np.arange(-width / 2, width / 2, step), np.arange(0.01, depth, step))
    flat = [values.ravel().astype(np.float32) for values in (x, y, np.zeros_like(x))]
    return flat, x.shape


def drawn(draw, seed, name="linear-soft", face=0.0):
    return draw(np.random.default_rng(seed), find_domain(name), 40.0, face)


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("name", ["linear-soft", "linear-low"])
def test_levels_can_be_stored_and_attenuation_is_that_of_tissue(draw, name):
    flat, _ = plane()
    for seed in range(3):
        tissue = drawn(draw, seed, name)
        level, loss = tissue.echo_db(*flat), tissue.attenuation(*flat)
        assert np.isfinite(level).all()
        assert np.isfinite(encode_levels(level)).all()
        assert 0.4 < np.median(loss) < 1.5
        assert loss.min() >= 0


@pytest.mark.parametrize("draw", DRAWS)
def test_the_same_seed_gives_the_same_tissue(draw):
    flat, _ = plane(step=0.5)
    levels = [drawn(draw, 4).echo_db(*flat) for _ in range(2)]
    np.testing.assert_array_equal(*levels)
    assert not np.array_equal(levels[0], drawn(draw, 5).echo_db(*flat))


@pytest.mark.parametrize("draw", DRAWS)
def test_the_level_at_a_place_does_not_depend_on_what_is_asked_with_it(draw):
    """Tissue is baked layer by layer: what lies beside a place must not matter."""
    flat, shape = plane(step=0.3)
    tissue = drawn(draw, 2)
    whole = tissue.echo_db(*flat).reshape(shape)
    x, y, z = (np.ascontiguousarray(axis.reshape(shape)[40]) for axis in flat)
    np.testing.assert_array_equal(tissue.echo_db(x, y, z), whole[40])


def test_skin_is_brighter_than_the_fat_below_it():
    flat, shape = plane()
    for seed in range(4):
        level = drawn(draw_breast, seed).echo_db(*flat).reshape(shape)
        skin, fat = level[:6].mean(), np.median(level[20:30])
        assert skin > fat + 5


def test_skin_follows_the_face_of_a_convex_array():
    angle = np.linspace(-0.4, 0.4, 81)
    x = (50 * np.sin(angle)).astype(np.float32)
    y = (50 * np.cos(angle) - 50).astype(np.float32)
    curved = drawn(draw_breast, 1, face=50.0)
    for depth in (0.25, 0.8):  # still in the skin along the whole face
        level = curved.echo_db(x, y + np.float32(depth), np.zeros_like(x))
        assert level.min() > 3


def test_the_two_families_differ_in_their_statistics():
    """The mean size of a step of 0.3 mm in depth, over that across, is larger in streaks."""

    def ratio(name):
        found = []
        for seed in range(6):
            flat, shape = plane(step=0.3)
            level = drawn(draw_breast, seed, name).echo_db(*flat).reshape(shape)[20:60]
            found.append(abs(np.diff(level, axis=0)).mean() / abs(np.diff(level, axis=1)).mean())
        return np.mean(found)

    assert ratio("linear-low") > 1.2 * ratio("linear-soft")


def test_muscle_has_thin_bright_lines_along_its_fibres():
    flat, shape = plane(step=0.1)
    level = drawn(draw_muscle, 3).echo_db(*flat).reshape(shape)[120:220]
    lines = level > np.median(level) + 8
    assert 0.01 < lines.mean() < 0.25


def test_fibres_of_a_limb_lie_nearly_across_the_beam():
    """Levels change mostly in depth: the energy of their steps is that of lines within 15 deg."""
    flat, shape = plane(step=0.15)
    for seed in range(3):
        level = drawn(draw_muscle, seed).echo_db(*flat).reshape(shape)[90:]
        deep, across = (np.square(np.diff(level, axis=axis)).mean() for axis in (0, 1))
        assert across < 0.25 * deep


def test_muscle_of_a_limb_is_darker_than_breast():
    flat, _ = plane(step=0.3)
    limbs, breasts = (
        [np.median(drawn(draw, seed).echo_db(*flat)) for seed in range(4)]
        for draw in (draw_muscle, draw_breast)
    )
    assert np.mean(limbs) < np.mean(breasts) - 4
