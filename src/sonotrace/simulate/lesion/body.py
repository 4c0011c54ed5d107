"""Lesions and what looks like them, as they are drawn: bodies, fillings, calcifications.

Every number that decides how hard a lesion is to find is in `Difficulty`.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float64

from sonotrace.simulate.domains import Domain
from sonotrace.simulate.probe import Scanner
from sonotrace.simulate.tissue.embedded import draw_vessel
from sonotrace.simulate.tissue.inclusion import Filling, Inclusion
from sonotrace.simulate.tissue.outline import Blob, Rows, Vector, draw_spikes, draw_waves
from sonotrace.simulate.world import Anatomy

Kind = Literal["benign", "malignant"]
Course = Literal["hold", "straight", "back-and-forth"]
Range = tuple[float, float]


class Difficulty(NamedTuple):
    """What makes lesions hard to find; ranges in the units of the names."""

    benign_share: float = 0.4
    contrast_db: Range = (-18.0, -8.0)
    """Of the lesion over its surroundings."""
    faint_share: float = 0.05
    """Lesions that are nearly as bright as their surroundings: their borders show them."""
    faint_db: Range = (-7.0, -4.5)
    benign_softness_mm: Range = (0.35, 1.0)
    malignant_softness_mm: Range = (0.6, 1.8)
    lobules: tuple[int, int] = (2, 4)
    """Look-alikes: dark lobules without capsule, halo or shadow; least and most."""
    lobule_db: Range = (-19.0, -9.0)
    lobule_scale: Range = (1.0, 1.8)
    """Size of a lobule over that of the lesion."""
    vessels: tuple[int, int] = (0, 3)
    vessel_mm: Range = (0.8, 2.6)
    """Radius."""
    courses: tuple[tuple[Course, float], ...] = (
        ("hold", 0.3),
        ("straight", 0.35),
        ("back-and-forth", 0.35),
    )
    """Of the probe, with their shares; the last one leaves the lesion and comes back."""
    squeeze: Range = (0.0, 0.18)
    """Strain of the lesion, at its largest."""


DIFFICULTY = Difficulty()


class Grains(NamedTuple):
    """Calcifications."""

    place: Float64[np.ndarray, "3 P"]
    """In tissue, in mm."""
    strength: Float64[np.ndarray, " P"]


def draw_body(random: np.random.Generator, kind: Kind, domain: Domain, scanner: Scanner) -> Blob:
    """Draw a lesion that lies well within the picture of a probe at the origin."""
    depth = scanner.view.depth_mm
    scale = float(np.clip(depth / 40, 0.75, 1.7))
    if kind == "benign":
        a = random.uniform(3.5, 8.5) * scale
        b = a * random.uniform(0.45, 0.8)
    else:
        b = random.uniform(3.5, 7.0) * scale
        a = b * random.uniform(0.7, 1.05)
    c = float(np.sqrt(a * b) * random.uniform(0.55, 0.9))
    y = float(random.uniform(max(0.16 * depth, 1.25 * b + 2.5), 0.6 * depth))
    reach = max(0.0, _half_width_mm(scanner, y) - 1.4 * a)
    centre = (float(random.uniform(-0.85, 0.85) * reach), y, 0.0)
    waves, spikes, squareness = _draw_outline(random, kind, domain)
    return Blob(
        centre=centre,
        half_mm=(float(a), float(b), c),
        roll_rad=float(random.normal(0, 0.2)),
        squareness=squareness,
        waves=waves,
        spikes=spikes,
    )


def surroundings_db(random: np.random.Generator, anatomy: Anatomy, body: Blob) -> float:
    """Return the mean echo level, by power, of the tissue around a body."""
    direction = random.normal(0, 1, (3, 600))
    direction /= np.linalg.norm(direction, axis=0)
    shell = random.uniform(1.15, 1.7, 600) * direction
    half, centre = np.array(body.half_mm)[:, None], np.array(body.centre)[:, None]
    x, y, z = (centre + half * shell).astype(np.float32)
    level = anatomy.echo_db(x, y, z).astype(np.float64)
    return float(10 * np.log10(np.mean(10 ** (level / 10))))


def draw_filling(
    random: np.random.Generator, kind: Kind, around_db: float, difficulty: Difficulty
) -> Filling:
    """Draw what a lesion is made of, in surroundings of this level."""
    faint = bool(random.random() < difficulty.faint_share)
    contrast = random.uniform(*(difficulty.faint_db if faint else difficulty.contrast_db))
    seed = int(random.integers(1 << 30))
    if kind == "benign":
        return Filling(
            level_db=float(around_db + contrast),
            attenuation=float(random.uniform(0.15, 0.55)),
            softness_mm=float(random.uniform(*difficulty.benign_softness_mm)),
            grain_db=float(random.uniform(0.5, 1.5)),
            rim_db=float(random.uniform(3, 9)) + 2.0 * faint,
            edge_attenuation=float(random.uniform(0.4, 1.6)),
            seed=seed,
        )
    return Filling(
        level_db=float(around_db + contrast),
        attenuation=float(random.uniform(1.1, 1.9)),
        softness_mm=float(random.uniform(*difficulty.malignant_softness_mm)),
        grain_db=float(random.uniform(1.5, 3.0)),
        grain_mm=1.6,
        specks_db=float(random.uniform(0, 6)),
        halo_db=float(random.uniform(1.5, 5.0)) + 1.5 * faint,
        halo_mm=float(random.uniform(1.0, 2.2)),
        seed=seed,
    )


def draw_look_alikes(
    random: np.random.Generator,
    body: Blob,
    scanner: Scanner,
    bed: Anatomy,
    difficulty: Difficulty,
) -> list[Inclusion]:
    """Draw dark lobules and vessels that keep clear of the lesion and of one another."""
    least, most = difficulty.lobules
    taken = [(np.array(body.centre), body.reach_mm())]
    found = []
    size = float(np.sqrt(body.half_mm[0] * body.half_mm[1]))
    lobules = int(random.integers(least, most + 1))
    vessels = int(random.integers(difficulty.vessels[0], difficulty.vessels[1] + 1))
    for index in range(lobules + vessels):
        lobule = index < lobules
        radius = float(random.uniform(*difficulty.lobule_scale)) * size
        if not lobule:
            radius = float(random.uniform(*difficulty.vessel_mm))
        centre = _free_place(random, scanner, taken, 1.35 * radius)
        if centre is None:
            continue
        taken.append((np.array(centre), 1.35 * radius))
        draw = _draw_lobule(random, centre, radius, bed, difficulty) if lobule else None
        found.append(draw or draw_vessel(random, centre, radius))
    return found


def _free_place(
    random: np.random.Generator,
    scanner: Scanner,
    taken: list[tuple[Float64[np.ndarray, " 3"], float]],
    reach: float,
) -> Vector | None:
    depth = scanner.view.depth_mm
    for _ in range(30):
        y = float(random.uniform(max(3.0 + reach, 0.15 * depth), 0.7 * depth))
        x = float(random.uniform(-1, 1) * _half_width_mm(scanner, y))
        place = np.array([x, y, random.uniform(-2, 2)])
        if all(np.hypot(*(place - other)[:2]) > reach + far + 1.0 for other, far in taken):
            return x, y, float(place[2])
    return None


def _draw_lobule(
    random: np.random.Generator,
    centre: Vector,
    radius: float,
    bed: Anatomy,
    difficulty: Difficulty,
) -> Inclusion:
    """Draw a lobule of fat or gland: flat, streaky, without effect on what lies behind it."""
    flat = float(np.sqrt(random.uniform(1.3, 2.6)))
    body = Blob(
        centre=centre,
        half_mm=(radius * flat, radius / flat, radius * float(random.uniform(1, 1.6))),
        roll_rad=float(random.normal(0, 0.25)),
        waves=draw_waves(random, 5, float(random.uniform(0.04, 0.12)), (1.5, 5.0)),
    )
    level = surroundings_db(random, bed, body) + float(random.uniform(*difficulty.lobule_db))
    filling = Filling(
        level_db=level,
        attenuation=None,
        softness_mm=float(random.uniform(0.4, 2.0)),
        grain_db=float(random.uniform(1.5, 3.0)),
        specks_db=float(random.uniform(6, 12)),
        seed=int(random.integers(1 << 30)),
    )
    return Inclusion(body=body, filling=filling)


def draw_grains(random: np.random.Generator, body: Blob, kind: Kind) -> Grains:
    """Draw calcifications in most malignant lesions."""
    count = int(random.integers(4, 16)) if kind == "malignant" and random.random() < 0.55 else 0
    direction = random.normal(0, 1, (3, count))
    direction /= np.maximum(np.linalg.norm(direction, axis=0), 1e-9)
    place = 0.75 * random.random(count) ** (1 / 3) * direction * np.array(body.half_mm)[:, None]
    level = random.uniform(17, 27, count)
    return Grains(place + np.array(body.centre)[:, None], 10 ** (level / 20))


def _draw_outline(
    random: np.random.Generator, kind: Kind, domain: Domain
) -> tuple[Rows, Rows, float]:
    """Return waves, spikes and squareness of a kind of lesion in a domain's family."""
    if domain.outline == "waves":
        if kind == "benign":
            return draw_waves(random, 4, float(random.uniform(0.02, 0.07)), (1.5, 3.5)), (), 2.0
        waves = draw_waves(random, 8, float(random.uniform(0.08, 0.15)), (3.0, 8.0))
        spikes = draw_spikes(random, int(random.integers(0, 9)), (0.15, 0.45), (20.0, 60.0))
        return waves, spikes, 2.0
    if kind == "benign":
        lobes = draw_spikes(random, int(random.integers(2, 5)), (0.12, 0.3), (4.0, 9.0))
        return (), lobes, float(random.uniform(2.2, 3.2))
    spikes = draw_spikes(random, int(random.integers(12, 26)), (0.25, 0.6), (25.0, 90.0))
    return draw_waves(random, 3, 0.05, (2.0, 4.0)), spikes, 2.0


def _half_width_mm(scanner: Scanner, depth_mm: float) -> float:
    """Return half the width of the picture at a depth."""
    probe = scanner.probe
    half = scanner.view.width_mm / 2
    if probe.shape == "linear":
        return half
    angle = np.radians(probe.angle_deg / 2)
    return float(min(half, np.tan(angle) * (depth_mm + probe.radius_mm)))
