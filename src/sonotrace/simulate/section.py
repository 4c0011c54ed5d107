"""Sections of bodies: which pixels of a frame show tissue that lies within a body."""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float64
from numba import njit

from sonotrace.simulate.motion import went_to
from sonotrace.simulate.outline import Body
from sonotrace.simulate.scene import Labels, Moment

_STEP_MM = 0.7
"""Distance of the pixels whose tissue is traced back. Between them it is interpolated, which is
off by a few hundredths of a mm at most: displacements are themselves interpolated over 2 mm."""
_LEAST_STEP = 3
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
    step = max(_LEAST_STEP, int(_STEP_MM / view.pixel_mm))
    x = (np.arange(0, view.columns + step, step) - (view.columns - 1) / 2) * view.pixel_mm
    y = (np.arange(0, view.rows + step, step) + 0.5) * view.pixel_mm + scanner.fan_top_mm()
    x, y = np.meshgrid(x, y)
    places = np.stack(moment.tissue_at(x.ravel(), y.ravel()))
    return Tracing(moment, step, places.reshape(3, *x.shape))


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
