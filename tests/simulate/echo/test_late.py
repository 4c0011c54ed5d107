"""Late echoes fill shadows only, and fade with the distance from bone."""

import numpy as np
import pytest

from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.late import draw_late, late_echoes
from sonotrace.simulate.echo.shadow import Attenuation
from sonotrace.simulate.echo.specular import Finish
from sonotrace.simulate.echo.surface import Crossings, Look
from sonotrace.simulate.motion import STILL
from sonotrace.simulate.probe import Scanner, View
from sonotrace.simulate.world import pose_of

GRID = make_grid(Scanner(view=View(rows=96, columns=96, pixel_mm=0.3)))
LOOK = Look(GRID, pose_of(np.eye(4)), STILL)
SURFACE_MM = 8.0
FINISH = Finish(peak_db=30.0, diffuse_db=-12.0, lobe_rad=0.3)


def tissue(below):
    """Return tissue that takes `below` dB/cm/MHz under the surface, and nothing above it."""
    values = np.zeros((64, 80, 20), dtype=np.float32)
    depth = 0.5 * np.arange(64)
    values[(depth > SURFACE_MM) & (depth < SURFACE_MM + 4)] = below
    return Attenuation(values, (-20.0, 0.0, -5.0), 0.5)


def surface():
    """Return a level surface under every beam, in three planes."""
    across = GRID.beam_positions()
    offsets = np.array([-0.5, 0.0, 0.5])
    depth = np.full((3, len(across)), SURFACE_MM)
    place = np.stack([np.broadcast_to(across, depth.shape), depth, np.zeros_like(depth)])
    return Crossings(across, offsets, depth, np.zeros_like(depth), place)


@pytest.fixture(scope="module")
def late():
    return draw_late(np.random.default_rng(0), 1.0)


def test_there_are_none_where_the_beam_passes(late):
    found = late_echoes(late, surface(), LOOK, tissue(0.0), FINISH)
    assert sum(points.strength.size for points in found) == 0


def test_below_bone_they_are_on_every_beam_and_fade(late):
    fill, _ = late_echoes(late, surface(), LOOK, tissue(12.0), FINISH)
    assert fill.depth_mm.min() > SURFACE_MM
    assert fill.depth_mm.max() < GRID.scanner.reach_mm()
    assert len(np.unique(fill.across)) > 0.95 * GRID.beams
    power = [
        np.square(fill.strength[np.abs(fill.depth_mm - deep) < 1.5]).mean() for deep in (14.0, 26.0)
    ]
    assert power[0] > power[1]


def test_the_second_picture_of_bone_lies_at_twice_its_depth(late):
    _, again = late_echoes(late, surface(), LOOK, tissue(12.0), FINISH)
    assert again.strength.any()
    np.testing.assert_allclose(again.depth_mm, 2 * SURFACE_MM, atol=0.2)


def test_the_same_draw_gives_the_same_echoes(late):
    one, other = (
        late_echoes(late, surface(), LOOK, tissue(12.0), FINISH)[0].strength for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)
