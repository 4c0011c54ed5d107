"""Bodies in tissue, by their signed distance in mm: negative inside, analytic, smooth.

A `Blob` is an ellipsoid whose radius varies with direction: waves make it lobulated, spikes make
it spiculated. A `Tube` is a bent cylinder that tapers at its ends.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol, no_type_check, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float64
from numba import njit

Vector = tuple[float, float, float]
Box = tuple[Vector, Vector]
"""Lowest and highest corner."""
Rows = tuple[tuple[float, ...], ...]
Values = Float[np.ndarray, " N"]


@runtime_checkable
class Body(Protocol):
    """A region of tissue."""

    def distance_mm(self, x: Values, y: Values, z: Values) -> Values:
        """Return about how far places lie outside; exactly 0 on the surface."""
        ...

    def contains(self, x: Values, y: Values, z: Values) -> Bool[np.ndarray, " N"]:
        """Return which places lie inside."""
        ...

    def box_mm(self) -> Box:
        """Return a box around the body."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """An ellipsoid with a wavy or spiky surface.

    In units of its half axes, the surface in direction n is at

        1 + sum_k size_k cos(f_k . n + phase_k) + sum_m height_m exp(sharpness_m (n . d_m - 1))
    """

    centre: Vector
    half_mm: Vector
    """Half axes: across, into depth and out of the picture, before it is rolled."""
    roll_rad: float = 0.0
    """Turn within the picture."""
    squareness: float = 2.0
    """Exponent of the norm: 2 is an ellipsoid, more is nearer to a box."""
    waves: Rows = ()
    """Of each: size, phase, f along x, y and z."""
    spikes: Rows = ()
    """Of each: height, sharpness, d along x, y and z."""

    def distance_mm(self, x: Values, y: Values, z: Values) -> Values:
        """Return about how far places lie outside; exactly 0 on the surface."""
        out = np.empty_like(x)
        _blob(out, (x, y, z), self._numbers(), (_table(self.waves), _table(self.spikes)))
        return out

    def contains(self, x: Values, y: Values, z: Values) -> Bool[np.ndarray, " N"]:
        """Return which places lie inside; quicker than the distance."""
        out = np.empty(x.shape, dtype=np.bool_)
        numbers, (least, most) = self._numbers(), self.radii()
        tables = _table(self.waves), _table(self.spikes)
        _inside(out, (x, y, z), numbers, tables, (least, most))
        return out

    def box_mm(self) -> Box:
        """Return a box around the body."""
        return _extent(self).box

    def radii(self) -> tuple[float, float]:
        """Return between which distances from the centre the surface lies, in half axes."""
        return _extent(self).radii

    def reach_mm(self) -> float:
        """Return how far the body reaches from its centre."""
        low, high = self.box_mm()
        return float(max(np.abs(np.array([low, high]) - self.centre).ravel()))

    def _numbers(self) -> Float64[np.ndarray, " 9"]:
        turned = (np.cos(self.roll_rad), np.sin(self.roll_rad), self.squareness)
        return np.array([*self.centre, *self.half_mm, *turned])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tube:
    """A cylinder around a line that waves, tapering at its ends; it may be flattened in depth."""

    centre: Vector
    direction: Vector
    """Of length 1."""
    half_length_mm: float
    radius_mm: float
    flatness: float = 1.0
    """Width over height."""
    bend_mm: float = 0.0
    """How far the line waves."""
    period_mm: float = 20.0

    def distance_mm(self, x: Values, y: Values, z: Values) -> Values:
        """Return about how far places lie outside; exactly 0 on the surface."""
        out = np.empty_like(x)
        size = (self.half_length_mm, self.radius_mm, self.flatness, self.bend_mm, self.period_mm)
        _tube(out, (x, y, z), np.array([*self.centre, *self.direction, *size]))
        return out

    def contains(self, x: Values, y: Values, z: Values) -> Bool[np.ndarray, " N"]:
        """Return which places lie inside."""
        return np.asarray(self.distance_mm(x, y, z) < 0)

    def box_mm(self) -> Box:
        """Return a box around the body."""
        reach = [self.half_length_mm * abs(d) + self.radius_mm for d in self.direction]
        reach[1] += abs(self.bend_mm)
        low = tuple(c - r for c, r in zip(self.centre, reach, strict=True))
        high = tuple(c + r for c, r in zip(self.centre, reach, strict=True))
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def facing(body: Body, x: Values, y: Values, z: Values, distance_mm: Values) -> Values:
    """Return the cosine between the surface's normal and the axis of depth, without its sign."""
    step = 0.1
    further = body.distance_mm(x, (y + step).astype(y.dtype), z)
    return np.asarray(np.clip(np.abs(further - distance_mm) / step, 0, 1), dtype=x.dtype)


def draw_directions(random: np.random.Generator, count: int) -> Float64[np.ndarray, "N 3"]:
    """Draw directions, evenly over the sphere."""
    vectors = random.normal(0, 1, (count, 3))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def draw_waves(
    random: np.random.Generator, count: int, size: float, rate: tuple[float, float]
) -> Rows:
    """Draw waves of a blob.

    Args:
        random: Where they are drawn from.
        count: How many.
        size: Standard deviation of the radius that they make, in half axes.
        rate: Lowest and highest |f|: about how many waves there are around the blob.
    """
    drawn = []
    for direction in draw_directions(random, count):
        f = direction * random.uniform(*rate)
        height = size * np.sqrt(2 / count) * random.uniform(0.6, 1.4)
        drawn.append((float(height), float(random.uniform(0, 2 * np.pi)), *f.tolist()))
    return tuple(drawn)


def draw_spikes(
    random: np.random.Generator,
    count: int,
    height: tuple[float, float],
    sharpness: tuple[float, float],
) -> Rows:
    """Draw spikes of a blob, most of them near the plane of the picture, where they are seen."""
    drawn = []
    for direction in draw_directions(random, count):
        d = direction * [1.0, 1.0, 0.5]
        d /= np.linalg.norm(d)
        drawn.append(
            (float(random.uniform(*height)), float(random.uniform(*sharpness)), *d.tolist())
        )
    return tuple(drawn)


def _table(rows: Rows) -> Float64[np.ndarray, "K 5"]:
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


class _Extent(NamedTuple):
    radii: tuple[float, float]
    """Least and largest radius, in half axes."""
    box: Box


_SAMPLES = 4000
_SPARE = 0.02
"""Of the radius: the surface between directions that were tried."""


@lru_cache(maxsize=256)
def _extent(blob: Blob) -> _Extent:
    """Try directions all around, and those of the spikes."""
    count = np.arange(_SAMPLES) + 0.5
    height, turn = 1 - 2 * count / _SAMPLES, np.pi * (1 + np.sqrt(5)) * count
    ring = np.sqrt(1 - height**2)
    even = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    normal = np.concatenate([even, _table(blob.spikes)[:, 2:]])
    radius = np.empty(len(normal))
    _radii(radius, normal, (_table(blob.waves), _table(blob.spikes)))
    # a norm that is not round makes the body wider where it is not along an axis
    norm = (np.abs(normal) ** blob.squareness).sum(axis=1) ** (1 / blob.squareness)
    place = (radius / norm)[:, None] * normal * blob.half_mm
    cosine, sine = np.cos(blob.roll_rad), np.sin(blob.roll_rad)
    x = cosine * place[:, 0] - sine * place[:, 1]
    y = sine * place[:, 0] + cosine * place[:, 1]
    found = np.stack([x, y, place[:, 2]])
    spare = _SPARE * max(blob.half_mm)
    low = (found.min(axis=1) - spare + blob.centre).tolist()
    high = (found.max(axis=1) + spare + blob.centre).tolist()
    radii = (float(radius.min()) - _SPARE, float(radius.max()) + _SPARE)
    return _Extent(radii, ((low[0], low[1], low[2]), (high[0], high[1], high[2])))


@njit(inline="always")
@no_type_check
def _radius(p, q, r, tables):
    """Return the radius in a direction, in half axes."""
    waves, spikes = tables
    radius = 1.0
    for k in range(waves.shape[0]):
        angle = waves[k, 1] + waves[k, 2] * p + waves[k, 3] * q + waves[k, 4] * r
        radius += waves[k, 0] * np.cos(angle)
    for k in range(spikes.shape[0]):
        part = spikes[k, 1] * (spikes[k, 2] * p + spikes[k, 3] * q + spikes[k, 4] * r - 1)
        if part > -9:
            radius += spikes[k, 0] * np.exp(part)
    return radius


@njit(inline="always")
@no_type_check
def _direction(x, y, z, numbers):
    """Return direction, distance and norm of a place, in half axes."""
    u, v = x - numbers[0], y - numbers[1]
    a = (numbers[6] * u + numbers[7] * v) / numbers[3]
    b = (numbers[6] * v - numbers[7] * u) / numbers[4]
    c = (z - numbers[2]) / numbers[5]
    plain = np.sqrt(a * a + b * b + c * c)
    if plain < 1e-9:  # at the centre any direction is as good
        return 1.0, 0.0, 0.0, plain
    p, q, r = a / plain, b / plain, c / plain
    square = numbers[8]
    if square == 2.0:
        return p, q, r, plain
    return p, q, r, plain * (abs(p) ** square + abs(q) ** square + abs(r) ** square) ** (1 / square)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _radii(out, normal, tables):
    for n in range(out.shape[0]):
        out[n] = _radius(normal[n, 0], normal[n, 1], normal[n, 2], tables)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _blob(out, places, numbers, tables):
    x, y, z = places
    for n in range(out.shape[0]):
        p, q, r, norm = _direction(x[n], y[n], z[n], numbers)
        # from half axes to mm: divide by the gradient of the distance in half axes
        squared = (p / numbers[3]) ** 2 + (q / numbers[4]) ** 2 + (r / numbers[5]) ** 2
        out[n] = (norm - _radius(p, q, r, tables)) / np.sqrt(squared)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _inside(out, places, numbers, tables, radii):
    x, y, z = places
    for n in range(out.shape[0]):
        p, q, r, norm = _direction(x[n], y[n], z[n], numbers)
        if norm < radii[0] or norm > radii[1]:
            out[n] = norm < radii[0]
        else:
            out[n] = norm < _radius(p, q, r, tables)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _tube(out, places, numbers):
    x, y, z = places
    d0, d1, d2 = numbers[3], numbers[4], numbers[5]
    half, radius, flat, bend, turns = numbers[6], numbers[7], numbers[8], numbers[9], numbers[10]
    for n in range(out.shape[0]):
        a, b, c = x[n] - numbers[0], y[n] - numbers[1], z[n] - numbers[2]
        along = min(max(a * d0 + b * d1 + c * d2, -half), half)
        a, b, c = a - along * d0, b - along * d1, c - along * d2
        b -= bend * np.sin(2 * np.pi / turns * along)
        out[n] = np.sqrt(a * a + (b * flat) ** 2 + c * c) - radius * (1 - (along / half) ** 4)
