"""The field of an elevational aperture, summed wave by wave: what the simulator is checked against.

It shares nothing with the simulator's own table but the numbers of the probe: spherical waves
over a strip that a lens focuses, at all frequencies of the pulse, both ways (the Rayleigh integral
of a narrow aperture; J. W. Goodman, Introduction to Fourier Optics, chapter 3). Speckle of two
slices correlates by how much the two fields overlap (van Cittert and Zernike; Wagner et al., IEEE
Trans Sonics Ultrason 30(3):156, 1983, doi:10.1109/T-SU.1983.31404).
"""

import numpy as np
from jaxtyping import Complex128, Float64

from sonotrace.simulate.probe import SPEED_OF_SOUND, Probe

_STRIP_POINTS = 256
_OFFSETS = 1601
_FREQUENCIES = 9

Values = Float64[np.ndarray, " N"]


def strip_field(
    probe: Probe,
    frequency_mhz: float,
    depth_mm: Float64[np.ndarray, " Z"],
    offset_mm: Float64[np.ndarray, " Z"],
) -> Complex128[np.ndarray, " Z"]:
    """Return the two-way field at places of the elevational plane, through an ideal lens."""
    strip = ((np.arange(_STRIP_POINTS) + 0.5) / _STRIP_POINTS - 0.5) * probe.height_mm
    number = 2 * np.pi * frequency_mhz / SPEED_OF_SOUND
    distance = np.hypot(depth_mm[:, None], offset_mm[:, None] - strip)
    delay = np.hypot(probe.lens_mm, strip) - probe.lens_mm
    waves = np.exp(-1j * number * (distance - delay)) / distance
    return np.asarray(waves.mean(axis=1) ** 2)


def correlation_of_shift(probe: Probe, depth_mm: float, shift_mm: Values) -> Values:
    """Return the size of the correlation of complex echoes of slices that lie apart."""
    offset = _offsets(probe, depth_mm)
    total = np.zeros(2 * len(offset) - 1, dtype=np.complex128)
    for frequency, weight in _pulse(probe):
        field = strip_field(probe, frequency, np.full_like(offset, depth_mm), offset)
        total += weight * np.correlate(field, field, mode="full")
    middle = len(offset) - 1
    lag = np.arange(len(offset)) * (offset[1] - offset[0])
    likeness = np.abs(total[middle:]) / np.abs(total[middle])
    return np.asarray(np.interp(shift_mm, lag, likeness))


def correlation_of_tilt(probe: Probe, depth_mm: float, angle_rad: Values) -> Values:
    """Return the same for slices tilted against each other about the middle of the face."""
    offset = _offsets(probe, depth_mm)
    depth = np.full_like(offset, depth_mm)
    total = np.zeros(len(angle_rad), dtype=np.complex128)
    energy = 0.0
    for frequency, weight in _pulse(probe):
        field = strip_field(probe, frequency, depth, offset)
        energy += weight * float((np.abs(field) ** 2).sum())
        for n, angle in enumerate(angle_rad):
            there = (
                depth * np.cos(angle) - offset * np.sin(angle),
                offset * np.cos(angle) + depth * np.sin(angle),
            )
            other = strip_field(probe, frequency, *there)
            total[n] += weight * (field * np.conj(other)).sum()
    return np.asarray(np.abs(total) / energy)


def half_width(distance: Values, likeness: Values) -> float:
    """Return the first distance at which a falling curve is one half."""
    n = int(np.argmax(likeness < 0.5))
    part = (likeness[n - 1] - 0.5) / (likeness[n - 1] - likeness[n])
    return float(distance[n - 1] + part * (distance[n] - distance[n - 1]))


def _offsets(probe: Probe, depth_mm: float) -> Values:
    shadow = probe.height_mm / 2 * abs(1 - depth_mm / probe.lens_mm)
    widest = 1.5 * shadow + 4 * probe.wavelength_mm * depth_mm / probe.height_mm + 1.0
    return np.linspace(-widest, widest, _OFFSETS)


def _pulse(probe: Probe) -> list[tuple[float, float]]:
    """Return frequencies and the power of the pulse there."""
    deviation = probe.bandwidth * probe.frequency_mhz / 2.355
    steps = np.linspace(-2.2, 2.2, _FREQUENCIES)
    return [(probe.frequency_mhz + float(s) * deviation, float(np.exp(-(s**2)))) for s in steps]
