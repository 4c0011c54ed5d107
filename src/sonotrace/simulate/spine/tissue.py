"""The back: skin, fat, muscle and ligaments around the bones of a spine, and the canal in them.

Echo levels are in dB over fat and chosen by eye beside clinical pictures. Attenuation in
dB/cm/MHz: fat 0.62, muscle 1.0, ligament 1.4 lie within the ranges of published tables
(PMC10001275, PMC10346919); the 12 of bone stands for its reflection as well.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64

from sonotrace.simulate.domains import Domain
from sonotrace.simulate.echo.shadow import Attenuation
from sonotrace.simulate.echo.surface import Sheet, Solid, read_sheet, read_solid
from sonotrace.simulate.spine.body import BODY_MM, Spine, axis_at
from sonotrace.simulate.tissue.noise import rough, smooth
from sonotrace.simulate.tissue.texture import Cells, Streaks, Texture

Values = Float32[np.ndarray, " N"]
Inside = Bool[np.ndarray, " N"]

BONE_DB, FLUID_DB = -24.0, -17.0
BONE_ATTENUATION = 12.0
DISC_ATTENUATION = 4.0
_SKIN_MM = 1.9
_SHELL_MM = 4.5
"""Bone deeper than this takes no more from the beam: nothing is left to take."""


class Press(NamedTuple):
    """How the array dents the skin."""

    radius: float
    """Of the array; 0 if it is flat."""
    centre: tuple[float, float]
    """x and z of its middle."""
    along: tuple[float, float]
    """x and z of the direction of its row of elements."""

    def sag(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return how far above the array's middle its face is at each place."""
        if self.radius <= 0:
            return np.zeros_like(x)
        place = (x - self.centre[0]) * self.along[0] + (z - self.centre[1]) * self.along[1]
        # beyond the array the skin goes on straight
        place = np.minimum(np.abs(place), 0.62 * self.radius)
        return np.asarray(self.radius - np.sqrt(self.radius**2 - place**2), dtype=x.dtype)


class Muscles(NamedTuple):
    """What the soft tissue is made of; fibres run along the spine."""

    fat: Texture
    medial: Texture
    """Multifidus, beside the spinous processes."""
    lateral: Texture
    """Longissimus and iliocostalis."""
    deep: Texture
    """Psoas and quadratus, in front of the transverse processes."""
    ligament: Texture
    """Between the spinous processes."""
    border: float
    """Half width of the multifidus at the laminae, at size 1."""
    fat_mm: float
    """Thickness of the fat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """All of it, as an anatomy."""

    spine: Spine
    centre: Float64[np.ndarray, " Z"]
    """x of the spine's axis along z, at the corners of the sheets."""
    bone: Solid
    sheets: dict[str, Sheet]
    """axis, ligament, ligament_end, dura, front, fascia, aponeurosis, deep_fascia."""
    muscles: Muscles
    press: Press
    seed: int

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level at places in mm."""
        size, seed = self.spine.size, self.seed
        u, v = self._from_axis(x, y, z)
        skin = y + self.press.sag(x, z) * np.exp(-np.maximum(y, 0) / 25)
        above = y < self._height("fascia", x, z)
        border = self._border(v, x, z)
        level = np.empty_like(x)
        for texture, inside in self._textures(u, v, above, border, (x, y, z)):
            if inside.any():
                # fibres run along z: what a texture takes for x
                level[inside] = texture.echo_db(z[inside], y[inside], x[inside])
        self._fasciae(level, (u, v, border), x, y, z)
        near = (y > self._height("ligament", x, z)) & (np.abs(u) < 24)
        level[near] = self._canal(level[near], (u[near], v[near]), x[near], y[near], z[near])
        edge = np.minimum(np.abs(skin - 0.3), np.abs(skin - _SKIN_MM))
        skinny = skin < _SKIN_MM + 0.4
        level[skinny] = (8 + 6 * np.exp(-((edge / 0.3) ** 2)))[skinny]
        level += 2 * smooth(x, y, z, (9 * size, 7 * size, 9 * size), seed + 1)
        self._bones(level, x, y, z)
        return np.minimum(level, np.float32(22.0))

    def attenuation(self, x: Values, y: Values, z: Values) -> Values:
        """Return the attenuation in dB/cm/MHz."""
        u, v = self._from_axis(x, y, z)
        value = np.full_like(x, 0.95)
        value[(v > BODY_MM) & (np.abs(u) < 23)] = DISC_ATTENUATION
        value[y < self._height("fascia", x, z)] = 0.62
        skin = y + self.press.sag(x, z) * np.exp(-np.maximum(y, 0) / 25)
        value[skin < _SKIN_MM] = 1.6
        value *= np.clip(1 + 0.15 * smooth(x, y, z, (7.0, 9.0, 7.0), self.seed + 2), 0.5, 1.5)
        value[self._sac(u, x, y, z)] = 0.02
        deep = -read_solid(self.bone, x, y, z) / np.float32(self.spine.size)
        bony = np.clip(deep / 1.6, 0, 1) * np.clip((_SHELL_MM - deep) / 0.5, 0, 1)
        hard = np.float32(BONE_ATTENUATION / self.spine.size) * bony
        return np.asarray(np.where(deep > 0, np.maximum(hard, 0.7), value), dtype=np.float32)

    def _height(self, name: str, x: Values, z: Values) -> Values:
        """Return the depth of a sheet."""
        sheet = self.sheets[name]
        return read_sheet(sheet.height, sheet, x, z).astype(np.float32)

    def _from_axis(self, x: Values, y: Values, z: Values) -> tuple[Values, Values]:
        """Return places across and into depth from the spine's axis, at size 1."""
        axis = self.sheets["axis"]
        knots = axis.origin[1] + axis.step * np.arange(len(self.centre))
        v = (y - self._height("axis", x, z)) / np.float32(self.spine.size)
        u = (x - np.interp(z, knots, self.centre)) / self.spine.size
        return u.astype(np.float32), v

    def _textures(
        self, u: Values, v: Values, above: Inside, border: Values, at: tuple[Values, Values, Values]
    ) -> list[tuple[Texture, Inside]]:
        """Return what fills which places."""
        muscles = self.muscles
        wave = smooth(*at, (5.0, 5.0, 5.0), self.seed + 3)
        middle = ~above & (np.abs(u) < 2.6 + 1.3 * wave)
        behind = v < 9 + np.clip(0.1 * (np.abs(u) - 20), 0, 4)
        free = ~above & ~middle
        medial = free & behind & (np.abs(u) < border)
        return [
            (muscles.fat, above),
            (muscles.ligament, middle),
            (muscles.medial, medial),
            (muscles.lateral, free & behind & ~medial),
            (muscles.deep, free & ~behind),
        ]

    def _border(self, v: Values, x: Values, z: Values) -> Values:
        """Return how far from the middle the multifidus reaches."""
        size = self.spine.size
        wave = smooth(x, v, z, (6 * size, 7.0, 24 * size), self.seed + 4)
        part = np.clip((v + 26) / 26, 0.05, 1.1)
        return np.asarray(self.muscles.border * part**0.8 + 1.6 * wave, dtype=np.float32)

    def _fasciae(
        self, level: Values, at: tuple[Values, Values, Values], x: Values, y: Values, z: Values
    ) -> None:
        """Add the sheets around muscles and along bone."""
        (u, v, border), size = at, self.spine.size
        strength = np.clip(0.8 + 0.5 * smooth(x, y, z, (9.0, 9.0, 16.0), self.seed + 5), 0, 1.4)
        top = y - self._height("fascia", x, z)
        deep = y - self._height("deep_fascia", x, z)
        level += _line(11.0, top, 0.6) * strength
        level += _line(8.0, deep, 0.6) * strength * (np.abs(u) > 14)
        inner = self.sheets["aponeurosis"]
        found = read_sheet(inner.strength, inner, x, z).astype(np.float32) * (v < 2)
        level += _line(9.0, y - self._height("aponeurosis", x, z), 0.6) * found
        wall = (np.abs(u) - border) * np.float32(size)
        level += _line(8.0, wall, 0.7) * strength * ((v < 8) & (deep < 0) & (top > 0))
        # fat lies on the bone below the muscles
        near = read_solid(self.bone, x, y, z) / np.float32(size)
        level += _line(5.0, near, 2.0) * strength * ((near > 0) & (v < 10))

    def _sac(self, u: Values, x: Values, y: Values, z: Values) -> Inside:
        """Return where there is fluid."""
        inside = np.abs(u) < 0.97 * self.spine.canal[0]
        inside &= y > self._height("dura", x, z)
        return np.asarray(inside & (y < self._height("front", x, z)))

    def _canal(
        self, level: Values, at: tuple[Values, Values], x: Values, y: Values, z: Values
    ) -> Values:
        """Return ligamentum flavum, epidural fat, the sac with its roots, and discs."""
        (u, v), size, seed = at, self.spine.size, self.seed
        wide = np.abs(u)
        grain = rough(x, y, z, (4 * size, 1.8 * size, 4 * size), seed + 6)
        fat = -1.0 - 6 * np.clip(wide / 7, 0, 1) + 3.5 * grain
        inside = (wide < 12.5) & (v < BODY_MM)
        level = np.where(inside, fat, level)
        yellow = inside & (y < self._height("ligament_end", x, z))
        level = np.where(yellow, 4.5 + 2.5 * grain, level)
        roots = smooth(x, y, z, (1.5 * size, 1.2 * size, 25 * size), seed + 8)
        fluid = FLUID_DB + 9 * np.clip(roots - 0.6, 0, 1) + 1.5 * grain
        side = wide / np.float32(self.spine.canal[0])
        fluid += (np.maximum(level, -8) - fluid) * np.clip((side - 0.6) / 0.35, 0, 1)
        level = np.where(self._sac(u, x, y, z), fluid, level)
        disc = -6 + 10 * np.exp(-(((v - BODY_MM) / 3.0) ** 2)) + 3 * grain
        return np.where((v > BODY_MM) & (wide < 23), disc, level).astype(np.float32)

    def _bones(self, level: Values, x: Values, y: Values, z: Values) -> None:
        """Replace what is inside bone: a rough shell, and little below it."""
        size = self.spine.size
        deep = -read_solid(self.bone, x, y, z) / np.float32(size)
        inside = deep > -0.2
        x, y, z, deep = x[inside], y[inside], z[inside], deep[inside]
        shell = 4 + 4.0 * rough(x, y, z, (3 * size, 3 * size, 3 * size), self.seed + 13)
        shell -= (shell - BONE_DB) * np.clip((deep - 0.6) / 2.2, 0, 1)
        level[inside] = shell


def _line(peak_db: float, distance: Values, half_mm: float) -> Values:
    """Return what a bright sheet adds at a distance from it."""
    return np.asarray(np.float32(peak_db) * np.exp(-((distance / np.float32(half_mm)) ** 2)))


def draw_muscles(random: np.random.Generator, domain: Domain, size: float) -> Muscles:
    """Draw what soft tissue is made of."""

    def seed() -> int:
        return int(random.integers(1 << 30))

    def muscle(level: float, slope: float) -> Texture:
        if domain.tissue == "streaky":
            across = float(random.uniform(1.0, 1.8)) * size
            return Streaks(
                level_db=level, size_mm=(22 * size, across, 5 * size), contrast_db=3.5,
                threads_db=13.0, slope=slope, seed=seed(),
            )  # fmt: skip
        return Cells(
            level_db=level,
            size_mm=(random.uniform(24, 40) * size, random.uniform(2.2, 3.6) * size, 6.0 * size),
            wall_db=random.uniform(16, 22), wall_mm=0.5 * size, threads_db=14.0, spread_db=2.5,
            grain_db=2.5, slope=slope,
            bend_mm=1.2 * size, seed=seed(),
        )  # fmt: skip

    fat: Texture = Cells(
        level_db=random.uniform(-3, 0), size_mm=(14 * size, 4.0 * size, 12 * size),
        wall_db=random.uniform(8, 12), wall_mm=0.35, seed=seed(),
    )  # fmt: skip
    if domain.tissue == "streaky":
        fat = Streaks(
            level_db=random.uniform(-2, 1), size_mm=(9 * size, 1.6 * size, 8 * size),
            contrast_db=3.0, threads_db=9.0, seed=seed(),
        )  # fmt: skip
    ligament = Streaks(
        level_db=random.uniform(-6, -2), size_mm=(6 * size, 3.0 * size, 2.0 * size),
        contrast_db=3.0, threads_db=7.0, slope=0.8, seed=seed(),
    )  # fmt: skip
    return Muscles(
        fat=fat,
        medial=muscle(random.uniform(-9, -5), random.uniform(0.1, 0.25)),
        lateral=muscle(random.uniform(-12, -7), random.uniform(-0.06, 0.06)),
        deep=muscle(random.uniform(-15, -10), random.uniform(-0.1, 0.1)),
        ligament=ligament,
        border=random.uniform(19, 25),
        fat_mm=random.uniform(7, 14) * size,
    )


def fascia_sheets(
    spine: Spine, axis: Sheet, muscles: Muscles, press: Press, seed: int
) -> dict[str, Sheet]:
    """Return the fascia over the muscles and the one between the transverse processes."""
    columns, planes = axis.height.shape
    x = axis.origin[0] + axis.step * np.arange(columns)
    z = axis.origin[1] + axis.step * np.arange(planes)
    x, z = (a.astype(np.float32) for a in np.meshgrid(x, z, indexing="ij"))
    size = spine.size
    flat = (x.ravel(), np.zeros(x.size, dtype=np.float32), z.ravel())

    def waves(width: float, number: int) -> Float64[np.ndarray, "X Z"]:
        field = rough(*flat, (width * size, 1.0, 1.6 * width * size), seed + number)
        return field.reshape(x.shape).astype(np.float64)

    u = (x - axis_at(spine, z[0].astype(np.float64))[0]) / size
    groove = 2.0 * size * np.exp(-((u / 9) ** 2))  # it is tied down to the spinous processes
    depth = muscles.fat_mm + groove + size * (1.0 * waves(22.0, 21) + 0.25 * waves(6.0, 22))
    top = depth - press.sag(x, z) * np.exp(-depth / 25)
    bottom = axis.height + size * (
        9 + np.clip(0.1 * (np.abs(u) - 20), 0, 4) + 1.0 * waves(18.0, 23)
    )
    place = np.clip((np.abs(u) - 17) / 5, 0, 1)
    whole = np.ones_like(place)
    inner = top + size * (5 + 0.28 * np.abs(u) + 1.2 * waves(20.0, 24) + 0.3 * waves(6.0, 25))
    patches = np.clip(0.3 + waves(16.0, 26), 0, 1) * np.clip((np.abs(u) - 4) / 3, 0, 1)
    return {
        "fascia": axis._replace(height=top.astype(np.float32), strength=whole.astype(np.float32)),
        "aponeurosis": axis._replace(
            height=inner.astype(np.float32), strength=patches.astype(np.float32)
        ),
        "deep_fascia": axis._replace(
            height=bottom.astype(np.float32), strength=place.astype(np.float32)
        ),
    }


def bake_attenuation(back: Back, step: float) -> Attenuation:
    """Return the attenuation of the box of the bones."""
    bone = back.bone
    size = [int((n - 1) * bone.step / step) + 1 for n in bone.distance.shape]
    low = bone.origin
    y = (low[1] + step * np.arange(size[0])).astype(np.float32)
    x = (low[0] + step * np.arange(size[1])).astype(np.float32)
    z = (low[2] + step * np.arange(size[2])).astype(np.float32)
    y, x, z = (a.ravel() for a in np.meshgrid(y, x, z, indexing="ij"))
    values = back.attenuation(x, y, z).reshape(size)
    return Attenuation(np.ascontiguousarray(values), bone.origin, step)
