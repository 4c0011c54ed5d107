"""Echoes that are not speckle, and how they join it."""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float64
from numba import njit

from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.echo.slice import Echo


class Points(NamedTuple):
    """Echoes that are not speckle: of walls, wires, calcifications. In the probe's frame."""

    depth_mm: Float64[np.ndarray, " P"]
    """Along the beam."""
    across: Float64[np.ndarray, " P"]
    """mm, or radians for a convex array."""
    strength: Float64[np.ndarray, " P"]
    """Amplitude over that of speckle, before pulse and beam; with a flat phase."""


def add_points(echo: Echo, grid: Grid, points: Points) -> None:
    """Deposit echoes with a flat phase, between the nodes around them."""
    shape, taps = grid.shape, grid.taps
    row = points.depth_mm / shape.sample_step - 0.5 + shape.margin
    column = points.across / shape.beam_step + shape.centre
    # what lies between two nodes is raised, as scatterers are, so that it flickers less
    down, right = row - np.floor(row), column - np.floor(column)
    line = np.clip(points.depth_mm / (shape.sample_step * shape.per_row), 0, grid.lines - 1)
    strength = points.strength * (1 + 4 * taps.boost_sample * down * (1 - down))
    strength *= 1 + 4 * taps.boost_beam[line.astype(int)] * right * (1 - right)
    _deposit(echo, row, column, strength)


@njit(cache=True, nogil=True)
@no_type_check
def _deposit(echo, row, column, strength):
    for n in range(row.shape[0]):
        i, j = int(np.floor(row[n])), int(np.floor(column[n]))
        if i < 0 or j < 0 or i >= echo.shape[0] - 1 or j >= 2 * echo.shape[2] - 1:
            continue
        down, right = row[n] - i, column[n] - j
        near, far = strength[n] * (1 - right), strength[n] * right
        echo[i, j & 1, j >> 1, 0] += (1 - down) * near
        echo[i, (j + 1) & 1, (j + 1) >> 1, 0] += (1 - down) * far
        echo[i + 1, j & 1, j >> 1, 0] += down * near
        echo[i + 1, (j + 1) & 1, (j + 1) >> 1, 0] += down * far
