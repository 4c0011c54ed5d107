"""A photoacoustic picture of vessels: light heats blood, blood rings, the array listens.

The pressure at first is absorption times fluence: constant in a vessel, zero around it. The array
hears a band of frequencies only, so what is left of a vessel is its boundary. Along every ray of
the picture a boundary adds

    +- a F W(z, y) exp(-2 pi i y / lambda),   F = exp(-mu y) profile(x)

to the grid: plus where the ray enters blood and minus where it leaves. Grid, pulse and beam are
those of `sonotrace.simulate.echo.beam`. What scanners show of vessels follows: a small vessel is
one line, one larger than about two wavelengths shows two walls; and walls along the beam are not
seen, because the phases of the rays around them cancel within the beam.

A photoacoustic wave goes one way, from the tissue to the array. One way at a frequency is what
two ways are at half of it, for phase, pulse and beam; a lens sqrt(2) times as high then gives
its elevational field as well, if that is Gaussian. `listening_probe` is that probe.

Levels are in dB over a wide flat boundary across the beam, of absorption 1 and at the skin's
fluence. Not modelled: heterogeneous light, reflected waves, attenuation of sound (the depth gain
is taken to make up for it), speed of sound.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, UInt8
from pydantic import Field

from sonotrace.settings import Settings
from sonotrace.simulate.echo.beam import beam_mm
from sonotrace.simulate.echo.grid import Grid, make_grid
from sonotrace.simulate.echo.picture import Developer, make_developer
from sonotrace.simulate.echo.slice import Echo, Pose, empty_echo
from sonotrace.simulate.motion import STILL, Flow, went_to
from sonotrace.simulate.photoacoustic.kernel import (
    RAY_MM,
    Blood,
    Rays,
    deposit_skin,
    list_touching,
    listen,
)
from sonotrace.simulate.probe import Display, Probe, Scanner
from sonotrace.simulate.tissue.noise import rough
from sonotrace.simulate.tissue.vessel import Vessels

_RAY_WAVELENGTHS = 1 / 7
"""Distance of rays across, if it is more than `RAY_MM`."""
_PLANE_MM, _PLANE_WAVELENGTHS = 0.08, 1 / 5
"""Distance of planes of rays, out of the picture: the larger of the two."""
_WIDER = np.float32(1.35)
"""Waves are summed to this times the offset that 99 % of the energy comes from: to -26 dB."""
_SKIN_SPOTS_MM = (0.7, 1.0, 0.7)


class Light(Settings):
    """The laser, what tissue does to its light, and how the pictures are shown."""

    mu_eff_per_mm: float = Field(default=0.12, ge=0)
    """Effective attenuation of light."""
    width_mm: float = Field(default=34.0, gt=0)
    """Across, within which the fluence is above 1 / e of that in the middle."""
    band: float = Field(default=0.6, gt=0.05, le=2)
    """Centre of the receive band, relative to the frequency of the echo picture."""
    bandwidth: float = Field(default=0.8, gt=0.05, le=1.2)
    """One way, -6 dB, as a fraction of that centre."""
    f_receive: float = Field(default=1.0, gt=0.6)
    """F-number: directions are heard within about +- 1 / (2 F) of the beam."""
    skin_mm: float = Field(default=0.35, ge=0)
    """Depth of the pigment of the skin."""
    skin_db: float = -16.0
    """Its level."""
    dynamic_range_db: float = Field(default=38.0, gt=10)
    full_db: float = -20.0
    gain_db_per_mm: float = 0.3
    """What the display adds with depth; none is added in the middle of the picture."""
    noise_db: float = -59.0
    clutter_db: float = -44.0
    """Haze at the face of the array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photoacoustic:
    """Renders photoacoustic frames on the pixels of an echo scanner's pictures."""

    grid: Grid
    """Of the listening probe."""
    vessels: Vessels
    light: Light
    seed: int
    developer: Developer
    field: Float32[np.ndarray, "D Z 2"]
    """Elevational field, with the weight of a ray in it."""
    profile: Float32[np.ndarray, " X"]
    """Fluence at the skin, on every ray."""
    reach_mm: Float32[np.ndarray, " D"]
    """How far out of the picture something is heard, at every depth."""
    rays: Rays
    begin: Int32[np.ndarray, " N1"]
    touching: Int32[np.ndarray, " M"]

    def grey(
        self, pose: Pose, *, flow: Flow = STILL, noise_seed: int | None = None
    ) -> UInt8[np.ndarray, "H W"]:
        """Return the picture at `pose`.

        Args:
            pose: Where the probe is: that of the echo picture.
            flow: Where tissue has gone.
            noise_seed: Of this frame; None for neither noise nor haze.
        """
        return self.developer.grey(self.level(pose, flow=flow, noise_seed=noise_seed))

    def level(
        self, pose: Pose, *, flow: Flow = STILL, noise_seed: int | None = None
    ) -> Float32[np.ndarray, "H W"]:
        """Return dB on lines and beams, depth gain included; arguments as `grey`."""
        echo = empty_echo(self.grid)
        blood = self._blood(pose, flow)
        listen(echo, blood, self.rays, self.field, self.profile, self.reach_mm)
        self._add_skin(echo, pose)
        passed = np.ones((2, 2), dtype=np.float32)
        return self.developer.level(echo, passed, noise_seed)

    def _blood(self, pose: Pose, flow: Flow) -> Blood:
        """Move the vessels with the tissue, and take them to the probe's frame."""
        ends = []
        for points in (self.vessels.start_mm, self.vessels.end_mm):
            columns = [np.ascontiguousarray(points[:, q]) for q in range(3)]
            now = np.stack(went_to(flow, columns[0], columns[1], columns[2]), axis=1)
            ends.append((now - pose.origin) @ pose.rotation)
        known = self.vessels.radius_mm, self.vessels.absorption
        return Blood(ends[0], ends[1], *known, self.begin, self.touching)

    def _add_skin(self, echo: Echo, pose: Pose) -> None:
        """Add the skin's pigment at the probe's face; its spots stay in space."""
        rays, light = self.rays, self.light
        across = rays.first + rays.step * np.arange(rays.number)
        away = rays.radius + light.skin_mm
        x = away * np.sin(across) if rays.convex else across
        y = away * np.cos(across) - rays.radius if rays.convex else np.full_like(x, light.skin_mm)
        points = np.stack([x, y, np.zeros_like(x)]).T @ pose.rotation.T + pose.origin
        place = points.astype(np.float32).T.copy()
        spots_db = 3.5 * rough(place[0], place[1], place[2], _SKIN_SPOTS_MM, self.seed + 17)
        strength = self.profile * 10 ** ((light.skin_db + spots_db) / 20)
        at = min(int(light.skin_mm / rays.depth_step + 0.5), len(self.field) - 1)
        table = self.field[at, :, 0] + 1j * self.field[at, :, 1]
        planes = np.arange(rays.plane_step, float(self.reach_mm[at]), rays.plane_step)
        node = np.rint(planes / rays.offset_step).astype(int)
        width = table[0] + 2 * table[node[node < len(table)]].sum()
        depth = light.skin_mm + 0.05 * rough(place[0], place[1], place[2], (2.0, 2.0, 2.0), 23)
        deposit_skin(echo, rays, depth.astype(np.float64), strength * abs(width))


def listening_probe(probe: Probe, light: Light) -> Probe:
    """Return the probe whose two ways are like the one way from the tissue to `probe`."""
    return probe.model_copy(
        update={
            "frequency_mhz": probe.frequency_mhz * light.band / 2,
            "bandwidth": light.bandwidth,
            "f_receive": light.f_receive / 2,
            "f_transmit": 100.0,
            "height_mm": probe.height_mm * math.sqrt(2),
            "elevation": "gaussian",
            "steering_deg": (0.0,),
        }
    )


def make_photoacoustic(
    scanner: Scanner, vessels: Vessels, *, light: Light | None = None, seed: int = 0
) -> Photoacoustic:
    """Prepare everything that does not change from frame to frame.

    Args:
        scanner: Of the echo pictures, whose pixels and poses are shared.
        vessels: What absorbs light.
        light: The laser and the display.
        seed: Of noise, haze and skin.
    """
    light = light or Light()
    display = Display(
        dynamic_range_db=light.dynamic_range_db,
        full_db=light.full_db,
        noise_db=light.noise_db,
        clutter_db=light.clutter_db,
        clutter_decay_db_per_mm=1.2 * light.mu_eff_per_mm * 20 / math.log(10),
        gain_db_per_mm=light.gain_db_per_mm,
        reference_attenuation=0.0,
    )
    listening = Scanner(
        probe=listening_probe(scanner.probe, light), view=scanner.view, display=display
    )
    grid = make_grid(listening)
    rays = _make_rays(grid, light)
    across = rays.first + rays.step * np.arange(rays.number)
    if rays.convex:
        across = across * rays.radius
    profile = np.exp(-((2 * across / light.width_mm) ** 4)).astype(np.float32)
    return Photoacoustic(
        grid=grid,
        vessels=vessels,
        light=light,
        seed=seed,
        developer=make_developer(grid, seed + 1),
        field=_weighted_field(grid, rays),
        profile=profile,
        reach_mm=_WIDER * grid.elevation.half_mm,
        rays=rays,
        **_touching(vessels),
    )


def _make_rays(grid: Grid, light: Light) -> Rays:
    shape, table = grid.shape, grid.elevation
    reach = grid.scanner.reach_mm()
    beam = shape.beam_step * (shape.radius + reach / 2 if shape.convex else 1.0)
    wavelength = grid.scanner.probe.wavelength_mm / 2  # of the waves, which go one way
    per_beam = max(1, math.ceil(beam / max(RAY_MM, _RAY_WAVELENGTHS * wavelength)))
    plane_step = max(_PLANE_MM, _PLANE_WAVELENGTHS * wavelength)
    return Rays(
        convex=shape.convex,
        radius=shape.radius,
        step=shape.beam_step / per_beam,
        first=-shape.centre * shape.beam_step,
        number=(shape.columns - 1) * per_beam + 1,
        per_beam=float(per_beam),
        sample_step=shape.sample_step,
        margin=shape.margin,
        deepest=reach,
        turns_per_mm=2 / grid.scanner.probe.wavelength_mm,
        plane_step=plane_step,
        depth_step=table.depth_step_mm,
        offset_step=table.offset_step_mm,
        mu_eff=light.mu_eff_per_mm,
    )


def _weighted_field(grid: Grid, rays: Rays) -> Float32[np.ndarray, "D Z 2"]:
    """Return the elevational field, scaled so that a wide flat boundary peaks at 1."""
    table = grid.elevation
    depth = np.arange(len(table.half_mm)) * table.depth_step_mm
    both = 2 * table.field.sum(axis=1) - table.field[:, 0]
    thickness = np.abs(both) * table.offset_step_mm
    spacing = rays.step * ((rays.radius + depth) if rays.convex else np.ones_like(depth))
    breadth = math.sqrt(2 * math.pi) * beam_mm(grid.scanner.probe, depth)
    field = table.field * (spacing / breadth * rays.plane_step / thickness)[:, None]
    return np.stack([field.real, field.imag], axis=-1).astype(np.float32)


def _touching(vessels: Vessels) -> dict[str, Int32[np.ndarray, " N"]]:
    """Return, for every capsule, the others that it touches."""
    begin = np.zeros(len(vessels.radius_mm) + 1, dtype=np.int32)
    ends = vessels.start_mm, vessels.end_mm, vessels.radius_mm
    list_touching(begin, np.zeros(0, dtype=np.int32), *ends)
    begin = np.cumsum(begin).astype(np.int32)
    touching = np.empty(int(begin[-1]), dtype=np.int32)
    list_touching(begin.copy(), touching, *ends)
    return {"begin": begin, "touching": touching}
