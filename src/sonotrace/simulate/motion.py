"""Motion of tissue, as a smooth displacement.

A displacement says where tissue went: the tissue that was at X is at X + u(X). Scatterers are
moved forwards by it; masks ask where the tissue now at a pixel was, by a fixed point iteration.
Both read the same field, sampled on a coarse grid and interpolated linearly, so that pictures and
masks move together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Float64
from numba import njit

FLOW_STEP_MM = 2.0
INVERSIONS = 8
"""Most steps of the inverse: below 1e-3 mm while the gradient of displacement is at most 0.35."""
_CLOSE_MM = 1e-4
"""A step of the inverse that changes less is the last."""

Values = Float64[np.ndarray, " N"]
Vector = tuple[float, float, float]
Law = Literal["swings", "steps"]


class Flow(NamedTuple):
    """How far tissue has moved at one time, on a grid."""

    still: bool
    origin: Vector
    step: float
    vectors: Float32[np.ndarray, "Y X Z 3"]
    largest_mm: float


STILL = Flow(True, (0.0, 0.0, 0.0), 1.0, np.zeros((2, 2, 2, 3), dtype=np.float32), 0.0)


class Wander(NamedTuple):
    """A smooth number over time that starts at 0: a sum of sines."""

    sizes: tuple[float, ...]
    rates_hz: tuple[float, ...]
    phases_rad: tuple[float, ...]

    def at(self, time_s: float) -> float:
        """Return the number at a time."""
        waves = zip(self.sizes, self.rates_hz, self.phases_rad, strict=True)
        return float(
            sum(
                size * (np.sin(2 * np.pi * rate * time_s + phase) - np.sin(phase))
                for size, rate, phase in waves
            )
        )

    def largest(self) -> float:
        """Return a bound of its size."""
        waves = zip(self.sizes, self.phases_rad, strict=True)
        return float(sum(abs(size) * (1 + abs(np.sin(phase))) for size, phase in waves))


NO_WANDER = Wander((), (), ())


def draw_wander(random: np.random.Generator, size: float, rate_hz: float = 0.5) -> Wander:
    """Draw a wander of standard deviation about `size`, around one rate."""
    return Wander(
        tuple(random.normal(0, size / np.sqrt(2), 3).tolist()),
        tuple((rate_hz * random.uniform(0.4, 2.0, 3)).tolist()),
        tuple(random.uniform(0, 2 * np.pi, 3).tolist()),
    )


class Jolts(NamedTuple):
    """A number over time that starts at 0, rests, and moves to another value in a jerk."""

    starts_s: tuple[float, ...]
    """Of the jerks, in order."""
    lengths_s: tuple[float, ...]
    values: tuple[float, ...]
    """After each jerk."""

    def at(self, time_s: float) -> float:
        """Return the number at a time."""
        value = 0.0
        for start, length, after in zip(self.starts_s, self.lengths_s, self.values, strict=True):
            part = min(max((time_s - start) / length, 0.0), 1.0)
            value += part * part * (3 - 2 * part) * (after - value)
            if part < 1:
                break
        return value

    def largest(self) -> float:
        """Return a bound of its size."""
        return max((abs(value) for value in self.values), default=0.0)


def draw_jolts(random: np.random.Generator, size: float, rate_hz: float = 0.5) -> Jolts:
    """Draw jerks between values of standard deviation about `size`, some 3 in a period of the rate.

    After a minute it rests.
    """
    waits = random.exponential(0.3 / rate_hz, int(60 * 3 * rate_hz) + 1)
    lengths = random.uniform(0.1, 0.3, len(waits))
    starts = np.cumsum(waits) + np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    values = random.normal(0, size, len(waits))
    return Jolts(tuple(starts.tolist()), tuple(lengths.tolist()), tuple(values.tolist()))


class Push(NamedTuple):
    """A region moved more than what surrounds it: u = vector exp(-|X - centre|^2 / 2 s^2)."""

    centre: Vector
    size_mm: float
    """s."""
    vector: Vector
    """Displacement at the centre, in mm."""


class Swing(NamedTuple):
    """A push that comes and goes."""

    centre: Vector
    size_mm: float
    direction: Vector
    course: Wander | Jolts
    """Displacement at the centre along `direction`, in mm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueMotion:
    """Breathing, pulse and the pressure of the probe.

    Probe pressure squeezes along depth: the skin stays, tissue at depth y moves by `squeeze` y.
    """

    swings: tuple[Swing, ...] = ()
    squeeze: Wander | Jolts = NO_WANDER
    deepest_mm: float = 60.0

    def largest_mm(self, times_s: Sequence[float] = ()) -> float:
        """Return a bound of how far tissue moves at these times; at any time if there are none."""
        if not times_s:
            pushes = sum(swing.course.largest() for swing in self.swings)
            return pushes + self.squeeze.largest() * self.deepest_mm
        return max(
            sum(abs(swing.course.at(time_s)) for swing in self.swings)
            + abs(self.squeeze.at(time_s)) * self.deepest_mm
            for time_s in times_s
        )

    def flow(self, time_s: float, box: "FlowBox", extra: Sequence[Push] = ()) -> Flow:
        """Return the displacement at a time.

        Args:
            time_s: Since the first frame, where nothing has moved but by `extra`.
            box: Where it is sampled.
            extra: What else pushes the tissue now, such as a needle.
        """
        pushes = [
            Push(one.centre, one.size_mm, _scaled(one.direction, one.course.at(time_s)))
            for one in self.swings
        ] + list(extra)
        table = np.array(
            [[*push.centre, push.size_mm, *push.vector] for push in pushes], dtype=np.float64
        ).reshape(-1, 7)
        vectors = np.empty((*box.size, 3), dtype=np.float32)
        largest = _fill(vectors, box.origin, FLOW_STEP_MM, table, self.squeeze.at(time_s))
        return Flow(False, box.origin, FLOW_STEP_MM, vectors, float(largest))


class FlowBox(NamedTuple):
    """The grid on which displacements are sampled."""

    origin: Vector
    size: tuple[int, int, int]
    """Along y, x and z."""


def flow_box(low_mm: Sequence[float], high_mm: Sequence[float]) -> FlowBox:
    """Return a grid that covers a box."""
    counts = [
        int(np.ceil((b - a) / FLOW_STEP_MM)) + 2 for a, b in zip(low_mm, high_mm, strict=True)
    ]
    return FlowBox(
        (float(low_mm[0]), float(low_mm[1]), float(low_mm[2])), (counts[1], counts[0], counts[2])
    )


def went_to(flow: Flow, x: Values, y: Values, z: Values) -> tuple[Values, Values, Values]:
    """Return where the tissue that was at (x, y, z) is now."""
    if flow.still:
        return x, y, z
    return _moved(flow, x, y, z, 1)


def came_from(flow: Flow, x: Values, y: Values, z: Values) -> tuple[Values, Values, Values]:
    """Return where the tissue that is now at (x, y, z) was: the inverse of `went_to`."""
    if flow.still:
        return x, y, z
    return _moved(flow, x, y, z, -1)


def draw_tissue_motion(
    random: np.random.Generator,
    low: Sequence[float],
    high: Sequence[float],
    strength: float = 1.0,
    law: Law = "swings",
) -> TissueMotion:
    """Draw the motion of soft tissue in a box: breathing, pulse and pressure.

    Args:
        random: Where it is drawn from.
        low: Lowest x, y and z of the tissue.
        high: Highest.
        strength: 0 is stillness.
        law: Smooth at all times, or by jerks and rests; the pulse is smooth in either.
    """
    draw = draw_jolts if law == "steps" else draw_wander
    swings = [
        Swing(
            _draw_place(random, low, high),
            float(random.uniform(10, 18)),
            _draw_direction(random),
            draw(random, 0.8 * strength, 0.3),
        )
        for _ in range(2)
    ]
    pulse = Swing(
        _draw_place(random, low, high),
        float(random.uniform(4, 7)),
        _draw_direction(random),
        draw_wander(random, 0.12 * strength, 1.2),
    )
    return TissueMotion(
        swings=(*swings, pulse),
        squeeze=draw(random, 0.012 * strength, 0.4),
        deepest_mm=float(high[1]),
    )


def _draw_place(random: np.random.Generator, low: Sequence[float], high: Sequence[float]) -> Vector:
    part = random.uniform(0.15, 0.85, 3)
    place = [a + p * (b - a) for a, b, p in zip(low, high, part, strict=True)]
    return float(place[0]), float(place[1]), float(place[2])


def _draw_direction(random: np.random.Generator) -> Vector:
    """Draw a direction, mostly within the picture."""
    vector = random.normal(0, 1, 3) * [1.0, 1.0, 0.4]
    vector /= np.linalg.norm(vector)
    return float(vector[0]), float(vector[1]), float(vector[2])


def _scaled(vector: Vector, size: float) -> Vector:
    return vector[0] * size, vector[1] * size, vector[2] * size


@njit(cache=True, nogil=True)
@no_type_check
def _fill(vectors, origin, step, pushes, squeeze):
    """Sample the displacement; return the largest."""
    largest = 0.0
    for j in range(vectors.shape[0]):
        y = origin[1] + j * step
        for i in range(vectors.shape[1]):
            x = origin[0] + i * step
            for k in range(vectors.shape[2]):
                z = origin[2] + k * step
                u, v, w = 0.0, squeeze * max(y, 0.0), 0.0
                for p in range(pushes.shape[0]):
                    a, b, c = x - pushes[p, 0], y - pushes[p, 1], z - pushes[p, 2]
                    part = 0.5 * (a * a + b * b + c * c) / (pushes[p, 3] * pushes[p, 3])
                    if part < 12:
                        weight = np.exp(-part)
                        u += weight * pushes[p, 4]
                        v += weight * pushes[p, 5]
                        w += weight * pushes[p, 6]
                vectors[j, i, k, 0], vectors[j, i, k, 1], vectors[j, i, k, 2] = u, v, w
                largest = max(largest, np.sqrt(u * u + v * v + w * w))
    return largest


@njit(cache=True, nogil=True)
@no_type_check
def _moved(flow, x, y, z, way):
    """Move points with the tissue, or back to where they were."""
    u, v, w = x.copy(), y.copy(), z.copy()
    a, b, c = 0.0, 0.0, 0.0
    guess_a, guess_b, guess_c = 0.0, 0.0, 0.0
    for n in range(x.shape[0]):
        if way > 0:
            a, b, c = flow_at(flow, x[n], y[n], z[n])
        else:
            # points come in rows: the last two tell where this one was, nearly
            last_a, last_b, last_c = a, b, c
            a, b, c = invert_at(flow, x[n], y[n], z[n], (guess_a, guess_b, guess_c), _CLOSE_MM)
            guess_a, guess_b, guess_c = 2 * a - last_a, 2 * b - last_b, 2 * c - last_c
        u[n], v[n], w[n] = x[n] + way * a, y[n] + way * b, z[n] + way * c
    return u, v, w


@njit(inline="always")
@no_type_check
def flow_at(flow, x, y, z):
    """Return how far the tissue at (x, y, z) has moved, by linear interpolation."""
    vectors, per_mm = flow.vectors, 1.0 / flow.step
    a = min(max((x - flow.origin[0]) * per_mm, 0.0), vectors.shape[1] - 1.001)
    b = min(max((y - flow.origin[1]) * per_mm, 0.0), vectors.shape[0] - 1.001)
    c = min(max((z - flow.origin[2]) * per_mm, 0.0), vectors.shape[2] - 1.001)
    # unsigned indices need no test for being counted from the end
    i, j, k, one = np.uintp(a), np.uintp(b), np.uintp(c), np.uintp(1)
    a, b, c = a - np.float64(i), b - np.float64(j), c - np.float64(k)
    u, v, w = 0.0, 0.0, 0.0
    for q in range(2):
        for p in range(2):
            weight = (b if q else 1 - b) * (a if p else 1 - a)
            near, far = weight * (1 - c), weight * c
            row, column = j + np.uintp(q), i + np.uintp(p)
            u += near * vectors[row, column, k, 0] + far * vectors[row, column, k + one, 0]
            v += near * vectors[row, column, k, 1] + far * vectors[row, column, k + one, 1]
            w += near * vectors[row, column, k, 2] + far * vectors[row, column, k + one, 2]
    return u, v, w


@njit(inline="always")
@no_type_check
def invert_at(flow, x, y, z, guess, close_mm):
    """Return how far the tissue that is now at (x, y, z) has moved."""
    a, b, c = guess
    for _ in range(2 * INVERSIONS):
        d, e, f = flow_at(flow, x - a, y - b, z - c)
        change = max(abs(d - a), abs(e - b), abs(f - c))
        a, b, c = d, e, f
        if change < close_mm:
            break
    return a, b, c
