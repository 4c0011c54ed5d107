"""Domains: named families of scanners, displays, tissue and motion, to train on or to test on.

A domain is a set of ranges; a scene draws one scanner from it. Domains for results lie outside
the ranges of those for training: other frequencies, coarser beams, a shorter and bent grey scale,
a convex array, other statistics of tissue, another family of outlines, another motion. They
measure what a network makes of a scanner that it has not seen. Scenes are divided by seed as
well: what lies between the seeds for training and those for results is neither.
"""

from typing import Literal

import numpy as np

from sonotrace.errors import UsageError
from sonotrace.settings import Settings
from sonotrace.simulate.probe import Display, Probe, Scanner, View

Range = tuple[float, float]

TRAINING_SEEDS = range(0, 100_000)
HELD_OUT_FROM = 1_000_000
"""The first seed whose scene no training may see."""


class Domain(Settings):
    """Ranges from which a scene draws its scanner, and the kinds of tissue and motion."""

    name: str
    held_out: bool = False
    """For results only: no training may draw from it."""
    shape: Literal["linear", "convex"] = "linear"
    frequency_mhz: Range
    bandwidth: Range = (0.5, 0.65)
    f_receive: Range
    f_transmit: Range = (2.6, 3.4)
    focus_mm: Range
    height_mm: Range = (4.5, 5.5)
    lens_mm: Range
    radius_mm: Range = (50.0, 60.0)
    angle_deg: Range = (58.0, 66.0)
    depth_mm: Range
    """Height of the picture."""
    steering_deg: tuple[float, ...] = (0.0,)
    dynamic_range_db: Range
    full_db: Range = (25.0, 36.0)
    gamma: Range = (1.5, 2.2)
    curve: Range = (0.0, 0.2)
    noise_db: Range = (-36.0, -28.0)
    clutter_db: Range = (-22.0, -14.0)
    gain_db_per_mm: Range = (-0.55, -0.15)
    smooth_depth_mm: Range = (0.06, 0.085)
    smooth_across_mm: Range = (0.17, 0.28)
    smooth_share: Range = (0.75, 0.95)
    """Speckle reduction; 0 for the raw picture."""
    tissue: Literal["lobular", "streaky"] = "lobular"
    """Family of the statistics of echoes: lobules of Worley cells, or smooth streaks."""
    outline: Literal["waves", "spikes"] = "waves"
    """Family of the outlines of lesions."""
    motion: Literal["swings", "steps"] = "swings"
    """How tissue moves: smoothly all the time, or by jerks and rests."""
    motion_strength: float = 1.0


DOMAINS: dict[str, Domain] = {
    domain.name: domain
    for domain in (
        Domain(
            name="linear-soft",
            frequency_mhz=(6.0, 7.5),
            f_receive=(1.5, 2.0),
            focus_mm=(16.0, 24.0),
            lens_mm=(17.0, 22.0),
            depth_mm=(36.0, 46.0),
            steering_deg=(-7.0, 0.0, 7.0),
            dynamic_range_db=(60.0, 72.0),
            smooth_across_mm=(0.13, 0.22),
        ),
        Domain(
            name="linear-fine",
            frequency_mhz=(7.5, 9.0),
            f_receive=(1.3, 1.7),
            focus_mm=(14.0, 22.0),
            lens_mm=(15.0, 20.0),
            depth_mm=(32.0, 42.0),
            dynamic_range_db=(60.0, 72.0),
        ),
        Domain(
            name="convex-deep",
            shape="convex",
            frequency_mhz=(3.2, 3.9),
            bandwidth=(0.55, 0.7),
            f_receive=(1.8, 2.2),
            f_transmit=(3.2, 3.8),
            focus_mm=(48.0, 60.0),
            height_mm=(11.0, 13.0),
            lens_mm=(50.0, 60.0),
            depth_mm=(82.0, 96.0),
            dynamic_range_db=(60.0, 72.0),
            gain_db_per_mm=(-0.25, 0.0),
            smooth_depth_mm=(0.1, 0.16),
            smooth_across_mm=(0.3, 0.5),
        ),
        Domain(
            name="linear-low",
            held_out=True,
            frequency_mhz=(4.0, 5.0),
            bandwidth=(0.4, 0.48),
            f_receive=(2.4, 2.7),
            f_transmit=(3.6, 4.2),
            focus_mm=(24.0, 28.0),
            lens_mm=(24.0, 28.0),
            depth_mm=(46.0, 52.0),
            dynamic_range_db=(48.0, 54.0),
            full_db=(26.0, 29.0),
            gamma=(1.15, 1.35),
            gain_db_per_mm=(-0.15, 0.1),
            smooth_depth_mm=(0.1, 0.13),
            smooth_across_mm=(0.1, 0.16),
            smooth_share=(0.45, 0.6),
            curve=(0.25, 0.45),
            noise_db=(-27.0, -22.0),
            tissue="streaky",
            outline="spikes",
            motion="steps",
        ),
        Domain(
            name="linear-high",
            held_out=True,
            frequency_mhz=(11.0, 12.0),
            bandwidth=(0.66, 0.75),
            f_receive=(2.1, 2.4),
            focus_mm=(10.0, 13.0),
            height_mm=(3.6, 4.2),
            lens_mm=(11.0, 14.0),
            depth_mm=(26.0, 31.0),
            dynamic_range_db=(76.0, 84.0),
            full_db=(36.2, 39.0),
            gamma=(2.25, 2.5),
            gain_db_per_mm=(-0.15, 0.1),
            smooth_depth_mm=(0.04, 0.055),
            smooth_across_mm=(0.29, 0.36),
            smooth_share=(0.6, 0.72),
            curve=(-0.4, -0.2),
            tissue="streaky",
            outline="spikes",
            motion="steps",
        ),
        Domain(
            name="convex-other",
            held_out=True,
            shape="convex",
            frequency_mhz=(4.6, 5.2),
            bandwidth=(0.42, 0.5),
            f_receive=(2.4, 2.7),
            f_transmit=(4.0, 4.6),
            focus_mm=(36.0, 44.0),
            height_mm=(8.0, 9.5),
            lens_mm=(38.0, 46.0),
            radius_mm=(38.0, 45.0),
            angle_deg=(68.0, 74.0),
            depth_mm=(66.0, 78.0),
            dynamic_range_db=(48.0, 54.0),
            full_db=(26.0, 29.0),
            gamma=(1.15, 1.35),
            gain_db_per_mm=(0.05, 0.15),
            smooth_depth_mm=(0.18, 0.24),
            smooth_across_mm=(0.2, 0.28),
            smooth_share=(0.45, 0.6),
            curve=(0.25, 0.45),
            tissue="streaky",
            outline="spikes",
            motion="steps",
        ),
    )
}


def find_domain(name: str) -> Domain:
    """Return the domain of a name.

    Raises:
        UsageError: There is none.
    """
    if name not in DOMAINS:
        raise UsageError(f"there is no domain {name!r}. Give one of {', '.join(DOMAINS)}.")
    return DOMAINS[name]


def is_held_out(seed: int, domain: str) -> bool:
    """Return whether a scene is for results only, by its seed or by its domain."""
    return seed >= HELD_OUT_FROM or find_domain(domain).held_out


def draw_scanner(domain: Domain, random: np.random.Generator, rows: int, columns: int) -> Scanner:
    """Draw a scanner whose picture has this many rows and columns."""

    def one(limits: Range) -> float:
        return float(random.uniform(*limits))

    probe = Probe(
        shape=domain.shape,
        frequency_mhz=one(domain.frequency_mhz),
        bandwidth=one(domain.bandwidth),
        f_receive=one(domain.f_receive),
        f_transmit=one(domain.f_transmit),
        focus_mm=one(domain.focus_mm),
        height_mm=one(domain.height_mm),
        lens_mm=one(domain.lens_mm),
        radius_mm=one(domain.radius_mm),
        angle_deg=one(domain.angle_deg),
        steering_deg=domain.steering_deg,
    )
    display = Display(
        dynamic_range_db=one(domain.dynamic_range_db),
        full_db=one(domain.full_db),
        gamma=one(domain.gamma),
        curve=one(domain.curve),
        noise_db=one(domain.noise_db),
        clutter_db=one(domain.clutter_db),
        gain_db_per_mm=one(domain.gain_db_per_mm),
        smooth_depth_mm=one(domain.smooth_depth_mm),
        smooth_across_mm=one(domain.smooth_across_mm),
        smooth_share=one(domain.smooth_share),
    )
    view = View(rows=rows, columns=columns, pixel_mm=one(domain.depth_mm) / rows)
    return Scanner(probe=probe, view=view, display=display)
