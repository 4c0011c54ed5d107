"""The grid of samples and beams on which echoes are summed, and the way from it to pixels."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int32

from sonotrace.simulate.echo.beam import Elevation, Taps, beam_mm, elevation_table, make_taps
from sonotrace.simulate.probe import Scanner


class Shape(NamedTuple):
    """What a kernel needs to know of the grid."""

    convex: bool
    radius: float
    """0 for a linear array."""
    beam_step: float
    """mm, or radians."""
    sample_step: float
    centre: float
    """Column of the middle beam, margins counted."""
    margin: int
    """Samples above depth 0."""
    rows: int
    columns: int
    """Samples and beams, margins included."""
    per_row: int
    """Samples per row of the picture."""


class ScanConversion(NamedTuple):
    """For every pixel, the upper left of four nodes and two weights; -1 outside the fan."""

    node: Int32[np.ndarray, "H W"]
    down: Float32[np.ndarray, "H W"]
    right: Float32[np.ndarray, "H W"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Everything of a scanner that does not change from frame to frame."""

    scanner: Scanner
    shape: Shape
    lines: int
    """Rows of the picture before scan conversion."""
    beams: int
    side: int
    """Beams beyond the picture on each side."""
    taps: Taps
    elevation: Elevation
    conversion: ScanConversion | None
    """None where beams are columns of pixels."""

    def depth_of_lines(self) -> Float64[np.ndarray, " H"]:
        """Return the depth, along the beam, of every line."""
        return (np.arange(self.lines) + 0.5) * self.shape.sample_step * self.shape.per_row

    def beam_positions(self) -> Float64[np.ndarray, " W"]:
        """Return where the beams are: mm across, or radians from the middle."""
        return (np.arange(self.beams) - (self.beams - 1) / 2) * self.shape.beam_step

    def half_slab_mm(self, depth_mm: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return half the thickness of the slice at each depth along the beam."""
        table = self.elevation
        at = np.clip(np.rint(depth_mm / table.depth_step_mm), 0, len(table.half_mm) - 1)
        return np.asarray(table.half_mm[at.astype(int)], dtype=np.float64)


def make_grid(scanner: Scanner) -> Grid:
    """Choose steps fine enough for the scanner's pulse and beam, and make its tables."""
    probe, view = scanner.probe, scanner.view
    convex = probe.shape == "convex"
    per_row = max(1, int(np.ceil(view.pixel_mm / (0.9 * probe.pulse_mm))))
    sample = view.pixel_mm / per_row
    reach = scanner.reach_mm()
    lines = view.rows if not convex else int(np.ceil(reach / view.pixel_mm))
    depth = (np.arange(lines) + 0.5) * view.pixel_mm
    width = beam_mm(probe, depth)
    radius = probe.radius_mm if convex else 0.0
    step, beams = _beams(scanner, depth, width)
    step_mm = step * (radius + depth) if convex else np.full(lines, step)
    taps = make_taps(probe, depth, sample, step_mm)
    side = taps.beam_real.shape[2] // 2 + 1
    margin = len(taps.pulse) // 2 + 1
    shape = Shape(
        convex=convex,
        radius=radius,
        beam_step=step,
        sample_step=sample,
        centre=(beams - 1) / 2 + side,
        margin=margin,
        rows=lines * per_row + 2 * margin,
        columns=(beams + 2 * side + 1) // 2 * 2,
        per_row=per_row,
    )
    grid = Grid(
        scanner=scanner,
        shape=shape,
        lines=lines,
        beams=beams,
        side=side,
        taps=taps,
        elevation=elevation_table(probe, reach),
        conversion=None,
    )
    if not convex and beams == view.columns:
        return grid
    object.__setattr__(grid, "conversion", _conversion(grid))
    return grid


def _beams(
    scanner: Scanner, depth: Float64[np.ndarray, " H"], width: Float64[np.ndarray, " H"]
) -> tuple[float, int]:
    """Return the step between beams, in mm or radians, and their number."""
    probe, view = scanner.probe, scanner.view
    if probe.shape == "convex":
        deep = depth > 0.1 * depth[-1]
        step = float(np.min(0.85 * width[deep] / (probe.radius_mm + depth[deep])))
        return step, int(np.ceil(np.radians(probe.angle_deg) / step)) + 1
    narrowest = float(width.min())
    if 0.4 * narrowest <= view.pixel_mm <= 1.1 * narrowest:
        return view.pixel_mm, view.columns
    beams = int(np.ceil(view.width_mm / (0.8 * narrowest))) + 1
    return view.width_mm / (beams - 1), beams


def _conversion(grid: Grid) -> ScanConversion:
    x, y = grid.scanner.pixel_points()
    shape = grid.shape
    if shape.convex:
        depth = np.hypot(x, y + shape.radius) - shape.radius
        across = np.arctan2(x, y + shape.radius) / shape.beam_step
        half = np.radians(grid.scanner.probe.angle_deg) / 2 / shape.beam_step
        deepest = grid.lines * shape.sample_step * shape.per_row
        outside = (depth < 0) | (depth > deepest) | (abs(across) > half)
    else:
        depth, across = y, x / shape.beam_step
        outside = np.zeros(x.shape, dtype=bool)
    row = np.clip(depth / (shape.sample_step * shape.per_row) - 0.5, 0, grid.lines - 1.001)
    column = np.clip(across + (grid.beams - 1) / 2, 0, grid.beams - 1.001)
    node = np.floor(row).astype(np.int32) * grid.beams + np.floor(column).astype(np.int32)
    node[outside] = -1
    down, right = (row - np.floor(row)), (column - np.floor(column))
    return ScanConversion(node.astype(np.int32), down.astype(np.float32), right.astype(np.float32))
