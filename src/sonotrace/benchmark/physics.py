"""Is the physics of the simulator right? Every law it must obey, measured beside what it should be.

`measure_physics` returns plain numbers, ready for JSON; `sonotrace.benchmark.physics_plots` draws
them. No noise and no haze anywhere. The checks are explained in docs/concepts/simulator.md.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64

from sonotrace.benchmark.physics_picture import (
    level_by_depth,
    point_spread,
    recovered_shifts,
    scalloping,
    shadows,
)
from sonotrace.benchmark.physics_rig import (
    Field,
    PhysicsSettings,
    Power,
    Result,
    echoes_at,
    field_correlation,
    layer_of,
    pose_at,
    power_correlation,
    renderer_of,
    scanner_of,
)
from sonotrace.benchmark.rayleigh import correlation_of_shift, correlation_of_tilt, half_width
from sonotrace.simulate.echo.beam import beam_mm, elevation_table, gaussian_waist_mm
from sonotrace.simulate.probe import Probe
from sonotrace.simulate.render import Renderer

Values = Float64[np.ndarray, " N"]


def measure_physics(
    settings: PhysicsSettings | None = None, say: Callable[[str], None] = lambda line: None
) -> Result:
    """Return the measured and the expected curves of every check, by name."""
    chosen = settings or PhysicsSettings()
    checks: dict[str, Callable[[PhysicsSettings], Result]] = {
        "speckle": speckle_by_density,
        "level": level_by_depth,
        "elevation": elevational_decorrelation,
        "yaw": decorrelation_of_yaw,
        "tilt": decorrelation_of_tilt,
        "steps": recovered_steps,
        "shift": recovered_shifts,
        "point": point_spread,
        "scalloping": scalloping,
        "shadow": shadows,
    }
    results: Result = {"settings": chosen.model_dump(mode="json")}
    for name, check in checks.items():
        say(f"measuring {name} ...")
        results[name] = check(chosen)
    return results


def speckle_by_density(settings: PhysicsSettings) -> Result:
    """Measure first-order statistics of the envelope around the foci, by the pitch of scatterers.

    Fully developed speckle has a Rayleigh envelope: mean over standard deviation
    sqrt(pi / (4 - pi)) = 1.913, and <I^2> / <I>^2 = 2.
    """
    probe = Probe()
    cell = (2 * np.sqrt(np.pi)) ** 3 * gaussian_waist_mm(probe) * probe.pulse_mm
    cell *= float(beam_mm(probe, np.array([20.0]))[0])
    snr, ratio = [], []
    for pitch in settings.pitches_mm:
        powers = []
        for seed in range(settings.seeds):
            renderer = renderer_of(
                scanner_of(settings.pixels), [pose_at()], pitch_mm=pitch, seed=seed
            )
            samples = echoes_at(renderer, pose_at())
            powers.append(np.abs(samples[layer_of(renderer, 20.0, 3.0)]) ** 2)
        power = np.stack(powers)
        snr.append(float(np.sqrt(power).mean() / np.sqrt(power).std()))
        ratio.append(float((power**2).mean() / power.mean() ** 2))
    return {
        "pitch_mm": list(settings.pitches_mm),
        "per_cell": [float(cell / pitch**3) for pitch in settings.pitches_mm],
        "snr": snr,
        "ratio": ratio,
        "rayleigh_snr": float(np.sqrt(np.pi / (4 - np.pi))),
        "rayleigh_ratio": 2.0,
    }


def elevational_decorrelation(settings: PhysicsSettings) -> Result:
    """Compare speckle of parallel slices with the table, the Rayleigh integral, and no phase.

    What `without_phase` says is what a simulator that weights scatterers by the size of the field
    alone would show.
    """
    scanner, gap = scanner_of(settings.pixels), 0.1
    lags = round(settings.farthest_mm / gap) + 1
    places = np.arange(2 * lags) * gap
    sums = np.zeros((len(settings.depths_mm), lags, 2))
    for seed in range(settings.seeds):
        poses = [pose_at((0.0, 0.0, float(z))) for z in places]
        renderer = renderer_of(scanner, poses, seed=seed)
        slices = [echoes_at(renderer, pose) for pose in poses]
        for d, depth in enumerate(settings.depths_mm):
            bands = [one[layer_of(renderer, depth, 1.5)] for one in slices]
            for lag in range(lags):
                sums[d, lag] += _mean_likeness(bands, lag)
    found = sums / settings.seeds
    fine = np.arange(0, 4.0, 0.01)
    result: Result = {"shift_mm": (np.arange(lags) * gap).tolist(), "depths": []}
    for d, depth in enumerate(settings.depths_mm):
        table, bare = table_correlation(scanner.probe, depth, fine)
        integral = correlation_of_shift(scanner.probe, depth, fine)
        coarse = np.arange(lags) * gap
        result["depths"].append(
            {
                "depth_mm": depth,
                "field": found[d, :, 0].tolist(),
                "power": found[d, :, 1].tolist(),
                "table": np.interp(coarse, fine, table).tolist(),
                "rayleigh": np.interp(coarse, fine, integral).tolist(),
                "without_phase": np.interp(coarse, fine, bare).tolist(),
                "half_mm": {
                    "measured": half_width(coarse, found[d, :, 0]),
                    "table": half_width(fine, table),
                    "rayleigh": half_width(fine, integral),
                    "without_phase": half_width(fine, bare),
                },
            }
        )
    return result


def table_correlation(probe: Probe, depth_mm: float, shift_mm: Values) -> tuple[Values, Values]:
    """Return the overlap of the simulator's elevational field with itself, shifted.

    Returns:
        The overlap of the complex field, and that of its size alone.
    """
    table = elevation_table(probe, 40.0)
    row = table.field[round(depth_mm / table.depth_step_mm)].astype(np.complex128)
    field = np.concatenate([row[:0:-1], row])
    lag = np.arange(len(field)) * table.offset_step_mm
    both = []
    for one in (field, np.abs(field)):
        overlap = np.abs(np.correlate(one, one, mode="full"))[len(field) - 1 :]
        both.append(np.interp(shift_mm, lag, overlap / overlap[0]))
    return both[0], both[1]


def decorrelation_of_yaw(settings: PhysicsSettings) -> Result:
    """Turn about the axis of depth: at x, slices lie x sin(angle) apart."""
    scanner = scanner_of(settings.pixels, elevation="gaussian")
    waist = gaussian_waist_mm(scanner.probe)
    edges = np.linspace(-20, 20, 9)
    poses = [pose_at(), pose_at((0, 0, 0), (settings.yaw_deg, 0, 0))]
    found = []
    for seed in range(settings.seeds):
        renderer = renderer_of(scanner, poses, seed=seed)
        one, other = (np.abs(echoes_at(renderer, pose)) ** 2 for pose in poses)
        x = renderer.grid.beam_positions()
        bands = [(x >= a) & (x < b) for a, b in pairwise(edges)]
        found.append([power_correlation(one[:, band], other[:, band]) for band in bands])
    sine = np.sin(np.radians(settings.yaw_deg))
    expected = [
        float(np.exp(-((np.linspace(a, b, 64) * sine) ** 2) / (2 * waist**2)).mean())
        for a, b in pairwise(edges)
    ]
    return {
        "across_mm": (0.5 * (edges[:-1] + edges[1:])).tolist(),
        "power": np.mean(found, axis=0).tolist(),
        "law": expected,
    }


def decorrelation_of_tilt(settings: PhysicsSettings) -> Result:
    """Tilt about the face: at depth y, slices lie y sin(angle) apart and lean on each other."""
    result: Result = {"depth_mm": list(settings.depths_mm), "angles": []}
    angles = np.radians(np.array(settings.tilts_deg))
    integral = [correlation_of_tilt(Probe(), depth, angles) ** 2 for depth in settings.depths_mm]
    for n, angle in enumerate(settings.tilts_deg):
        entry: Result = {"angle_deg": angle}
        for elevation in ("lens", "gaussian"):
            scanner = scanner_of(settings.pixels, elevation=elevation)
            poses = [pose_at(), pose_at((0, 0, 0), (0, angle, 0))]
            found = []
            for seed in range(settings.seeds):
                renderer = renderer_of(scanner, poses, seed=seed)
                powers = [np.abs(echoes_at(renderer, pose)) ** 2 for pose in poses]
                found.append(
                    [
                        power_correlation(
                            *(power[layer_of(renderer, depth, 1.5)] for power in powers)
                        )
                        for depth in settings.depths_mm
                    ]
                )
            entry[elevation] = np.mean(found, axis=0).tolist()
        entry["rayleigh"] = [float(one[n]) for one in integral]
        law = [tilt_law(Probe(), depth, 1.5, float(angles[n])) for depth in settings.depths_mm]
        entry["law"] = law
        result["angles"].append(entry)
    return result


def tilt_law(probe: Probe, depth_mm: float, half_mm: float, angle_rad: float) -> float:
    """Return the correlation of power that a Gaussian slice has after a tilt about the face.

    With s the deviation of the slice's amplitude at depth y, beta the curvature of its wavefronts,
    d = y sin(angle) and q = 2 k sin(angle):

        exp(-d^2 / (2 s^2) - (q s - beta d / s)^2 / 2)

    Where wavefronts are flat (beta = 0, at the lens's focus) this is the law of a pure shift times
    exp(-(2 k s sin(angle))^2 / 2).
    """
    depth = np.linspace(depth_mm - half_mm, depth_mm + half_mm, 31)
    waist = gaussian_waist_mm(probe)
    width = waist * depth / probe.lens_mm
    square = width**2 + probe.height_mm**2 / 12 * (1 - depth / probe.lens_mm) ** 2
    square = np.maximum(square, waist**2)
    beta = np.sign(depth - probe.lens_mm) * np.sqrt(square / waist**2 - 1)
    apart = depth * np.sin(angle_rad)
    leaning = 4 * np.pi / probe.wavelength_mm * np.sin(angle_rad) * np.sqrt(square)
    exponent = -(apart**2) / square - (leaning - beta * apart / np.sqrt(square)) ** 2
    return float(np.exp(0.5 * exponent).mean())


def recovered_steps(settings: PhysicsSettings) -> Result:
    """Invert the law of decorrelation: d = s sqrt(-2 ln r), from whole pictures.

    The slice is 0.6 mm thick (standard deviation of the amplitude at the focus): of a thinner one
    no correlation is left after 1.2 mm.
    """
    scanner = scanner_of(
        settings.pixels, elevation="gaussian", frequency_mhz=6.0, height_mm=4.0, lens_mm=25.0
    )
    waist = gaussian_waist_mm(scanner.probe)
    steps = [0.0, *settings.steps_mm]
    found: dict[str, list[list[float]]] = {"float": [], "picture": []}
    for seed in range(settings.seeds):
        poses = [pose_at((0.0, 0.0, step)) for step in steps]
        renderer = renderer_of(scanner, poses, seed=seed)
        levels = [renderer.level(pose) for pose in poses]
        exact = [10 ** (level.astype(np.float64) / 10) for level in levels]
        eight_bit = [_power_of_grey(renderer, level) for level in levels]
        for name, powers in (("float", exact), ("picture", eight_bit)):
            likeness = [power_correlation(powers[0], other) for other in powers[1:]]
            found[name].append([waist * np.sqrt(-2 * np.log(max(r, 1e-6))) for r in likeness])
    return {
        "step_mm": list(settings.steps_mm),
        "float_mm": np.mean(found["float"], axis=0).tolist(),
        "picture_mm": np.mean(found["picture"], axis=0).tolist(),
    }


def _mean_likeness(slices: Sequence[Field], lag: int) -> tuple[float, float]:
    """Return the correlation of field and of power, averaged over all pairs this far apart."""
    pairs = list(zip(slices[: len(slices) - lag], slices[lag:], strict=True))
    field = [field_correlation(a, b) for a, b in pairs]
    power = [power_correlation(np.abs(a) ** 2, np.abs(b) ** 2) for a, b in pairs]
    return float(np.mean(field)), float(np.mean(power))


def _power_of_grey(renderer: Renderer, level: Float32[np.ndarray, "H W"]) -> Power:
    """Return what is left of the power of echoes in an 8-bit picture."""
    display = renderer.grid.scanner.display
    grey = renderer.developer.grey(level).astype(np.float64)
    db = display.full_db - display.dynamic_range_db * (1 - (grey + 0.5) / 255)
    return np.asarray(10 ** (db / 10))
