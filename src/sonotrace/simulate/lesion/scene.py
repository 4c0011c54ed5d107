"""A lesion in the breast, and what looks like one: clips whose masks are exact.

The lesion is a body with a signed distance in mm. Its mask is where the tissue now at a pixel's
centre lies within that body; how blurred its echoes are at the border is another matter. Its
section changes over a clip because the slice sweeps through it and because tissue around it
squeezes it; both are in the picture as they are in the mask.

Signs of a benign lesion: smooth, wider than tall, a thin capsule, more echo behind it, shadows of
its edges. Of a malignant one: spiculated or lobulated, taller than wide, a broad bright border, a
shadow, calcifications.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sonotrace.simulate.domains import Domain, draw_scanner
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.echo.specular import elevational_weight
from sonotrace.simulate.lesion.body import (
    DIFFICULTY,
    Difficulty,
    Grains,
    Kind,
    draw_body,
    draw_filling,
    draw_grains,
    draw_look_alikes,
    surroundings_db,
)
from sonotrace.simulate.motion import (
    Jolts,
    Push,
    Swing,
    TissueMotion,
    Wander,
    draw_jolts,
    draw_tissue_motion,
    went_to,
)
from sonotrace.simulate.path import Poses, draw_path, longest_mm
from sonotrace.simulate.probe import Scanner
from sonotrace.simulate.scene import Labels, Moment, Scene, Truth
from sonotrace.simulate.tissue.blob_mask import mark_blob
from sonotrace.simulate.tissue.inclusion import Filling, Inclusion, Overlay
from sonotrace.simulate.tissue.layers import draw_breast
from sonotrace.simulate.tissue.outline import Blob, Body
from sonotrace.simulate.tissue.section import mark_section, trace_near
from sonotrace.simulate.world import speckle_pitch_mm

BLURRED_MM = 0.9
"""A border this soft is tagged `blurred boundary`."""
CHANGED_SWEEP, CHANGED_SQUEEZE = 0.5, 0.12
"""Sweep through this share of the half axis, or strain, is tagged `shape change`."""
ALIKE_DB = 2.0
"""A lobule whose level is this near to the lesion's, where most frames show it, is tagged
`look-alike`."""
LESION = 2
"""Its class id."""
FRAMES_PER_SECOND = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionContent:
    """The lesion and its look-alikes, as far as they are no tissue."""

    body: Blob
    look_alikes: tuple[Body, ...]
    grains: Grains

    def pushes(self, time_s: float) -> Sequence[Push]:
        """Return nothing: what squeezes the lesion is part of the tissue's motion."""
        return ()

    def points(self, moment: Moment) -> Sequence[Points]:
        """Return the echoes of calcifications, which move with the tissue."""
        if not self.grains.strength.size:
            return ()
        x, y, z = moment.probe_at(*went_to(moment.flow, *self.grains.place))
        depth, across = y, x
        if moment.grid.shape.convex:
            radius = moment.grid.shape.radius
            depth, across = np.hypot(x, y + radius) - radius, np.arctan2(x, y + radius)
        strength = self.grains.strength * elevational_weight(moment.grid, depth, z)
        return (Points(depth, across, strength),)

    def truth(self, moment: Moment) -> Truth:
        """Return the section of the lesion and those of its look-alikes."""
        view = moment.grid.scanner.view
        labels = np.zeros((view.rows, view.columns), dtype=np.uint8)
        tracing = trace_near(moment, (self.body, *self.look_alikes))
        mark_blob(labels, tracing, self.body, LESION)
        distractors = np.zeros_like(labels)
        for one in self.look_alikes:
            if isinstance(one, Blob):
                mark_blob(distractors, tracing, one, 1)
            else:
                mark_section(distractors, tracing, one, 1)
        distractors[labels > 0] = 0
        return Truth(labels, labels, distractors, self._facts(moment, labels))

    def _facts(self, moment: Moment, labels: Labels) -> dict[str, Any]:
        centre = [np.array([value]) for value in self.body.centre]
        x, y, z = moment.probe_at(*went_to(moment.flow, *centre))
        row, column = moment.grid.scanner.pixel_of(x, y)
        area = int(np.count_nonzero(labels))
        return {
            "centre_px": [round(float(row[0]), 3), round(float(column[0]), 3)],
            "off_plane_mm": round(float(z[0]), 4),
            "visible": area > 0,
            "area_px": area,
            "area_mm2": round(area * moment.grid.scanner.view.pixel_mm**2, 3),
        }


def lesion_scene(  # noqa: PLR0913 - keyword choices of one scene
    seed: int,
    domain: Domain,
    *,
    frames: int,
    rows: int,
    columns: int,
    kind: Kind | None = None,
    difficulty: Difficulty = DIFFICULTY,
) -> Scene:
    """Draw a clip of one lesion, which its first frame shows.

    Args:
        seed: Decides everything that is drawn.
        domain: Family of scanners, tissue, outlines and motion.
        frames: How many.
        rows: Of the picture.
        columns: Of the picture.
        kind: Benign or malignant; None draws it.
        difficulty: How hard lesions are to find.
    """
    random = np.random.default_rng([seed, 2])
    scanner = draw_scanner(domain, random, rows, columns)
    drawn = random.random() < difficulty.benign_share
    kind = kind or ("benign" if drawn else "malignant")
    face = scanner.probe.radius_mm if domain.shape == "convex" else 0.0
    breast = draw_breast(random, domain, scanner.view.depth_mm, face)
    body = draw_body(random, kind, domain, scanner)
    poses, sweep_mm = _draw_poses(random, body, frames, difficulty)
    others = draw_look_alikes(random, body, scanner, breast, difficulty)
    bed = Overlay(base=breast, inclusions=tuple(others))
    filling = draw_filling(random, kind, surroundings_db(random, bed, body), difficulty)
    lesion = Inclusion(body=body, filling=filling)
    squeeze = float(random.uniform(*difficulty.squeeze)) * domain.motion_strength
    grains = draw_grains(random, body, kind)
    lobules = sum(isinstance(one.body, Blob) for one in others)
    alike = any(_looks_alike(one, filling, poses, scanner) for one in others)
    challenges = _challenges(filling.softness_mm, sweep_mm / body.half_mm[2], squeeze, alike)
    return Scene(
        kind="lesion",
        seed=seed,
        domain=domain.name,
        scanner=scanner,
        anatomy=Overlay(base=bed, inclusions=(lesion,)),
        content=LesionContent(
            body=body, look_alikes=tuple(one.body for one in others), grains=grains
        ),
        poses=poses,
        motion=_draw_motion(random, body, scanner, domain, squeeze),
        frames_per_second=FRAMES_PER_SECOND,
        pitch_mm=speckle_pitch_mm(scanner.probe),
        facts={
            "class": kind,
            "challenges": challenges,
            "softness_mm": round(filling.softness_mm, 3),
            "sweep_mm": round(sweep_mm, 2),
            "squeeze": round(squeeze, 3),
            "lobules": lobules,
            "vessels": len(others) - lobules,
        },
    )


def _draw_poses(
    random: np.random.Generator, body: Blob, frames: int, difficulty: Difficulty
) -> tuple[Poses, float]:
    """Draw a path that begins near the middle of the body; return how far it sweeps as well."""
    courses, shares = zip(*difficulty.courses, strict=True)
    course = courses[int(random.choice(len(courses), p=np.array(shares) / sum(shares)))]
    half = body.half_mm[2]
    length = {
        "hold": 0.0,
        "straight": half * random.uniform(0.5, 1.0),
        "back-and-forth": half * random.uniform(1.2, 1.4) + 0.8,
    }[course]
    # short clips sweep through a part of the lesion only
    length = min(length, longest_mm(course, frames, FRAMES_PER_SECOND))
    poses = draw_path(random, course, frames, length_mm=length)
    if random.random() < 0.5:  # sweeps go either way
        poses[:, 2, 3] *= -1
    # the middle of the path lies at the origin: begin where the body is
    poses[:, :3, 3] -= poses[0, :3, 3]
    start = random.uniform(-0.35, 0.35) * half if course != "straight" else 0.0
    poses[:, 2, 3] += start
    return poses, float(np.ptp(poses[:, 2, 3]))


def _draw_motion(
    random: np.random.Generator, body: Blob, scanner: Scanner, domain: Domain, squeeze: float
) -> TissueMotion:
    """Draw motion of the tissue, and two swings that press the lesion from above and below."""
    half = scanner.view.width_mm / 2
    low, high = (-half, 0.0, -8.0), (half, scanner.view.depth_mm, 8.0)
    motion = draw_tissue_motion(random, low, high, domain.motion_strength, domain.motion)
    x, y, z = body.centre
    size = max(3.0, 0.9 * body.half_mm[1])
    rate, phase = float(random.uniform(0.3, 0.9)), float(random.uniform(0, 2 * np.pi))
    course: Wander | Jolts = Wander((0.5 * squeeze * size,), (rate,), (phase,))
    if domain.motion == "steps":
        course = draw_jolts(random, 0.5 * squeeze * size, rate)
    pressed = [
        Swing((x, y + side * size, z), size, (0.0, -side, 0.0), course) for side in (-1.0, 1.0)
    ]
    return TissueMotion(
        swings=(*motion.swings, *pressed), squeeze=motion.squeeze, deepest_mm=motion.deepest_mm
    )


def _looks_alike(other: Inclusion, lesion: Filling, poses: Poses, scanner: Scanner) -> bool:
    """Return whether it is a lobule about as dark as the lesion that half the frames show.

    A frame shows it if the slice passes through the lobule and its middle, projected, lies in the
    picture; how tissue moves meanwhile is left out.
    """
    level, body = other.filling.level_db, other.body
    if not isinstance(body, Blob) or level is None or lesion.level_db is None:
        return False
    away = np.array(body.centre) - poses[:, :3, 3]
    x, y, z = np.einsum("fij,fi->jf", poses[:, :3, :3], away)
    row, column = scanner.pixel_of(x, y)
    view = scanner.view
    within = (row > -0.5) & (row < view.rows - 0.5)
    within &= (column > -0.5) & (column < view.columns - 0.5)
    shown = within & (np.abs(z) < body.half_mm[2])
    return bool(abs(level - lesion.level_db) <= ALIKE_DB and shown.mean() >= 0.5)


def _challenges(softness_mm: float, sweep: float, squeeze: float, alike: bool) -> list[str]:
    """Return the tags that the drawn numbers earn."""
    tags = {
        "shape change": sweep >= CHANGED_SWEEP or squeeze >= CHANGED_SQUEEZE,
        "blurred boundary": softness_mm >= BLURRED_MM,
        "look-alike": alike,
    }
    return [tag for tag, earned in tags.items() if earned]
