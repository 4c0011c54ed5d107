"""What tissue above takes from, or leaves to, the tissue below: attenuation along beams.

The depth gain control makes up for a reference attenuation; only the difference counts. A place
is reached by rays from the whole aperture, so the edges of a shadow are soft: attenuation is
averaged over five rays that meet at the place, as wide as the F-number of reception has them.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Float64
from numba import njit

from sonotrace.simulate.echo import Pose
from sonotrace.simulate.grid import Grid
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
    for i in range(depth.shape[0]):
        for j in range(across.shape[0]):
            if convex:
                x = (radius + depth[i]) * np.sin(across[j])
                y = (radius + depth[i]) * np.cos(across[j]) - radius
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


@njit(cache=True, nogil=True)
@no_type_check
def _along_rays(excess, places, slopes, per_step):
    """Average 10^(-loss / 20) over rays that meet at each place."""
    depth, across, convex, radius = places
    step = across[1] - across[0]
    rows, columns = excess.shape
    passed = np.zeros((rows, columns), dtype=np.float32)
    loss = np.empty((rows, 2 * columns), dtype=np.float32)
    share = np.float32(1 / slopes.shape[0])
    above = np.empty(2 * columns, dtype=np.float32)
    for slope in slopes:
        # along a ray, x + slope * depth is constant: index rays by where they would end
        for i in range(rows):
            lean = slope * depth[i] / step / ((radius + depth[i]) if convex else 1.0)
            for c in range(2 * columns):
                at = c - columns // 2 - lean
                j = int(np.floor(at))
                part = at - j
                left = excess[i, min(max(j, 0), columns - 1)]
                right = excess[i, min(max(j + 1, 0), columns - 1)]
                here = ((1 - part) * left + part * right) * per_step
                if i == 0:
                    loss[i, c] = here * depth[0] / (depth[1] - depth[0])
                else:
                    loss[i, c] = loss[i - 1, c] + 0.5 * (above[c] + here)
                above[c] = here
        for i in range(rows):
            lean = slope * depth[i] / step / ((radius + depth[i]) if convex else 1.0)
            for j in range(columns):
                at = min(max(j + lean + columns // 2, 0.0), 2 * columns - 1.001)
                c = int(at)
                part = at - c
                value = (1 - part) * loss[i, c] + part * loss[i, c + 1]
                passed[i, j] += np.exp(np.float32(-0.1151292546) * np.float32(value)) * share
    return passed
