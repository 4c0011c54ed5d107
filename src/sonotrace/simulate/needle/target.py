"""How far a needle's tip is from its target, as tissue lies now.

The target moves and bends with the tissue, so its own distance, which is that at rest and only
about right, does not do. The nearest point is searched for on the bent surface: first among nodes
all around, then in smaller and smaller squares of directions around the nearest of them.
"""

from functools import lru_cache
from typing import no_type_check

import numpy as np
from jaxtyping import Float64
from numba import njit

from sonotrace.simulate.motion import Flow, came_from, flow_at
from sonotrace.simulate.tissue.outline import Blob

_TURNS, _ROWS = 120, 61
"""Nodes around the axis out of the picture and from pole to pole: 3 degrees apart, between which
a surface bulges by a few micrometres."""
_EVERY = 3
"""Of the nodes that are tried first."""
_FINEST_RAD = 1e-3

Place = Float64[np.ndarray, " 3"]


def distance_to_target_mm(tip: Place, target: Blob, flow: Flow) -> float:
    """Return how far a point is from the nearest point of a target's surface, negative inside.

    It is right to 0.01 mm for surfaces without spikes narrower than some 6 degrees.

    Args:
        tip: In the world, now.
        target: In tissue at rest.
        flow: Where tissue has gone.
    """
    x, y, z = came_from(flow, tip[0:1], tip[1:2], tip[2:3])
    away = float(_nearest(tip, _surface(target), flow))
    return -away if target.contains(x, y, z)[0] else away


@lru_cache(maxsize=64)
def _surface(target: Blob) -> Float64[np.ndarray, "R T 3"]:
    """Return places of the surface at rest, from pole to pole and once around."""
    down = np.linspace(0, np.pi, _ROWS)[:, None]
    around = np.linspace(0, 2 * np.pi, _TURNS + 1)[None]
    x, y = np.sin(down) * np.cos(around), np.sin(down) * np.sin(around)
    ray = np.stack([x, y, np.cos(down) + 0 * around], axis=-1) * target.half_mm
    cosine, sine = np.cos(target.roll_rad), np.sin(target.roll_rad)
    ray = ray @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    # along a ray from the centre the distance that a blob gives rises evenly
    near, far = (_distances(target, share * ray) for share in (0.5, 1.0))
    return np.asarray((0.5 + 0.5 * near / (near - far))[..., None] * ray + target.centre)


def _distances(target: Blob, ray: Float64[np.ndarray, "R T 3"]) -> Float64[np.ndarray, "R T"]:
    x, y, z = np.ascontiguousarray((ray + target.centre).reshape(-1, 3).T)
    return np.asarray(target.distance_mm(x, y, z)).reshape(ray.shape[:2])


@njit(inline="always")
@no_type_check
def _squared(place, tip, flow):
    """Return the squared distance from the tip to where a place of the tissue is now."""
    a, b, c = place
    if not flow.still:
        u, v, w = flow_at(flow, a, b, c)
        a, b, c = a + u, b + v, c + w
    return (a - tip[0]) ** 2 + (b - tip[1]) ** 2 + (c - tip[2]) ** 2


@njit(inline="always")
@no_type_check
def _at(surface, p, q, r):
    """Return the place of the surface in a direction."""
    rows, turns = surface.shape[0] - 1, surface.shape[1] - 1
    flat = np.hypot(p, q)
    i = np.arctan2(flat, r) / np.pi * rows
    j = (np.arctan2(q, p) / (2 * np.pi) % 1.0) * turns
    m, n = min(int(i), rows - 1), min(int(j), turns - 1)
    i, j = i - m, j - n
    w0, w1, w2, w3 = (1 - i) * (1 - j), (1 - i) * j, i * (1 - j), i * j
    near, right = surface[m, n], surface[m, n + 1]
    below, last = surface[m + 1, n], surface[m + 1, n + 1]
    return (
        w0 * near[0] + w1 * right[0] + w2 * below[0] + w3 * last[0],
        w0 * near[1] + w1 * right[1] + w2 * below[1] + w3 * last[1],
        w0 * near[2] + w1 * right[2] + w2 * below[2] + w3 * last[2],
    )


@njit(cache=True, nogil=True)
@no_type_check
def _nearest(tip, surface, flow):
    """Return the distance to the nearest place of the surface."""
    rows, turns = surface.shape[0] - 1, surface.shape[1] - 1
    least, row, turn = np.inf, 0, 0
    for i in range(0, rows + 1, _EVERY):
        for j in range(0, turns, _EVERY):
            place = (surface[i, j, 0], surface[i, j, 1], surface[i, j, 2])
            found = _squared(place, tip, flow)
            if found < least:
                least, row, turn = found, i, j
    down, around = np.pi * row / rows, 2 * np.pi * turn / turns
    p, q, r = np.sin(down) * np.cos(around), np.sin(down) * np.sin(around), np.cos(down)
    step = 0.5 * _EVERY * np.pi / rows
    while step > _FINEST_RAD:
        # two ways across the direction: level, and along its meridian
        flat = max(np.hypot(p, q), 1e-9)
        a, b = -q / flat, p / flat
        if flat <= 1e-9:
            a, b = 1.0, 0.0
        c, d, e = -r * b, r * a, p * b - q * a
        best_p, best_q, best_r = p, q, r
        for m in range(-2, 3):
            for n in range(-2, 3):
                u = p + step * (m * a + n * c)
                v = q + step * (m * b + n * d)
                w = r + step * n * e
                found = _squared(_at(surface, u, v, w), tip, flow)
                if found < least:
                    least, best_p, best_q, best_r = found, u, v, w
        size = np.sqrt(best_p**2 + best_q**2 + best_r**2)
        p, q, r = best_p / size, best_q / size, best_r / size
        step *= 0.6
    return np.sqrt(least)
