"""From summed echoes to grey levels: what frames of a clip share, compression, pixels."""

from dataclasses import dataclass
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, UInt8
from numba import njit

from sonotrace.simulate.echo.grid import Grid, ScanConversion
from sonotrace.simulate.echo.picture_kernel import Frame, Looks, develop, fold_looks
from sonotrace.simulate.echo.slice import Echo
from sonotrace.simulate.echo.smoothing import Smoother, make_smoother, smooth_level

_CURVE = 1024
_HAZE_ACROSS = 2.5
"""Haze is this many times wider across than speckle."""

Level = Float32[np.ndarray, "H W"]
Grey = UInt8[np.ndarray, "H W"]


class Backdrop(NamedTuple):
    """What every frame of a clip has in common, whatever the tissue."""

    noise: Float32[np.ndarray, "R2 C2 2"]
    """Noise of the receiver, rms 1, larger than the grid: each frame takes another part."""
    haze: Float32[np.ndarray, "R C 2"]
    """Echoes that stay where they are in the picture, their level included."""
    noise_level: Float32[np.ndarray, " H"]
    """Amplitude of the noise on every line."""
    gain_db: Float32[np.ndarray, "H W"]
    """What the display adds, on every line and beam."""


@dataclass(frozen=True, slots=True)
class Developer:
    """Turns echoes into pictures; one for each clip."""

    grid: Grid
    backdrop: Backdrop
    curve: Float32[np.ndarray, " N"]
    smoother: Smoother | None
    looks: Looks

    def level(
        self, echo: Echo, transmission: Float32[np.ndarray, "h w"], noise_seed: int | None
    ) -> Float32[np.ndarray, "H W"]:
        """Return dB over reference speckle, on lines and beams.

        Args:
            echo: Sum of echoes before pulse and beam.
            transmission: Amplitude that reaches and leaves each place, on a coarse grid that
                spans lines and beams.
            noise_seed: Another one, another noise; None for neither noise nor haze.
        """
        noisy, behind = noise_seed is not None, self.backdrop
        down, right = (0, 0) if noise_seed is None else self.noise_offset(noise_seed)
        frame = Frame(
            noise=behind.noise,
            haze=behind.haze,
            noise_level=behind.noise_level,
            gain_db=behind.gain_db,
            side=self.grid.side,
            per_row=self.grid.shape.per_row,
            noisy=noisy,
            down=down,
            right=right,
        )
        return develop(echo, transmission, self.looks, frame)

    def noise_offset(self, noise_seed: int) -> tuple[int, int]:
        """Return which part of the stored noise a frame takes."""
        size, shape = self.backdrop.noise.shape, self.grid.shape
        random = np.random.default_rng([noise_seed, 7])
        rows, columns = size[0] - shape.rows, size[1] - shape.columns
        return int(random.integers(rows)), int(random.integers(columns))

    def grey(self, level: Float32[np.ndarray, "h w"]) -> Grey:
        """Compress levels to grey and put them where their pixels are."""
        display, view = self.grid.scanner.display, self.grid.scanner.view
        grey = np.empty((view.rows, view.columns), dtype=np.uint8)
        conversion = self.grid.conversion or _NO_CONVERSION
        full, span = display.full_db, display.dynamic_range_db
        if self.smoother is not None:
            level = smooth_level(level, self.smoother, (full - span, full))
        _compress(grey, level, conversion, full, span, self.curve)
        return grey


_NO_CONVERSION = ScanConversion(
    np.zeros((0, 0), dtype=np.int32),
    np.zeros((0, 0), dtype=np.float32),
    np.zeros((0, 0), dtype=np.float32),
)


def make_developer(grid: Grid, seed: int) -> Developer:
    """Draw what a clip's frames have in common."""
    random = np.random.default_rng([seed, 5])
    shape, display = grid.shape, grid.scanner.display
    frequency = grid.scanner.probe.frequency_mhz
    spare = (shape.rows + 97, shape.columns + 89)
    noise = _band_limited(random, spare, grid.taps.pulse, 0.0)
    haze = _band_limited(random, (shape.rows, shape.columns), grid.taps.pulse, _HAZE_ACROSS * 2.0)
    depth = grid.depth_of_lines()
    sample_depth = (np.arange(shape.rows) - shape.margin + 0.5) * shape.sample_step
    haze_db = display.clutter_db - display.clutter_decay_db_per_mm * np.maximum(sample_depth, 0)
    haze *= (10 ** (haze_db / 20)).astype(np.float32)[:, None, None]
    rise = min(1.4 * frequency * display.reference_attenuation / 10, 0.12 * frequency)
    noise_db = display.noise_db + rise * (depth - depth[-1])
    gain = display.gain_db_per_mm * (depth - depth[-1] / 2)
    position = ((np.arange(_CURVE) + 0.5) / _CURVE) ** display.gamma
    bent = 0.5 - 0.5 * np.cos(np.pi * position)
    curve = position + display.curve * (bent - position)
    return Developer(
        grid,
        Backdrop(
            noise,
            haze,
            (10 ** (noise_db / 20)).astype(np.float32),
            np.repeat(gain[:, None], grid.beams, axis=1).astype(np.float32),
        ),
        (255 * curve).astype(np.float32),
        make_smoother(grid),
        fold_looks(grid.taps.pulse, grid.taps.beam_real, grid.taps.beam_imag),
    )


def _band_limited(
    random: np.random.Generator,
    size: tuple[int, int],
    pulse: Float32[np.ndarray, " P"],
    across: float,
) -> Float32[np.ndarray, "R C 2"]:
    """Return complex noise with an rms of 1, of the pulse's bandwidth in depth."""
    spectrum = np.fft.rfft(pulse, size[0]), np.fft.rfftfreq(size[1])
    planes = []
    for _ in range(2):
        white = random.standard_normal(size, dtype=np.float32)
        plane = np.fft.irfft(np.fft.rfft(white, axis=0) * spectrum[0][:, None], size[0], axis=0)
        if across:
            blur = np.exp(-2 * (np.pi * across * spectrum[1]) ** 2)
            plane = np.fft.irfft(np.fft.rfft(plane, axis=1) * blur, size[1], axis=1)
        planes.append(plane)
    both = np.stack(planes, axis=-1)
    both /= np.sqrt((both**2).sum(axis=-1).mean())
    return both.astype(np.float32)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _compress(grey, level, conversion, full, span, curve):
    """Fill `grey`."""
    node, down, right = conversion
    low, scale = np.float32(full - span), np.float32(curve.shape[0] / span)
    last = np.float32(curve.shape[0] - 1)
    table = np.empty(curve.shape[0], dtype=np.uint8)
    for i in range(curve.shape[0]):
        table[i] = np.uint8(curve[i] + 0.5)
    value, place = np.empty(grey.shape[1], np.float32), np.empty(grey.shape[1], np.uint32)
    flat, width = level.reshape(-1), level.shape[1]
    for r in range(grey.shape[0]):
        if node.shape[0]:
            _between(value, flat, width, (node[r], down[r], right[r]))
        else:
            value[:] = level[r]
        # in two steps: the first is done for eight pixels at a time
        for c in range(value.shape[0]):
            at = np.float32((value[c] - low) * scale)
            at = at if at > np.float32(0) else np.float32(0)  # so is what is not a number
            place[c] = np.int32(min(at, last))
        for c in range(value.shape[0]):
            grey[r, c] = table[place[c]]
        if node.shape[0]:
            for c in range(value.shape[0]):
                grey[r, c] = np.uint8(0) if node[r, c] < 0 else grey[r, c]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _between(value, flat, width, conversion):
    """Interpolate one row of pixels between nodes; what lies outside the fan does not matter."""
    node, down, right = conversion
    for c in range(value.shape[0]):
        n = max(node[c], 0)
        upper = flat[n] + right[c] * (flat[n + 1] - flat[n])
        lower = flat[n + width] + right[c] * (flat[n + width + 1] - flat[n + width])
        value[c] = upper + down[c] * (lower - upper)
