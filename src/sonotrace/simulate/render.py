"""One frame: the slice of baked tissue at a pose, as a scanner would show it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from sonotrace.simulate.echo.grid import Grid, make_grid
from sonotrace.simulate.echo.picture import Developer, make_developer
from sonotrace.simulate.echo.points import Points, add_points
from sonotrace.simulate.echo.shadow import transmission
from sonotrace.simulate.echo.slice import Echo, Pose, Tables, empty_echo, make_tables, sum_echoes
from sonotrace.simulate.motion import STILL, Flow
from sonotrace.simulate.probe import Scanner
from sonotrace.simulate.world import World


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
