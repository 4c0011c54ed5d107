"""Echoes of a needle: its walls, what rings between them, its tip, and its side lobes.

The wall that faces the probe and, 9 dB below it, the one behind are lines whose level falls with
the angle between the beam and the wall's normal, in three dimensions (`echo.specular`). Across the
beam, sound goes to and fro between the walls: weaker and weaker copies follow below, one for each
diameter (reverberation, a comet tail). The tip scatters alike in all directions. Bright places
also answer beams beside them, from as far away as they are: arcs that fall off to both sides.

The levels are chosen by eye; see `echo.specular`.
"""

from functools import lru_cache
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float64
from numba import njit

from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.echo.slice import Pose
from sonotrace.simulate.echo.specular import (
    Finish,
    elevational_weight,
    half_slice_mm,
    point_strength,
    reflected,
)
from sonotrace.simulate.motion import Wander
from sonotrace.simulate.needle.body import Shaft

NODE_MM = 0.5
"""Step along the shaft at which angle, depth and level are computed."""
FACING = 0.35
"""A wall answers from up to this part of its radius beside its crest: as far as it leans by the
20 degrees of its lobe."""
_MARGIN_MM = 3.0
_STEP = 0.7
"""Of the points of a line, in lengths of the pulse."""
_LOBES_MM = (0.7, 6.0)
"""Nearest and farthest beam of the arcs beside a bright place."""
_LOBE_STEP_MM = 0.1

Values = Float64[np.ndarray, " N"]


class Shine(NamedTuple):
    """How brightly a needle shows. Levels are in dB over its wall unless they say otherwise."""

    finish: Finish = Finish(32.0, -31.0, np.radians(20.0))
    tip_db: float = -14.0
    """Of the tip, over the wall across the beam."""
    back_db: float = -9.0
    inner_db: tuple[float, ...] = ()
    """Of surfaces between the walls, such as those of a stylet, from front to back."""
    rings_db: tuple[float, ...] = (-12.0, -19.0, -26.0)
    ring_rad: float = float(np.radians(11.0))
    """Angle at which the ringing has fallen to 1/e."""
    lobes_db: float = -27.0
    spots_db: tuple[float, ...] = (0.0,)
    """Changes of the level along the shaft, one for every mm from the tip."""
    coupling: Wander = Wander((), (), ())
    """Changes of the level over time, in dB."""


class Nodes(NamedTuple):
    """Places along the part of the shaft that is near the picture, as the probe sees them."""

    along_mm: Values
    """From the pivot."""
    x: Values
    """Of the middle of what the bevel leaves, in the probe's frame."""
    y: Values
    offset_mm: Values
    """Of the axis, out of the plane of the picture."""
    half_mm: Values
    """Half of the needle's thickness there."""
    depth_mm: Values
    """Of the axis, along the beam."""
    across: Values
    """Beam of the axis: mm, or radians for a convex array."""
    incidence_rad: Values
    """Between the beam and the normal of the shaft."""
    slope: Values
    """Change of depth for a mm across."""
    flat: Values
    """mm in the picture for a mm of the shaft."""
    front: tuple[Values, Values]
    """Depth and beam of the wall that faces the probe."""
    back: tuple[Values, Values]


def see(grid: Grid, pose: Pose, shaft: Shaft) -> Nodes:
    """Return the part of a shaft that is near the picture, in the probe's frame."""
    convex, radius = grid.shape.convex, grid.shape.radius
    edge = float(abs(grid.beam_positions()[-1])) * (1.02 if convex else 1.0)
    wide = edge + _MARGIN_MM / (radius if convex else 1.0)
    window = (convex, radius, grid.scanner.reach_mm(), wide)
    table = np.empty((14, len(shaft.along_mm)))
    count = _see(
        table,
        (shaft.along_mm, shaft.axis, shaft.forward, shaft.centre, shaft.half_mm),
        (pose.rotation, pose.origin),
        window,
    )
    rows = [row[:count] for row in table]
    return Nodes._make([*rows[:10], (rows[10], rows[11]), (rows[12], rows[13])])


def wall_amplitude(grid: Grid, nodes: Nodes, shine: Shine, time_s: float) -> Values:
    """Return the peak amplitude of the facing wall over reference speckle, without its spots."""
    radius = float(nodes.half_mm.max(initial=0.0))
    aside = np.maximum(abs(nodes.offset_mm) - FACING * radius, 0)
    amplitude = reflected(shine.finish, nodes.incidence_rad)
    amplitude *= elevational_weight(grid, nodes.depth_mm, aside)
    return np.asarray(amplitude * 10 ** (shine.coupling.at(time_s) / 20))


def spots_at(shine: Shine, from_tip_mm: Values) -> Values:
    """Return the changes of the wall's level, in dB, at distances from the tip along the axis."""
    spots = _spots_of(shine.spots_db).levels_db
    return np.asarray(np.interp(from_tip_mm, np.arange(len(spots)), spots))


def tip_amplitude(grid: Grid, tip: Float64[np.ndarray, " 3"], shine: Shine) -> float:
    """Return the amplitude of the tip, a point of the probe's frame."""
    depth, _ = _beam_of(grid, tip)
    weight = float(elevational_weight(grid, depth, tip[2:3])[0])
    return weight * 10 ** ((shine.finish.peak_db + shine.tip_db) / 20)


def in_slice(grid: Grid, nodes: Nodes, radius_mm: float) -> np.ndarray:
    """Return at which nodes the shaft reaches into the slice."""
    return abs(nodes.offset_mm) - radius_mm <= half_slice_mm(grid, nodes.depth_mm)


def needle_points(
    grid: Grid, pose: Pose, shaft: Shaft, shine: Shine, time_s: float
) -> list[Points]:
    """Return the echoes of a needle.

    Args:
        grid: Of the scanner.
        pose: Where the probe is.
        shaft: Where the needle is, every `NODE_MM` or so.
        shine: How brightly it shows.
        time_s: Since the first frame.
    """
    nodes = see(grid, pose, shaft)
    if len(nodes.along_mm) < 2:
        return []
    amplitude = wall_amplitude(grid, nodes, shine, time_s)
    radius = float(shaft.half_mm.max())
    tip = (shaft.tip - pose.origin) @ pose.rotation
    depth, across = _beam_of(grid, tip)
    strength = tip_amplitude(grid, tip, shine)
    spots = _spots_of(shine.spots_db)
    walls = _walls(grid, nodes, amplitude, shine, (float(shaft.along_mm[-1]), radius))
    bright = [(depth[0], across[0], strength + 0.3 * amplitude[-1])]
    from_tip = shaft.along_mm[-1] - nodes.along_mm
    for back in spots.brightest:
        n = int(np.argmin(abs(from_tip - back)))
        if abs(from_tip[n] - back) < NODE_MM:
            bright.append((nodes.front[0][n], nodes.front[1][n], 0.7 * amplitude[n]))
    lobes = _side_lobes(grid, np.array(bright), shine.lobes_db)
    return [Points(depth, across, np.array([strength])), walls, lobes]


class _Spots(NamedTuple):
    levels_db: Values
    brightest: tuple[int, ...]
    """The two places, in mm from the tip, where a shaft is brightest."""


@lru_cache(maxsize=64)
def _spots_of(spots_db: tuple[float, ...]) -> _Spots:
    levels = np.array(spots_db)
    brightest = np.argsort(levels)[-2:].tolist() if len(levels) >= 8 else []
    return _Spots(levels, tuple(brightest))


class _Levels(NamedTuple):
    """Lines of a needle, for the kernel."""

    back: float
    inner: Values
    rings: Values
    """Amplitudes over the facing wall."""
    ring_rad: float
    spots_db: Values
    length_mm: float
    radius_mm: float


def _walls(
    grid: Grid, nodes: Nodes, amplitude: Values, shine: Shine, size_mm: tuple[float, float]
) -> Points:
    """Return both walls and what rings between them, in points close enough to make lines.

    Args:
        grid: Of the scanner.
        nodes: Of the needle.
        amplitude: Of the facing wall at the nodes.
        shine: How brightly it shows.
        size_mm: Its length and radius.
    """
    step = _STEP * grid.scanner.probe.pulse_mm
    fading = np.sqrt(np.minimum(1.0, 2 * nodes.half_mm / size_mm[1]))
    per_mm = point_strength(grid, nodes.depth_mm, nodes.slope, nodes.flat, amplitude * fading)
    levels = _Levels(
        10 ** (shine.back_db / 20),
        10 ** (np.array(shine.inner_db, dtype=np.float64) / 20),
        10 ** (np.array(shine.rings_db, dtype=np.float64) / 20),
        shine.ring_rad,
        _spots_of(shine.spots_db).levels_db,
        *size_mm,
    )
    count = int(np.ceil((nodes.along_mm[-1] - nodes.along_mm[0]) / step))
    lines = np.empty((3, count * (2 + len(levels.inner) + len(levels.rings))))
    used = _draw_lines(lines, nodes, per_mm, levels, (step, count))
    return Points(lines[0, :used], lines[1, :used], lines[2, :used])


def _side_lobes(grid: Grid, bright: Float64[np.ndarray, "B 3"], lobes_db: float) -> Points:
    """Return what bright places (depth, beam, amplitude) leave in the beams beside them."""
    aside = _asides()
    lobes = np.empty((5, len(bright) * len(aside)))
    _draw_lobes(lobes, bright, aside, (grid.shape.convex, grid.shape.radius, lobes_db))
    away, beams, level, slope, step = lobes
    return Points(away, beams, point_strength(grid, away, slope, step, level))


@lru_cache(maxsize=1)
def _asides() -> Values:
    """Return where the beams of an arc are, in mm from its middle."""
    right = np.arange(*_LOBES_MM, _LOBE_STEP_MM)
    return np.concatenate([-right[::-1], right])


def _beam_of(grid: Grid, point: Float64[np.ndarray, " 3"]) -> tuple[Values, Values]:
    """Return depth along the beam, and beam, of a point of the probe's frame."""
    depth, across = _beam_at(point[0], point[1], grid.shape.convex, grid.shape.radius)
    return np.array([depth]), np.array([across])


@njit(cache=True, nogil=True)
@no_type_check
def _beam_at(x, y, convex, radius):
    """Return depth along the beam, and beam, of a place in the picture."""
    if not convex:
        return y, x
    return np.hypot(x, y + radius) - radius, np.arctan2(x, y + radius)


@njit(inline="always")
@no_type_check
def _turned(vectors, n, rotation, origin):
    """Return a vector in the probe's frame."""
    a, b, c = vectors[n, 0] - origin[0], vectors[n, 1] - origin[1], vectors[n, 2] - origin[2]
    return (
        a * rotation[0, 0] + b * rotation[1, 0] + c * rotation[2, 0],
        a * rotation[0, 1] + b * rotation[1, 1] + c * rotation[2, 1],
        a * rotation[0, 2] + b * rotation[1, 2] + c * rotation[2, 2],
    )


@njit(cache=True, nogil=True)
@no_type_check
def _see(out, shaft, pose, window):
    """Fill the rows of nodes, in the order of their names; return how many are near the picture."""
    along, axes, forwards, centres, halves = shaft
    rotation, origin = pose
    convex, radius, reach, wide = window
    nowhere = np.zeros(3)
    count = 0
    for n in range(along.shape[0]):
        axis = _turned(axes, n, rotation, origin)
        depth, across = _beam_at(axis[0], axis[1], convex, radius)
        if not (-_MARGIN_MM < depth < reach + _MARGIN_MM and abs(across) < wide):
            continue
        forward = _turned(forwards, n, rotation, nowhere)
        centre = _turned(centres, n, rotation, origin)
        beam_x, beam_y = 0.0, 1.0
        if convex:
            beam_x, beam_y = np.sin(across), np.cos(across)
        along_beam = min(max(forward[0] * beam_x + forward[1] * beam_y, -0.9999), 0.9999)
        along_row = forward[0] * beam_y - forward[1] * beam_x
        lean = halves[n] / np.sqrt(1 - along_beam**2)
        facing_x = lean * (along_beam * forward[0] - beam_x)
        facing_y = lean * (along_beam * forward[1] - beam_y)
        out[0, count], out[1, count], out[2, count] = along[n], centre[0], centre[1]
        out[3, count], out[4, count] = axis[2], halves[n]
        out[5, count], out[6, count] = depth, across
        out[7, count] = np.arcsin(abs(along_beam))
        out[8, count] = along_beam / (1e-3 if abs(along_row) < 1e-3 else along_row)
        out[9, count] = np.hypot(along_beam, along_row)
        front = _beam_at(centre[0] + facing_x, centre[1] + facing_y, convex, radius)
        back = _beam_at(centre[0] - facing_x, centre[1] - facing_y, convex, radius)
        out[10, count], out[11, count] = front
        out[12, count], out[13, count] = back
        count += 1
    return count


@njit(inline="always")
@no_type_check
def _between(values, n, part):
    """Return a value between two nodes."""
    return values[n] + part * (values[n + 1] - values[n])


@njit(cache=True, nogil=True)
@no_type_check
def _draw_lines(out, nodes, per_mm, levels, steps):
    """Fill depth, beam and strength of points, line by line; return how many there are."""
    step, count = steps
    ringing = np.empty(count)
    inner, rings, spots = levels.inner, levels.rings, levels.spots_db
    along = nodes.along_mm
    n = 0
    for f in range(count):
        place = along[0] + f * step
        while n < along.shape[0] - 2 and along[n + 1] <= place:
            n += 1
        part = (place - along[n]) / (along[n + 1] - along[n])
        from_tip = min(max(levels.length_mm - place, 0.0), spots.shape[0] - 1.0)
        k = int(from_tip)
        spot = spots[k] + (from_tip - k) * (spots[min(k + 1, spots.shape[0] - 1)] - spots[k])
        strength = _between(per_mm, n, part) * step * 10 ** (spot / 20)
        depth, across = _between(nodes.front[0], n, part), _between(nodes.front[1], n, part)
        far, far_across = _between(nodes.back[0], n, part), _between(nodes.back[1], n, part)
        out[0, f], out[1, f], out[2, f] = depth, across, strength
        at = count + f
        left = _between(nodes.half_mm, n, part) / levels.radius_mm
        # the bevel has taken a part of the far wall away
        out[0, at], out[1, at], out[2, at] = far, far_across, strength * levels.back * left
        for i in range(inner.shape[0]):
            at += count
            share = (i + 1) / (inner.shape[0] + 1)
            out[0, at] = (1 - share) * depth + share * far
            out[1, at] = (1 - share) * across + share * far_across
            out[2, at] = strength * inner[i]
        # nothing rings where the bevel has taken a wall away
        turned = _between(nodes.incidence_rad, n, part) / levels.ring_rad
        share = left**2 * np.exp(-(turned**2))
        ringing[f] = strength * share if share > 0.03 else 0.0
    used = count * (2 + inner.shape[0])
    for i in range(rings.shape[0]):
        for f in range(count):
            if ringing[f] > 0:
                far = out[0, count + f]
                out[0, used] = far + (i + 1) * (far - out[0, f])
                out[1, used] = out[1, count + f]
                out[2, used] = ringing[f] * rings[i]
                used += 1
    return used


@njit(cache=True, nogil=True)
@no_type_check
def _draw_lobes(out, bright, aside, numbers):
    """Fill depth, beam, amplitude, slope and step of the points of arcs."""
    convex, radius, lobes_db = numbers
    at = 0
    for b in range(bright.shape[0]):
        depth, across, amplitude = bright[b, 0], bright[b, 1], bright[b, 2]
        for off in aside:
            beam, away = across + off, np.hypot(depth, off)
            if convex:
                angle = off / (radius + depth)
                beam = across + angle
                # from the element in the middle of the beam to the place
                near = (radius + depth) * np.cos(angle) - radius
                away = np.hypot((radius + depth) * np.sin(angle), near)
            fallen = lobes_db - 2.0 * (abs(off) - _LOBES_MM[0])
            out[0, at], out[1, at], out[2, at] = away, beam, amplitude * 10 ** (fallen / 20)
            out[3, at], out[4, at] = off / max(away, 1.0), _LOBE_STEP_MM
            at += 1
