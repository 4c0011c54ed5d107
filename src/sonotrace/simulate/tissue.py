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
from sonotrace.simulate.inclusion import Filling, Inclusion, Overlay
from sonotrace.simulate.lattice import LEVEL_TOP_DB
from sonotrace.simulate.noise import rough, smooth
from sonotrace.simulate.outline import Blob, Tube
from sonotrace.simulate.texture import Cells, Gland, Streaks, Texture

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
        level = SKIN_DB + 1.5 * rough(x, y, z, (1.5, 0.6, 1.5), self.seed + 12)
        edge = np.minimum(np.abs(y - 0.25), np.abs(y - (self._skin_mm(x, y, z) - 0.2)))
        line = (SKIN_LINE_DB - SKIN_DB) * np.exp(-((edge / 0.2) ** 2))
        return np.asarray(level + line, dtype=np.float32)

    def _line_db(self, sheet: Sheet, x: Values, z: Values, depth: Values) -> Values:
        flat = np.zeros_like(x)
        strength = 0.8 + 0.4 * smooth(x, flat, z, (6.0, 1.0, 6.0), sheet.seed + 1)
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
            draw_muscle_texture(random, domain, slope + float(random.uniform(-0.15, 0.15))),
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
    pennation = float(random.uniform(0.08, 0.35) * random.choice([-1, 1]))
    layers = [
        Layer(_sheet(random, 0.5, 0.0, 0.0, 0.0), draw_fat(random, domain), 0.62),
        Layer(
            _sheet(random, fat_ends, 0.4, slope, 15.0),
            draw_muscle_texture(random, domain, slope + pennation),
            0.9,
        ),
        Layer(
            _sheet(random, middle, 0.4, slope, 15.0),
            draw_muscle_texture(random, domain, slope - 0.7 * pennation),
            0.95,
        ),
    ]
    tissue = SoftTissue(
        skin_mm=float(random.uniform(1.2, 2.0)),
        layers=tuple(layers),
        face_mm=face_mm,
        line_mm=0.3,
        seed=int(random.integers(1 << 30)),
    )
    return Overlay(base=tissue, inclusions=())


def draw_fat(random: np.random.Generator, domain: Domain) -> Texture:
    """Draw the texture of fat: lobules between septa, or soft streaks."""
    level, seed = float(random.uniform(-1.5, 1.5)), int(random.integers(1 << 30))
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


def draw_muscle_texture(random: np.random.Generator, domain: Domain, slope: float) -> Texture:
    """Draw the texture of muscle whose fibres descend by `slope`."""
    level, seed = float(random.uniform(-6, -3)), int(random.integers(1 << 30))
    if domain.tissue == "streaky":
        return Streaks(
            level_db=level,
            size_mm=(float(random.uniform(8, 14)), float(random.uniform(0.5, 0.9)), 4.0),
            contrast_db=3.0,
            threads_db=13.0,
            slope=slope,
            bend_mm=0.8,
            seed=seed,
        )
    return Cells(
        level_db=level,
        size_mm=(float(random.uniform(12, 20)), float(random.uniform(1.2, 2.2)), 6.0),
        wall_db=float(random.uniform(10, 15)),
        wall_mm=0.18,
        threads_db=10.0,
        slope=slope,
        bend_mm=0.5,
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


def draw_casters(
    random: np.random.Generator, fat_ends: float, gland_ends: float
) -> list[Inclusion]:
    """Draw places that take much from the beam and echo as the rest: shadows from nowhere."""
    casters = []
    for _ in range(int(random.integers(0, 4))):
        x, y = random.uniform(-18, 18), random.uniform(0.6 * fat_ends, 0.6 * gland_ends)
        half = (float(random.uniform(0.6, 2)), float(random.uniform(1, 2)), 4.0)
        body = Blob(centre=(float(x), float(y), float(random.uniform(-2, 2))), half_mm=half)
        filling = Filling(level_db=None, attenuation=float(random.uniform(2.0, 6.0)))
        casters.append(Inclusion(body=body, filling=filling))
    return casters


def draw_vessel(
    random: np.random.Generator, centre: tuple[float, float, float], radius_mm: float
) -> Inclusion:
    """Draw a vessel through a place: a dark tube with thin walls."""
    direction = random.normal(0, 1, 3) * [1.0, 0.2, 0.8]
    direction /= np.linalg.norm(direction)
    tube = Tube(
        centre=centre,
        direction=(float(direction[0]), float(direction[1]), float(direction[2])),
        half_length_mm=float(random.uniform(10, 22)),
        radius_mm=radius_mm,
        flatness=float(random.uniform(1.0, 1.5)),
        bend_mm=float(random.uniform(0.3, 1.2)),
        period_mm=float(random.uniform(14, 30)),
    )
    filling = Filling(
        level_db=float(random.uniform(-18, -12)), attenuation=0.15, softness_mm=0.25, rim_db=7.0
    )
    return Inclusion(body=tube, filling=filling)


def draw_ribs(random: np.random.Generator, depth_mm: float) -> list[Inclusion]:
    """Draw one or two ribs at the depth of the chest wall: a bright face and a shadow."""
    ribs = []
    first = random.uniform(-16, 0)
    for index in range(int(random.integers(1, 3))):
        x = first + index * random.uniform(16, 22)
        rib = Tube(
            centre=(float(x), depth_mm + 2.5, 0.0),
            direction=(float(np.sin(0.2)), 0.0, float(np.cos(0.2))),
            half_length_mm=40.0,
            radius_mm=float(random.uniform(4, 6)),
            flatness=1.7,
        )
        bone = Filling(level_db=-20.0, attenuation=12.0, softness_mm=0.4, rim_db=34.0)
        ribs.append(Inclusion(body=rib, filling=bone))
    return ribs


def _sheet(
    random: np.random.Generator, depth_mm: float, relief_mm: float, slope: float, line_db: float
) -> Sheet:
    size, seed = float(random.uniform(9, 18)), int(random.integers(1 << 30))
    return Sheet(float(depth_mm), relief_mm, size, slope, line_db, seed)
