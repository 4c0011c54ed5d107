"""From summed echoes to levels: pulse, beam, shadow, noise, and the power of all looks in dB.

One pass over the grid, row of pixels by row of pixels, so that everything but the echoes
themselves stays in the fastest cache. Direct convolutions over contiguous rows are quicker than
a Fourier transform here: a beam is 9 to 30 nodes wide. Three symmetries save half of their work:

- The pulse is the same on both sides of its middle: samples as far before as behind it are added
  before they are weighed.
- So is a beam straight down. A slanted beam is the sum of an even part E and an odd part O.
- Looks to the left and to the right by the same angle have the same E and opposite O. Of an echo
  with noise n behind it, |E + O + n|^2 + |E - O + n|^2 = 2 |E + n|^2 + 2 |O|^2.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Int64
from numba import njit

_STRAIGHT, _SLANTED, _TWINS = 0, 1, 2
_AT_ONCE = 8
"""Numbers that processors add at once: rows begin at multiples of it, or loads take longer."""
ALIKE = 1e-6
"""Taps that differ by less, of a largest of about 1, are the same."""


class Looks(NamedTuple):
    """The taps of `sonotrace.simulate.echo.beam`, folded at their middle."""

    pulse: Float32[np.ndarray, " P"]
    even: Float32[np.ndarray, "L H K 2"]
    """Of beams: the middle, of which there are two after folding, counts half in each."""
    odd: Float32[np.ndarray, "L H K 2"]
    kind: Int64[np.ndarray, " L"]
    """A straight beam, a slanted one, or one that stands for its mirror image as well."""


class Frame(NamedTuple):
    """What is added behind one frame, and how the frame lies on the grid."""

    noise: Float32[np.ndarray, "R C 2"]
    """Of the receiver, rms 1; larger than the grid."""
    haze: Float32[np.ndarray, "R C 2"]
    noise_level: Float32[np.ndarray, " H"]
    gain_db: Float32[np.ndarray, "H W"]
    side: int
    """Beams beyond the picture on each side."""
    per_row: int
    """Samples per line."""
    noisy: bool
    """Whether there is noise and haze at all."""
    down: int
    right: int
    """Where the part of the noise begins that this frame takes."""


def fold_looks(
    pulse: Float32[np.ndarray, " P"],
    real: Float32[np.ndarray, "L H X"],
    imag: Float32[np.ndarray, "L H X"],
) -> Looks:
    """Return even and odd parts of the beams, of which mirror images are kept once."""
    taps = real + 1j * imag.astype(np.complex64)
    turned = taps[:, :, ::-1]
    even, odd = (taps + turned) / 2, (taps - turned) / 2
    kept, kinds, left = [], [], list(range(len(taps)))
    while left:
        look = left.pop(0)
        kept.append(look)
        kinds.append(_STRAIGHT if np.abs(odd[look]).max() < ALIKE else _SLANTED)
        twins = [k for k in left if np.abs(taps[k] - turned[look]).max() < ALIKE]
        if kinds[-1] == _SLANTED and twins:
            kinds[-1] = _TWINS
            left.remove(twins[0])
    middle = taps.shape[2] // 2
    even[:, :, middle] /= 2
    halves = [np.ascontiguousarray(part[kept, :, middle:]).view(np.float32) for part in (even, odd)]
    evens, odds = [part.reshape(*part.shape[:2], -1, 2) for part in halves]
    return Looks(pulse, evens, odds, np.array(kinds, dtype=np.int64))


def develop(
    echo: Float32[np.ndarray, "R 2 C 2"],
    transmission: Float32[np.ndarray, "h w"],
    looks: Looks,
    frame: Frame,
) -> Float32[np.ndarray, "H W"]:
    """Return the mean power of looks and samples in dB, on lines and beams.

    Args:
        echo: Sum of echoes before pulse and beam; even and odd beams apart.
        transmission: Amplitude that is left, on a coarse grid that spans lines and beams.
        looks: Pulse and beams.
        frame: Noise, haze and gain.
    """
    level = np.empty_like(frame.gain_db)
    _develop(level, echo, transmission, looks, frame)
    return level


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _develop(level, echo, transmission, looks, frame):
    """Fill `level`; the samples of a line lie one behind the other in one long row.

    Long rows keep the processor in its innermost loops. What the beams make of the ends of two
    samples that meet there lies in the margins, and is left out.
    """
    lines, beams = level.shape
    width, half, per_row = 2 * echo.shape[2], looks.pulse.shape[0] // 2, frame.per_row
    pitch, room = _round_up(width), _round_up(beams)
    both = np.empty(per_row * 2 * width, dtype=np.float32)
    rows = np.zeros((2, per_row * pitch + _AT_ONCE), dtype=np.float32)
    sums = np.empty((4, (per_row - 1) * pitch + room), dtype=np.float32)
    behind = np.zeros((per_row, 2, room), dtype=np.float32)
    power, passed = np.empty(beams, dtype=np.float32), np.empty(beams, dtype=np.float32)
    margin = (echo.shape[0] - per_row * lines) // 2
    flat = echo.reshape(-1)
    twins = (looks.kind == _TWINS).sum()
    scale = np.float32(1.0 / (per_row * (looks.kind.shape[0] + twins)))
    places = _columns(beams, transmission.shape[1])
    for line in range(lines):
        first = margin + line * per_row
        _stretch(passed, transmission, line / max(lines - 1, 1), places)
        _along_depth(both, flat[2 * width * (first - half) :], 2 * width, looks.pulse)
        for part in range(per_row):
            here, end = part * pitch, part * pitch + width
            _side_by_side(rows[0, here:end], rows[1, here:end], both[2 * part * width :])
            if frame.noisy:
                _mix(behind[part], frame, first + part, frame.noise_level[line])
        power[:] = 0
        for look in range(looks.kind.shape[0]):
            even, odd, kind = looks.even[look, line], looks.odd[look, line], looks.kind[look]
            if kind == _STRAIGHT:
                _straight(sums, rows, even, frame.side)
            else:
                _slanted(sums, rows, even, odd, frame.side)
            if kind == _SLANTED:
                sums[:2] += sums[2:]
            for part in range(per_row):
                if kind == _TWINS:
                    _add_twins(power, sums, part * pitch, passed, behind[part])
                else:
                    _add_power(power, sums, part * pitch, passed, behind[part])
        _in_decibels(level[line], power, scale, frame.gain_db[line])


@njit(cache=True, nogil=True)
@no_type_check
def _round_up(number):
    return (number + _AT_ONCE - 1) // _AT_ONCE * _AT_ONCE


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _along_depth(both, flat, stride, pulse):
    """Convolve rows with the symmetric pulse; `flat` begins with the first row that it meets."""
    half, last = pulse.shape[0] // 2, pulse.shape[0] - 1
    middle, g = flat[half * stride :], pulse[half]
    above, below, g1 = flat, flat[last * stride :], pulse[0]
    above2, below2, g2 = flat[stride:], flat[(last - 1) * stride :], pulse[1]
    for c in range(both.shape[0]):
        both[c] = g * middle[c] + g1 * (above[c] + below[c]) + g2 * (above2[c] + below2[c])
    threes = half - (half - 2) % 3
    for k in range(2, threes, 3):
        above, below, g = flat[k * stride :], flat[(last - k) * stride :], pulse[k]
        above1, below1, g1 = above[stride:], flat[(last - k - 1) * stride :], pulse[k + 1]
        above2, below2, g2 = above1[stride:], flat[(last - k - 2) * stride :], pulse[k + 2]
        for c in range(both.shape[0]):
            both[c] += (g * (above[c] + below[c]) + g1 * (above1[c] + below1[c])) + g2 * (
                above2[c] + below2[c]
            )
    for k in range(threes, half):
        above, below, g = flat[k * stride :], flat[(last - k) * stride :], pulse[k]
        for c in range(both.shape[0]):
            both[c] += g * (above[c] + below[c])


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
def _straight(sums, rows, even, centre):
    """Convolve one row across the beams with even complex taps, two at a time."""
    real, imag, taps = sums[0], sums[1], even.shape[0]
    if taps % 2:
        _middle(sums, rows[0, centre:], rows[1, centre:], even[0])
    else:
        real[:] = 0
        imag[:] = 0
    for k in range(taps % 2, taps, 2):
        # rows are cut first: loops that start at 0 are computed eight nodes at a time
        left_r, right_r = rows[0, centre - k :], rows[0, centre + k :]
        left_i, right_i = rows[1, centre - k :], rows[1, centre + k :]
        far_left_r, far_right_r = rows[0, centre - k - 1 :], rows[0, centre + k + 1 :]
        far_left_i, far_right_i = rows[1, centre - k - 1 :], rows[1, centre + k + 1 :]
        a, b, c, d = even[k, 0], even[k, 1], even[k + 1, 0], even[k + 1, 1]
        for n in range(real.shape[0]):
            x, y = left_r[n] + right_r[n], left_i[n] + right_i[n]
            far_x, far_y = far_left_r[n] + far_right_r[n], far_left_i[n] + far_right_i[n]
            real[n] += a * x - b * y + (c * far_x - d * far_y)
            imag[n] += a * y + b * x + (c * far_y + d * far_x)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _slanted(sums, rows, even, odd, centre):
    """Convolve one row with the even and with the odd part of slanted taps."""
    real, imag, odd_real, odd_imag = sums[0], sums[1], sums[2], sums[3]
    _middle(sums, rows[0, centre:], rows[1, centre:], even[0])
    odd_real[:] = 0
    odd_imag[:] = 0
    for k in range(1, even.shape[0]):
        # the echo of a scatterer is h(node - scatterer): what lies left has the taps of the right
        left_r, right_r = rows[0, centre - k :], rows[0, centre + k :]
        left_i, right_i = rows[1, centre - k :], rows[1, centre + k :]
        a, b, c, d = even[k, 0], even[k, 1], odd[k, 0], odd[k, 1]
        for n in range(real.shape[0]):
            x, y = left_r[n] + right_r[n], left_i[n] + right_i[n]
            real[n] += a * x - b * y
            imag[n] += a * y + b * x
            x, y = left_r[n] - right_r[n], left_i[n] - right_i[n]
            odd_real[n] += c * x - d * y
            odd_imag[n] += c * y + d * x


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _middle(sums, row_real, row_imag, tap):
    """Begin the sums with the middle tap, of which one half is stored."""
    real, imag, a, b = sums[0], sums[1], tap[0] + tap[0], tap[1] + tap[1]
    for n in range(real.shape[0]):
        real[n] = a * row_real[n] - b * row_imag[n]
        imag[n] = a * row_imag[n] + b * row_real[n]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _mix(behind, frame, sample, strength):
    """Add noise and haze, which tissue has no part in: the same behind every look."""
    real, imag, side = behind[0], behind[1], frame.side
    noise = frame.noise[sample + frame.down].reshape(-1)[2 * (side + frame.right) :]
    haze = frame.haze[sample].reshape(-1)[2 * side :]
    for c in range(real.shape[0]):
        real[c] = strength * noise[2 * c] + haze[2 * c]
        imag[c] = strength * noise[2 * c + 1] + haze[2 * c + 1]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _add_power(power, sums, here, passed, behind):
    """Weaken echoes by what tissue takes, add what lies behind, and take the power."""
    real, imag, behind_real, behind_imag = sums[0, here:], sums[1, here:], behind[0], behind[1]
    for c in range(power.shape[0]):
        x = real[c] * passed[c] + behind_real[c]
        y = imag[c] * passed[c] + behind_imag[c]
        power[c] += x * x + y * y


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _add_twins(power, sums, here, passed, behind):
    """Do the same for a look and its mirror image."""
    real, imag, odd_real, odd_imag = sums[0, here:], sums[1, here:], sums[2, here:], sums[3, here:]
    behind_real, behind_imag, two = behind[0], behind[1], np.float32(2)
    for c in range(power.shape[0]):
        x = real[c] * passed[c] + behind_real[c]
        y = imag[c] * passed[c] + behind_imag[c]
        u, v = odd_real[c] * passed[c], odd_imag[c] * passed[c]
        power[c] += two * (x * x + y * y + (u * u + v * v))


@njit(cache=True, nogil=True)
@no_type_check
def _columns(beams, coarse):
    """Return which coarse columns each beam lies between, and where."""
    column, right = np.empty(beams, dtype=np.int64), np.empty(beams, dtype=np.float32)
    for c in range(beams):
        at = c * (coarse - 1) / max(beams - 1, 1)
        column[c] = min(int(at), coarse - 2)
        right[c] = at - column[c]
    return column, right


@njit(cache=True, nogil=True)
@no_type_check
def _stretch(row, coarse, share, places):
    """Interpolate one line of the coarse grid, whose corners are the corners of the picture."""
    column, right = places
    at = share * (coarse.shape[0] - 1)
    i = min(int(at), coarse.shape[0] - 2)
    down = np.float32(at - i)
    upper, lower, mixed = coarse[i], coarse[i + 1], np.empty(coarse.shape[1], dtype=np.float32)
    for c in range(mixed.shape[0]):
        mixed[c] = upper[c] + down * (lower[c] - upper[c])
    for c in range(row.shape[0]):
        j = column[c]
        row[c] = mixed[j] + right[c] * (mixed[j + 1] - mixed[j])


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
@no_type_check
def _in_decibels(level, power, scale, gain):
    """Take ten times the logarithm to base 10.

    The binary exponent is read from the bits; the logarithm of the rest, between the roots of 1/2
    and 2, is the polynomial of Cephes' `logf` (Moshier 1989). A library's logarithm is taken one
    number at a time, which costs as much as convolving.
    """
    one = np.float32(1)
    for c in range(level.shape[0]):
        strength = np.float32(max(power[c] * scale, np.float32(1e-12)))
        bits = strength.view(np.int32)
        exponent = np.int32(np.int32(bits - np.int32(0x3F3504F3)) >> np.int32(23))
        x = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32) - one
        p = np.float32(7.0376836292e-2) * x - np.float32(1.1514610310e-1)
        p = p * x + np.float32(1.1676998740e-1)
        p = p * x - np.float32(1.2420140846e-1)
        p = p * x + np.float32(1.4249322787e-1)
        p = p * x - np.float32(1.6668057665e-1)
        p = p * x + np.float32(2.0000714765e-1)
        p = p * x - np.float32(2.4999993993e-1)
        p = p * x + np.float32(3.3333331174e-1)
        natural = (
            x + x * x * (p * x - np.float32(0.5)) + np.float32(exponent) * np.float32(0.6931471806)
        )
        # what is not finite stays as it is
        natural = natural if strength < np.float32(np.inf) else strength
        level[c] = np.float32(4.342944819) * natural + gain[c]
