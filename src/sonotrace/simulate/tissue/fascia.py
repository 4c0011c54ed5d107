"""Straight bright streaks in tissue that look like a needle and are none: pieces of fascia.

A streak is a thin flat sheet across the picture. Unlike a needle it is made of scatterers, moves
with the tissue and does not change with the angle of the beam.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64
from numba import njit

from sonotrace.simulate.echo.lattice import LEVEL_TOP_DB
from sonotrace.simulate.scene import Labels
from sonotrace.simulate.tissue.outline import Box
from sonotrace.simulate.tissue.section import Tracing, fan_nodes, in_fan
from sonotrace.simulate.world import Anatomy

LEAST_DB = np.float32(6.0)

Values = Float32[np.ndarray, " N"]
Places = Float[np.ndarray, " N"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """A flat sheet that shows as a straight line."""

    centre: tuple[float, float, float]
    slope_rad: float
    """Below the horizontal towards larger x, within the picture."""
    half_mm: float
    """Half its length in the picture."""
    out_mm: float
    """Half its width out of the picture."""
    thickness_mm: float
    """Distance from its middle at which its echo has fallen to 1/e."""
    level_db: float
    """Of its middle, over fat; at least `LEAST_DB` over what it lies in."""

    def distance_mm(self, x: Places, y: Places, z: Places) -> Places:
        """Return about how far places lie outside; exactly 0 on the surface."""
        along, across, out = self._within(x, y, z)
        return np.maximum(
            np.maximum(abs(along) - self.half_mm, abs(across) - self.thickness_mm),
            abs(out) - self.out_mm,
        )

    def contains(self, x: Places, y: Places, z: Places) -> Bool[np.ndarray, " N"]:
        """Return which places lie inside."""
        return np.asarray(self.distance_mm(x, y, z) < 0)

    def box_mm(self) -> Box:
        """Return a box around the streak."""
        cosine, sine = abs(np.cos(self.slope_rad)), abs(np.sin(self.slope_rad))
        thick = 3 * self.thickness_mm
        across = float(self.half_mm * cosine + thick)
        down = float(self.half_mm * sine + thick)
        x, y, z = self.centre
        return (x - across, y - down, z - self.out_mm), (x + across, y + down, z + self.out_mm)

    def echo_over(self, level: Values, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level where `level` was."""
        along, across, out = self._within(x, y, z)
        weight = np.exp(-((across / np.float32(self.thickness_mm)) ** 2))
        for place, half in ((along, self.half_mm), (out, self.out_mm)):
            weight *= np.clip((half - abs(place)) / (0.25 * half), 0, 1)
        return level + weight * np.maximum(np.float32(self.level_db) - level, LEAST_DB)

    def _within(self, x: Places, y: Places, z: Places) -> tuple[Places, Places, Places]:
        """Return places along the streak, across it and out of the picture."""
        cosine, sine = float(np.cos(self.slope_rad)), float(np.sin(self.slope_rad))
        a, b = x - self.centre[0], y - self.centre[1]
        return a * cosine + b * sine, b * cosine - a * sine, z - self.centre[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaked:
    """An anatomy with streaks in it."""

    base: Anatomy
    streaks: tuple[Streak, ...]

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level at places in mm."""
        level = self.base.echo_db(x, y, z)
        for streak in self.streaks:
            low, high = streak.box_mm()
            near = np.flatnonzero((y > low[1]) & (y < high[1]) & (x > low[0]) & (x < high[0]))
            if near.size:
                level[near] = streak.echo_over(level[near], x[near], y[near], z[near])
        return np.minimum(level, np.float32(LEVEL_TOP_DB))

    def attenuation(self, x: Values, y: Values, z: Values) -> Values:
        """Return the attenuation in dB/cm/MHz."""
        return self.base.attenuation(x, y, z)


def draw_streaks(
    random: np.random.Generator, count: int, width_mm: float, depth_mm: float
) -> tuple[Streak, ...]:
    """Draw streaks 6 to 16 mm long, at up to 40 degrees, somewhere in the picture."""
    return tuple(
        Streak(
            centre=(
                float(random.uniform(-0.4, 0.4) * width_mm),
                float(random.uniform(0.15, 0.8) * depth_mm),
                float(random.uniform(-1.0, 1.0)),
            ),
            slope_rad=float(np.radians(random.uniform(-40, 40))),
            half_mm=float(random.uniform(3, 8)),
            out_mm=float(random.uniform(2.5, 6)),
            thickness_mm=float(random.uniform(0.2, 0.35)),
            level_db=float(random.uniform(12, 19)),
        )
        for _ in range(count)
    )


def mark_streaks(labels: Labels, tracing: Tracing, streaks: tuple[Streak, ...]) -> None:
    """Label the pixels of the fan at whose centres the tissue lies within a streak by 1.

    Args:
        labels: Changed in place.
        tracing: Of the frame.
        streaks: In tissue at rest.
    """
    masks = (labels, fan_nodes(tracing.moment.grid))
    _mark(masks, tracing.places, tracing.step, _tabulate(streaks))


@lru_cache(maxsize=64)
def _tabulate(streaks: tuple[Streak, ...]) -> Float64[np.ndarray, "S 8"]:
    rows = [
        (
            *one.centre,
            np.cos(one.slope_rad),
            np.sin(one.slope_rad),
            one.half_mm,
            one.thickness_mm,
            one.out_mm,
        )
        for one in streaks
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 8)


@njit(inline="always")
@no_type_check
def _along(places, i, j, streak):
    """Return a node's place along a streak, across it and out of the picture."""
    a, b = places[0, i, j] - streak[0], places[1, i, j] - streak[1]
    c = places[2, i, j] - streak[2]
    return a * streak[3] + b * streak[4], b * streak[3] - a * streak[4], c


@njit(inline="always")
@no_type_check
def _apart(first, second, third, fourth, half):
    """Return whether all are beyond the same end of [-half, half]."""
    if first >= half:
        return second >= half and third >= half and fourth >= half
    return first <= -half and second <= -half and third <= -half and fourth <= -half


@njit(cache=True, nogil=True)
@no_type_check
def _mark(masks, places, step, streaks):
    """Go through squares of `step` pixels; places within one lie between those of its corners."""
    for n in range(streaks.shape[0]):
        streak = streaks[n]
        for i in range(places.shape[1] - 1):
            p, r = _along(places, i, 0, streak), _along(places, i + 1, 0, streak)
            for j in range(places.shape[2] - 1):
                q, s = _along(places, i, j + 1, streak), _along(places, i + 1, j + 1, streak)
                outside = (
                    _apart(p[1], q[1], r[1], s[1], streak[6])
                    or _apart(p[0], q[0], r[0], s[0], streak[5])
                    or _apart(p[2], q[2], r[2], s[2], streak[7])
                )
                p, r = q, s
                if not outside:
                    _mark_square(masks, places, (i, j, step), streak)


@njit(cache=True, nogil=True)
@no_type_check
def _mark_square(masks, places, square, streak):
    labels, node = masks
    i, j, step = square
    point = np.empty((3, 1, 1))
    for r in range(i * step, min((i + 1) * step, labels.shape[0])):
        down = (r - i * step) / step
        for c in range(j * step, min((j + 1) * step, labels.shape[1])):
            right = (c - j * step) / step
            for axis in range(3):
                upper = (1 - right) * places[axis, i, j] + right * places[axis, i, j + 1]
                lower = (1 - right) * places[axis, i + 1, j] + right * places[axis, i + 1, j + 1]
                point[axis, 0, 0] = (1 - down) * upper + down * lower
            along, across, out = _along(point, 0, 0, streak)
            inside = abs(along) < streak[5] and abs(across) < streak[6] and abs(out) < streak[7]
            if inside and in_fan(node, r, c):
                labels[r, c] = 1
