"""A block that mimics tissue, with bodies whose places are known to any digit.

Cysts, bright spheres, wires, tubes, and a body that is its own mirror image in no plane: three
arms from one corner along x, y and z, all of different lengths and widths. A reconstruction that
shows its mirror image has an axis turned round. Everything is in tissue coordinates, in mm: x
across, y into depth, z out of the picture.
"""

from dataclasses import dataclass
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64, UInt8
from numba import njit

from sonotrace.simulate.tissue.noise import smooth

CYST, SPHERE, WIRE, TUBE, BODY = 1, 2, 3, 4, 5
"""Class ids of what a phantom holds."""
WIRE_LABEL_MM = 0.3

Values = Float32[np.ndarray, " N"]
Place = tuple[float, float, float]
Coordinates = Float[np.ndarray, "..."]
Extent = tuple[Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"]]

_EDGE_MM = 0.08
_WALL_MM = 0.3
_MEMBRANE_MM = (0.5, 0.8)
_DEEP_MM = 60.0


class Sphere(NamedTuple):
    """A ball: a cyst if it does not echo."""

    centre_mm: Place
    radius_mm: float
    level_db: float
    """Over the block; -inf for a cyst."""
    attenuation: float
    """dB/cm/MHz."""

    def extent_mm(self) -> Extent:
        """Return lowest and highest x, y and z."""
        centre = np.array(self.centre_mm)
        return centre - self.radius_mm, centre + self.radius_mm

    def outside_mm(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
        """Return the signed distance to the surface, negative inside."""
        a, b, c = self.centre_mm
        return np.asarray(np.sqrt((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) - self.radius_mm)


class Rod(NamedTuple):
    """A straight tube or wire with round ends."""

    start_mm: Place
    end_mm: Place
    radius_mm: float

    def extent_mm(self) -> Extent:
        """Return lowest and highest x, y and z."""
        ends = np.array([self.start_mm, self.end_mm])
        return ends.min(axis=0) - self.radius_mm, ends.max(axis=0) + self.radius_mm

    def outside_mm(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
        """Return the signed distance to the surface, negative inside."""
        start = np.array(self.start_mm)
        way = np.array(self.end_mm) - start
        u, v, w = x - start[0], y - start[1], z - start[2]
        part = np.clip((u * way[0] + v * way[1] + w * way[2]) / (way @ way), 0, 1)
        u, v, w = u - part * way[0], v - part * way[1], w - part * way[2]
        return np.asarray(np.sqrt(u**2 + v**2 + w**2) - self.radius_mm)


class Block(NamedTuple):
    """A box along the axes."""

    low_mm: Place
    high_mm: Place

    def outside_mm(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
        """Return the signed distance to the surface, negative inside."""
        excess = []
        for value, low, high in zip((x, y, z), self.low_mm, self.high_mm, strict=True):
            excess.append(np.abs(value - (low + high) / 2) - (high - low) / 2)
        beyond = np.sqrt(sum(np.maximum(one, 0) ** 2 for one in excess))
        deepest = np.maximum(np.maximum(excess[0], excess[1]), excess[2])
        return np.asarray(beyond + np.minimum(deepest, 0))


class Body(NamedTuple):
    """Blocks that touch: the asymmetric body."""

    blocks: tuple[Block, ...]
    level_db: float

    def extent_mm(self) -> Extent:
        """Return lowest and highest x, y and z."""
        low = np.min([block.low_mm for block in self.blocks], axis=0)
        return low, np.max([block.high_mm for block in self.blocks], axis=0)

    def outside_mm(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
        """Return the signed distance to the surface, negative inside.

        It is exact outside and at the surface. Inside it is that to the surface of the block in
        which the place lies deepest: no place is nearer to the body's surface.
        """
        distance = self.blocks[0].outside_mm(x, y, z)
        for block in self.blocks[1:]:
            distance = np.minimum(distance, block.outside_mm(x, y, z))
        return distance


@dataclass(frozen=True, slots=True, kw_only=True)
class Phantom:
    """The block and what is in it; an anatomy."""

    spheres: tuple[Sphere, ...]
    tubes: tuple[Rod, ...]
    """Filled with what does not echo but absorbs light."""
    wires: tuple[Rod, ...]
    """Too thin to be seen as a region: echoes of `sonotrace.simulate.sweep`."""
    bodies: tuple[Body, ...]
    seed: int
    attenuation_db: float = 0.5
    """Of the block, in dB/cm/MHz."""
    face_mm: float = 0.0
    """Radius of the array that the membrane is pressed to; 0 if it is flat."""

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level: about 0 dB in the block, brighter in the membrane above it."""
        level = np.float32(0.6) * smooth(x, y, z, (3.0, 3.0, 3.0), self.seed)
        upper, lower = _MEMBRANE_MM
        depth = y
        if self.face_mm > 0:
            depth = y + self.face_mm - np.sqrt(np.maximum(self.face_mm**2 - x**2, 0))
        level[(depth > upper) & (depth < lower)] += 12
        level[depth < upper] -= 8
        for body in self.bodies:
            _blend(level, body.level_db, body, (x, y, z))
        for tube in self.tubes:
            near, distance = _near(tube, (x, y, z), _WALL_MM)
            wall = (distance > 0) & (distance < _WALL_MM)
            level[near] = np.where(wall, 6.0, level[near])
            _blend(level, -np.inf, tube, (x, y, z))
        for sphere in self.spheres:
            _blend(level, sphere.level_db, sphere, (x, y, z))
        return np.asarray(level, dtype=np.float32)

    def attenuation(self, x: Values, y: Values, z: Values) -> Values:
        """Return the attenuation in dB/cm/MHz."""
        values = np.full(x.shape, self.attenuation_db, dtype=np.float32)
        for tube in self.tubes:
            _set_inside(values, 0.1, tube, (x, y, z))
        for sphere in self.spheres:
            _set_inside(values, sphere.attenuation, sphere, (x, y, z))
        return values


def draw_phantom(random: np.random.Generator, low: Place, high: Place, *, seed: int = 0) -> Phantom:
    """Draw a phantom for a box that the picture sweeps over.

    The asymmetric body lies in the middle; spheres lie around it, clear of it and of each other;
    two tubes run below or above; wires cross the picture on one side, and three make an N on top.
    There are 8 spheres, and more in a box longer than 30 mm.

    Args:
        random: Where it is drawn from.
        low: Lowest x, y and z of the box.
        high: Highest.
        seed: Of the texture of the block.
    """
    size = np.array(high) - np.array(low)
    body = _draw_body(random, np.array(low), size)
    # in a deep picture light reaches tubes above the body only
    depths = (0.74, 0.88) if size[1] < _DEEP_MM else (0.21, 0.28)
    tubes = tuple(_draw_tube(random, np.array(low), size, depth) for depth in depths)
    wires = _wires(np.array(low), size)
    spheres: list[Sphere] = []
    wanted = int(np.clip(8 * size[2] / 30, 8, 100))
    for _ in range(50 * wanted):
        if len(spheres) == wanted:
            break
        radius = float(random.uniform(0.035, 0.09) * size[1])
        part = random.uniform([0.1, 0.12, 0.05], [0.9, 0.9, 0.95])
        centre = np.array(low) + part * size
        solids: list[Sphere | Rod | Body] = [body, *tubes, *wires, *spheres]
        if any(float(one.outside_mm(*centre[:, None])[0]) < radius + 0.8 for one in solids):
            continue
        cyst = len(spheres) % 2 == 0
        level = -np.inf if cyst else float(random.choice([-6.0, 6.0, 9.0, 12.0]))
        spheres.append(Sphere(_place(centre), radius, level, 0.05 if cyst else 0.6))
    return Phantom(spheres=tuple(spheres), tubes=tubes, wires=wires, bodies=(body,), seed=seed + 31)


def _place(values: Float64[np.ndarray, " 3"]) -> Place:
    return float(values[0]), float(values[1]), float(values[2])


def _near(
    solid: Sphere | Rod | Body, place: tuple[Coordinates, ...], margin_mm: float
) -> tuple[Int64[np.ndarray, " M"], Coordinates]:
    """Return which places may be within a margin of a solid, and their signed distances."""
    low, high = solid.extent_mm()
    near = _in_box(place[0], place[1], place[2], (low - margin_mm, high + margin_mm))
    return near, solid.outside_mm(place[0][near], place[1][near], place[2][near])


@njit(cache=True, nogil=True)
@no_type_check
def _in_box(x, y, z, box):
    """Return the numbers of the places within a box; z first, as most boxes are out of a slice."""
    low, high = box
    found = np.empty(x.shape[0], dtype=np.int64)
    number = 0
    for n in range(x.shape[0]):
        if low[2] <= z[n] <= high[2] and low[1] <= y[n] <= high[1] and low[0] <= x[n] <= high[0]:
            found[number] = n
            number += 1
    return found[:number].copy()


def _set_inside(
    values: Coordinates | UInt8[np.ndarray, " N"],
    inside: float | int,
    solid: Sphere | Rod | Body,
    place: tuple[Coordinates, ...],
) -> None:
    near, distance = _near(solid, place, 0.0)
    values[near] = np.where(distance < 0, inside, values[near])


def _blend(
    level: Coordinates, inside_db: float, solid: Sphere | Rod | Body, place: tuple[Coordinates, ...]
) -> None:
    """Set a level within a solid; a finite one passes into its surroundings over a thin edge."""
    near, distance = _near(solid, place, _EDGE_MM)
    around = level[near]
    if np.isneginf(inside_db):
        level[near] = np.where(distance < 0, inside_db, around)
        return
    weight = np.clip(0.5 - distance / _EDGE_MM, 0, 1)
    mixed = around + (inside_db - np.maximum(around, -60)) * weight
    level[near] = np.where(weight >= 1, inside_db, mixed)


def _draw_body(
    random: np.random.Generator, low: Float[np.ndarray, " 3"], size: Float[np.ndarray, " 3"]
) -> Body:
    """Draw three arms from a corner near the middle, with a longer, a middle and a short one."""
    long = float(min(0.42 * size[0], 14.0))
    high = float(min(0.30 * size[1], 12.0))
    out = float(np.clip(0.40 * size[2], 2.5, 10.0))
    thick = 0.14 * min(long, high) + 0.4
    middle = low + size * [0.5, 0.42, 0.5] + random.uniform(-0.03, 0.03, 3) * size
    corner = middle - np.array([long, high, out]) / 2

    def block(across: float, down: float, away: float) -> Block:
        end = corner + np.array([across, down, away])
        return Block(_place(corner), _place(end))

    blocks = (
        block(long, thick, thick),
        block(1.5 * thick, high, 1.2 * thick),
        block(thick, 1.6 * thick, out),
    )
    return Body(blocks, 10.0)


def _draw_tube(
    random: np.random.Generator,
    low: Float[np.ndarray, " 3"],
    size: Float[np.ndarray, " 3"],
    depth: float,
) -> Rod:
    """Draw a tube at about a depth: one that runs across the sweep, slanted."""
    radius = float(random.uniform(0.025, 0.045) * size[1])
    ends = low + size * [random.uniform(-0.2, 0.3), depth + random.uniform(-0.03, 0.03), -0.2]
    others = low + size * [random.uniform(0.7, 1.2), depth + random.uniform(-0.03, 0.03), 1.2]
    if random.random() < 0.5:
        ends[0], others[0] = others[0], ends[0]
    return Rod(_place(ends), _place(others), radius)


def _wires(low: Float[np.ndarray, " 3"], size: Float[np.ndarray, " 3"]) -> tuple[Rod, ...]:
    """Return a column of wires through the picture on one side, and an N of three near the top."""
    ends = [((0.12, depth, -0.3), (0.12, depth, 1.3)) for depth in (0.3, 0.45, 0.6)]
    ends += [((x, 0.14, -0.3), (x, 0.14, 1.3)) for x in (0.3, 0.7)]
    ends += [((0.3, 0.14, -0.3), (0.7, 0.14, 1.3))]
    rods = []
    for start, end in ends:
        a, b = low + size * start, low + size * end
        rods.append(
            Rod(
                (float(a[0]), float(a[1]), float(a[2])),
                (float(b[0]), float(b[1]), float(b[2])),
                0.05,
            )
        )
    return tuple(rods)
