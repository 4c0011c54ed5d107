"""The back is made of what it should be, bone by bone and sheet by sheet."""

import numpy as np
import pytest

from sonotrace.settings import replace
from sonotrace.simulate.domains import DOMAINS
from sonotrace.simulate.echo.surface import read_solid
from sonotrace.simulate.spine.scene import spine_scene
from sonotrace.simulate.spine.tissue import (
    BONE_ATTENUATION,
    BONE_DB,
    Press,
    bake_attenuation,
)

SMALL = replace(DOMAINS["linear-low"], name="small", depth_mm=(25.0, 26.0))


@pytest.fixture(scope="module")
def back():
    return spine_scene(1, SMALL, frames=1, rows=96, columns=96, view="transverse").anatomy


@pytest.fixture(scope="module")
def plane(back):
    """Return the places of a plane across the spine."""
    bone = back.bone
    low = np.array(bone.origin)
    size = np.array([bone.distance.shape[n] for n in (1, 0, 2)]) * bone.step
    x = np.linspace(low[0] + 1, low[0] + size[0] - 1, 120)
    y = np.linspace(max(low[1], 0.1), low[1] + size[1] - 1, 140)
    x, y = (a.ravel().astype(np.float32) for a in np.meshgrid(x, y))
    return x, y, np.full_like(x, low[2] + size[2] / 2)


def test_a_flat_array_dents_nothing_and_a_curved_one_as_its_circle():
    x = np.linspace(-10, 10, 21)
    assert not Press(0.0, (0.0, 0.0), (1.0, 0.0)).sag(x, 0 * x).any()
    sag = Press(40.0, (2.0, 0.0), (1.0, 0.0)).sag(x, 0 * x)
    np.testing.assert_allclose(sag, 40 - np.sqrt(1600 - (x - 2) ** 2), atol=1e-12)


def test_the_skin_goes_on_straight_beyond_the_array():
    press = Press(40.0, (0.0, 0.0), (1.0, 0.0))
    assert press.sag(np.array([30.0]), np.zeros(1)) == press.sag(np.array([39.0]), np.zeros(1))


def test_the_shell_of_bone_takes_most_from_the_beam_and_hardly_echoes_inside(back, plane):
    deep = -read_solid(back.bone, *plane) / back.spine.size
    shell, core = (deep > 1.8) & (deep < 3.5), deep > 3.0
    assert shell.sum() > 20
    loss = back.attenuation(*plane)
    np.testing.assert_allclose(loss[shell], BONE_ATTENUATION / back.spine.size, rtol=1e-3)
    assert np.median(loss[deep < -2]) < 1.2
    np.testing.assert_allclose(back.echo_db(*plane)[core], BONE_DB, atol=0.5)


def test_fluid_attenuates_least_and_is_darker_than_muscle(back, plane):
    loss, level = back.attenuation(*plane), back.echo_db(*plane)
    fluid = loss < 0.03
    assert fluid.sum() > 20
    assert np.median(level[fluid]) < np.median(level[(loss > 0.6) & (loss < 1.4)]) - 3


def test_levels_are_finite_and_can_be_stored(back, plane):
    level = back.echo_db(*plane)
    assert np.isfinite(level).all()
    assert level.max() <= 22


def test_baked_attenuation_is_that_of_its_corners(back):
    baked = bake_attenuation(back, 2.0)
    j, i, k = (n // 2 for n in baked.values.shape)
    corner = [
        np.array([baked.origin[a] + baked.step * n], dtype=np.float32)
        for a, n in enumerate((i, j, k))
    ]
    assert baked.values[j, i, k] == pytest.approx(float(back.attenuation(*corner)[0]))
