"""Sum the echoes of all scatterers in the slice.

One frame is summed by one thread, always in the same order, so it is the same to the bit whatever
else runs; frames are what runs side by side (`sonotrace.simulate.frames`).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex64, Float32, Float64, UInt8
from scipy import ndimage

from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.echo.lattice import Box, amplitudes
from sonotrace.simulate.echo.slice_kernel import sum_slice
from sonotrace.simulate.motion import Flow

Echo = Float32[np.ndarray, "R 2 C 2"]
"""Real and imaginary part of every sample: beams of even number, then those of odd number.

Neighbouring beams lie apart so that the four nodes of an echo are written as four pairs. Side by
side they would be written as two fours that overlap those of the next echo, and a processor that
reads back an overlapping write waits for it: the sum took twice as long.
"""


class Lattice(NamedTuple):
    """Levels of the scatterers of a box of tissue."""

    levels: UInt8[np.ndarray, "Y X Z"]
    box: Box
    pitch: float
    seed: np.uint32


class Pose(NamedTuple):
    """`world_from_probe`, taken apart."""

    rotation: Float64[np.ndarray, "3 3"]
    origin: Float64[np.ndarray, " 3"]


@dataclass(frozen=True, slots=True)
class Tables:
    """Look-up tables of a grid and a density of scatterers."""

    field: Float32[np.ndarray, "D Z 2"]
    """Elevational field that gives speckle of level 0 dB an rms of 1 at every depth."""
    half_mm: Float32[np.ndarray, " D"]
    boost_beam: Float32[np.ndarray, " D"]
    """See `beam.Taps`; here for every row of `field`, four times as large."""
    amplitude: Float32[np.ndarray, "256"]
    corners: Float64[np.ndarray, "P 3"]
    """Points between which the slice lies."""


def make_tables(grid: Grid, pitch_mm: float) -> Tables:
    """Normalise the elevational field for one scatterer in every cell of this pitch."""
    table = grid.elevation
    depth = np.arange(len(table.energy_mm)) * table.depth_step_mm
    energy = np.interp(depth, grid.depth_of_lines(), grid.taps.energy_mm2)
    scale = np.sqrt(pitch_mm**3 / (table.energy_mm * energy))
    field = (table.field * scale[:, None]).astype(np.complex64)
    boost = np.interp(depth, grid.depth_of_lines(), grid.taps.boost_beam)
    return Tables(
        np.ascontiguousarray(np.stack([field.real, field.imag], axis=-1)),
        table.half_mm,
        (4 * boost).astype(np.float32),
        amplitudes(),
        slab_corners(grid),
    )


class Where(NamedTuple):
    """Numbers of the kernel: of the grid, and of the slice."""

    convex: bool
    radius: float
    per_beam: float
    """Beams in a mm, or in a radian."""
    per_sample: float
    """Samples in a mm; and so on."""
    centre: float
    margin: int
    rows: int
    half_beams: int
    deepest_mm: float
    off_mm: float
    """How far the centre of a cell may lie outside while its scatterer lies inside."""
    edge: tuple[float, float, float]
    """Of the picture: edge[0] |x| - edge[1] (y + radius) = edge[2]."""
    turns_per_mm: float
    per_depth: float
    per_offset: float
    depths: int
    """Rows of the table of the elevational field."""
    reach_mm: float
    boost_sample: float
    axis: int
    """Of the tissue, along which lines run."""
    ranges: tuple[int, int, int, int, int, int]
    """First and last cell, of the box: along the slower axis across the lines, the faster one, and
    along the lines."""


class Slice(NamedTuple):
    """What the kernel needs to know of a slice."""

    where: Where
    rotation: Float64[np.ndarray, "3 3"]
    origin: Float64[np.ndarray, " 3"]
    widest_mm: Float32[np.ndarray, " D"]
    """Half the thickness at each depth, and somewhat above and below."""
    jitter: Float32[np.ndarray, "3 4"]
    """Takes three times 10 bits, and 1, to the offset of a scatterer from its cell's centre."""


class _KernelTables(NamedTuple):
    """The tables as the kernel reads them."""

    field: Float32[np.ndarray, " F"]
    half_mm: Float32[np.ndarray, " D"]
    boost_beam: Float32[np.ndarray, " D"]
    amplitude: Float32[np.ndarray, "256"]
    width: int
    """Numbers in a row of the grid."""


def sum_echoes(
    echo: Echo, grid: Grid, tables: Tables, lattice: Lattice, pose: Pose, flow: Flow
) -> int:
    """Add the echoes of the slice at `pose` to `echo`; return how many scatterers it had."""
    slice_ = slice_at(grid, tables, lattice, pose, flow)
    flat = _KernelTables(
        tables.field.reshape(-1),
        tables.half_mm,
        tables.boost_beam,
        tables.amplitude,
        4 * echo.shape[2],
    )
    return int(sum_slice(echo.reshape(-1), lattice, slice_, flow, flat))


def empty_echo(grid: Grid) -> Echo:
    """Return a grid of no echoes."""
    return np.zeros((grid.shape.rows, 2, grid.shape.columns // 2, 2), dtype=np.float32)


def beams_in_order(echo: Echo) -> Complex64[np.ndarray, "R C2"]:
    """Return complex samples with the beams side by side."""
    pairs = echo[..., 0] + 1j * echo[..., 1]
    return np.ascontiguousarray(pairs.transpose(0, 2, 1)).reshape(len(echo), -1)


def slab_corners(grid: Grid) -> Float64[np.ndarray, "P 3"]:
    """Return points, in the probe's frame, between which the slice lies, its thickness included."""
    shape = grid.shape
    side = (grid.side + 1) * shape.beam_step
    reach = (grid.lines * shape.per_row + shape.margin) * shape.sample_step
    half = float(grid.elevation.half_mm.max())
    if shape.convex:
        edge = float(grid.beam_positions()[-1]) + side
        angle = np.linspace(-edge, edge, 9)
        ends = [shape.radius, shape.radius + reach]
        x = np.concatenate([r * np.sin(angle) for r in ends])
        y = np.concatenate([r * np.cos(angle) - shape.radius for r in ends])
    else:
        edge = float(grid.beam_positions()[-1]) + side
        x, y = np.array([-edge, edge, -edge, edge]), np.array([0.0, 0.0, reach, reach])
    flat = np.stack([x, y, np.zeros_like(x)], axis=1)
    off = np.array([0.0, 0.0, half])
    return np.concatenate([flat + off, flat - off])


def slice_at(grid: Grid, tables: Tables, lattice: Lattice, pose: Pose, flow: Flow) -> Slice:
    """Return what the kernel needs to know of the slice at `pose`."""
    shape, table = grid.shape, grid.elevation
    normal = np.abs(pose.rotation[:, 2])
    # z is the fastest axis of the levels: stay with it unless another is clearly closer
    axis = 2 if normal[2] > 0.6 else int(np.argmax(normal))
    # the slice may be thicker where a line enters or leaves it, or a cell further on
    lean = float((normal.sum() - normal[axis]) / normal[axis]) + (0.0 if flow.still else 0.2)
    reach = float(table.half_mm.max())
    spread = int(((reach + lattice.pitch) * lean + lattice.pitch) / table.depth_step_mm) + 1
    # where tissue moves, cells of a line do so differently, by a third of their distance
    off = float(np.sqrt(0.75) * lattice.pitch) + (0.0 if flow.still else 0.35 * reach)
    outermost = shape.columns / 2 * shape.beam_step
    edge = (1.0, 0.0, outermost)
    if shape.convex:
        edge = (float(np.cos(outermost)), float(np.sin(outermost)), 0.0)
    where = Where(
        convex=shape.convex,
        radius=shape.radius,
        per_beam=1 / shape.beam_step,
        per_sample=1 / shape.sample_step,
        centre=shape.centre,
        margin=shape.margin,
        rows=shape.rows,
        half_beams=shape.columns // 2,
        deepest_mm=shape.rows * shape.sample_step,
        off_mm=off,
        edge=edge,
        turns_per_mm=2 / grid.scanner.probe.wavelength_mm,
        per_depth=1 / table.depth_step_mm,
        per_offset=1 / table.offset_step_mm,
        depths=len(table.half_mm),
        reach_mm=reach,
        boost_sample=grid.taps.boost_sample,
        axis=axis,
        ranges=_line_ranges(tables.corners, lattice, pose, flow, axis),
    )
    widest = ndimage.maximum_filter1d(table.half_mm, 2 * spread + 1, mode="nearest")
    part = lattice.pitch / 1024
    to_edge = pose.rotation.sum(axis=0) * (part - lattice.pitch) / 2
    jitter = np.column_stack([pose.rotation.T * part, to_edge]).astype(np.float32)
    return Slice(where, pose.rotation, pose.origin, widest, jitter)


def _line_ranges(
    corners: Float64[np.ndarray, "P 3"], lattice: Lattice, pose: Pose, flow: Flow, axis: int
) -> tuple[int, int, int, int, int, int]:
    """Return first and last cell, of the box, across the lines and along them."""
    around = corners @ pose.rotation.T + pose.origin
    low = around.min(axis=0) - flow.largest_mm
    high = around.max(axis=0) + flow.largest_mm
    found = []
    for a in (*(q for q in (1, 0, 2) if q != axis), axis):
        first, count = lattice.box.first[a], lattice.box.size[a]
        start = max(0, int(np.floor(low[a] / lattice.pitch)) - first)
        found += [start, max(start, min(count, int(np.ceil(high[a] / lattice.pitch)) - first))]
    return found[0], found[1], found[2], found[3], found[4], found[5]
