"""Which pixels of a frame show a blob: square by square, as in `phantom.mask`.

The places of the corners of small squares of pixels say of most of them that they lie wholly
inside or outside.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from sonotrace.simulate.scene import Labels
from sonotrace.simulate.tissue.outline import Blob
from sonotrace.simulate.tissue.section import Tracing, fan_nodes, in_fan, mark_section

_FAR = 1.0
"""Half axes: more than a square measures."""


def mark_blob(labels: Labels, tracing: Tracing, blob: Blob, value: int) -> None:
    """Label the pixels at whose centres the tissue lies within a blob.

    Squares of pixels that lie wholly within the least radius of its surface, or beyond the
    largest, are decided at once.

    Args:
        labels: Changed in place.
        tracing: Of the frame; of all its tissue or of that near the blob.
        blob: In tissue at rest.
        value: Class id.
    """
    if blob.squareness != 2.0:
        mark_section(labels, tracing, blob, value)
        return
    turned = (float(np.cos(blob.roll_rad)), float(np.sin(blob.roll_rad)))
    across, deep, out = blob.half_mm
    numbers = (*blob.centre, 1 / across, 1 / deep, 1 / out, *turned)
    node = fan_nodes(tracing.moment.grid)
    where, places = _near_surface(
        (labels, node), tracing.places, tracing.step, (numbers, blob.radii(), value)
    )
    inside = blob.contains(places[0], places[1], places[2])
    labels.reshape(-1)[where[inside]] = value


@njit(inline="always")
@no_type_check
def _norm(a, b, c, numbers):
    """Return the length of a vector in half axes of an ellipsoid."""
    u = (numbers[6] * a + numbers[7] * b) * numbers[3]
    v = (numbers[6] * b - numbers[7] * a) * numbers[4]
    w = c * numbers[5]
    return np.sqrt(u * u + v * v + w * w)


@njit(cache=True, nogil=True)
@no_type_check
def _norms(places, numbers):
    """Return the distance of every node from the middle of an ellipsoid, in half axes."""
    out = np.empty(places.shape[1:])
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            a, b = places[0, i, j] - numbers[0], places[1, i, j] - numbers[1]
            out[i, j] = _norm(a, b, places[2, i, j] - numbers[2], numbers)
    return out


@njit(inline="always")
@no_type_check
def _apart(places, i, j, numbers):
    """Return how far the corners of a square are from its first at most, in half axes."""
    most = 0.0
    for p, q in ((0, 1), (1, 0), (1, 1)):
        a = places[0, i + p, j + q] - places[0, i, j]
        b = places[1, i + p, j + q] - places[1, i, j]
        c = places[2, i + p, j + q] - places[2, i, j]
        most = max(most, _norm(a, b, c, numbers))
    return most


@njit(cache=True, nogil=True)
@no_type_check
def _near_surface(masks, places, step, blob):
    """Label the squares within a body; return pixels near its surface, and their places.

    The norm is convex: in a square it is at most that of a corner, and at least that of the first
    less the norm of the way to another.
    """
    labels, node = masks
    numbers, radii, value = blob
    rows, columns = labels.shape
    across, deep, out = places[0], places[1], places[2]
    norms = _norms(places, numbers)
    where = np.empty(labels.size, dtype=np.int64)
    found = np.empty((3, labels.size))
    count = 0
    for i in range(places.shape[1] - 1):
        for j in range(places.shape[2] - 1):
            first = norms[i, j]
            if first > radii[1] + _FAR and norms[i + 1, j + 1] > radii[1] + _FAR:
                continue
            if first - _apart(places, i, j, numbers) > radii[1]:
                continue
            r0, c0 = i * step, j * step
            r1, c1 = min(r0 + step, rows), min(c0 + step, columns)
            most = max(first, norms[i, j + 1], norms[i + 1, j], norms[i + 1, j + 1])
            for r in range(r0, r1):
                down = (r - r0) / step
                for c in range(c0, c1):
                    if not in_fan(node, r, c):
                        continue
                    if most < radii[0]:
                        labels[r, c] = value
                        continue
                    right = (c - c0) / step
                    where[count] = r * columns + c
                    found[0, count] = _at(across, i, j, down, right)
                    found[1, count] = _at(deep, i, j, down, right)
                    found[2, count] = _at(out, i, j, down, right)
                    count += 1
    return where[:count], found[:, :count]


@njit(inline="always")
@no_type_check
def _at(values, i, j, down, right):
    """Return a value within a square."""
    upper = (1 - right) * values[i, j] + right * values[i, j + 1]
    lower = (1 - right) * values[i + 1, j] + right * values[i + 1, j + 1]
    return (1 - down) * upper + down * lower
