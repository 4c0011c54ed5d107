"""From summed echoes to grey levels: pulse, beam, shadow, haze, noise, compression, pixels.

One pass over the grid, row of pixels by row of pixels, so that everything but the echoes
themselves stays in the fastest cache. Direct convolutions over contiguous rows are quicker than
a Fourier transform here: a beam is 9 to 30 nodes wide.
"""

from dataclasses import dataclass
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, UInt8
from numba import njit

from sonotrace.simulate.echo import Echo
from sonotrace.simulate.grid import Grid, ScanConversion
from sonotrace.simulate.smoothing import Smoother, make_smoother, smooth_level

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
        grid, shape = self.grid, self.grid.shape
        level = np.empty((grid.lines, grid.beams), dtype=np.float32)
        noise = self.backdrop.noise
        offset = (0, 0) if noise_seed is None else self.noise_offset(noise_seed)
        taps = grid.taps
        fixed = (taps.pulse, taps.beam_real, taps.beam_imag, grid.side, shape.per_row)
        behind = self.backdrop
        back = (
            noise,
            behind.haze,
            behind.noise_level,
            behind.gain_db,
            offset,
            noise_seed is not None,
        )
        _develop(level, echo, transmission, fixed, back)
        return level

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
def _develop(level, echo, transmission, fixed, back):
    """Fill `level`.

    Rows are cut to size first: loops over them start at 0 and are computed eight nodes at a time.
    """
    pulse, beam_real, beam_imag, side, per_row = fixed
    noise, haze, noise_level, gain, offset, noisy = back
    width, beams = 2 * echo.shape[2], level.shape[1]
    looks, taps = beam_real.shape[0], beam_real.shape[2]
    first = side - taps // 2
    half = pulse.shape[0] // 2
    both = np.empty(2 * width, dtype=np.float32)
    rows, sums = np.empty((2, width), dtype=np.float32), np.empty((2, beams), dtype=np.float32)
    real, imag, sum_real, sum_imag = rows[0], rows[1], sums[0], sums[1]
    power, passed = np.empty(beams, dtype=np.float32), np.empty(beams, dtype=np.float32)
    margin = (echo.shape[0] - per_row * level.shape[0]) // 2
    flat = echo.reshape(echo.shape[0], 2 * width)
    for line in range(level.shape[0]):
        _stretch(passed, transmission, line, level.shape[0])
        power[:] = 0
        for part in range(per_row):
            sample = margin + line * per_row + part
            _along_depth(both, flat, sample - half, pulse)
            _side_by_side(real, imag, both)
            for look in range(looks):
                _across(sums, rows, beam_real[look, line], beam_imag[look, line], first)
                if noisy:
                    _add_noise(
                        sum_real,
                        sum_imag,
                        passed,
                        noise[sample + offset[0], side + offset[1] :],
                        haze[sample, side:],
                        noise_level[line],
                    )
                else:
                    for c in range(beams):
                        sum_real[c] *= passed[c]
                        sum_imag[c] *= passed[c]
                for c in range(beams):
                    power[c] += sum_real[c] * sum_real[c] + sum_imag[c] * sum_imag[c]
        scale = np.float32(1.0 / (per_row * looks))
        for c in range(beams):
            strength = max(power[c] * scale, np.float32(1e-12))
            level[line, c] = np.float32(4.342944819) * np.log(strength) + gain[line, c]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _along_depth(both, flat, first, pulse):
    """Convolve with the pulse: one row of samples, all beams."""
    source, g = flat[first], pulse[0]
    for c in range(both.shape[0]):
        both[c] = g * source[c]
    for k in range(1, pulse.shape[0] - 1, 2):
        source, g = flat[first + k], pulse[k]
        other, h = flat[first + k + 1], pulse[k + 1]
        for c in range(both.shape[0]):
            both[c] += g * source[c] + h * other[c]


@njit(cache=True, nogil=True)
@no_type_check
def _side_by_side(real, imag, both):
    """Take real and imaginary parts apart, and put the beams in order."""
    width = real.shape[0]
    even, odd = both[:width], both[width:]
    for c in range(width // 2):
        real[2 * c], imag[2 * c] = even[2 * c], even[2 * c + 1]
        real[2 * c + 1], imag[2 * c + 1] = odd[2 * c], odd[2 * c + 1]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _across(sums, rows, beam_real, beam_imag, first):
    """Convolve one row across the beams with complex taps."""
    sum_real, sum_imag, taps = sums[0], sums[1], beam_real.shape[0]
    beams = sum_real.shape[0]
    sums[:] = 0
    # the echo of a scatterer is h(node - scatterer): taps are turned round
    last = first + taps - 1
    for t in range(0, taps - 1, 2):
        real, imag = rows[0, last - t :], rows[1, last - t :]
        other_real, other_imag = rows[0, last - t - 1 :], rows[1, last - t - 1 :]
        a, b, c, d = beam_real[t], beam_imag[t], beam_real[t + 1], beam_imag[t + 1]
        for n in range(beams):
            sum_real[n] += a * real[n] - b * imag[n] + (c * other_real[n] - d * other_imag[n])
            sum_imag[n] += a * imag[n] + b * real[n] + (c * other_imag[n] + d * other_real[n])
    if taps % 2:
        real, imag = rows[0, first:], rows[1, first:]
        a, b = beam_real[taps - 1], beam_imag[taps - 1]
        for n in range(beams):
            sum_real[n] += a * real[n] - b * imag[n]
            sum_imag[n] += a * imag[n] + b * real[n]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _add_noise(sum_real, sum_imag, passed, noise, haze, strength):
    """Weaken echoes by what tissue takes; then add what tissue has no part in."""
    for c in range(sum_real.shape[0]):
        sum_real[c] = sum_real[c] * passed[c] + strength * noise[c, 0] + haze[c, 0]
        sum_imag[c] = sum_imag[c] * passed[c] + strength * noise[c, 1] + haze[c, 1]


@njit(inline="always")
@no_type_check
def _stretch(row, coarse, line, lines):
    """Interpolate one line of the coarse grid, whose corners are the corners of the picture."""
    down = line / max(lines - 1, 1) * (coarse.shape[0] - 1)
    i = min(int(down), coarse.shape[0] - 2)
    down -= i
    scale = (coarse.shape[1] - 1) / max(row.shape[0] - 1, 1)
    for c in range(row.shape[0]):
        right = c * scale
        j = min(int(right), coarse.shape[1] - 2)
        right -= j
        upper = (1 - right) * coarse[i, j] + right * coarse[i, j + 1]
        lower = (1 - right) * coarse[i + 1, j] + right * coarse[i + 1, j + 1]
        row[c] = (1 - down) * upper + down * lower


@njit(cache=True, nogil=True)
@no_type_check
def _compress(grey, level, conversion, full, span, curve):
    """Fill `grey`."""
    node, down, right = conversion
    direct = node.shape[0] == 0
    flat = level.reshape(-1)
    width = level.shape[1]
    low, scale = full - span, curve.shape[0] / span
    for r in range(grey.shape[0]):
        for c in range(grey.shape[1]):
            if direct:
                value = level[r, c]
            else:
                n = node[r, c]
                if n < 0:
                    grey[r, c] = 0
                    continue
                u, v = down[r, c], right[r, c]
                upper = (1 - v) * flat[n] + v * flat[n + 1]
                lower = (1 - v) * flat[n + width] + v * flat[n + width + 1]
                value = (1 - u) * upper + u * lower
            at = (value - low) * scale
            at = min(max(at, 0.0), curve.shape[0] - 1.0)
            i = int(at)
            grey[r, c] = np.uint8(curve[i] + 0.5)
