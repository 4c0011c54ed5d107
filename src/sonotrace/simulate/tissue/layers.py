"""Soft tissue: layers under the skin, what lies in them, and what they take from the beam.

`SoftTissue` is a stack of layers with bright sheets between them; `draw_breast` and `draw_muscle`
draw one and lay vessels and ribs into it.

Echo levels are in dB over fat, chosen by eye beside clinical pictures. Attenuation in dB/cm/MHz:
fat 0.62, gland 0.85 and muscle 1.0 lie within the ranges of published tables (PMC4618705,
PMC5087608, PMC10001275); the 12 of bone stands for its reflection as well.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from sonotrace.simulate.domains import Domain
from sonotrace.simulate.echo.lattice import LEVEL_TOP_DB
from sonotrace.simulate.tissue.embedded import draw_casters, draw_ribs
from sonotrace.simulate.tissue.inclusion import Overlay
from sonotrace.simulate.tissue.noise import rough, smooth
from sonotrace.simulate.tissue.texture import Cells, Gland, Streaks, Texture

Values = Float32[np.ndarray, " N"]
Range = tuple[float, float]

SKIN_DB, SKIN_LINE_DB = 8.0, 14.0
_HIGHEST = 3.5
"""Noise reaches no further than this many standard deviations, nearly everywhere."""


class Sheet(NamedTuple):
    """A wavy surface across the beam: fascia, or the border of a layer."""

    depth_mm: float
    """Its mean; the surface is deeper where x is larger if `slope` is above 0."""
    relief_mm: float
    """Standard deviation of its depth."""
    size_mm: float
    """Distance over which it waves."""
    slope: float
    line_db: float
    """Echo of the thin line along it, over what it divides."""
    seed: int
    steady: float = 0.8
    """Mean strength of the line; it comes and goes by 1.2 less this."""

    def below_mm(self, x: Values, y: Values, z: Values) -> Values:
        """Return how far places lie below the sheet."""
        below = y - np.float32(self.depth_mm) - np.float32(self.slope) * x
        near = np.abs(below) < _HIGHEST * self.relief_mm + 1
        if near.any():
            flat = np.zeros(np.count_nonzero(near), dtype=np.float32)
            size = (self.size_mm, 1.0, self.size_mm)
            waves = rough(x[near], flat, z[near], size, self.seed)
            below[near] -= np.float32(self.relief_mm) * waves
        return np.asarray(below, dtype=np.float32)


class Layer(NamedTuple):
    """What lies below a sheet, down to the next."""

    top: Sheet
    texture: Texture
    attenuation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftTissue:
    """Skin and layers below it."""

    skin_mm: float
    layers: tuple[Layer, ...]
    """From the skin down; each begins at its own sheet or at the one above, if that is deeper."""
    face_mm: float = 0.0
    """Radius of the array that the skin is pressed to; 0 if it is flat."""
    uneven: float = 0.3
    """Standard deviation of attenuation from place to place, as a share of it."""
    line_mm: float = 0.22
    """Half thickness of the lines along sheets."""
    skin_db: float = SKIN_DB
    """Echo level between the two bright lines of the skin."""
    seed: int = 0

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level at places in mm."""
        y = self._from_skin(x, y)
        level = np.empty_like(x)
        skin = y < self._skin_mm(x, y, z)
        level[skin] = self._skin_db(x[skin], y[skin], z[skin])
        below = [layer.top.below_mm(x, y, z) for layer in self.layers]
        for index, inside in enumerate(_divide(below, ~skin)):
            if inside.any():
                texture = self.layers[index].texture
                level[inside] = texture.echo_db(x[inside], y[inside], z[inside])
        for layer, depth in zip(self.layers, below, strict=True):
            near = ~skin & (np.abs(depth) < 3 * self.line_mm)
            if layer.top.line_db > 0 and near.any():
                level[near] += self._line_db(layer.top, x[near], z[near], depth[near])
        return np.minimum(level, np.float32(LEVEL_TOP_DB))

    def attenuation(self, x: Values, y: Values, z: Values) -> Values:
        """Return the attenuation in dB/cm/MHz."""
        y = self._from_skin(x, y)
        value = np.full_like(x, 1.6)
        skin = y < self._skin_mm(x, y, z)
        below = [layer.top.below_mm(x, y, z) for layer in self.layers]
        for layer, inside in zip(self.layers, _divide(below, ~skin), strict=True):
            value[inside] = layer.attenuation
        patches = rough(x, y, z, (5.0, 7.0, 5.0), self.seed + 11)
        return np.asarray(value * np.clip(1 + self.uneven * patches, 0.1, 3), dtype=np.float32)

    def _from_skin(self, x: Values, y: Values) -> Values:
        """Return the depth below a skin that follows the array near it and is flat far from it."""
        if self.face_mm <= 0:
            return y
        sag = self.face_mm - np.sqrt(np.maximum(self.face_mm**2 - x**2, 0))
        return np.asarray(y + sag * np.exp(-np.maximum(y, 0) / 25), dtype=np.float32)

    def _skin_mm(self, x: Values, y: Values, z: Values) -> Values:
        """Return how thick the skin is above or below places; roughly, where they are deep."""
        thick = np.full_like(x, self.skin_mm)
        near = y < 1.5 * self.skin_mm
        if near.any():
            flat = np.zeros(np.count_nonzero(near), dtype=np.float32)
            thick[near] += 0.12 * smooth(x[near], flat, z[near], (6.0, 1.0, 6.0), self.seed + 13)
        return thick

    def _skin_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return two bright lines, entry and lower edge, and grey between them."""
        level = self.skin_db + 1.5 * rough(x, y, z, (1.5, 0.6, 1.5), self.seed + 12)
        edge = np.minimum(np.abs(y - 0.25), np.abs(y - (self._skin_mm(x, y, z) - 0.2)))
        line = (SKIN_LINE_DB - SKIN_DB) * np.exp(-((edge / 0.2) ** 2))
        return np.asarray(level + line, dtype=np.float32)

    def _line_db(self, sheet: Sheet, x: Values, z: Values, depth: Values) -> Values:
        flat = np.zeros_like(x)
        comes_and_goes = smooth(x, flat, z, (6.0, 1.0, 6.0), sheet.seed + 1)
        strength = sheet.steady + (1.2 - sheet.steady) * comes_and_goes
        line = np.exp(-((depth / self.line_mm) ** 2))
        return np.asarray(sheet.line_db * np.clip(strength, 0, 1.3) * line, dtype=np.float32)


def _divide(below: list[Values], free: Bool[np.ndarray, " N"]) -> list[Bool[np.ndarray, " N"]]:
    """Return the places of every layer: the deepest whose sheet is above takes them.

    What lies between the skin and the first sheet belongs to the first layer.
    """
    places = []
    left = free.copy()
    for depth in reversed(below[1:]):
        inside = left & (depth > 0)
        places.append(inside)
        left &= ~inside
    places.append(left)
    return places[::-1]


class Plan(NamedTuple):
    """Ranges of one family of breasts: depths are shares of the depth of the picture."""

    skin_mm: Range
    fat_ends: Range
    gland_ends: Range
    gland_db: Range
    muscle_ends: Range
    slope: Range


PLANS = {
    "lobular": Plan(
        skin_mm=(1.2, 2.2),
        fat_ends=(0.16, 0.36),
        gland_ends=(0.5, 0.72),
        gland_db=(6.5, 11.0),
        muscle_ends=(0.82, 1.2),
        slope=(-0.12, 0.12),
    ),
    "streaky": Plan(
        skin_mm=(1.6, 3.0),
        fat_ends=(0.10, 0.45),
        gland_ends=(0.6, 0.85),
        gland_db=(4.0, 8.0),
        muscle_ends=(0.9, 1.2),
        slope=(-0.2, 0.2),
    ),
}


def draw_breast(
    random: np.random.Generator, domain: Domain, depth_mm: float, face_mm: float = 0.0
) -> Overlay:
    """Draw a breast: skin, fat lobules, gland, muscle, and often vessels and the chest wall.

    Args:
        random: Where it is drawn from.
        domain: Decides the family of textures.
        depth_mm: Of the picture, which the layers roughly fill.
        face_mm: Radius of a convex array, which the skin follows; 0 for a linear one.
    """
    plan = PLANS[domain.tissue]
    fat_ends = depth_mm * random.uniform(*plan.fat_ends)
    gland_ends = depth_mm * random.uniform(*plan.gland_ends)
    muscle_ends = depth_mm * random.uniform(*plan.muscle_ends)
    slope = float(random.uniform(*plan.slope))
    layers = [
        Layer(_sheet(random, 0.5, 0.0, 0.0, 0.0), draw_fat(random, domain), 0.62),
        Layer(
            _sheet(random, fat_ends, 1.5, slope, 5.0),
            draw_gland(random, domain, float(random.uniform(*plan.gland_db))),
            0.85,
        ),
        Layer(_sheet(random, gland_ends, 0.8, slope, 8.0), draw_fat(random, domain), 0.62),
        Layer(
            _sheet(random, gland_ends + random.uniform(0.8, 4), 0.6, slope, 12.0),
            draw_muscle_texture(
                random, domain, slope + float(random.uniform(-0.15, 0.15)), CHEST_FIBRES
            ),
            1.0,
        ),
        Layer(_sheet(random, muscle_ends, 0.6, slope, 14.0), draw_chest(random), 1.3),
    ]
    tissue = SoftTissue(
        skin_mm=float(random.uniform(*plan.skin_mm)),
        layers=tuple(layers),
        face_mm=face_mm,
        seed=int(random.integers(1 << 30)),
    )
    inside = draw_casters(random, fat_ends, gland_ends)
    if random.random() < 0.4:
        inside += draw_ribs(random, muscle_ends)
    return Overlay(base=tissue, inclusions=tuple(inside))


def draw_muscle(
    random: np.random.Generator, domain: Domain, depth_mm: float, face_mm: float = 0.0
) -> Overlay:
    """Draw muscles: fascicles between aponeuroses, under skin and some fat; see `draw_breast`."""
    fat_ends = depth_mm * random.uniform(0.08, 0.2)
    middle = depth_mm * random.uniform(0.45, 0.7)
    slope = float(random.uniform(-0.06, 0.06))
    pennation = float(random.uniform(0.03, 0.22) * random.choice([-1, 1]))
    fat = draw_fat(random, domain, (-8.0, -3.0))
    above = draw_muscle_texture(random, domain, slope + pennation, LIMB_FIBRES)
    below = draw_muscle_texture(random, domain, slope - 0.7 * pennation, LIMB_FIBRES)
    layers = [
        Layer(_sheet(random, 0.5, 0.0, 0.0, 0.0), fat, 0.62),
        Layer(_aponeurosis(random, fat_ends, slope), above, 0.9),
        Layer(_aponeurosis(random, middle, slope), below, 0.95),
    ]
    tissue = SoftTissue(
        skin_mm=float(random.uniform(1.2, 2.0)),
        layers=tuple(layers),
        face_mm=face_mm,
        line_mm=0.3,
        skin_db=4.0,
        seed=int(random.integers(1 << 30)),
    )
    return Overlay(base=tissue, inclusions=())


def draw_fat(random: np.random.Generator, domain: Domain, level_db: Range = (-1.5, 1.5)) -> Texture:
    """Draw the texture of fat: lobules between septa, or soft streaks."""
    level, seed = float(random.uniform(*level_db)), int(random.integers(1 << 30))
    slope = float(random.uniform(-0.15, 0.15))
    if domain.tissue == "streaky":
        size = (float(random.uniform(5, 9)), float(random.uniform(0.8, 1.5)), 5.0)
        return Streaks(
            level_db=level, size_mm=size, contrast_db=2.5, threads_db=9.0, slope=slope, seed=seed
        )
    size = (float(random.uniform(9, 16)), float(random.uniform(4, 7)), float(random.uniform(8, 14)))
    wall = float(random.uniform(8, 15))
    return Cells(level_db=level, size_mm=size, wall_db=wall, slope=slope, seed=seed)


def draw_gland(random: np.random.Generator, domain: Domain, level_db: float) -> Texture:
    """Draw the texture of gland: bright, with dark islands, or with bands."""
    seed, slope = int(random.integers(1 << 30)), float(random.uniform(-0.15, 0.15))
    if domain.tissue == "streaky":
        size = (float(random.uniform(3, 6)), float(random.uniform(1.2, 2.4)), 4.0)
        return Streaks(
            level_db=level_db, size_mm=size, contrast_db=3.5, threads_db=6.0, slope=slope, seed=seed
        )
    island = (float(random.uniform(4, 9)), float(random.uniform(1.8, 3.5)), 5.0)
    return Gland(
        level_db=level_db,
        island_db=float(random.uniform(-11, -5)),
        island_mm=island,
        coverage=float(random.uniform(0.1, 0.4)),
        slope=slope,
        seed=seed,
    )


class Fibres(NamedTuple):
    """How muscle looks along its fibres."""

    level_db: Range
    wall_db: Range
    """Of the sheaths of fascicles, over what they enclose."""
    threads_db: float
    bend_mm: float


CHEST_FIBRES = Fibres((-6.0, -3.0), (10.0, 15.0), 10.0, 0.5)
LIMB_FIBRES = Fibres((-10.0, -6.0), (13.0, 18.0), 13.0, 0.25)
"""Darker and straighter, with sheaths that stand out."""


def draw_muscle_texture(
    random: np.random.Generator, domain: Domain, slope: float, fibres: Fibres
) -> Texture:
    """Draw the texture of muscle whose fibres descend by `slope`."""
    level, seed = float(random.uniform(*fibres.level_db)), int(random.integers(1 << 30))
    if domain.tissue == "streaky":
        return Streaks(
            level_db=level,
            size_mm=(float(random.uniform(8, 14)), float(random.uniform(0.5, 0.9)), 4.0),
            contrast_db=3.0,
            threads_db=fibres.threads_db + 3.0,
            slope=slope,
            bend_mm=fibres.bend_mm + 0.3,
            seed=seed,
        )
    return Cells(
        level_db=level,
        size_mm=(float(random.uniform(12, 20)), float(random.uniform(1.2, 2.2)), 6.0),
        wall_db=float(random.uniform(*fibres.wall_db)),
        wall_mm=0.18,
        threads_db=fibres.threads_db,
        slope=slope,
        bend_mm=fibres.bend_mm,
        seed=seed,
    )


def draw_chest(random: np.random.Generator) -> Texture:
    """Draw the texture of what lies below the muscle: faint echoes in bands."""
    return Streaks(
        level_db=float(random.uniform(-13, -7)),
        size_mm=(9.0, 1.6, 6.0),
        contrast_db=2.5,
        threads_db=5.0,
        seed=int(random.integers(1 << 30)),
    )


def _sheet(
    random: np.random.Generator, depth_mm: float, relief_mm: float, slope: float, line_db: float
) -> Sheet:
    size, seed = float(random.uniform(9, 18)), int(random.integers(1 << 30))
    return Sheet(float(depth_mm), relief_mm, size, slope, line_db, seed)


def _aponeurosis(random: np.random.Generator, depth_mm: float, slope: float) -> Sheet:
    """Return a sheet that runs nearly straight and unbroken through the picture."""
    wavy = _sheet(random, depth_mm, 0.2, slope, 17.0)
    return wavy._replace(size_mm=1.6 * wavy.size_mm, steady=1.05)
