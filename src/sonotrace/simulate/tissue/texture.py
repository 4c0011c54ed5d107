"""Textures of soft tissue: the echo level of fat, gland and muscle as a function of place.

Two families. `Cells` have walls: lobules between septa, fascicles in their sheaths. `Streaks` are
smooth noise, drawn out along fibres, whose crests are bright threads. Levels are in dB over fat.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from sonotrace.simulate.tissue.noise import Size, cell_walls, rough, smooth

Values = Float32[np.ndarray, " N"]


@runtime_checkable
class Texture(Protocol):
    """How strongly a kind of tissue echoes."""

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level at places in mm."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Lobules or fascicles between thin bright walls, which are brightest across the beam."""

    level_db: float
    size_mm: Size
    """Of a cell: along the fibres, across them and out of the picture."""
    wall_db: float
    """A wall that lies across the beam, over what it divides."""
    wall_mm: float = 0.2
    """Half its thickness."""
    spread_db: float = 1.5
    """Standard deviation of the level from cell to cell."""
    grain_db: float = 1.5
    """Standard deviation of the level within a cell."""
    threads_db: float = 8.0
    """Short bright fibres within a cell."""
    slope: float = 0.0
    """Of the fibres: depth for a mm across."""
    bend_mm: float = 1.2
    """How far walls wave."""
    seed: int = 0

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level at places in mm."""
        along, across = _along_fibres(x, y, self.slope)
        waves = smooth(x, y, z, (9.0, 7.0, 9.0), self.seed + 1)
        wall, facing, which = cell_walls(
            along + np.float32(0.8 * self.bend_mm) * waves,
            across + np.float32(self.bend_mm) * smooth(x, y, z, (7.0, 9.0, 9.0), self.seed + 2),
            z,
            self.size_mm,
            self.seed,
        )
        # walls come and go, as septa do
        strength = np.clip(0.75 + 0.4 * smooth(x, y, z, (5.0, 5.0, 5.0), self.seed + 3), 0, 1.3)
        shine = 0.2 + 0.8 * facing**2
        sheet = np.exp(-((wall / np.float32(self.wall_mm)) ** 2))
        level = self.level_db + 3.46 * self.spread_db * (which - 0.5)
        level += self.grain_db * rough(x, y, z, (2.0, 1.3, 2.0), self.seed + 4)
        level += _threads(along, across, z, (3.0, 0.45, 2.5), self.seed + 5) * self.threads_db
        return np.asarray(level + self.wall_db * strength * shine * sheet, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaks:
    """Smooth noise drawn out along fibres, with threads where it is highest."""

    level_db: float
    size_mm: Size
    """Of a streak: along the fibres, across them and out of the picture."""
    contrast_db: float
    """Standard deviation of the level."""
    threads_db: float
    slope: float = 0.0
    """Of the fibres: depth for a mm across."""
    bend_mm: float = 1.5
    """How far fibres wave."""
    seed: int = 0

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level at places in mm."""
        along, across = _along_fibres(x, y, self.slope)
        across = across + self.bend_mm * smooth(x, y, z, (14.0, 9.0, 14.0), self.seed + 1)
        across = across.astype(np.float32)
        level = self.level_db + self.contrast_db * rough(along, across, z, self.size_mm, self.seed)
        thin = (1.3 * self.size_mm[0], 0.35 * self.size_mm[1], self.size_mm[2])
        level += self.threads_db * _threads(along, across, z, thin, self.seed + 2)
        return np.asarray(level, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gland:
    """Bright fibrous tissue with dark islands of lobules and fat."""

    level_db: float
    island_db: float
    """An island, over the rest; below 0."""
    island_mm: Size
    coverage: float = 0.3
    """Share of the gland that is islands."""
    grain_db: float = 2.0
    threads_db: float = 7.0
    slope: float = 0.0
    seed: int = 0

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level at places in mm."""
        along, across = _along_fibres(x, y, self.slope)
        across = across + np.float32(1.0) * smooth(x, y, z, (8.0, 8.0, 8.0), self.seed + 1)
        field = rough(along, across, z, self.island_mm, self.seed)
        limit = 1.2 - 2.4 * self.coverage
        island = np.clip(2.0 * (field - limit), 0, 1)
        level = self.level_db + self.island_db * island
        level += self.grain_db * rough(along, across, z, (2.4, 1.0, 2.4), self.seed + 2)
        bright = self.threads_db * (1 - 0.7 * island)
        level += bright * _threads(along, across, z, (4.0, 0.5, 3.0), self.seed + 3)
        return np.asarray(level, dtype=np.float32)


def _along_fibres(x: Values, y: Values, slope: float) -> tuple[Values, Values]:
    """Return coordinates along and across fibres that descend by `slope`."""
    cosine = np.float32(1 / np.hypot(1, slope))
    sine = np.float32(slope * cosine)
    return cosine * x + sine * y, cosine * y - sine * x


def _threads(along: Values, across: Values, z: Values, size_mm: Size, seed: int) -> Values:
    """Return 0 nearly everywhere and about 1 in thin threads."""
    field = smooth(along, across, z, size_mm, seed)
    return np.asarray(np.clip(0.8 * (field - 0.9), 0, 1.2), dtype=np.float32)
