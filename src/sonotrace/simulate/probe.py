"""The scanner: its array, its picture and its display.

Axes of the probe: x across, y into depth, z out of the picture (elevation), in mm; the origin is
the middle of the array's face. `world_from_probe` takes these to tissue. The frame of the picture
has the same axes and its origin at the centre of the top-left pixel.
"""

import math
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64
from pydantic import Field, model_validator

from sonotrace.settings import Settings

SPEED_OF_SOUND = 1.54
"""mm per microsecond."""

Points = Float[np.ndarray, "..."]
Matrix = Float64[np.ndarray, "4 4"]


class Probe(Settings):
    """The array: what decides resolution, depth of focus and the shape of the picture.

    Widths follow the Gaussian beam that is fitted to the aperture's main lobe; see
    `sonotrace.simulate.echo.beam`.
    """

    shape: Literal["linear", "convex"] = "linear"
    frequency_mhz: float = Field(default=7.5, gt=0.5, le=40)
    bandwidth: float = Field(default=0.6, gt=0.05, le=1.2)
    """Two-way, -6 dB, as a fraction of the frequency."""
    f_receive: float = Field(default=1.5, gt=0.3)
    """F-number in reception, which follows the depth."""
    f_transmit: float = Field(default=3.0, gt=0.3)
    focus_mm: float = Field(default=18.0, gt=0)
    """Depth at which transmission is focused."""
    height_mm: float = Field(default=5.0, gt=0)
    """Elevational aperture."""
    lens_mm: float = Field(default=20.0, gt=0)
    """Elevational focus."""
    elevation: Literal["lens", "gaussian"] = "lens"
    """lens: the field of a focused strip; gaussian: its closed form, for tests of laws."""
    radius_mm: float = Field(default=50.0, gt=0)
    """Radius of a convex array."""
    angle_deg: float = Field(default=62.0, gt=5, lt=170)
    """Opening of a convex array's fan."""
    steering_deg: tuple[float, ...] = (0.0,)
    """Directions of the beams whose powers are averaged: (0,), or (-7, 0, 7) to compound."""

    @property
    def wavelength_mm(self) -> float:
        """Wavelength of the carrier in soft tissue."""
        return SPEED_OF_SOUND / self.frequency_mhz

    @property
    def pulse_mm(self) -> float:
        """Standard deviation of the pulse in depth."""
        return SPEED_OF_SOUND / (4 * math.pi * self.bandwidth * self.frequency_mhz / 2.355)


class View(Settings):
    """The picture: how many pixels there are and how large they are."""

    rows: int = Field(default=256, ge=32, le=4096)
    columns: int = Field(default=256, ge=32, le=4096)
    pixel_mm: float = Field(default=40 / 256, gt=0.01, lt=2)
    """Row and column spacing."""

    @property
    def depth_mm(self) -> float:
        """Height of the picture."""
        return self.rows * self.pixel_mm

    @property
    def width_mm(self) -> float:
        """Width of the picture."""
        return self.columns * self.pixel_mm


class Display(Settings):
    """What becomes of the echoes on their way to grey levels.

    Levels are in dB over the rms of speckle from tissue of echo level 0.
    """

    dynamic_range_db: float = Field(default=60.0, gt=10, le=120)
    full_db: float = 34.0
    """Level that is white."""
    gamma: float = Field(default=1.0, ge=0.3, le=3)
    """Power of the place between black and white; above 1 dark tissue is drawn together, so that
    more dB stay above black."""
    curve: float = Field(default=0.0, ge=-1, le=1)
    """0: grey is linear in dB. Above 0 an S-curve, steeper in the middle; below 0 flatter."""
    noise_db: float = -34.0
    """Electronic noise at the lower edge."""
    clutter_db: float = -19.0
    """Haze of multiple and side echoes at the face of the array; no tissue shadows it."""
    clutter_decay_db_per_mm: float = Field(default=0.35, ge=0)
    gain_db_per_mm: float = 0.0
    """Error of the depth gain control."""
    smooth_depth_mm: float = Field(default=0.06, ge=0, le=2)
    """Standard deviation, along depth, of the average that speckle reduction takes."""
    smooth_across_mm: float = Field(default=0.17, ge=0, le=2)
    """The same across."""
    smooth_share: float = Field(default=0.0, ge=0, le=1)
    """How much of the picture is replaced by that average; 0 is no speckle reduction."""
    reference_attenuation: float = Field(default=0.7, ge=0)
    """dB/cm/MHz that the depth gain control makes up for."""


class Scanner(Settings):
    """All of it."""

    probe: Probe = Probe()
    view: View = View()
    display: Display = Display()

    @model_validator(mode="after")
    def _fits(self) -> "Scanner":
        if self.probe.shape == "convex" and self.fan_top_mm() < -self.probe.radius_mm:
            raise ValueError("the fan is wider than the circle it is cut from")
        return self

    def fan_top_mm(self) -> float:
        """Return the depth of the picture's upper edge: 0, or above the face of a convex array."""
        if self.probe.shape == "linear":
            return 0.0
        half = math.radians(self.probe.angle_deg) / 2
        return self.probe.radius_mm * (math.cos(half) - 1)

    def reach_mm(self) -> float:
        """Return the longest path of a beam from the face to the edge of the picture."""
        return self.fan_top_mm() + self.view.depth_mm

    def pixel_points(self) -> tuple[Float[np.ndarray, "H W"], Float[np.ndarray, "H W"]]:
        """Return x and y, in the probe's frame, of every pixel's centre."""
        view = self.view
        across = (np.arange(view.columns) - (view.columns - 1) / 2) * view.pixel_mm
        down = (np.arange(view.rows) + 0.5) * view.pixel_mm + self.fan_top_mm()
        x, y = np.meshgrid(across, down)
        return x, y

    def pixel_of(self, x: Points, y: Points) -> tuple[Points, Points]:
        """Return row and column, with fractions, of points in the probe's frame."""
        view = self.view
        row = (y - self.fan_top_mm()) / view.pixel_mm - 0.5
        return row, x / view.pixel_mm + (view.columns - 1) / 2

    def probe_from_image(self) -> Matrix:
        """Return the shift from the centre of the top-left pixel to the middle of the face."""
        matrix = np.eye(4)
        matrix[0, 3] = -(self.view.columns - 1) / 2 * self.view.pixel_mm
        matrix[1, 3] = 0.5 * self.view.pixel_mm + self.fan_top_mm()
        return matrix
