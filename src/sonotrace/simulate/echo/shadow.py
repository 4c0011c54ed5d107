"""What tissue above takes from, or leaves to, the tissue below: attenuation along beams.

The depth gain control makes up for a reference attenuation; only the difference counts. A place
is reached by rays from the whole aperture, so the edges of a shadow are soft: attenuation is
averaged over five rays that meet at the place, as wide as the F-number of reception has them.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Float64
from numba import njit

from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.echo.slice import Pose
from sonotrace.simulate.motion import Flow, invert_at

_STEP_MM = 0.5
"""About the step of the coarse grid in depth."""
_CLOSE_MM = 5e-3
"""How well the place at rest is found: well within a voxel."""
_RAYS = 5
_APERTURE = 0.7
"""Share of the aperture from which the rays come."""


class Attenuation(NamedTuple):
    """dB/cm/MHz of tissue, sampled at the corners of voxels."""

    values: Float32[np.ndarray, "Y X Z"]
    origin: tuple[float, float, float]
    step: float


class _Places(NamedTuple):
    """The coarse grid: depths along the beam, and beams."""

    depth: Float64[np.ndarray, " H"]
    across: Float64[np.ndarray, " W"]
    convex: bool
    radius: float


def transmission(
    grid: Grid, tissue: Attenuation, pose: Pose, flow: Flow
) -> Float32[np.ndarray, "H W"]:
    """Return the amplitude that is left of each echo, on a coarse grid over lines and beams."""
    depth, across = coarse_axes(grid)
    excess = np.empty((len(depth), len(across)), dtype=np.float32)
    places = _Places(depth, across, grid.shape.convex, grid.shape.radius)
    _sample(excess, places, tissue, pose, flow)
    scanner = grid.scanner
    excess -= np.float32(scanner.display.reference_attenuation)
    per_step = 2 * scanner.probe.frequency_mhz * (depth[1] - depth[0]) / 10  # dB for 1 dB/cm/MHz
    slopes = np.linspace(-0.5, 0.5, _RAYS) * _APERTURE / scanner.probe.f_receive
    return _along_rays(excess, places, slopes, per_step)


def coarse_axes(grid: Grid) -> tuple[Float64[np.ndarray, " H"], Float64[np.ndarray, " W"]]:
    """Return depths along the beam and places of beams (mm or radians) of the coarse grid."""
    depth, across = grid.depth_of_lines(), grid.beam_positions()
    rows = max(8, int(np.ceil((depth[-1] - depth[0]) / _STEP_MM)) + 1)
    columns = max(8, grid.beams // 4)
    return (
        np.linspace(depth[0], depth[-1], rows),
        np.linspace(across[0], across[-1], columns),
    )


@njit(cache=True, nogil=True)
@no_type_check
def _sample(values, places, tissue, pose, flow):
    """Read the attenuation at every place."""
    depth, across, convex, radius = places
    turn, origin = pose.rotation, pose.origin
    u0, u1, u2 = 0.0, 0.0, 0.0
    # the same for every row
    sine, cosine = np.sin(across), np.cos(across)
    for i in range(depth.shape[0]):
        for j in range(across.shape[0]):
            if convex:
                x = (radius + depth[i]) * sine[j]
                y = (radius + depth[i]) * cosine[j] - radius
            else:
                x, y = across[j], depth[i]
            p0 = turn[0, 0] * x + turn[0, 1] * y + origin[0]
            p1 = turn[1, 0] * x + turn[1, 1] * y + origin[1]
            p2 = turn[2, 0] * x + turn[2, 1] * y + origin[2]
            if not flow.still:
                u0, u1, u2 = invert_at(flow, p0, p1, p2, (u0, u1, u2), _CLOSE_MM)
            p0, p1, p2 = p0 - u0, p1 - u1, p2 - u2
            values[i, j] = read_volume(tissue.values, tissue.origin, tissue.step, p0, p1, p2)


@njit(inline="always")
@no_type_check
def read_volume(values, origin, step, x, y, z):
    """Interpolate a volume linearly; what lies outside is as its border."""
    a = min(max((x - origin[0]) / step, 0.0), values.shape[1] - 1.001)
    b = min(max((y - origin[1]) / step, 0.0), values.shape[0] - 1.001)
    c = min(max((z - origin[2]) / step, 0.0), values.shape[2] - 1.001)
    i, j, k = int(a), int(b), int(c)
    a, b, c = a - i, b - j, c - k
    near = (1 - c) * values[j, i, k] + c * values[j, i, k + 1]
    right = (1 - c) * values[j, i + 1, k] + c * values[j, i + 1, k + 1]
    upper = (1 - a) * near + a * right
    near = (1 - c) * values[j + 1, i, k] + c * values[j + 1, i, k + 1]
    right = (1 - c) * values[j + 1, i + 1, k] + c * values[j + 1, i + 1, k + 1]
    return (1 - b) * upper + b * ((1 - a) * near + a * right)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _along_rays(excess, places, slopes, per_step):
    """Average 10^(-loss / 20) over rays that meet at each place.

    Along a ray, x + slope * depth is constant: rays are indexed by where they would end. At one
    depth all rays of a slope lie equally far from it, so they are read side by side.
    """
    depth, across, convex, radius = places
    step = across[1] - across[0]
    rows, columns = excess.shape
    passed = np.zeros((rows, columns), dtype=np.float32)
    loss, here = np.empty(2 * columns, np.float32), np.empty(2 * columns, np.float32)
    above, moved = np.empty(2 * columns, np.float32), np.empty(2 * columns + 1, np.float32)
    before = np.float32(depth[0] / (depth[1] - depth[0]))
    share, scale, half = np.float32(1 / slopes.shape[0]), np.float32(per_step), np.float32(0.5)
    for slope in slopes:
        for i in range(rows):
            lean = slope * depth[i] / step / ((radius + depth[i]) if convex else 1.0)
            _read_moved(here, moved, excess[i], -lean - columns // 2)
            for c in range(2 * columns):
                here[c] *= scale
            if i == 0:
                for c in range(2 * columns):
                    loss[c] = here[c] * before
            else:
                for c in range(2 * columns):
                    loss[c] += half * (above[c] + here[c])
            above, here = here, above
            values = here[:columns]
            _read_moved(values, moved, loss, lean + columns // 2)
            _add_share(passed[i], values, share)
    return passed


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _read_moved(values, moved, row, by):
    """Read a row `by` places further on, between two of its numbers; its ends go on for ever."""
    whole = int(np.floor(by))
    part = np.float32(by - whole)
    size, last = values.shape[0] + 1, row.shape[0] - 1
    start = min(max(-whole, 0), size)
    stop = max(min(last + 1 - whole, size), start)
    moved[:start] = row[0]
    moved[start:stop] = row[start + whole : stop + whole]
    moved[stop:size] = row[last]
    left, right = moved[: size - 1], moved[1:size]
    for c in range(values.shape[0]):
        values[c] = left[c] + part * (right[c] - left[c])


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _add_share(passed, loss, share):
    """Add the amplitude that a loss in dB leaves.

    2^x is put together from the bits of its whole exponent and, for the rest, the polynomial of
    Cephes' `exp2f` (Moshier 1989): a library's is taken one number at a time.
    """
    for c in range(passed.shape[0]):
        x = np.float32(-0.1660964047) * loss[c]
        bounded = np.float32(min(max(x, np.float32(-126)), np.float32(126)))
        whole = np.floor(bounded + np.float32(0.5))
        y = bounded - whole
        p = np.float32(1.535336188319500e-4) * y + np.float32(1.339887440266574e-3)
        p = p * y + np.float32(9.618437357674640e-3)
        p = p * y + np.float32(5.550332471162809e-2)
        p = p * y + np.float32(2.402264791363012e-1)
        p = p * y + np.float32(6.931472028550421e-1)
        bits = np.int32(np.int32(np.int32(whole) + np.int32(127)) << np.int32(23))
        power = (p * y + np.float32(1)) * bits.view(np.float32)
        # what is not a number stays as it is
        passed[c] += share * (x if np.isnan(x) else power)
