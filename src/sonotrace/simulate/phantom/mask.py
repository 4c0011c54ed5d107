"""Which pixels of a frame show the solids of a phantom.

The picture is divided into small squares, between whose corners places are interpolated. Signed
distances change by at most 1 mm for each mm of way, so most squares lie wholly inside or outside
a solid by the distance of their middle alone; the others are decided pixel by pixel.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float64
from numba import njit

from sonotrace.simulate.phantom.body import (
    BODY,
    CYST,
    SPHERE,
    TUBE,
    WIRE,
    WIRE_LABEL_MM,
    Block,
    Phantom,
    Place,
    Rod,
    Sphere,
)
from sonotrace.simulate.scene import Labels
from sonotrace.simulate.tissue.section import Tracing

_BALL, _ROD, _BLOCK = 0, 1, 2

Table = Float64[np.ndarray, "S 9"]
"""Of each solid: label, shape, where it begins, the way to its other end, radius."""


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
    return (kind, _BALL, *sphere.centre_mm, 0.0, 0.0, 0.0, sphere.radius_mm)


def _rod(kind: int, rod: Rod) -> tuple[int | float, ...]:
    return (kind, _ROD, *rod.start_mm, *_way(rod.start_mm, rod.end_mm), rod.radius_mm)


def _block(block: Block) -> tuple[int | float, ...]:
    return (BODY, _BLOCK, *block.low_mm, *_way(block.low_mm, block.high_mm), 0.0)


def _way(start: Place, end: Place) -> tuple[float, ...]:
    return tuple(b - a for a, b in zip(start, end, strict=True))


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _mark(labels, places, step, solids):
    """Go through squares of `step` pixels, and through solids."""
    rows, columns = labels.shape
    corner = np.empty((3, 4))
    for i in range((rows + step - 1) // step):
        for j in range((columns + step - 1) // step):
            middle_x = _take(corner, places, 0, i, j)
            middle_y = _take(corner, places, 1, i, j)
            middle_z = _take(corner, places, 2, i, j)
            reach = 0.0
            for n in range(4):
                x, y, z = corner[0, n] - middle_x, corner[1, n] - middle_y, corner[2, n] - middle_z
                reach = max(reach, x * x + y * y + z * z)
            reach = np.sqrt(reach)
            for n in range(solids.shape[0]):
                distance = _outside(solids, n, middle_x, middle_y, middle_z)
                if distance < reach:
                    square = (i * step, j * step, step)
                    _mark_square(labels, square, corner, solids, (n, distance < -reach))


@njit(inline="always")
@no_type_check
def _take(corner, places, axis, i, j):
    """Note a coordinate of a square's corners; return that of its middle."""
    a, b = places[axis, i, j], places[axis, i, j + 1]
    c, d = places[axis, i + 1, j], places[axis, i + 1, j + 1]
    corner[axis, 0], corner[axis, 1], corner[axis, 2], corner[axis, 3] = a, b, c, d
    return 0.25 * (a + b + c + d)


@njit(error_model="numpy")
@no_type_check
def _mark_square(labels, square, corner, solids, which):
    """Label the pixels of one square that lie within a solid; all if it holds the square."""
    top, left, step = square
    n, whole = which
    kind = np.uint8(solids[n, 0])
    for r in range(top, min(top + step, labels.shape[0])):
        down = (r - top) / step
        for c in range(left, min(left + step, labels.shape[1])):
            right = (c - left) / step
            w0, w1 = (1 - down) * (1 - right), (1 - down) * right
            w2, w3 = down * (1 - right), down * right
            x = w0 * corner[0, 0] + w1 * corner[0, 1] + w2 * corner[0, 2] + w3 * corner[0, 3]
            y = w0 * corner[1, 0] + w1 * corner[1, 1] + w2 * corner[1, 2] + w3 * corner[1, 3]
            z = w0 * corner[2, 0] + w1 * corner[2, 1] + w2 * corner[2, 2] + w3 * corner[2, 3]
            if whole or _outside(solids, n, x, y, z) < 0:
                labels[r, c] = kind


@njit(error_model="numpy")
@no_type_check
def _outside(solids, n, x, y, z):
    """Return the signed distance to the surface of solid n, negative inside."""
    x, y, z = x - solids[n, 2], y - solids[n, 3], z - solids[n, 4]
    a, b, c = solids[n, 5], solids[n, 6], solids[n, 7]
    if solids[n, 1] == _BLOCK:
        a, b, c = abs(x - a / 2) - a / 2, abs(y - b / 2) - b / 2, abs(z - c / 2) - c / 2
        beyond = np.sqrt(max(a, 0.0) ** 2 + max(b, 0.0) ** 2 + max(c, 0.0) ** 2)
        return beyond + min(max(a, b, c), 0.0)
    if solids[n, 1] == _ROD:
        part = (x * a + y * b + z * c) / (a * a + b * b + c * c)
        part = min(max(part, 0.0), 1.0)
        x, y, z = x - part * a, y - part * b, z - part * c
    return np.sqrt(x * x + y * y + z * z) - solids[n, 8]
