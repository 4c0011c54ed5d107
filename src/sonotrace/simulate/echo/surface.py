"""Surfaces of bodies: where the beams first meet them, and the echo that comes back.

A body is given by its signed distance, sampled once for a clip in voxels of tissue at rest
(`Solid`); a layer such as fascia by its depth over the plane of the skin (`Sheet`). Each beam
walks down by the distance to the nearest surface until it is inside (sphere tracing, Hart, The
Visual Computer 12, 1996, doi:10.1007/s003710050084), in several planes across the thickness of
the slice: where a surface leans out of the picture the planes meet it at different depths, and
its echo is spread and weakened as it is by a real slice.

Echoes obey the law of `sonotrace.simulate.echo.specular`. Between beams the surface is taken to be
straight, and points are placed so densely that steep parts have no gaps.
"""

from collections.abc import Sequence
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float, Float32, Float64
from numba import njit

from sonotrace.simulate.echo.beam import beam_mm
from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.echo.shadow import read_volume
from sonotrace.simulate.echo.slice import Pose
from sonotrace.simulate.echo.specular import Finish, elevational_weight, point_strength, reflected
from sonotrace.simulate.motion import Flow, flow_at

CAUTION = 0.8
"""Share of the distance that a step goes: distances that are not exact must not overshoot."""
_MOST_STEPS = 400
STEEPEST = 5.0
"""Neighbouring beams that differ by more in depth, per mm across, see different surfaces."""
_RAY_MM = 0.45
"""About the distance between the beams that are traced for echoes."""

Values = Float64[np.ndarray, " N"]


class Solid(NamedTuple):
    """A body: the distance to its surface, at the corners of voxels of tissue at rest."""

    distance: Float32[np.ndarray, "Y X Z"]
    """mm; negative inside."""
    origin: tuple[float, float, float]
    """x, y and z of the first voxel."""
    step: float


class Sheet(NamedTuple):
    """A layer: the depth y at which it lies, over x and z, in tissue at rest."""

    height: Float32[np.ndarray, "X Z"]
    strength: Float32[np.ndarray, "X Z"]
    """0 where there is none, 1 where its echo is full."""
    origin: tuple[float, float]
    """x and z of the first corner."""
    step: float


class Crossings(NamedTuple):
    """Where beams (W) first enter a surface, in planes (E) across the slice."""

    across: Float64[np.ndarray, " W"]
    """Of every beam: mm, or radians for a convex array."""
    offset_mm: Float64[np.ndarray, " E"]
    """Of every plane from the middle of the slice."""
    depth_mm: Float64[np.ndarray, "E W"]
    """Along the beam; nan where it meets nothing."""
    incidence_rad: Float64[np.ndarray, "E W"]
    """Between the beam and the surface's normal."""
    place: Float64[np.ndarray, "3 E W"]
    """x, y and z in tissue at rest."""


class Look(NamedTuple):
    """From where surfaces are looked at."""

    grid: Grid
    pose: Pose
    flow: Flow


def traced_beams(grid: Grid) -> Values:
    """Return beams close enough together for the echoes of surfaces, margins included."""
    shape = grid.shape
    middle = shape.radius + 0.5 * grid.scanner.reach_mm() if shape.convex else 1.0
    every = max(1, round(_RAY_MM / (shape.beam_step * middle)))
    half = (grid.beams - 1) / 2 + grid.side
    count = int(half // every)
    return np.arange(-count, count + 1) * every * shape.beam_step


def planes_at(grid: Grid, depth_mm: float) -> Values:
    """Return three offsets: the middle, and on each side half of the slice's half thickness."""
    half = 0.5 * float(grid.half_slab_mm(np.array([depth_mm]))[0])
    return np.array([-half, 0.0, half])


def cross(
    surface: Solid | Sheet,
    look: Look,
    across: Float64[np.ndarray, " W"],
    offset_mm: Float64[np.ndarray, " E"],
) -> Crossings:
    """Find where beams first pass from outside to inside, or from above a sheet to below it.

    Args:
        surface: What they meet.
        look: From where, and where tissue has moved.
        across: Beams: mm, or radians for a convex array.
        offset_mm: Planes, from the middle of the slice.
    """
    size = (len(offset_mm), len(across))
    depth, incidence, place = np.empty(size), np.empty(size), np.empty((3, *size))
    if isinstance(surface, Solid):
        field = (False, surface.distance, _NO_HEIGHT, surface.origin, surface.step)
    else:
        origin = (surface.origin[0], 0.0, surface.origin[1])
        field = (True, _NO_DISTANCE, surface.height, origin, surface.step)
    shape = look.grid.shape
    beams = (shape.convex, shape.radius, look.grid.scanner.reach_mm())
    _trace((depth, incidence, place), field, across, offset_mm, beams, (look.pose, look.flow))
    return Crossings(across, offset_mm, depth, incidence, place)


def echoes_of(
    crossings: Crossings, grid: Grid, finish: Finish, gain: Float64[np.ndarray, "E W"]
) -> Points:
    """Return the echoes of a surface, each plane with its share of the slice.

    Args:
        crossings: Where beams meet it.
        grid: Of the scanner.
        finish: How it reflects.
        gain: Factor of the amplitude at every crossing.
    """
    amplitude = gain * amplitude_of(crossings, finish) * _shares(crossings, grid)
    return join_echoes(crossings, grid, amplitude)


def amplitude_of(crossings: Crossings, finish: Finish) -> Float64[np.ndarray, "E W"]:
    """Return the peak amplitude at every crossing."""
    flat = reflected(finish, crossings.incidence_rad.ravel())
    return flat.reshape(crossings.incidence_rad.shape)


def join_echoes(crossings: Crossings, grid: Grid, amplitude: Float64[np.ndarray, "E W"]) -> Points:
    """Return points along the surface between neighbouring beams that see the same part of it.

    Args:
        crossings: Where beams meet it; each plane is a line of its own.
        grid: Of the scanner.
        amplitude: Peak of the line at every crossing.
    """
    plane, beam, slope = _joined(crossings, grid)
    depth, across = crossings.depth_mm, crossings.across
    first, second = depth[plane, beam], depth[plane, beam + 1]
    stretch = grid.shape.radius + first if grid.shape.convex else np.ones_like(first)
    run = (across[1] - across[0]) * stretch
    probe = grid.scanner.probe
    parts = np.maximum(np.abs(second - first) / (0.8 * probe.pulse_mm), run / beam_mm(probe, first))
    number = np.ceil(np.maximum(parts, 1)).astype(int)
    which = np.repeat(np.arange(len(number)), number)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(number) - number, number)
    part = (nth + 0.5) / number[which]

    def between(a: Values, b: Values) -> Float64[np.ndarray, " P"]:
        return a[which] + part * (b - a)[which]

    points_depth = between(first, second)
    strength = point_strength(
        grid,
        points_depth,
        slope[which],
        (np.hypot(run, second - first) / number)[which],
        between(amplitude[plane, beam], amplitude[plane, beam + 1]),
    )
    return Points(points_depth, between(across[beam], across[beam + 1]), strength)


def stack(several: Sequence[Crossings]) -> Crossings:
    """Return the crossings of several surfaces by the same beams as planes of one."""
    return Crossings(
        several[0].across,
        np.concatenate([one.offset_mm for one in several]),
        np.concatenate([one.depth_mm for one in several]),
        np.concatenate([one.incidence_rad for one in several]),
        np.concatenate([one.place for one in several], axis=1),
    )


def read_sheet(
    values: Float32[np.ndarray, "X Z"],
    sheet: Sheet,
    x: Float[np.ndarray, " N"],
    z: Float[np.ndarray, " N"],
) -> Float64[np.ndarray, " N"]:
    """Interpolate what is known of a sheet over x and z, as `height` is."""
    out = np.empty(x.shape)
    _read_many(out, values, (sheet.origin[0], 0.0, sheet.origin[1]), sheet.step, x, z)
    return out


def read_solid(
    solid: Solid,
    x: Float32[np.ndarray, " N"],
    y: Float32[np.ndarray, " N"],
    z: Float32[np.ndarray, " N"],
) -> Float32[np.ndarray, " N"]:
    """Interpolate the distance to a body's surface at places of tissue at rest."""
    out = np.empty(x.shape, dtype=np.float32)
    _read_solid(out, solid.distance, solid.origin, solid.step, (x, y, z))
    return out


def _shares(crossings: Crossings, grid: Grid) -> Float64[np.ndarray, "E W"]:
    """Return how much of the slice's echo each plane stands for; 1 in all where all meet."""
    depth = np.nan_to_num(crossings.depth_mm)
    weights = [
        elevational_weight(grid, depth.ravel(), np.full(depth.size, offset)).reshape(depth.shape)
        for offset in crossings.offset_mm
    ]
    own = np.stack([weight[e] for e, weight in enumerate(weights)])
    return np.asarray(own / sum(weights))


def _joined(crossings: Crossings, grid: Grid) -> tuple[np.ndarray, np.ndarray, Values]:
    """Return plane and first beam of neighbours on one surface, and the slope between them."""
    depth = crossings.depth_mm
    stretch = grid.shape.radius + depth[:, :-1] if grid.shape.convex else 1.0
    run = (crossings.across[1] - crossings.across[0]) * stretch
    slope = np.diff(depth, axis=1) / run
    plane, beam = np.nonzero(np.abs(slope) < STEEPEST)  # nan is not
    return plane, beam, slope[plane, beam]


_NO_DISTANCE = np.zeros((2, 2, 2), dtype=np.float32)
_NO_HEIGHT = np.zeros((2, 2), dtype=np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _trace(found, field, across, offsets, beams, sight):
    depth, incidence, place = found
    pose, flow = sight
    convex, radius, reach = beams
    turn, origin = pose.rotation, pose.origin
    start, along, at = np.empty(3), np.empty(3), np.empty(3)
    moved = np.zeros(3)
    for e in range(offsets.shape[0]):
        for j in range(across.shape[0]):
            x, dx, dy = across[j], 0.0, 1.0
            y = 0.0
            if convex:
                dx, dy = np.sin(across[j]), np.cos(across[j])
                x, y = radius * dx, radius * dy - radius
            for q in range(3):
                start[q] = turn[q, 0] * x + turn[q, 1] * y + turn[q, 2] * offsets[e] + origin[q]
                along[q] = turn[q, 0] * dx + turn[q, 1] * dy
            t = _walk(at, moved, (start, along), field, flow, reach)
            depth[e, j], incidence[e, j] = t, np.nan
            if not np.isnan(t):
                incidence[e, j] = _incidence(at, along, field)
            for q in range(3):
                place[q, e, j] = at[q]


@njit
@no_type_check
def _walk(at, moved, ray, field, flow, reach):
    """Return the depth of the first way in, or nan, and leave the place there in `at`."""
    least = 0.3 * field[4]
    t = 0.0
    here = _outside(at, moved, ray, t, field, (flow, 3))
    was_outside = here > 0
    before, last = here, t
    for _ in range(_MOST_STEPS):
        t += max(CAUTION * abs(here), least)
        if t > reach:
            return np.nan
        here = _outside(at, moved, ray, t, field, (flow, 1))
        if here <= 0 and was_outside:
            return _refine(at, moved, ray, (last, before, t, here), field, flow)
        was_outside = here > 0
        before, last = here, t
    return np.nan


@njit
@no_type_check
def _refine(at, moved, ray, bracket, field, flow):
    """Return the depth of the surface between a place outside and one inside."""
    low, above, high, below = bracket
    middle = high
    for _ in range(4):
        middle = low + (high - low) * above / max(above - below, 1e-9)
        here = _outside(at, moved, ray, middle, field, (flow, 3))
        if abs(here) < 1e-3:
            break
        if here > 0:
            low, above = middle, here
        else:
            high, below = middle, here
    return middle


@njit
@no_type_check
def _outside(at, moved, ray, t, field, motion):
    """Return how far outside the tissue now at depth t is; leave its place at rest in `at`.

    `moved` is how far the tissue at the last place had moved: a close guess for the next.
    """
    (start, along), (flow, inversions) = ray, motion
    p0, p1, p2 = start[0] + t * along[0], start[1] + t * along[1], start[2] + t * along[2]
    if not flow.still:
        for _ in range(inversions):
            u, v, w = flow_at(flow, p0 - moved[0], p1 - moved[1], p2 - moved[2])
            moved[0], moved[1], moved[2] = u, v, w
    at[0], at[1], at[2] = p0 - moved[0], p1 - moved[1], p2 - moved[2]
    return _distance(at[0], at[1], at[2], field)


@njit
@no_type_check
def _distance(x, y, z, field):
    flat, distance, height, origin, step = field
    if flat:
        return 0.8 * (_read(height, origin, step, x, z) - y)
    return read_volume(distance, origin, step, x, y, z)


@njit
@no_type_check
def _incidence(at, along, field):
    """Return the angle between the beam and the gradient of the distance."""
    h = 0.5 * field[4]
    x, y, z = at[0], at[1], at[2]
    gx = _distance(x + h, y, z, field) - _distance(x - h, y, z, field)
    gy = _distance(x, y + h, z, field) - _distance(x, y - h, z, field)
    gz = _distance(x, y, z + h, field) - _distance(x, y, z - h, field)
    length = np.sqrt(gx * gx + gy * gy + gz * gz)
    cosine = abs(gx * along[0] + gy * along[1] + gz * along[2]) / max(length, 1e-9)
    return np.arccos(min(cosine, 1.0))


@njit
@no_type_check
def _read(values, origin, step, x, z):
    a = min(max((x - origin[0]) / step, 0.0), values.shape[0] - 1.001)
    c = min(max((z - origin[2]) / step, 0.0), values.shape[1] - 1.001)
    i, k = int(a), int(c)
    a, c = a - i, c - k
    near = (1 - c) * values[i, k] + c * values[i, k + 1]
    return (1 - a) * near + a * ((1 - c) * values[i + 1, k] + c * values[i + 1, k + 1])


@njit(cache=True, nogil=True)
@no_type_check
def _read_many(out, values, origin, step, x, z):
    for n in range(out.shape[0]):
        out[n] = _read(values, origin, step, x[n], z[n])


@njit(cache=True, nogil=True)
@no_type_check
def _read_solid(out, values, origin, step, places):
    x, y, z = places
    for n in range(out.shape[0]):
        out[n] = read_volume(values, origin, step, x[n], y[n], z[n])
