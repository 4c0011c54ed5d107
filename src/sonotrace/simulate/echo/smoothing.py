"""Speckle reduction: scanners smooth what they show, after compression.

Levels in dB are blended with their average under a Gaussian, wider across than along depth. Without
it, simulated speckle is about half as long in depth and less than half as wide as in pictures of
clinical scanners (measured by `sonotrace benchmark realism`). Manufacturers keep their filters to
themselves: this one is the plainest that has the same widths. It is linear, so it changes neither
where things are nor how speckle decorrelates when the probe leaves the plane.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32
from numba import njit

from sonotrace.simulate.echo.grid import Grid

Level = Float32[np.ndarray, "H W"]
Taps = Float32[np.ndarray, " N"]


class Smoother(NamedTuple):
    """One half of two symmetric filters, from their middle on, and how much of them is blended."""

    depth: Taps
    across: Taps
    share: float


def make_smoother(grid: Grid) -> Smoother | None:
    """Return the filter that a scanner's display asks for, None if it asks for none.

    The beams of a convex array part with depth: there the filter is as wide as asked for at half
    depth.
    """
    display, shape = grid.scanner.display, grid.shape
    if display.smooth_share == 0:
        return None
    line_mm = shape.sample_step * shape.per_row
    beam_mm = shape.beam_step
    if shape.convex:
        beam_mm *= shape.radius + grid.depth_of_lines()[-1] / 2
    return Smoother(
        _half_gaussian(display.smooth_depth_mm / line_mm),
        _half_gaussian(display.smooth_across_mm / beam_mm),
        display.smooth_share,
    )


def smooth_level(level: Level, smoother: Smoother, limits: tuple[float, float]) -> Level:
    """Return the smoothed levels; beyond the border they are taken to go on as at it.

    Args:
        level: In dB.
        smoother: The filter.
        limits: Levels that are black and white: it is the compressed picture that is smoothed.
    """
    level = np.clip(level, np.float32(limits[0]), np.float32(limits[1]))
    out = np.empty_like(level)
    _smooth(out, level, smoother.depth, smoother.across, np.float32(smoother.share))
    return out


def _half_gaussian(deviation: float) -> Taps:
    reach = int(np.ceil(2.5 * deviation))
    taps = np.exp(-0.5 * (np.arange(reach + 1) / max(deviation, 1e-6)) ** 2)
    taps /= taps[0] + 2 * taps[1:].sum()
    return taps.astype(np.float32)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _smooth(out, level, depth, across, share):
    """Filter along depth into a row with margins, then across; whole rows at a time."""
    lines, beams = level.shape
    side = across.shape[0] - 1
    row = np.empty(beams + 2 * side, dtype=np.float32)
    total, middle = np.empty(beams, dtype=np.float32), row[side : side + beams]
    for line in range(lines):
        _weigh(middle, level[line], depth[0])
        for k in range(1, depth.shape[0] - 1, 2):
            near = level[max(line - k, 0)], level[min(line + k, lines - 1)], depth[k]
            far = level[max(line - k - 1, 0)], level[min(line + k + 1, lines - 1)], depth[k + 1]
            _add_two(middle, near, far)
        if depth.shape[0] % 2 == 0:
            k = depth.shape[0] - 1
            _add(middle, level[max(line - k, 0)], level[min(line + k, lines - 1)], depth[k])
        row[:side] = middle[0]
        row[side + beams :] = middle[beams - 1]
        _weigh(total, middle, across[0])
        for k in range(1, side, 2):
            near = row[side - k :], row[side + k :], across[k]
            _add_two(total, near, (row[side - k - 1 :], row[side + k + 1 :], across[k + 1]))
        if side % 2:
            _add(total, row, row[2 * side :], across[side])
        _blend(out[line], level[line], total, share)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _weigh(total, row, weight):
    for c in range(total.shape[0]):
        total[c] = weight * row[c]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _add(total, left, right, weight):
    for c in range(total.shape[0]):
        total[c] += weight * (left[c] + right[c])


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _add_two(total, near, far):
    """Do so twice at once: fetching and putting back the total takes longer than adding."""
    left, right, weight = near
    far_left, far_right, far_weight = far
    for c in range(total.shape[0]):
        total[c] += weight * (left[c] + right[c]) + far_weight * (far_left[c] + far_right[c])


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _blend(out, plain, smooth, share):
    for c in range(out.shape[0]):
        out[c] = plain[c] + share * (smooth[c] - plain[c])
