"""Sections of bodies: which pixels of a frame show tissue that lies within a body."""

from collections.abc import Sequence
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float64, Int32
from numba import njit

from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.motion import invert_at, went_to
from sonotrace.simulate.probe import View
from sonotrace.simulate.scene import Labels, Moment
from sonotrace.simulate.tissue.outline import Body

_STEP_MM = 0.7
"""Distance of the pixels whose tissue is traced back. Between them it is interpolated, which is
off by a few hundredths of a mm at most: displacements are themselves interpolated over 2 mm."""
_LEAST_STEP = 3
_SPARE = 2.0
"""Traced around the boxes of bodies, in sides of a square of pixels: more than its diagonal, though
the tissue has been stretched."""
_CLOSE_MM = 1e-4
"""A step of the inverse that changes less is the last."""
_NO_NODES = np.zeros((0, 0), dtype=np.int32)
_SPARE_MM = 1.0
"""Tissue bends between the corners of a body's box."""


class Tracing(NamedTuple):
    """Where the tissue that a frame shows was at rest."""

    moment: Moment
    step: int
    places: Float64[np.ndarray, "3 H W"]
    """In mm, at every `step`th pixel, to beyond the last row and column."""


def trace_tissue(moment: Moment) -> Tracing:
    """Trace the tissue of a frame back to where it was at rest."""
    scanner = moment.grid.scanner
    view = scanner.view
    step = _step_of(view)
    x = (np.arange(0, view.columns + step, step) - (view.columns - 1) / 2) * view.pixel_mm
    y = (np.arange(0, view.rows + step, step) + 0.5) * view.pixel_mm + scanner.fan_top_mm()
    x, y = np.meshgrid(x, y)
    places = np.stack(moment.tissue_at(x.ravel(), y.ravel()))
    return Tracing(moment, step, places.reshape(3, *x.shape))


def trace_near(moment: Moment, bodies: Sequence[Body]) -> Tracing:
    """Trace the tissue of a frame back to where it was at rest, near bodies.

    Far from all of them it is left where it is now, which is outside them as well.
    """
    scanner, flow = moment.grid.scanner, moment.flow
    view = scanner.view
    step = _step_of(view)
    rows, columns = -(-view.rows // step) + 1, -(-view.columns // step) + 1
    left = -(view.columns - 1) / 2 * view.pixel_mm
    first = (left, 0.5 * view.pixel_mm + scanner.fan_top_mm(), step * view.pixel_mm)
    boxes = np.array([body.box_mm() for body in bodies], dtype=np.float64).reshape(-1, 2, 3)
    reach = flow.largest_mm + _SPARE * step * view.pixel_mm
    boxes += np.array([[-reach], [reach]])
    places = np.empty((3, rows, columns))
    _trace(places, first, (moment.pose.rotation, moment.pose.origin), flow, boxes)
    return Tracing(moment, step, places)


def _step_of(view: View) -> int:
    """Return how many pixels apart tissue is traced."""
    return max(_LEAST_STEP, int(_STEP_MM / view.pixel_mm))


def places_of_pixels(tracing: Tracing) -> Float64[np.ndarray, "3 N"]:
    """Return where the tissue at every pixel's centre was at rest, row by row, in mm."""
    view = tracing.moment.grid.scanner.view
    places = np.empty((3, view.rows, view.columns))
    _interpolate(places, tracing.places, tracing.step, (0, 0))
    return places.reshape(3, -1)


def mark_section(labels: Labels, tracing: Tracing, body: Body, value: int) -> None:
    """Label the pixels at whose centres the tissue lies within a body.

    Args:
        labels: Changed in place.
        tracing: Of the frame.
        body: In tissue at rest.
        value: Class id.
    """
    window = _window(tracing.moment, body)
    if window is None:
        return
    rows, columns = window
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    place = np.empty((3, *shape))
    _interpolate(place, tracing.places, tracing.step, (rows.start, columns.start))
    place = place.reshape(3, -1)
    inside = body.contains(place[0], place[1], place[2]).reshape(shape)
    conversion = tracing.moment.grid.conversion
    if conversion is not None:  # outside the fan of a convex array nothing is seen
        inside &= conversion.node[window] >= 0
    labels[window][inside] = value


def fan_nodes(grid: Grid) -> Int32[np.ndarray, "A B"]:
    """Return the nodes of the scan conversion, for `in_fan`; none if the fan is the picture."""
    if grid.conversion is None or not grid.shape.convex:
        return _NO_NODES
    return grid.conversion.node


def _window(moment: Moment, body: Body) -> tuple[slice, slice] | None:
    """Return the rows and columns that a body may cover; None if the slice is far from it."""
    corners = np.array(np.meshgrid(*np.array(body.box_mm()).T, indexing="ij")).reshape(3, 8)
    x, y, z = moment.probe_at(*went_to(moment.flow, *corners))
    if z.min() > _SPARE_MM or z.max() < -_SPARE_MM:
        return None
    scanner = moment.grid.scanner
    view = scanner.view
    spare = _SPARE_MM / view.pixel_mm
    row, column = scanner.pixel_of(x, y)
    top, bottom = max(0, int(row.min() - spare)), min(view.rows, int(row.max() + spare) + 1)
    left, right = (
        max(0, int(column.min() - spare)),
        min(view.columns, int(column.max() + spare) + 1),
    )
    if top >= bottom or left >= right:
        return None
    return slice(top, bottom), slice(left, right)


@njit(cache=True, nogil=True)
@no_type_check
def _interpolate(fine, coarse, step, first):
    """Fill the places between every `step`th, from row and column `first` on."""
    for r in range(fine.shape[1]):
        i = (r + first[0]) // step
        down = (r + first[0] - i * step) / step
        for c in range(fine.shape[2]):
            j = (c + first[1]) // step
            right = (c + first[1] - j * step) / step
            for axis in range(3):
                upper = (1 - right) * coarse[axis, i, j] + right * coarse[axis, i, j + 1]
                lower = (1 - right) * coarse[axis, i + 1, j] + right * coarse[axis, i + 1, j + 1]
                fine[axis, r, c] = (1 - down) * upper + down * lower


@njit(inline="always")
@no_type_check
def in_fan(node, row, column):
    """Return whether a pixel shows what a beam has seen."""
    return node.shape[0] == 0 or node[row, column] >= 0


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
