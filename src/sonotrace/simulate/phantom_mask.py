"""Which pixels of a frame show the solids of a phantom.

The picture is divided into small squares, between whose corners places are interpolated. Signed
distances change by at most 1 mm for each mm of way, so most squares lie wholly inside or outside
a solid by the distance of their middle alone; the others are decided pixel by pixel.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float64
from numba import njit

from sonotrace.simulate.phantom import (
    BODY,
    CYST,
    SPHERE,
    TUBE,
    WIRE,
    WIRE_LABEL_MM,
    Block,
    Phantom,
    Rod,
    Sphere,
)
from sonotrace.simulate.scene import Labels
from sonotrace.simulate.section import Tracing

_BALL, _ROD, _BLOCK = 0, 1, 2

Table = Float64[np.ndarray, "S 9"]
"""Of each solid: label, shape, and seven numbers of it."""


def mark_phantom(labels: Labels, tracing: Tracing, phantom: Phantom) -> None:
    """Label the pixels at whose centres there is a solid of a phantom; the last one counts.

    Wires are thinner than pixels: they are labelled to `WIRE_LABEL_MM` from their axis.

    Args:
        labels: Changed in place.
        tracing: Of the frame.
        phantom: Where its tissue was at rest.
    """
    _mark(labels, tracing.places, tracing.step, tabulate(phantom))


def tabulate(phantom: Phantom) -> Table:
    """Return the solids of a phantom in the order in which they are labelled."""
    rows = [_rod(WIRE, wire._replace(radius_mm=WIRE_LABEL_MM)) for wire in phantom.wires]
    rows += [_block(block) for body in phantom.bodies for block in body.blocks]
    rows += [_rod(TUBE, tube) for tube in phantom.tubes]
    rows += [_ball(sphere) for sphere in phantom.spheres]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 9)


def _ball(sphere: Sphere) -> tuple[int | float, ...]:
    kind = CYST if np.isneginf(sphere.level_db) else SPHERE
    return (kind, _BALL, *sphere.centre_mm, sphere.radius_mm, 0.0, 0.0, 0.0)


def _rod(kind: int, rod: Rod) -> tuple[int | float, ...]:
    way = (end - start for start, end in zip(rod.start_mm, rod.end_mm, strict=True))
    return (kind, _ROD, *rod.start_mm, *way, rod.radius_mm)


def _block(block: Block) -> tuple[int | float, ...]:
    return (BODY, _BLOCK, *block.low_mm, *block.high_mm, 0.0)


@njit(cache=True, nogil=True)
@no_type_check
def _mark(labels, places, step, solids):
    """Go through squares of `step` pixels, and through solids."""
    rows, columns = labels.shape
    corner = np.empty((4, 3))
    for i in range((rows + step - 1) // step):
        for j in range((columns + step - 1) // step):
            for axis in range(3):
                corner[0, axis] = places[axis, i, j]
                corner[1, axis] = places[axis, i, j + 1]
                corner[2, axis] = places[axis, i + 1, j]
                corner[3, axis] = places[axis, i + 1, j + 1]
            x = corner[:, 0].sum() / 4
            y = corner[:, 1].sum() / 4
            z = corner[:, 2].sum() / 4
            reach = 0.0
            for n in range(4):
                off = np.sqrt(
                    (corner[n, 0] - x) ** 2 + (corner[n, 1] - y) ** 2 + (corner[n, 2] - z) ** 2
                )
                reach = max(reach, off)
            square = labels[i * step : (i + 1) * step, j * step : (j + 1) * step]
            for n in range(solids.shape[0]):
                distance = _outside(solids[n], x, y, z)
                if distance < -reach:
                    square[:] = solids[n, 0]
                elif distance < reach:
                    _mark_square(square, corner, step, solids[n])


@njit(cache=True, nogil=True)
@no_type_check
def _mark_square(square, corner, step, solid):
    """Decide the pixels of one square; the first is at a corner."""
    for r in range(square.shape[0]):
        down = r / step
        for c in range(square.shape[1]):
            right = c / step
            weights = (
                (1 - down) * (1 - right),
                (1 - down) * right,
                down * (1 - right),
                down * right,
            )
            x = y = z = 0.0
            for n in range(4):
                x += weights[n] * corner[n, 0]
                y += weights[n] * corner[n, 1]
                z += weights[n] * corner[n, 2]
            if _outside(solid, x, y, z) < 0:
                square[r, c] = solid[0]


@njit(cache=True, nogil=True)
@no_type_check
def _outside(solid, x, y, z):
    """Return the signed distance to a solid's surface, negative inside."""
    if solid[1] == _BLOCK:
        a = abs(x - (solid[2] + solid[5]) / 2) - (solid[5] - solid[2]) / 2
        b = abs(y - (solid[3] + solid[6]) / 2) - (solid[6] - solid[3]) / 2
        c = abs(z - (solid[4] + solid[7]) / 2) - (solid[7] - solid[4]) / 2
        beyond = np.sqrt(max(a, 0.0) ** 2 + max(b, 0.0) ** 2 + max(c, 0.0) ** 2)
        return beyond + min(max(a, b, c), 0.0)
    u, v, w = x - solid[2], y - solid[3], z - solid[4]
    radius = solid[5]
    if solid[1] == _ROD:
        a, b, c = solid[5], solid[6], solid[7]
        part = (u * a + v * b + w * c) / (a * a + b * b + c * c)
        part = min(max(part, 0.0), 1.0)
        u, v, w = u - part * a, v - part * b, w - part * c
        radius = solid[8]
    return np.sqrt(u * u + v * v + w * w) - radius
