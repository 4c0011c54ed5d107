"""Simple tissue, and echoes as complex numbers: what the checks of the physics look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Complex128, Float32, Float64

from sonotrace.settings import Settings
from sonotrace.simulate.echo.grid import Grid, make_grid
from sonotrace.simulate.echo.points import Points, add_points
from sonotrace.simulate.echo.slice import Echo, Pose, beams_in_order, empty_echo
from sonotrace.simulate.path import poses_from
from sonotrace.simulate.probe import Probe, Scanner, View
from sonotrace.simulate.render import Renderer, make_renderer
from sonotrace.simulate.world import Anatomy, bake, pose_of

Values = Float32[np.ndarray, " N"]
Field = Complex128[np.ndarray, "Y X"]
Power = Float64[np.ndarray, "Y X"]
Result = dict[str, Any]


class PhysicsSettings(Settings):
    """How much is averaged; more is smoother and slower."""

    pixels: int = 256
    """Rows and columns over 40 mm."""
    seeds: int = 4
    pitches_mm: tuple[float, ...] = (0.5, 0.35, 0.25, 0.2)
    depths_mm: tuple[float, ...] = (6.0, 10.0, 14.0, 20.0, 30.0, 36.0)
    farthest_mm: float = 1.2
    """Largest shift for the curves of decorrelation."""
    steps_mm: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.6, 0.9, 1.2)
    yaw_deg: float = 1.2
    tilts_deg: tuple[float, ...] = (0.4, 0.8, 1.2)
    sub_positions: int = 8
    """Places between two nodes at which a point is put, along each axis."""


def scanner_of(pixels: int, depth_mm: float = 40.0, **probe: Any) -> Scanner:
    """Return the default scanner with a square picture and some values of the probe changed."""
    view = View(rows=pixels, columns=pixels, pixel_mm=depth_mm / pixels)
    return Scanner(probe=Probe(**probe), view=view)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Tissue that is the same everywhere."""

    loss: float = 0.7
    """dB/cm/MHz."""

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return 0 dB."""
        return np.zeros_like(x)

    def attenuation(self, x: Values, y: Values, z: Values) -> Values:
        """Return the one attenuation."""
        return np.full_like(x, self.loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slab:
    """Uniform tissue with a layer of another attenuation, and as much echo."""

    loss: float
    top_mm: float
    bottom_mm: float
    half_width_mm: float = 1e3
    around: float = 0.7

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return 0 dB."""
        return np.zeros_like(x)

    def attenuation(self, x: Values, y: Values, z: Values) -> Values:
        """Return that of the layer within it."""
        inside = (y >= self.top_mm) & (y < self.bottom_mm) & (np.abs(x) < self.half_width_mm)
        return np.where(inside, self.loss, self.around).astype(np.float32)


def pose_at(
    place_mm: Sequence[float | int] = (0, 0, 0), angles_deg: Sequence[float | int] = (0, 0, 0)
) -> Pose:
    """Return the pose at a place (x, y, z) turned by yaw, tilt and roll."""
    place = np.array([place_mm], dtype=np.float64)
    return pose_of(poses_from(place, np.radians(np.array([angles_deg], dtype=np.float64)))[0])


def renderer_of(
    scanner: Scanner,
    poses: Sequence[Pose],
    *,
    tissue: Anatomy | None = None,
    pitch_mm: float = 0.25,
    seed: int = 0,
    moved_mm: float = 0.0,
) -> Renderer:
    """Bake tissue around poses, uniform unless another is given."""
    grid = make_grid(scanner)
    world = bake(tissue or Uniform(), grid, poses, seed=seed, pitch_mm=pitch_mm, moved_mm=moved_mm)
    return make_renderer(grid, world)


def complex_echoes(grid: Grid, echo: Echo, look: int = 0) -> Field:
    """Return samples after pulse and beam, margins cut off, before anything is averaged.

    Written with whole arrays and apart from `sonotrace.simulate.echo.picture`, whose result it
    has to equal.
    """
    taps, shape = grid.taps, grid.shape
    rows = grid.lines * shape.per_row
    samples = beams_in_order(echo).astype(np.complex128)
    first = shape.margin - len(taps.pulse) // 2
    deep = np.zeros((rows, samples.shape[1]), dtype=np.complex128)
    for k, weight in enumerate(taps.pulse):
        deep += weight * samples[first + k : first + k + rows]
    beam = taps.beam_real[look] + 1j * taps.beam_imag[look]
    beam = np.repeat(beam, shape.per_row, axis=0)
    width = beam.shape[1]
    first = grid.side - width // 2
    field = np.zeros((rows, grid.beams), dtype=np.complex128)
    for k in range(width):
        field += beam[:, width - 1 - k, None] * deep[:, first + k : first + k + grid.beams]
    return field


def echoes_at(renderer: Renderer, pose: Pose) -> Field:
    """Return the complex echoes of the slice at a pose."""
    return complex_echoes(renderer.grid, renderer.echoes(pose))


def echo_of_point(grid: Grid, depth_mm: float, across: float) -> Echo:
    """Return the echo of one point of strength 1, before pulse and beam."""
    echo, one = empty_echo(grid), np.ones(1)
    add_points(echo, grid, Points(one * depth_mm, one * across, one))
    return echo


def layer_of(renderer: Renderer, depth_mm: float, half_mm: float) -> slice:
    """Return which rows of samples lie within `half_mm` of a depth."""
    step = renderer.grid.shape.sample_step
    return slice(round((depth_mm - half_mm) / step), round((depth_mm + half_mm) / step))


def field_correlation(one: Field, other: Field) -> float:
    """Return the size of the correlation of complex echoes."""
    product = np.abs((one * np.conj(other)).sum())
    return float(product / np.sqrt((np.abs(one) ** 2).sum() * (np.abs(other) ** 2).sum()))


def power_correlation(one: Power, other: Power) -> float:
    """Return the correlation of echo power about its mean."""
    a, b = one - one.mean(), other - other.mean()
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))
