"""One frame: the slice of baked tissue at a pose, as a scanner would show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from numba import njit

from sonotrace.simulate.echo.grid import Grid, make_grid
from sonotrace.simulate.echo.picture import Developer, make_developer
from sonotrace.simulate.echo.shadow import transmission
from sonotrace.simulate.echo.slice import Echo, Pose, Tables, empty_echo, make_tables, sum_echoes
from sonotrace.simulate.motion import STILL, Flow
from sonotrace.simulate.probe import Scanner
from sonotrace.simulate.world import World


class Points(NamedTuple):
    """Echoes that are not speckle: of walls, wires, calcifications. In the probe's frame."""

    depth_mm: Float64[np.ndarray, " P"]
    """Along the beam."""
    across: Float64[np.ndarray, " P"]
    """mm, or radians for a convex array."""
    strength: Float64[np.ndarray, " P"]
    """Amplitude over that of speckle, before pulse and beam; with a flat phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Renders frames of one world with one scanner. Memory does not grow with the frames."""

    grid: Grid
    world: World
    tables: Tables
    developer: Developer

    def grey(
        self,
        pose: Pose,
        *,
        flow: Flow = STILL,
        points: Sequence[Points] = (),
        noise_seed: int | None = None,
    ) -> UInt8[np.ndarray, "H W"]:
        """Return the picture of the slice at `pose`.

        Args:
            pose: Where the probe is.
            flow: Where tissue has gone.
            points: Echoes to add.
            noise_seed: Of this frame; None for neither noise nor haze.

        Raises:
            GeometryError: The slice leaves the baked tissue.
        """
        level = self.level(pose, flow=flow, points=points, noise_seed=noise_seed)
        return self.developer.grey(level)

    def level(
        self,
        pose: Pose,
        *,
        flow: Flow = STILL,
        points: Sequence[Points] = (),
        noise_seed: int | None = None,
    ) -> Float32[np.ndarray, "H W"]:
        """Return dB over reference speckle, on lines and beams; arguments as `grey`."""
        echo = self.echoes(pose, flow=flow, points=points)
        passed = transmission(self.grid, self.world.attenuation, pose, flow)
        return self.developer.level(echo, passed, noise_seed)

    def echoes(self, pose: Pose, *, flow: Flow = STILL, points: Sequence[Points] = ()) -> Echo:
        """Return the sum of echoes before pulse and beam; arguments as `grey`."""
        self.world.require_around(self.grid, pose, 0.0)
        echo = empty_echo(self.grid)
        sum_echoes(echo, self.grid, self.tables, self.world.lattice, pose, flow)
        for some in points:
            add_points(echo, self.grid, some)
        return echo


def make_renderer(scanner: Scanner | Grid, world: World, *, seed: int = 0) -> Renderer:
    """Prepare everything that does not change from frame to frame.

    Args:
        scanner: A scanner, or its grid where there is one already.
        world: Baked tissue.
        seed: Of noise and haze.
    """
    grid = scanner if isinstance(scanner, Grid) else make_grid(scanner)
    return Renderer(
        grid=grid,
        world=world,
        tables=make_tables(grid, world.lattice.pitch),
        developer=make_developer(grid, seed),
    )


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
