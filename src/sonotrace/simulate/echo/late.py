"""Late echoes: what fills the shadow of bone, so that it is not black.

Sound goes back and forth between bone, tissue above it and the array, and arrives when echoes
from below the bone would. It is drawn as echoes below the surface whose level falls with the
distance from it, and as a faint second picture of bone at twice its depth. These echoes were not
through the bone, so what bone takes from the beam is given back to them, up to a limit.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from scipy import ndimage

from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.echo.shade import coarser, passed_at
from sonotrace.simulate.echo.shadow import Attenuation, transmission
from sonotrace.simulate.echo.specular import Finish
from sonotrace.simulate.echo.surface import Crossings, Look, echoes_of

_STEPS = 48
_STEP_MM = 0.8
_BEAMS = 512
_REPEAT_DB = -21.0
_MOST_GIVEN_DB = 36.0
_SHADE = 0.22
"""Only where less than this is left of the beam are echoes late: its edges are not in shadow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """What was drawn of them."""

    ring_db: float
    """Just below the surface, over reference speckle."""
    ring_db_per_mm: float
    floor_db: float
    """Extrapolated to the surface, of the part that falls slowly."""
    floor_db_per_mm: float
    below_mm: Float32[np.ndarray, "K W"]
    """Below the surface, on neighbouring beams."""
    sign: Float32[np.ndarray, "K W"]
    """Of mean 0 and mean square 1."""


def draw_late(random: np.random.Generator, size: float) -> Late:
    """Draw late echoes for a spine of this size (1 for an adult's)."""
    below = size * _STEP_MM * (np.arange(_STEPS)[:, None] + random.random((_STEPS, _BEAMS)))
    sign = random.standard_normal((_STEPS, _BEAMS))
    return Late(
        ring_db=float(random.uniform(0, 5)),
        ring_db_per_mm=float(random.uniform(1.2, 2.2)) / size,
        floor_db=float(random.uniform(-17, -11)),
        floor_db_per_mm=float(random.uniform(0.1, 0.25)) / size,
        below_mm=below.astype(np.float32),
        sign=sign.astype(np.float32),
    )


def late_echoes(
    late: Late, surface: Crossings, look: Look, attenuation: Attenuation, finish: Finish
) -> list[Points]:
    """Return the late echoes of a surface.

    Args:
        late: What was drawn.
        surface: Where beams meet it; the middle plane is used.
        look: From where.
        attenuation: Of the tissue: what is given back.
        finish: How the surface reflects.
    """
    grid = look.grid
    passed = transmission(coarser(grid), attenuation, look.pose, look.flow)
    passed = ndimage.maximum_filter1d(passed, 3, axis=1)
    n = len(surface.offset_mm) // 2
    middle = Crossings(
        surface.across,
        surface.offset_mm[n : n + 1],
        surface.depth_mm[n : n + 1],
        surface.incidence_rad[n : n + 1],
        surface.place[:, n : n + 1],
    )
    fill = _fill(late, middle, grid)
    again = middle._replace(depth_mm=2 * middle.depth_mm)
    gain = np.full(again.depth_mm.shape, 10 ** (_REPEAT_DB / 20))
    found = []
    for points in (fill, echoes_of(again, grid, finish, gain)):
        left = passed_at(grid, passed, points.depth_mm, points.across)
        seen = (left < _SHADE) & (points.depth_mm < grid.scanner.reach_mm())
        given = 1 / np.maximum(left[seen], 10 ** (-_MOST_GIVEN_DB / 20))
        found.append(
            Points(points.depth_mm[seen], points.across[seen], points.strength[seen] * given)
        )
    return found


def _fill(late: Late, middle: Crossings, grid: Grid) -> Points:
    """Return echoes below the surface, on every beam."""
    hit = np.nonzero(np.isfinite(middle.depth_mm[0]))[0]
    depth, across = middle.depth_mm[0, hit], middle.across[hit]
    first = round(middle.across[0] / (middle.across[1] - middle.across[0]))
    nth = (hit + first) % _BEAMS
    below = late.below_mm[:, nth]
    place = depth + below
    run = (middle.across[1] - middle.across[0]) * (
        grid.shape.radius + place if grid.shape.convex else 1.0
    )
    # K points of strength s in each mm2 leave an rms of s sqrt(K energy)
    energy = np.interp(place, grid.depth_of_lines(), grid.taps.energy_mm2)
    area = float(late.below_mm.max()) / _STEPS * run
    level = np.maximum(
        late.ring_db - late.ring_db_per_mm * below, late.floor_db - late.floor_db_per_mm * below
    )
    strength = 10 ** (level / 20) * late.sign[:, nth] * np.sqrt(area / energy)
    return Points(place.ravel(), np.tile(across, len(below)), strength.ravel())
