"""What is left of the beam at places: reading a transmission.

`sonotrace.simulate.echo.shadow` computes it on a coarse grid over lines and beams; here it is asked
for at places along beams, to know what can be seen and what must be given back to echoes that did
not go through what shadows them.
"""

from dataclasses import replace
from typing import no_type_check

import numpy as np
from jaxtyping import Float32, Float64
from numba import njit

from sonotrace.simulate.echo.grid import Grid

_FEW = 240

Values = Float64[np.ndarray, " N"]


def passed_at(
    grid: Grid, passed: Float32[np.ndarray, "H W"], depth_mm: Values, across: Values
) -> Float64[np.ndarray, " N"]:
    """Read a transmission, as `shadow.transmission` gives it, at places of beams; nan stays nan."""
    lines, beams = grid.depth_of_lines(), grid.beam_positions()
    rows, columns = passed.shape
    down = (depth_mm - lines[0]) / (lines[-1] - lines[0]) * (rows - 1)
    right = (across - beams[0]) / (beams[-1] - beams[0]) * (columns - 1)
    out = np.empty(len(depth_mm))
    _read_passed(out, passed, down, right)
    return out


def coarser(grid: Grid) -> Grid:
    """Return the grid with half the beams, unless they are few.

    It is enough to know how dark it is where late echoes lie, at half the cost.
    """
    if grid.beams < _FEW:
        return grid
    beams = (grid.beams + 1) // 2
    step = grid.shape.beam_step * (grid.beams - 1) / (beams - 1)  # over the same width
    return replace(grid, beams=beams, shape=grid.shape._replace(beam_step=step))


@njit(cache=True, nogil=True)
@no_type_check
def _read_passed(out, passed, down, right):
    for n in range(out.shape[0]):
        out[n] = bilinear(passed, down[n], right[n]) if not np.isnan(down[n]) else np.nan


@njit(inline="always")
@no_type_check
def bilinear(values, down, right):
    """Interpolate; what lies outside is as the border."""
    down = min(max(down, 0.0), values.shape[0] - 1.001)
    right = min(max(right, 0.0), values.shape[1] - 1.001)
    i, j = int(down), int(right)
    down, right = down - i, right - j
    upper = (1 - right) * values[i, j] + right * values[i, j + 1]
    lower = (1 - right) * values[i + 1, j] + right * values[i + 1, j + 1]
    return (1 - down) * upper + down * lower
