"""A needle that goes through tissue, perhaps to a lesion, among streaks that look like it.

Most needles lie along the picture, some cross it; the probe drifts, so that a needle may leave
the slice during the clip. Truth says where it is (`geometric`) and what can be seen (`visible`);
the rule is that of `needle.truth`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from sonotrace.errors import GeometryError
from sonotrace.simulate.domains import Domain, draw_scanner
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.motion import STILL, Push, draw_tissue_motion, draw_wander
from sonotrace.simulate.needle.body import Needle, Shaft
from sonotrace.simulate.needle.draw import (
    CROSSING_RAD,
    LONGEST_MM,
    draw_needle,
    draw_shine,
    draw_target,
    draw_track,
    fitting_gauge,
)
from sonotrace.simulate.needle.echo import (
    NODE_MM,
    Nodes,
    Shine,
    in_slice,
    needle_points,
    see,
    spots_at,
    tip_amplitude,
    wall_amplitude,
)
from sonotrace.simulate.needle.mask import paint
from sonotrace.simulate.needle.target import distance_to_target_mm
from sonotrace.simulate.needle.truth import (
    Flags,
    Surroundings,
    Values,
    median_where,
    place_facts,
    shown,
    surroundings,
)
from sonotrace.simulate.path import Poses, draw_path, poses_from
from sonotrace.simulate.probe import Scanner
from sonotrace.simulate.scene import Moment, Scene, Truth
from sonotrace.simulate.tissue.blob_mask import mark_blob
from sonotrace.simulate.tissue.fascia import Streak, Streaked, draw_streaks, mark_streaks
from sonotrace.simulate.tissue.inclusion import Filling, Inclusion, Overlay
from sonotrace.simulate.tissue.layers import draw_breast, draw_muscle
from sonotrace.simulate.tissue.outline import Blob
from sonotrace.simulate.tissue.section import trace_near
from sonotrace.simulate.world import Anatomy, pose_of, speckle_pitch_mm

FRAMES_PER_SECOND = 25.0
FIRST_PIXELS = 30
"""The first frame shows at least as many pixels of the needle, for a tracker to begin with."""
FIRST_PIXELS_OF_LESION = 60
"""And of the lesion, if there is one."""
_FIRST_SHARE = 0.2
"""And this share of the needle, if it lies along the picture."""
_ATTEMPTS = 60

Place = Float64[np.ndarray, " 3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleContent:
    """A needle, what looks like it, and what it may be meant for."""

    needle: Needle
    shine: Shine
    streaks: tuple[Streak, ...]
    lesion: Blob | None
    anatomy: Anatomy

    def pushes(self, time_s: float) -> list[Push]:
        """Return how the needle drags tissue along."""
        return self.needle.pushes(time_s)

    def shaft(self, moment: Moment) -> Shaft:
        """Return where the needle is, from near the picture to its tip."""
        along = self.needle.along(moment.time_s, NODE_MM, LONGEST_MM)
        return self.needle.shaft(moment.time_s, along, moment.flow)

    def points(self, moment: Moment) -> list[Points]:
        """Return the echoes of the needle."""
        shaft = self.shaft(moment)
        return needle_points(moment.grid, moment.pose, shaft, self.shine, moment.time_s)

    def truth(self, moment: Moment) -> Truth:
        """Return masks of needle (1) and lesion (2), of the streaks, and where the needle is."""
        shaft, view = self.shaft(moment), moment.grid.scanner.view
        tip = (shaft.tip - moment.pose.origin) @ moment.pose.rotation
        nodes = see(moment.grid, moment.pose, shaft)
        seen, facts = self._what_is_seen(moment, nodes, tip, float(shaft.along_mm[-1]))
        lesions = () if self.lesion is None else (self.lesion,)
        tracing = trace_near(moment, (*lesions, *self.streaks))
        behind = np.zeros((view.rows, view.columns), dtype=np.uint8)
        if self.lesion is not None:
            mark_blob(behind, tracing, self.lesion, 2)
            away = distance_to_target_mm(shaft.tip, self.lesion, moment.flow)
            facts["tip_to_lesion_mm"] = away
        geometric, visible, facts["visible"] = paint(moment.grid, nodes, seen, behind)
        distractors = np.zeros_like(geometric)
        mark_streaks(distractors, tracing, self.streaks)
        return Truth(visible, geometric, distractors, facts)

    def _what_is_seen(
        self, moment: Moment, nodes: Nodes, tip: Place, length_mm: float
    ) -> tuple[Flags, dict[str, Any]]:
        """Return at which nodes the needle can be seen, and facts of the frame."""
        grid = moment.grid
        facts = place_facts(grid, tip, nodes)
        facts |= {"level_db": None, "contrast_db": None, "incidence_deg": None}
        facts |= {"visible": False, "length_mm": self.needle.advance.at(moment.time_s)}
        if len(nodes.x) < 2:
            return np.zeros(len(nodes.x), dtype=bool), facts
        level = 20 * np.log10(wall_amplitude(grid, nodes, self.shine, moment.time_s) + 1e-3)
        level += spots_at(self.shine, length_mm - nodes.along_mm)
        around = surroundings(moment, self.anatomy, nodes)
        tip_db = -math.inf
        if nodes.along_mm[-1] == length_mm:
            tip_db = 20 * math.log10(tip_amplitude(grid, tip, self.shine) + 1e-3)
        within = in_slice(grid, nodes, self.needle.diameter_mm / 2)
        seen = shown(nodes, level, tip_db, around, within)
        facts |= _level_facts(nodes, level, around, within if within.any() else ~within)
        return seen, facts


def needle_scene(  # noqa: PLR0913 - keyword choices of one scene
    seed: int,
    domain: Domain,
    *,
    frames: int,
    rows: int,
    columns: int,
    with_lesion: bool | None = None,
    gauge: int | None = None,
) -> Scene:
    """Draw a needle in breast or muscle; its first frame shows it, and the lesion if there is one.

    Args:
        seed: Another seed, another scene.
        domain: Of the scanner and the tissue.
        frames: Length of the clip, at 25 frames/s.
        rows: Of the picture.
        columns: Of the picture.
        with_lesion: Whether there is a lesion as the target; None leaves it to chance.
        gauge: Of the needle, 14 to 25; None draws one that is not thinner than a pixel.

    Raises:
        GeometryError: There is no such gauge, or it cannot be shown in this picture.
    """
    scanner = draw_scanner(domain, np.random.default_rng([seed, 40]), rows, columns)
    random = np.random.default_rng([seed, 41])
    gauge = fitting_gauge(random, scanner, gauge)
    if with_lesion is None:
        with_lesion = bool(random.random() < 0.4)
    poses = _draw_poses(random, frames)
    face = scanner.probe.radius_mm if scanner.probe.shape == "convex" else 0.0
    draw_tissue = draw_breast if random.random() < 0.45 else draw_muscle
    tissue = draw_tissue(random, domain, scanner.reach_mm(), face)
    width, reach = scanner.view.width_mm, scanner.reach_mm()
    motion = draw_tissue_motion(
        random, (-width / 2, 0.0, -6.0), (width / 2, reach, 6.0), 0.6 * domain.motion_strength
    )
    first = Moment(0, 0.0, make_grid(scanner), pose_of(poses[0]), STILL)
    for _ in range(_ATTEMPTS):
        content = _draw_content(random, first, (gauge, frames, with_lesion), tissue)
        if content is None or not _begins_well(content, first):
            continue
        return Scene(
            kind="needle",
            seed=seed,
            domain=domain.name,
            scanner=scanner,
            anatomy=content.anatomy,
            content=content,
            poses=poses,
            motion=motion,
            frames_per_second=FRAMES_PER_SECOND,
            pitch_mm=speckle_pitch_mm(scanner.probe),
            facts=_clip_facts(content, poses, scanner),
        )
    target = f", or its target fewer than {FIRST_PIXELS_OF_LESION}," if with_lesion else ""
    raise GeometryError(
        f"a needle of {gauge} G shows fewer than {FIRST_PIXELS} pixels{target} in pictures of "
        f"{columns} x {rows} pixels of {scanner.view.pixel_mm:.2f} mm. Take a thicker needle "
        f"(a smaller gauge) or more pixels."
    )


def _begins_well(content: NeedleContent, first: Moment) -> bool:
    truth = content.truth(first)
    seen, there = int((truth.visible == 1).sum()), int((truth.geometric == 1).sum())
    if content.lesion is not None and (truth.visible == 2).sum() < FIRST_PIXELS_OF_LESION:
        return False
    share = _FIRST_SHARE if abs(content.needle.out_rad) < CROSSING_RAD else 0.0
    return seen >= max(FIRST_PIXELS, share * there)


def _draw_content(
    random: np.random.Generator, first: Moment, wanted: tuple[int, int, bool], tissue: Anatomy
) -> NeedleContent | None:
    """Draw a needle, streaks and perhaps a lesion; None if the needle misses the picture."""
    gauge, frames, with_lesion = wanted
    scanner = first.grid.scanner
    track = draw_track(random, scanner)
    if track is None:
        return None
    far = float(random.uniform(0.55, 0.75)) if with_lesion else 0.88
    needle, longest = draw_needle(random, track, gauge, frames / FRAMES_PER_SECOND, far)
    count = int(random.integers(1, 6))
    streaks = draw_streaks(random, count, scanner.view.width_mm, scanner.reach_mm())
    anatomy: Anatomy = Streaked(base=tissue, streaks=streaks)
    lesion = None
    if with_lesion:
        lesion = draw_target(random, needle, longest, scanner)
        filling = Filling(
            level_db=float(random.uniform(-11, -4)),
            attenuation=float(random.uniform(0.4, 1.1)),
            softness_mm=float(random.uniform(0.35, 0.9)),
            rim_db=float(random.uniform(0, 6)),
            edge_attenuation=float(random.uniform(0, 4)),
            seed=int(random.integers(1 << 30)),
        )
        anatomy = Overlay(base=anatomy, inclusions=(Inclusion(body=lesion, filling=filling),))
    shine = draw_shine(random)
    return NeedleContent(
        needle=needle, shine=shine, streaks=streaks, lesion=lesion, anatomy=anatomy
    )


def _draw_poses(random: np.random.Generator, frames: int) -> Poses:
    """Draw an unsteady hand; in some clips the probe slides off the needle. The first is 1."""
    trembling = draw_path(random, "hold", frames, tremor_mm=float(random.uniform(0.03, 0.12)))
    size = float(random.choice([0.1, 0.5, 1.4], p=[0.45, 0.35, 0.2]))
    slide = draw_wander(random, size, 0.25)
    turn = draw_wander(random, math.radians(1.5 * size), 0.25)
    times = np.arange(frames) / FRAMES_PER_SECOND
    position, angles = np.zeros((frames, 3)), np.zeros((frames, 3))
    position[:, 2] = np.clip([slide.at(time) for time in times], -4, 4)
    angles[:, 0] = [turn.at(time) for time in times]
    poses: Poses = np.linalg.inv(trembling[0]) @ trembling
    return np.asarray(poses_from(position, angles) @ poses)


def _clip_facts(content: NeedleContent, poses: Poses, scanner: Scanner) -> dict[str, Any]:
    """Return what is known of the whole clip, with its challenges."""
    needle = content.needle
    times = np.arange(len(poses)) / FRAMES_PER_SECOND
    lengths = np.array([needle.advance.at(time) for time in times])
    tips = np.array([needle.tip_mm(time) for time in times])
    away = np.einsum("tij,tj->ti", np.linalg.inv(poses)[:, :3, :3], tips - poses[:, :3, 3])[:, 2]
    bent = needle.bend_per_mm * lengths.max() ** 2 / 2
    steepest = max(abs(needle.angle_rad + needle.turn.at(time)) for time in times)
    challenges = {
        "steep": steepest > math.radians(35),
        "out of plane": bool(abs(away).max() > 1.2) or abs(needle.out_rad) > CROSSING_RAD,
        "bent": bent > 1.5,
        "retraction": lengths.max() - lengths[int(lengths.argmax()) :].min() > 5,
        "thin": needle.diameter_mm < 4 * scanner.view.pixel_mm,
        "look-alike": len(content.streaks) > 2,
        "target": content.lesion is not None,
    }
    return {
        "class": "needle",
        "challenges": [name for name, there in challenges.items() if there],
        "gauge": needle.gauge,
        "diameter_mm": needle.diameter_mm,
        "streaks": len(content.streaks),
        "with_lesion": content.lesion is not None,
        "out_of_plane_deg": math.degrees(needle.out_rad),
        "largest_bend_mm": bent,
    }


def _level_facts(
    nodes: Nodes, level_db: Values, around: Surroundings, where: Flags
) -> dict[str, float]:
    """Return the middle of levels along a part of the shaft, less what tissue takes."""
    level = level_db + around.passed_db
    middle = median_where(where, (level, level - around.background_db, nodes.incidence_rad))
    return {
        "level_db": middle[0],
        "contrast_db": middle[1],
        "incidence_deg": math.degrees(middle[2]),
    }
