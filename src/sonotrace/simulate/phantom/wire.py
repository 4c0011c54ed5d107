"""Echoes of thin wires: points close enough to make lines, or one spot where a wire crosses."""

from functools import lru_cache
from typing import no_type_check

import numpy as np
from jaxtyping import Float64, Int64
from numba import njit

from sonotrace.simulate.echo.beam import beam_mm, elevation_table
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.echo.specular import Finish, elevational_weight, reflected
from sonotrace.simulate.motion import flow_at
from sonotrace.simulate.phantom.body import Rod
from sonotrace.simulate.probe import Probe
from sonotrace.simulate.scene import Moment

_FINISH = Finish(30.0, -26.0, 0.35)
_STEP_MM = 0.05


def wire_echoes(wires: tuple[Rod, ...], moment: Moment) -> Points:
    """Return points along wires that peak alike whether they lie in the picture or cross it."""
    grid = moment.grid
    probe, table, shape = grid.scanner.probe, grid.elevation, grid.shape
    places, first = _lines_of(wires)
    found = np.empty((7, len(places)))
    slab = (table.half_mm, table.depth_step_mm, shape.convex, shape.radius)
    pose = (moment.pose.rotation, moment.pose.origin)
    count = _find_in_slice(found, (places, first), pose, moment.flow, slab)
    depth, across, z, step, along_beam, aside, out = (row[:count] for row in found)
    at = np.clip(np.rint(depth / table.depth_step_mm).astype(int), 0, len(table.field) - 1)
    thickness = _thickness_mm(probe, grid.scanner.reach_mm())[at]
    spread = np.sqrt(
        (aside / beam_mm(probe, depth)) ** 2
        + (along_beam / probe.pulse_mm) ** 2
        + 2 * np.pi * (out / thickness) ** 2
    )
    amplitude = reflected(_FINISH, np.arcsin(np.minimum(np.abs(along_beam), 1)))
    weight = elevational_weight(grid, depth, z)
    return Points(depth, across, amplitude * weight * step * spread / np.sqrt(2 * np.pi))


@lru_cache(maxsize=32)
def _lines_of(
    wires: tuple[Rod, ...],
) -> tuple[Float64[np.ndarray, "P 3"], Int64[np.ndarray, " W"]]:
    """Return points along wires at rest, and the number of the first of each, and of none."""
    lines = []
    for wire in wires:
        start, end = np.array(wire.start_mm), np.array(wire.end_mm)
        count = max(2, int(np.linalg.norm(end - start) / _STEP_MM))
        lines.append(start + np.linspace(0, 1, count)[:, None] * (end - start))
    first = np.cumsum([0, *(len(line) for line in lines)], dtype=np.int64)
    return np.ascontiguousarray(np.concatenate(lines)), first


@lru_cache(maxsize=32)
def _thickness_mm(probe: Probe, reach_mm: float) -> Float64[np.ndarray, " D"]:
    """Return the integral of the elevational field over the offset, at every depth of its table."""
    table = elevation_table(probe, reach_mm)
    both: Float64[np.ndarray, " D"] = 2.0 * np.abs(table.field).sum(axis=1, dtype=np.float64)
    return both * table.offset_step_mm


@njit(inline="always")
@no_type_check
def _in_probe(x, y, z, pose):
    """Return where a point of the world is in the probe's frame."""
    rotation, origin = pose
    x, y, z = x - origin[0], y - origin[1], z - origin[2]
    return (
        rotation[0, 0] * x + rotation[1, 0] * y + rotation[2, 0] * z,
        rotation[0, 1] * x + rotation[1, 1] * y + rotation[2, 1] * z,
        rotation[0, 2] * x + rotation[1, 2] * y + rotation[2, 2] * z,
    )


@njit(cache=True, nogil=True)
@no_type_check
def _now(place, pose, flow):
    """Return where tissue that was at a place is now, in the probe's frame."""
    x, y, z = place[0], place[1], place[2]
    if not flow.still:
        u, v, w = flow_at(flow, x, y, z)
        x, y, z = x + u, y + v, z + w
    return _in_probe(x, y, z, pose)


@njit(cache=True, nogil=True)
@no_type_check
def _find_in_slice(out, lines, pose, flow, slab):
    """Find the points of wires that are in the slice; return how many.

    The rows are filled by depth, beam and offset, distance to the next point, and the direction
    of the wire: along the beam, across it and out of the picture.
    """
    places, first = lines
    half, depth_step, convex, radius = slab
    widest = half.max() + flow.largest_mm
    count = 0
    for wire in range(first.shape[0] - 1):
        low, high = first[wire], first[wire + 1] - 1
        for n in range(low, high + 1):
            if abs(_in_probe(places[n, 0], places[n, 1], places[n, 2], pose)[2]) > widest:
                continue
            x, y, z = _now(places[n], pose, flow)
            depth, across, turn = y, x, 0.0
            if convex:
                depth, across = np.hypot(x, y + radius) - radius, np.arctan2(x, y + radius)
                turn = across
            at = int(min(max(np.rint(depth / depth_step), 0), half.shape[0] - 1))
            if abs(z) >= half[at] or depth <= 0:
                continue
            before, after = max(n - 1, low), min(n + 1, high)
            a, b = _now(places[before], pose, flow), _now(places[after], pose, flow)
            apart = after - before
            p, q, r = (b[0] - a[0]) / apart, (b[1] - a[1]) / apart, (b[2] - a[2]) / apart
            step = np.sqrt(p * p + q * q + r * r)
            out[0, count], out[1, count], out[2, count], out[3, count] = depth, across, z, step
            out[4, count] = (np.sin(turn) * p + np.cos(turn) * q) / step
            out[5, count] = (np.cos(turn) * p - np.sin(turn) * q) / step
            out[6, count] = r / step
            count += 1
    return count
