"""Masks of a needle and of the lesion that it is meant for.

The lesion is marked square by square, as in `phantom_mask`: the places of the corners of small
squares of pixels say of most of them that they lie wholly inside or outside. Tissue is traced
back only where a body may be.
"""

from collections.abc import Sequence
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, UInt8
from numba import njit

from sonotrace.simulate.fascia import fan_nodes, in_fan
from sonotrace.simulate.grid import Grid
from sonotrace.simulate.motion import invert_at
from sonotrace.simulate.needle_echo import Nodes
from sonotrace.simulate.outline import Blob, Body
from sonotrace.simulate.scene import Moment
from sonotrace.simulate.section import Tracing, mark_section

_NEEDLE, _LESION = 1, 2
_STEP_MM = 0.7
"""Distance of the pixels whose tissue is traced back."""
_LEAST_STEP = 3
_SPARE = 2.0
"""Traced around the boxes of bodies, in sides of a square: more than its diagonal, though the
tissue has been stretched."""
_CLOSE_MM = 1e-4
"""A step of the inverse that changes less is the last."""
_FAR = 1.0
"""Half axes: more than a square measures."""

Labels = UInt8[np.ndarray, "H W"]
Flags = Bool[np.ndarray, " N"]


def paint(grid: Grid, nodes: Nodes, seen: Flags, behind: Labels) -> tuple[Labels, Labels, bool]:
    """Return masks of the whole needle and of what can be seen of it, and whether any can.

    Args:
        grid: Of the scanner.
        nodes: Of the needle.
        seen: Which of them can be seen.
        behind: 2 where there is a lesion, else 0.
    """
    view = grid.scanner.view
    whole, visible = behind.copy(), behind.copy()
    if len(nodes.x) > 1:
        row, column = grid.scanner.pixel_of(nodes.x, nodes.y)
        radius = float(nodes.half_mm.max()) / view.pixel_mm
        half = np.maximum(nodes.half_mm / view.pixel_mm, min(radius, np.sqrt(0.5)))
        masks = (whole, visible, behind, fan_nodes(grid))
        nearest = np.empty(whole.shape, dtype=np.float32)
        _paint(masks, nearest, (row, column, half, seen))
    return whole, visible, bool((visible == _NEEDLE).any())


def trace_near(moment: Moment, bodies: Sequence[Body]) -> Tracing:
    """Trace the tissue of a frame back to where it was at rest, near bodies.

    Far from all of them it is left where it is now, which is outside them as well.
    """
    scanner, flow = moment.grid.scanner, moment.flow
    view = scanner.view
    step = max(_LEAST_STEP, int(_STEP_MM / view.pixel_mm))
    rows, columns = -(-view.rows // step) + 1, -(-view.columns // step) + 1
    left = -(view.columns - 1) / 2 * view.pixel_mm
    first = (left, 0.5 * view.pixel_mm + scanner.fan_top_mm(), step * view.pixel_mm)
    boxes = np.array([body.box_mm() for body in bodies], dtype=np.float64).reshape(-1, 2, 3)
    reach = flow.largest_mm + _SPARE * step * view.pixel_mm
    boxes += np.array([[-reach], [reach]])
    places = np.empty((3, rows, columns))
    _trace(places, first, (moment.pose.rotation, moment.pose.origin), flow, boxes)
    return Tracing(moment, step, places)


def mark_lesion(labels: Labels, tracing: Tracing, lesion: Blob) -> None:
    """Label the pixels of a lesion by 2.

    Squares of pixels that lie wholly within the least radius of its surface, or beyond the
    largest, are decided at once.
    """
    if lesion.squareness != 2.0:
        mark_section(labels, tracing, lesion, _LESION)
        return
    swing = sum(abs(row[0]) for row in (*lesion.waves, *lesion.spikes))
    turned = (float(np.cos(lesion.roll_rad)), float(np.sin(lesion.roll_rad)))
    across, deep, out = lesion.half_mm
    numbers = (*lesion.centre, 1 / across, 1 / deep, 1 / out, *turned)
    radii = (1 - swing - 1e-9, 1 + swing + 1e-9)
    node = fan_nodes(tracing.moment.grid)
    where, places = _near_surface((labels, node), tracing.places, tracing.step, numbers, radii)
    inside = lesion.contains(places[0], places[1], places[2])
    labels.reshape(-1)[where[inside]] = _LESION


@njit(cache=True, nogil=True)
@no_type_check
def _trace(places, first, pose, flow, boxes):
    rotation, origin = pose
    left, top, step = first
    p, q, r = 0.0, 0.0, 0.0
    for i in range(places.shape[1]):
        u, v, w, near = 0.0, 0.0, 0.0, False  # how displacements change along a row
        for j in range(places.shape[2]):
            x, y = left + j * step, top + i * step
            a = rotation[0, 0] * x + rotation[0, 1] * y + origin[0]
            b = rotation[1, 0] * x + rotation[1, 1] * y + origin[1]
            c = rotation[2, 0] * x + rotation[2, 1] * y + origin[2]
            if flow.still or not _within_any(boxes, a, b, c):
                u, v, w, near = 0.0, 0.0, 0.0, False
            else:
                d, e, f = invert_at(flow, a, b, c, (p + u, q + v, r + w), _CLOSE_MM)
                u, v, w = (d - p, e - q, f - r) if near else (0.0, 0.0, 0.0)
                p, q, r, near = d, e, f, True
                a, b, c = a - d, b - e, c - f
            places[0, i, j], places[1, i, j], places[2, i, j] = a, b, c


@njit(inline="always")
@no_type_check
def _within_any(boxes, a, b, c):
    for n in range(boxes.shape[0]):
        across = boxes[n, 0, 0] < a < boxes[n, 1, 0] and boxes[n, 0, 1] < b < boxes[n, 1, 1]
        if across and boxes[n, 0, 2] < c < boxes[n, 1, 2]:
            return True
    return False


@njit(cache=True, nogil=True)
@no_type_check
def _paint(masks, nearest, nodes):
    """Lay the needle over what is behind it; `nearest` counts where there is needle already."""
    whole, visible, behind, node = masks
    row, column, half, seen = nodes
    for n in range(row.shape[0] - 1):
        reach = max(half[n], half[n + 1]) + 1
        r0 = max(0, int(np.floor(min(row[n], row[n + 1]) - reach)))
        r1 = min(whole.shape[0], int(np.ceil(max(row[n], row[n + 1]) + reach)) + 1)
        c0 = max(0, int(np.floor(min(column[n], column[n + 1]) - reach)))
        c1 = min(whole.shape[1], int(np.ceil(max(column[n], column[n + 1]) + reach)) + 1)
        a, b = row[n + 1] - row[n], column[n + 1] - column[n]
        inverse = 1 / max(a * a + b * b, 1e-12)
        for r in range(r0, r1):
            down = r - row[n]
            for c in range(c0, c1):
                right = c - column[n]
                part = min(max((down * a + right * b) * inverse, 0.0), 1.0)
                off = (down - part * a) ** 2 + (right - part * b) ** 2
                if off > ((1 - part) * half[n] + part * half[n + 1]) ** 2:
                    continue
                if whole[r, c] == _NEEDLE and off >= nearest[r, c]:
                    continue
                if in_fan(node, r, c):
                    whole[r, c], nearest[r, c] = _NEEDLE, off
                    there = seen[n + 1] if part > 0.5 else seen[n]
                    visible[r, c] = _NEEDLE if there else behind[r, c]


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
def _near_surface(masks, places, step, numbers, radii):
    """Label the squares within a body; return pixels near its surface, and their places.

    The norm is convex: in a square it is at most that of a corner, and at least that of the first
    less the norm of the way to another.
    """
    labels, node = masks
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
                        labels[r, c] = _LESION
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
