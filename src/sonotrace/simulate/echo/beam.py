"""The beam: how one scatterer's echo spreads over depth, across and out of the picture.

Echoes are complex and at baseband. A scatterer at (x, y, z) adds

    W(z, y) exp(-2 i k y)

to the nodes around it, on a grid of samples (depth) and beams; that grid is then convolved with
the pulse along depth and with the beam across. The phase is that of the exact depth, so no grid
of radio frequency is needed. This is the model of COLE (Gao et al., IEEE TUFFC 56(2), 2009;
exact carrier phase as in Storve and Torp, IEEE TUFFC 64, 2017), with a beam whose widths and
wavefronts depend on the depth, and with a thickness: W is the two-way field of the elevational
lens, phase included. Without that phase, speckle would decorrelate 3 to 5 times too slowly away
from the focus.

Widths (lambda wavelength, F F-number; the factor fits a Gaussian to the main lobe of a strip):

    s_rx = 0.512 lambda F_rx
    s_tx^2 = w^2 + (D / sqrt 12)^2 (1 - y / y_focus)^2,   w = 0.512 lambda y / D,  D = y_focus/F_tx
    1 / s^2 = 1 / s_rx^2 + (1 + i beta) / s_tx^2,   beta = +-sqrt(s_tx^2 / w^2 - 1)

beta is negative before the focus, where wavefronts converge, and positive behind it. The same
holds for elevation: with the wrong sign, speckle would decorrelate several times too slowly or too
fast when the probe is tilted.

Not modelled: fall of the frequency with depth, side and grating lobes of the array, aberration,
refraction, multiple scattering.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex64, Complex128, Float32, Float64

from sonotrace.simulate.probe import Probe

DEPTHS = 256
OFFSETS = 256
"""Rows and columns of the elevational table."""
SLAB_ENERGY = {"lens": 0.99, "gaussian": 0.9995}
"""Share of the elevational energy within which scatterers are summed."""
_NULL_SHARE = 0.9
"""They are summed at least this far towards the first null of the lens's field at its focus.
Where the slice is thin, 99 % of its energy are not enough: speckle would decorrelate 5 % too fast.
"""
_TABLE_REACH = 1.25
"""The table reaches this many times as far as scatterers are summed: smooth surfaces need it."""
_NEAREST_MM = 1.5
"""Beams are not computed nearer to the face."""
_STRIP_POINTS = (16, 2.0)
"""Places on the lens whose waves are summed: at least, and for each wavelength of its height."""

Depths = Float64[np.ndarray, " D"]


class Elevation(NamedTuple):
    """The two-way elevational field: 1 at the offset where it is largest, for every depth."""

    field: Complex64[np.ndarray, "D Z"]
    depth_step_mm: float
    offset_step_mm: float
    energy_mm: Float64[np.ndarray, " D"]
    """Integral of |field|^2 over the offset, both sides."""
    half_mm: Float32[np.ndarray, " D"]
    """Offset within which scatterers are summed."""


def lateral_inverse_square(probe: Probe, depth_mm: Depths) -> Complex128[np.ndarray, " D"]:
    """Return 1 / s^2, complex, of the two-way beam exp(-x^2 / (2 s^2)) at each depth."""
    depth = np.maximum(depth_mm, _NEAREST_MM)
    aperture = probe.focus_mm / probe.f_transmit
    receive = 0.512 * probe.wavelength_mm * probe.f_receive
    waist = 0.512 * probe.wavelength_mm * depth / aperture
    spread = waist**2 + aperture**2 / 12 * (1 - depth / probe.focus_mm) ** 2
    curvature = np.sqrt(np.maximum(spread / waist**2 - 1, 0)) * np.sign(depth - probe.focus_mm)
    return np.asarray(1 / receive**2 + (1 + 1j * curvature) / spread)


def beam_mm(probe: Probe, depth_mm: Depths) -> Depths:
    """Return the standard deviation of the beam's amplitude across at each depth."""
    return np.asarray(1 / np.sqrt(lateral_inverse_square(probe, depth_mm).real))


@lru_cache(maxsize=32)
def elevation_table(probe: Probe, reach_mm: float) -> Elevation:
    """Return the elevational field down to `reach_mm`."""
    depth_step = reach_mm / (DEPTHS - 1)
    depth = np.maximum(np.arange(DEPTHS) * depth_step, _NEAREST_MM)
    field_at = lens_field if probe.elevation == "lens" else gaussian_field
    wide = np.linspace(0, _widest_mm(probe, depth), OFFSETS // 2)
    both_sides = np.full(len(wide), 2 * wide[1])
    both_sides[0] = wide[1]
    grown = np.cumsum(np.abs(field_at(probe, depth, wide)) ** 2 * both_sides, axis=1)
    inside = wide[np.argmax(grown >= SLAB_ENERGY[probe.elevation] * grown[:, -1:], axis=1)]
    null = _NULL_SHARE * probe.wavelength_mm * depth / probe.height_mm
    half = np.maximum(inside, np.maximum(null, wide[1]))
    # a table no wider than is needed has the finest steps
    offset = np.linspace(0, _TABLE_REACH * half.max(), OFFSETS)
    field = field_at(probe, depth, offset)
    peak = np.abs(field).max(axis=1, keepdims=True)
    return Elevation(
        (field / peak).astype(np.complex64),
        depth_step,
        float(offset[1]),
        grown[:, -1] / peak[:, 0] ** 2,
        half.astype(np.float32),
    )


def lens_field(
    probe: Probe, depth_mm: Depths, offset_mm: Float64[np.ndarray, " Z"]
) -> Complex128[np.ndarray, "D Z"]:
    """Sum the waves of a strip of the lens's height, focused at the lens; square it: two-way.

    The integral is Gauss's, whose error here is below 1e-5 of the largest value.
    """
    least, per_wave = _STRIP_POINTS
    points = int(least + per_wave * probe.height_mm / probe.wavelength_mm)
    strip, weight = np.polynomial.legendre.leggauss(points)
    strip *= probe.height_mm / 2
    number = 2 * np.pi / probe.wavelength_mm
    delay = np.hypot(probe.lens_mm, strip) - probe.lens_mm
    field = np.empty((len(depth_mm), len(offset_mm)), dtype=np.complex128)
    for i, depth in enumerate(depth_mm):
        distance = np.sqrt(depth**2 + (offset_mm[:, None] - strip) ** 2)
        phase = (number * (distance - depth - delay)).astype(np.float32)  # small; 3 times faster
        size = (weight / np.sqrt(distance)).astype(np.float32)
        real, imag = (size * np.cos(phase)).sum(axis=1), (size * np.sin(phase)).sum(axis=1)
        field[i] = (real - 1j * imag) ** 2
    return field


def gaussian_field(
    probe: Probe, depth_mm: Depths, offset_mm: Float64[np.ndarray, " Z"]
) -> Complex128[np.ndarray, "D Z"]:
    """Return the closed form: a Gaussian whose phase makes it decorrelate alike at all depths."""
    waist = gaussian_waist_mm(probe)
    at_depth = 0.376 * probe.wavelength_mm * depth_mm / probe.height_mm
    spread = at_depth**2 + probe.height_mm**2 / 12 * (1 - depth_mm / probe.lens_mm) ** 2
    spread = np.maximum(spread, waist**2)
    # wavefronts converge before the focus and spread behind it
    curvature = np.sign(depth_mm - probe.lens_mm) * np.sqrt(spread / waist**2 - 1)
    return np.asarray(
        np.exp(-(offset_mm**2) * (1 + 1j * curvature[:, None]) / (2 * spread[:, None]))
    )


def gaussian_waist_mm(probe: Probe) -> float:
    """Return sigma_w: complex echoes a distance d apart correlate by exp(-d^2 / (4 sigma_w^2))."""
    return 0.376 * probe.wavelength_mm * probe.lens_mm / probe.height_mm


def _widest_mm(probe: Probe, depth_mm: Depths) -> float:
    """Return an offset beyond which the field does not matter."""
    geometric = probe.height_mm / 2 * np.abs(1 - depth_mm / probe.lens_mm)
    diffraction = probe.wavelength_mm * depth_mm / probe.height_mm
    return float(np.max(geometric + 2 * diffraction) + 0.5)


class Taps(NamedTuple):
    """Discrete pulse and beams, and what makes speckle of echo level 0 dB have an rms of 1."""

    pulse: Float32[np.ndarray, " P"]
    """Along depth, in samples."""
    beam_real: Float32[np.ndarray, "L H X"]
    beam_imag: Float32[np.ndarray, "L H X"]
    """Across, for every direction of steering and every row of the picture, in beams."""
    boost_sample: float
    boost_beam: Float32[np.ndarray, " H"]
    """4 f (1 - f) times this is added to the 1 of an echo that falls a part f between nodes, so
    that its energy does not depend on where it falls."""
    energy_mm2: Float64[np.ndarray, " H"]
    """Integral of pulse and beam squared: what a scatterer leaves on the grid."""


def make_taps(
    probe: Probe, depth_mm: Depths, sample_mm: float, beam_step_mm: Float64[np.ndarray, " D"]
) -> Taps:
    """Sample pulse and beam on the grid.

    Args:
        probe: Which one.
        depth_mm: Of every row of the picture.
        sample_mm: Step of the grid in depth.
        beam_step_mm: Distance between beams at each of these depths.
    """
    pulse_half = int(np.ceil(3.2 * probe.pulse_mm / sample_mm))
    # sharing an echo between two nodes has widened it by this already
    widened = sample_mm**2 / 6
    samples = np.arange(-pulse_half, pulse_half + 1) * sample_mm
    pulse = np.exp(-0.5 * samples**2 / (probe.pulse_mm**2 - widened))
    inverse = lateral_inverse_square(probe, depth_mm)
    width = 1 / np.sqrt(inverse.real)
    inverse = 1 / (1 / inverse - beam_step_mm**2 / 6)
    half = int(np.ceil(np.max(3.2 * width / beam_step_mm)))
    place = np.arange(-half, half + 1) * beam_step_mm[:, None]  # (D, X)
    straight = np.exp(-0.5 * inverse[:, None] * place**2)
    number = 4 * np.pi / probe.wavelength_mm
    looks = [
        straight * np.exp(1j * number * np.sin(np.radians(angle)) * place)
        for angle in probe.steering_deg
    ]
    sample_energy, boost = _energy(pulse[None], np.array([sample_mm]))
    beam_energy, boosts = _energy(straight, beam_step_mm)
    # a slanted wave loses more between two beams than a straight one
    kept = [_mean_energy(look, boosts, beam_step_mm) / beam_energy for look in looks]
    beams = np.stack([look / np.sqrt(k)[:, None] for look, k in zip(looks, kept, strict=True)])
    return Taps(
        pulse.astype(np.float32),
        np.ascontiguousarray(beams.real, dtype=np.float32),
        np.ascontiguousarray(beams.imag, dtype=np.float32),
        float(boost[0]),
        boosts.astype(np.float32),
        sample_energy[0] * beam_energy,
    )


def _energy(
    taps: Complex128[np.ndarray, "D X"] | Float64[np.ndarray, "D X"],
    step_mm: Float64[np.ndarray, " D"],
) -> tuple[Float64[np.ndarray, " D"], Float64[np.ndarray, " D"]]:
    """Return the mean energy of an echo anywhere between two nodes, and the boost that keeps it."""
    boost = 1 / np.sqrt(np.maximum(0.5 * (1 + _likeness(taps)), 0.05)) - 1
    return _mean_energy(taps, boost, step_mm), boost


def _mean_energy(
    taps: Complex128[np.ndarray, "D X"] | Float64[np.ndarray, "D X"],
    boost: Float64[np.ndarray, " D"],
    step_mm: Float64[np.ndarray, " D"],
) -> Float64[np.ndarray, " D"]:
    """Return the mean energy of a boosted echo anywhere between two nodes."""
    part = (np.arange(16) + 0.5) / 16
    split = part**2 + (1 - part) ** 2 + 2 * part * (1 - part) * _likeness(taps)[:, None]
    boosted = (1 + 4 * part * (1 - part) * boost[:, None]) ** 2
    power = (np.abs(taps) ** 2).sum(axis=1)
    return np.asarray(power * (split * boosted).mean(axis=1) * step_mm)


def _likeness(
    taps: Complex128[np.ndarray, "D X"] | Float64[np.ndarray, "D X"],
) -> Float64[np.ndarray, " D"]:
    """Return the correlation of taps with themselves one node on."""
    power = (np.abs(taps) ** 2).sum(axis=1)
    return np.asarray(np.real(taps[:, 1:] * np.conj(taps[:, :-1])).sum(axis=1) / power)
