"""The kernels of photoacoustic pictures: rays through capsules of blood.

Every ray of the picture, and of planes beside it, is cut with every capsule that it may cross.
Where it enters and leaves blood, a boundary is deposited on the grid; surfaces that lie within
another capsule are none.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float64, Int32
from numba import njit

from sonotrace.simulate.tissue.vessel import axis_distance

RAY_MM = 0.05
"""Distance of rays across, about: less than the smallest vessel is wide."""
_FAINTEST = 7.0
"""A boundary that is weakened by exp of this is left out."""


class Rays(NamedTuple):
    """Numbers of the kernel that are not arrays."""

    convex: bool
    radius: float
    step: float
    """Between rays: mm, or radians."""
    first: float
    """Place of ray 0."""
    number: int
    per_beam: float
    """Rays from beam to beam."""
    sample_step: float
    margin: int
    deepest: float
    turns_per_mm: float
    plane_step: float
    """Between planes of rays, out of the picture."""
    depth_step: float
    offset_step: float
    mu_eff: float


class Blood(NamedTuple):
    """Capsules, in the probe's frame."""

    start: Float64[np.ndarray, "N 3"]
    end: Float64[np.ndarray, "N 3"]
    radius: Float64[np.ndarray, " N"]
    absorption: Float64[np.ndarray, " N"]
    begin: Int32[np.ndarray, " N1"]
    touching: Int32[np.ndarray, " M"]
    """Which others may cover a capsule's surface, from `begin` of it to that of the next."""


@njit(cache=True, nogil=True)
@no_type_check
def list_touching(begin, touching, start, end, radius):
    """Count the neighbours of each capsule, one place on; with room for them, list them."""
    counting = touching.shape[0] == 0
    for n in range(radius.shape[0]):
        for m in range(radius.shape[0]):
            near = radius[n] + radius[m] + 0.05
            apart = m == n
            for q in range(3):
                gap = max(
                    min(start[n, q], end[n, q]) - max(start[m, q], end[m, q]),
                    min(start[m, q], end[m, q]) - max(start[n, q], end[n, q]),
                )
                apart = apart or gap > near
            if apart:
                continue
            if counting:
                begin[n + 1] += 1
            else:
                touching[begin[n]] = m
                begin[n] += 1


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def listen(echo, blood, rays, field, profile, reach_mm):
    """Deposit the boundaries of all capsules on all rays."""
    start, end = blood.start, blood.end
    tables = rays, field
    for n in range(blood.radius.shape[0]):
        r = blood.radius[n]
        depth = 0.5 * (start[n, 1] + end[n, 1])
        if rays.convex:
            depth = np.hypot(0.5 * (start[n, 0] + end[n, 0]), depth + rays.radius) - rays.radius
        at = min(max(int(depth / rays.depth_step), 0), reach_mm.shape[0] - 1)
        near = max(min(start[n, 2], end[n, 2]) - r, -reach_mm[at])
        far = min(max(start[n, 2], end[n, 2]) + r, reach_mm[at])
        if near > far or depth - r - 2 > rays.deepest:
            continue
        low, high = _rays_across(start, end, n, r, rays)
        # a large vessel is smooth: fewer rays will do
        every = min(max(int(r / rays.plane_step), 1), 3)
        aside = min(max(int(r / (3 * RAY_MM)), 1), 2)
        weight = blood.absorption[n] * every * aside
        steps = aside * rays.step, every * rays.plane_step
        first = int(np.ceil(near / rays.plane_step / every)) * every
        last = int(np.floor(far / rays.plane_step))
        for ray in range((low + aside - 1) // aside * aside, high + 1, aside):
            across = rays.first + ray * rays.step
            x, right, down = across, 0.0, 1.0
            if rays.convex:
                x, right, down = 0.0, np.sin(across), np.cos(across)
            strength = weight * profile[ray]
            for plane in range(first, last + 1, every):
                spot = (x, plane * rays.plane_step, right, down)
                enters, leaves = _cross(spot, -rays.radius, start, end, n, r)
                if enters < leaves:
                    column = ray / rays.per_beam
                    _add_wall(echo, spot, (n, enters, strength, column), steps, blood, tables)
                    _add_wall(echo, spot, (n, leaves, -strength, column), steps, blood, tables)


@njit(inline="always")
@no_type_check
def _rays_across(start, end, n, r, rays):
    """Return the first and last ray that may cross capsule n."""
    if rays.convex:
        y_a, y_b = start[n, 1] + rays.radius, end[n, 1] + rays.radius
        closest = min(np.hypot(start[n, 0], y_a), np.hypot(end[n, 0], y_b))
        wide = np.arcsin(min(r / max(closest, 1e-6), 1.0))
        left, right = np.arctan2(start[n, 0], y_a), np.arctan2(end[n, 0], y_b)
    else:
        wide, left, right = r, start[n, 0], end[n, 0]
    low = np.ceil((min(left, right) - wide - rays.first) / rays.step)
    high = np.floor((max(left, right) + wide - rays.first) / rays.step)
    return max(int(low), 0), min(int(high), rays.number - 1)


@njit(inline="always")
@no_type_check
def _cross(spot, y, start, end, n, r):
    """Return where a ray enters and leaves capsule n, the former behind the latter if it misses."""
    x, z, right, down = spot
    enters, leaves = 1e30, -1e30
    u0, u1, u2 = end[n, 0] - start[n, 0], end[n, 1] - start[n, 1], end[n, 2] - start[n, 2]
    d0, d1, d2 = x - start[n, 0], y - start[n, 1], z - start[n, 2]
    uu = u0 * u0 + u1 * u1 + u2 * u2
    uw = u0 * right + u1 * down
    ud = u0 * d0 + u1 * d1 + u2 * d2
    dw = d0 * right + d1 * down
    dd = d0 * d0 + d1 * d1 + d2 * d2
    # the round ends: dd, dw of the other end follow from those of this one
    for q in range(2):
        half = dw - q * uw
        inside = half * half - (dd - q * (2 * ud - uu)) + r * r
        if inside > 0:
            root = np.sqrt(inside)
            enters, leaves = min(enters, -half - root), max(leaves, -half + root)
    square = uu - uw * uw
    if square > 1e-9 * uu:
        half = uu * dw - ud * uw
        inside = half * half - square * (uu * dd - ud * ud - r * r * uu)
        if inside > 0:
            root = np.sqrt(inside)
            for side in (-1, 1):
                t = (-half + side * root) / square
                if 0 <= ud + t * uw <= uu:
                    enters, leaves = min(enters, t), max(leaves, t)
    return enters, leaves


@njit(inline="always")
@no_type_check
def _add_wall(echo, spot, wall, steps, blood, tables):
    """Deposit one boundary, unless it is not heard or other blood covers it."""
    x, z, right, down = spot
    n, t, strength, column = wall
    rays, field = tables
    depth = t - rays.radius
    at = int(depth / rays.depth_step + 0.5)
    offset = int(abs(z) / rays.offset_step + 0.5)
    heard = depth > 0 and at < field.shape[0] and offset < field.shape[1]
    p0, p1 = x + t * right, t * down - rays.radius
    turn = 2 * np.pi * rays.turns_per_mm
    blur = 0.0
    if heard:
        along, across, out = _normal((p0, p1, z), right, down, blood, n)
        # between this ray and the next the phase turns by this much: waves from there cancel
        spacing = steps[0] * ((rays.radius + depth) if rays.convex else 1.0)
        turning = turn * turn * ((across * spacing) ** 2 + (out * steps[1]) ** 2)
        blur = turning / (24 * along * along + 1e-12)
        heard = blur < _FAINTEST
    m, last = blood.begin[n], blood.begin[n + 1]
    while heard and m < last:
        c = blood.touching[m]
        # where two surfaces coincide, one of them counts
        within = blood.radius[c] + (1e-9 if c < n else -1e-9)
        heard = axis_distance(p0, p1, z, blood.start, blood.end, c) >= within
        m += 1
    if heard:
        strength = strength * np.exp(-blur - rays.mu_eff * depth)
        angle = turn * depth
        cosine, sine = np.cos(angle), np.sin(angle)
        w0, w1 = field[at, offset, 0], field[at, offset, 1]
        real = strength * (w0 * cosine + w1 * sine)
        imag = strength * (w1 * cosine - w0 * sine)
        _spread(echo, depth / rays.sample_step - 0.5 + rays.margin, column, real, imag)


@njit(inline="always")
@no_type_check
def _normal(place, right, down, blood, n):
    """Return a capsule's normal, of any length, along the ray, across it and out of the picture."""
    start, end = blood.start, blood.end
    p0, p1, p2 = place
    u0, u1, u2 = end[n, 0] - start[n, 0], end[n, 1] - start[n, 1], end[n, 2] - start[n, 2]
    v0, v1, v2 = p0 - start[n, 0], p1 - start[n, 1], p2 - start[n, 2]
    squared = u0 * u0 + u1 * u1 + u2 * u2
    part = (u0 * v0 + u1 * v1 + u2 * v2) / squared if squared > 0 else 0.0
    part = min(max(part, 0.0), 1.0)
    v0, v1, v2 = v0 - part * u0, v1 - part * u1, v2 - part * u2
    return v0 * right + v1 * down, v0 * down - v1 * right, v2


@njit(inline="always")
@no_type_check
def _spread(echo, row, column, real, imag):
    """Add to the four nodes around a place."""
    i, j = int(np.floor(row)), int(np.floor(column))
    if i < 0 or j < 0 or i >= echo.shape[0] - 1 or j >= 2 * echo.shape[2] - 1:
        return
    down, right = row - i, column - j
    for q in range(2):
        for p in range(2):
            weight = (down if q else 1 - down) * (right if p else 1 - right)
            echo[i + q, (j + p) & 1, (j + p) >> 1, 0] += weight * real
            echo[i + q, (j + p) & 1, (j + p) >> 1, 1] += weight * imag


@njit(cache=True, nogil=True)
@no_type_check
def deposit_skin(echo, rays, depth, strength):
    """Deposit one echo on every ray."""
    for ray in range(depth.shape[0]):
        angle = 2 * np.pi * rays.turns_per_mm * depth[ray]
        real, imag = strength[ray] * np.cos(angle), -strength[ray] * np.sin(angle)
        row = depth[ray] / rays.sample_step - 0.5 + rays.margin
        _spread(echo, row, ray / rays.per_beam, real, imag)
