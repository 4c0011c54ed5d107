"""A tree of vessels in tissue: drawn, measured, and seen by an echo picture.

A vessel is a chain of capsules: round tubes of constant radius with round ends. Where it forks,
the radii obey Murray's law

    r^3 = r1^3 + r2^3

(Murray, PNAS 12:207, 1926, doi:10.1073/pnas.12.3.207), and the angles are about those of least
work for these radii (Murray, J Gen Physiol 9:835, 1926, doi:10.1085/jgp.9.6.835): they are
flattened afterwards, because superficial vessels run along the skin. Everything is in tissue
coordinates: x across, y into depth, z out of the picture, in mm.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int32
from numba import njit

from sonotrace.simulate.echo.lattice import LEVEL_TOP_DB
from sonotrace.simulate.world import Anatomy

LEAST_RADIUS_MM = 0.08
LARGEST_RADIUS_MM = 0.75
REACH_MM = 1.5
"""Distances are exact up to this and cut off at it."""
BLOOD_ATTENUATION = 0.15
"""dB/cm/MHz."""
_CELL_MM = 1.5
_LINK_MM = 0.45
"""Length of a capsule."""
_FLATNESS = 0.45
"""Share of the depth component that directions keep when they fork."""
_MOST_FORKS = 6
_WALL_MM = 0.22
_WALLED_MM = 0.35
"""Radius from which a vessel's wall is as bright as it gets; half of it: no wall is seen."""
_EDGE_MM = 0.1

Values = Float32[np.ndarray, " N"]
Points = Float64[np.ndarray, "N 3"]
Corner = tuple[float, float, float]


class Branch(NamedTuple):
    """A vessel between two forks."""

    points_mm: Points
    radius_mm: float
    children: tuple[int, ...]
    """Numbers of the branches it forks into: two or none."""
    absorption: float
    """Of light, relative to the strongest blood there is; the same for a whole tree."""


class Index(NamedTuple):
    """Which capsules are near: for every cell of a grid, a range of a list."""

    origin: Float64[np.ndarray, " 3"]
    cells: tuple[int, int, int]
    """How many along x, y and z."""
    begin: Int32[np.ndarray, " C1"]
    members: Int32[np.ndarray, " M"]


class Vessels(NamedTuple):
    """Capsules, and an index to find them."""

    start_mm: Points
    end_mm: Points
    radius_mm: Float64[np.ndarray, " N"]
    absorption: Float64[np.ndarray, " N"]
    near: Index


def draw_branches(
    random: np.random.Generator, low: Corner, high: Corner, roots: int = 3
) -> list[Branch]:
    """Draw trees that grow from the sides of a box and mostly stay in it.

    Args:
        random: Where they are drawn from.
        low: Lowest x, y and z of the box.
        high: Highest.
        roots: How many trees.
    """
    branches: list[Branch] = []
    for _ in range(roots):
        start, direction = _draw_root(random, np.array(low), np.array(high))
        radius = float(random.uniform(0.5, 1.0) * LARGEST_RADIUS_MM)
        absorption = float(random.uniform(0.6, 1.0))
        waiting = deque([(start, direction, radius, 0, -1)])
        while waiting:
            start, direction, radius, forks, parent = waiting.popleft()
            points = _draw_course(random, start, direction, radius, (np.array(low), np.array(high)))
            branches.append(Branch(points, radius, (), absorption))
            number = len(branches) - 1
            if parent >= 0:
                above = branches[parent]
                branches[parent] = above._replace(children=(*above.children, number))
            share = float(random.uniform(0.12, 0.5))
            radii = radius * share ** (1 / 3), radius * (1 - share) ** (1 / 3)
            if forks == _MOST_FORKS or min(radii) < LEAST_RADIUS_MM:
                continue
            ahead = points[-1] - points[-2]
            ways = _draw_fork(random, ahead / np.linalg.norm(ahead), radius, radii)
            for way, thinner in zip(ways, radii, strict=True):
                waiting.append((points[-1], way, thinner, forks + 1, number))
    return branches


def vessels_of(branches: list[Branch]) -> Vessels:
    """Return the capsules of branches."""
    starts = [branch.points_mm[:-1] for branch in branches]
    counts = [len(start) for start in starts]
    return make_vessels(
        np.concatenate(starts),
        np.concatenate([branch.points_mm[1:] for branch in branches]),
        np.repeat([branch.radius_mm for branch in branches], counts),
        np.repeat([branch.absorption for branch in branches], counts),
    )


def make_vessels(
    start_mm: Points,
    end_mm: Points,
    radius_mm: Float64[np.ndarray, " N"],
    absorption: Float64[np.ndarray, " N"],
) -> Vessels:
    """Index capsules from `start_mm` to `end_mm`.

    Raises:
        ValueError: There are none, or a radius is not positive.
    """
    if len(radius_mm) == 0 or float(radius_mm.min()) <= 0:
        raise ValueError(f"{len(radius_mm)} vessels; give at least one, each with a radius above 0")
    start, end = np.ascontiguousarray(start_mm), np.ascontiguousarray(end_mm)
    margin = float(radius_mm.max()) + REACH_MM
    low = np.minimum(start, end).min(axis=0) - margin
    high = np.maximum(start, end).max(axis=0) + margin
    counts = np.ceil((high - low) / _CELL_MM).astype(int) + 1
    cells = (int(counts[0]), int(counts[1]), int(counts[2]))
    begin = np.zeros(int(counts.prod()) + 1, dtype=np.int32)
    empty = Index(low, cells, begin, np.zeros(0, dtype=np.int32))
    _fill_index(empty, start, end, radius_mm)
    begin = np.cumsum(begin).astype(np.int32)
    members = np.empty(int(begin[-1]), dtype=np.int32)
    _fill_index(Index(low, cells, begin.copy(), members), start, end, radius_mm)
    return Vessels(start, end, radius_mm, absorption, Index(low, cells, begin, members))


def nearest_vessel(vessels: Vessels, x: Values, y: Values, z: Values) -> tuple[Values, Values]:
    """Return the signed distance to the lumen's surface, negative inside, and that vessel's radius.

    The distance is exact outside up to `REACH_MM`, at which it is cut off (the radius is then 0).
    Inside, where vessels overlap, it is that to the surface of the one that lies deepest.
    """
    distance = np.empty(x.shape, dtype=np.float32)
    radius = np.empty(x.shape, dtype=np.float32)
    _find_nearest(distance, radius, x, y, z, vessels)
    return distance, radius


@dataclass(frozen=True, slots=True, kw_only=True)
class Vascular:
    """Tissue with vessels in it: dark lumina, and walls that brighten with the vessel's radius."""

    tissue: Anatomy
    vessels: Vessels
    lumen_db: float = -24.0
    wall_db: float = 7.0
    """What a large vessel's wall adds."""

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level."""
        level = self.tissue.echo_db(x, y, z)
        distance, radius = nearest_vessel(self.vessels, x, y, z)
        walled = np.clip(2 * radius / _WALLED_MM - 1, 0, 1)
        level += np.where(np.abs(distance - _WALL_MM / 2) < _WALL_MM / 2, self.wall_db * walled, 0)
        inside = np.clip(0.5 - distance / _EDGE_MM, 0, 1)
        mixed = level + (np.float32(self.lumen_db) - level) * inside
        level = np.where(inside > 0, mixed, level)
        return np.minimum(level, LEVEL_TOP_DB).astype(np.float32)

    def attenuation(self, x: Values, y: Values, z: Values) -> Values:
        """Return the attenuation in dB/cm/MHz: that of blood in the lumen."""
        distance, _ = nearest_vessel(self.vessels, x, y, z)
        inside = np.clip(0.5 - distance / _EDGE_MM, 0, 1)
        around = self.tissue.attenuation(x, y, z)
        return (around + (np.float32(BLOOD_ATTENUATION) - around) * inside).astype(np.float32)


def _draw_root(
    random: np.random.Generator, low: Float64[np.ndarray, " 3"], high: Float64[np.ndarray, " 3"]
) -> tuple[Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"]]:
    """Draw where a tree enters the box, and which way."""
    part = random.uniform(0.2, 0.8, 3)
    side = int(random.choice([0, 2]))  # across, or out of the picture
    end = int(random.integers(2))
    part[side] = end
    direction = random.normal(0, 0.25, 3)
    direction[side] = 1.0 - 2.0 * end
    return low + part * (high - low), direction / np.linalg.norm(direction)


def _draw_course(
    random: np.random.Generator,
    start: Float64[np.ndarray, " 3"],
    direction: Float64[np.ndarray, " 3"],
    radius: float,
    box: tuple[Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"]],
) -> Points:
    """Draw points of a line that bends smoothly and turns back where it would leave the box."""
    length = float(np.clip(radius * random.uniform(16, 30), 2.0, 14.0))
    count = max(2, int(np.ceil(length / _LINK_MM)))
    middle, half = (box[0] + box[1]) / 2, (box[1] - box[0]) / 2
    bend = random.normal(0, 0.06, 3)
    points = [start]
    for _ in range(count):
        bend = 0.85 * bend + random.normal(0, 0.035, 3) * [1, 0.7, 1]
        astray = (points[-1] - middle) / half
        home = -np.sign(astray) * np.clip(np.abs(astray) - 0.75, 0, 0.5) * 0.6
        direction = direction + bend + home
        direction = direction / np.linalg.norm(direction)
        points.append(points[-1] + direction * length / count)
    return np.stack(points)


def _draw_fork(
    random: np.random.Generator,
    ahead: Float64[np.ndarray, " 3"],
    radius: float,
    radii: tuple[float, float],
) -> list[Float64[np.ndarray, " 3"]]:
    """Draw the directions of two branches: on either side of the way ahead, in a random plane."""
    aside = np.cross(ahead, random.normal(0, 1, 3) * [0.5, 1, 0.5])
    aside /= np.linalg.norm(aside)
    ways = []
    for one, other, side in ((radii[0], radii[1], 1), (radii[1], radii[0], -1)):
        cosine = (radius**4 + one**4 - other**4) / (2 * radius**2 * one**2)
        way = cosine * ahead + side * np.sqrt(max(0.0, 1 - cosine**2)) * aside
        way = way * [1, _FLATNESS, 1]
        ways.append(way / np.linalg.norm(way))
    return ways


@njit(inline="always")
@no_type_check
def axis_distance(px, py, pz, start, end, n):
    """Return the distance of a point from segment n. Rows are not taken out: that would be slow."""
    u0, u1, u2 = end[n, 0] - start[n, 0], end[n, 1] - start[n, 1], end[n, 2] - start[n, 2]
    v0, v1, v2 = px - start[n, 0], py - start[n, 1], pz - start[n, 2]
    squared = u0 * u0 + u1 * u1 + u2 * u2
    part = (u0 * v0 + u1 * v1 + u2 * v2) / squared if squared > 0 else 0.0
    part = min(max(part, 0.0), 1.0)
    v0, v1, v2 = v0 - part * u0, v1 - part * u1, v2 - part * u2
    return np.sqrt(v0 * v0 + v1 * v1 + v2 * v2)


@njit(cache=True, nogil=True)
@no_type_check
def _fill_index(index, start, end, radius):
    """Count the capsules near each cell, one cell on; with room for members, list them."""
    low, count, begin, members = index.origin, index.cells, index.begin, index.members
    counting = members.shape[0] == 0
    first, last = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for n in range(radius.shape[0]):
        reach = radius[n] + REACH_MM
        for q in range(3):
            near, far = min(start[n, q], end[n, q]), max(start[n, q], end[n, q])
            first[q] = max(int((near - reach - low[q]) / _CELL_MM), 0)
            last[q] = min(int((far + reach - low[q]) / _CELL_MM), count[q] - 1)
        for i in range(first[0], last[0] + 1):
            for j in range(first[1], last[1] + 1):
                for k in range(first[2], last[2] + 1):
                    away = axis_distance(
                        low[0] + (i + 0.5) * _CELL_MM,
                        low[1] + (j + 0.5) * _CELL_MM,
                        low[2] + (k + 0.5) * _CELL_MM,
                        start,
                        end,
                        n,
                    )
                    if away > reach + 0.8661 * _CELL_MM:
                        continue
                    cell = (i * count[1] + j) * count[2] + k
                    if counting:
                        begin[cell + 1] += 1
                    else:
                        members[begin[cell]] = n
                        begin[cell] += 1


@njit(cache=True, nogil=True)
@no_type_check
def _find_nearest(distance, radius, x, y, z, vessels):
    index = vessels.near
    low, count = index.origin, index.cells
    for n in range(x.shape[0]):
        best, whose = REACH_MM, 0.0
        i = int(np.floor((x[n] - low[0]) / _CELL_MM))
        j = int(np.floor((y[n] - low[1]) / _CELL_MM))
        k = int(np.floor((z[n] - low[2]) / _CELL_MM))
        inside = 0 <= i < count[0] and 0 <= j < count[1] and 0 <= k < count[2]
        if inside:
            cell = (i * count[1] + j) * count[2] + k
            for m in range(index.begin[cell], index.begin[cell + 1]):
                c = index.members[m]
                away = axis_distance(x[n], y[n], z[n], vessels.start_mm, vessels.end_mm, c)
                away -= vessels.radius_mm[c]
                if away < best:
                    best, whose = away, vessels.radius_mm[c]
        distance[n], radius[n] = best, whose
