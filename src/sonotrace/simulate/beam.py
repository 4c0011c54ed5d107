"""From moving scatterers to a grey picture: a two-dimensional speckle model.

Every scatterer adds a point echo with the exact phase of its depth to a complex grid; the grid
is blurred by the pulse (axial) and the beam (lateral); its magnitude is attenuated, mixed with
electronic noise, log-compressed and averaged to pixels. That is a convolution model in the
manner of COLE (Gao et al., IEEE TUFFC 56(2), 2009) with these simplifications: one slice
without thickness, a beam of the same width at all depths, no refraction, no side lobes.
"""

from dataclasses import dataclass
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Complex64, Float, Float32, UInt8
from numba import njit
from scipy import ndimage

SPEED_OF_SOUND = 1.54
"""mm per microsecond."""
AXIAL_STEPS = 2
"""Grid rows per pixel row: the pulse is shorter than a pixel."""

Values = Float[np.ndarray, " N"]
Echo = Complex64[np.ndarray, "Hg W"]
Decibel = Float32[np.ndarray, "Hg W"]
Grey = UInt8[np.ndarray, "H W"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A linear probe above a square picture whose columns are its beams."""

    size: int
    """Rows and columns of the picture."""
    depth_mm: float = 40.0
    """Depth, and width, of the picture."""
    frequency_mhz: float = 5.0
    pulse_mm: float = 0.116
    """Standard deviation of the pulse in depth: 50 % bandwidth at 5 MHz."""
    beam_mm: float = 0.26
    """Standard deviation of the beam across: about F-number 1.5 at 5 MHz."""
    dynamic_range_db: float = 55.0
    full_db: float = 33.0
    """Level that is white, over speckle of echo strength 1."""
    noise_db: float = -34.0
    """Level of the noise, likewise."""

    @property
    def pixel_mm(self) -> float:
        """Row and column spacing of the picture."""
        return self.depth_mm / self.size

    @property
    def row_mm(self) -> float:
        """Row spacing of the echo grid."""
        return self.pixel_mm / AXIAL_STEPS


class _Grid(NamedTuple):
    """What the kernel needs to know of the probe."""

    half_width: float
    column_mm: float
    row_mm: float
    wave_number: float
    """2 k0: radians per mm of depth, there and back."""


def echo_of_scatterers(probe: Probe, x: Values, z: Values, strength: Values) -> Echo:
    """Sum point echoes; speckle of scatterers of strength 1 is scaled by `speckle_scale`.

    Args:
        probe: Where the grid lies.
        x: Position across in mm, 0 in the middle.
        z: Depth in mm.
        strength: Signed amplitude.
    """
    return _deposited(probe, x, z, strength, 4 * np.pi * probe.frequency_mhz / SPEED_OF_SOUND)


def echo_of_surface(probe: Probe, x: Values, z: Values, strength: Values) -> Echo:
    """Sum echoes of a smooth surface: without the phase of depth they do not cancel."""
    return _deposited(probe, x, z, strength, 0.0)


def speckle_scale(probe: Probe, per_mm2: float) -> float:
    """Return the strength that gives speckle of `per_mm2` scatterers an rms of 1."""
    cell = probe.pixel_mm * probe.row_mm
    # The rms of white deposits after a Gaussian of unit sum (Parseval).
    blurred = cell / (4 * np.pi * probe.pulse_mm * probe.beam_mm)
    return float(1 / np.sqrt(per_mm2 * cell * blurred))


def line_scale(probe: Probe, per_mm: float, angle_rad: float) -> float:
    """Return the strength that gives a straight line of `per_mm` echoes a peak of 1.

    Args:
        probe: Its pulse and beam decide how the line is spread.
        per_mm: Echoes per mm of the line.
        angle_rad: Inclination of the line; 0 is across the beams.
    """
    across = np.cos(angle_rad) * probe.pulse_mm, np.sin(angle_rad) * probe.beam_mm
    spread = np.sqrt(2 * np.pi) * np.hypot(*across)
    return float(spread / (per_mm * probe.pixel_mm * probe.row_mm))


def picture_of(probe: Probe, echo: Echo, gain_db: Decibel, random: np.random.Generator) -> Grey:
    """Blur, attenuate, add noise, compress: the picture a scanner would show.

    Args:
        probe: Pulse, beam and display.
        echo: The sum of echoes before the beam.
        gain_db: What tissue above each cell takes or gives; noise is not affected.
        random: Noise of this frame.
    """
    blurred = _blur(echo.real, probe) + 1j * _blur(echo.imag, probe)
    blurred *= 10 ** (gain_db / 20)
    noise = random.standard_normal((2, *echo.shape), dtype=np.float32)
    blurred += 10 ** (probe.noise_db / 20) * np.sqrt(0.5) * (noise[0] + 1j * noise[1])
    power = blurred.real**2 + blurred.imag**2
    power = power.reshape(probe.size, AXIAL_STEPS, probe.size).mean(axis=1)
    level = 10 * np.log10(np.maximum(power, 1e-12)) - probe.full_db
    grey = np.clip(1 + level / probe.dynamic_range_db, 0, 1)
    return np.round(255 * grey).astype(np.uint8)


def draw_gain(probe: Probe, random: np.random.Generator) -> Decibel:
    """Draw what the whole clip loses with depth, and behind poor contact or an obstacle."""
    x, z = grid_points(probe)
    gain = random.normal(-0.1, 0.15) * (z - probe.depth_mm / 2)
    for _ in range(int(random.integers(0, 3))):
        middle = random.uniform(-0.5, 0.5) * probe.depth_mm
        width = random.uniform(0.02, 0.07) * probe.depth_mm
        start = random.choice([0.0, random.uniform(0, 0.7)]) * probe.depth_mm
        band = np.exp(-(((x - middle) / width) ** 2))
        gain -= random.uniform(5, 15) * band * np.clip((z - start) / 2, 0, 1)
    return np.asarray(gain, dtype=np.float32)


def grid_points(probe: Probe) -> tuple[Float[np.ndarray, "Hg W"], Float[np.ndarray, "Hg W"]]:
    """Return x and z in mm of every cell of the echo grid."""
    columns = (np.arange(probe.size) - (probe.size - 1) / 2) * probe.pixel_mm
    rows = (np.arange(AXIAL_STEPS * probe.size) + 0.5) * probe.row_mm
    x, z = np.meshgrid(columns, rows)
    return x, z


def pixel_points(probe: Probe) -> tuple[Float[np.ndarray, "H W"], Float[np.ndarray, "H W"]]:
    """Return x and z in mm of every pixel's centre."""
    columns = (np.arange(probe.size) - (probe.size - 1) / 2) * probe.pixel_mm
    x, z = np.meshgrid(columns, (np.arange(probe.size) + 0.5) * probe.pixel_mm)
    return x, z


def _deposited(probe: Probe, x: Values, z: Values, strength: Values, wave_number: float) -> Echo:
    grid = _Grid(
        half_width=(probe.size - 1) / 2,
        column_mm=probe.pixel_mm,
        row_mm=probe.row_mm,
        wave_number=wave_number,
    )
    echo = np.zeros((AXIAL_STEPS * probe.size, probe.size), dtype=np.complex64)
    _deposit(echo, x, z, strength, grid)
    return echo


def _blur(plane: Float32[np.ndarray, "Hg W"], probe: Probe) -> Float32[np.ndarray, "Hg W"]:
    x = ndimage.gaussian_filter1d(plane, probe.pulse_mm / probe.row_mm, axis=0, truncate=3)
    x = ndimage.gaussian_filter1d(x, probe.beam_mm / probe.pixel_mm, axis=1, truncate=3)
    return np.asarray(x, dtype=np.float32)


@njit(cache=True)
@no_type_check
def _deposit(echo, x, z, strength, grid):
    """Spread each echo over the four cells around it."""
    rows, columns = echo.shape
    for n in range(x.shape[0]):
        column = x[n] / grid.column_mm + grid.half_width
        row = z[n] / grid.row_mm - 0.5
        i, j = int(np.floor(row)), int(np.floor(column))
        if i < 0 or j < 0 or i >= rows - 1 or j >= columns - 1:
            continue
        down, right = row - i, column - j
        phase = -grid.wave_number * z[n]
        value = strength[n] * complex(np.cos(phase), np.sin(phase))
        echo[i, j] += (1 - down) * (1 - right) * value
        echo[i, j + 1] += (1 - down) * right * value
        echo[i + 1, j] += down * (1 - right) * value
        echo[i + 1, j + 1] += down * right * value
