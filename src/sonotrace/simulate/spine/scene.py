"""A spine seen from the back: transverse, or from beside the midline along it.

The world's z runs along the spine. For a transverse picture the probe's axes are the world's; for
a paramedian one the probe is turned by a quarter about the axis of depth, stands beside the
midline and leans towards it. What can be seen is what the beam still reaches: bone casts shadows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float64, UInt8

from sonotrace.errors import GeometryError
from sonotrace.settings import replace
from sonotrace.simulate.domains import Domain, draw_scanner
from sonotrace.simulate.echo.grid import Grid, make_grid
from sonotrace.simulate.echo.late import Late, draw_late, late_echoes
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.echo.shadow import Attenuation
from sonotrace.simulate.echo.slice import slab_corners
from sonotrace.simulate.echo.specular import Finish
from sonotrace.simulate.echo.surface import (
    Crossings,
    Look,
    amplitude_of,
    cross,
    echoes_of,
    join_echoes,
    planes_at,
    read_sheet,
    stack,
    traced_beams,
)
from sonotrace.simulate.motion import Push, Swing, TissueMotion, draw_jolts, draw_wander
from sonotrace.simulate.path import Poses, Shape, draw_path, longest_mm, poses_from
from sonotrace.simulate.probe import Scanner
from sonotrace.simulate.scene import Moment, Scene, Truth
from sonotrace.simulate.spine.body import GAP_MM, Spine, axis_at, bake_bone, draw_spine, sheets_of
from sonotrace.simulate.spine.mask import find_truth
from sonotrace.simulate.spine.tissue import (
    Back,
    Press,
    bake_attenuation,
    draw_muscles,
    fascia_sheets,
)
from sonotrace.simulate.tissue.noise import smooth
from sonotrace.simulate.world import speckle_pitch_mm

View = Literal["transverse", "paramedian"]

FULL_DEPTH_MM = 84.0
"""Depth of picture for which the spine has an adult's size."""
RAGGED_MM = 0.2
"""Standard deviation of the finest relief of bone, at size 1."""
_SMALLEST = 0.26
"""Of a newborn."""


class Finishes(NamedTuple):
    """How surfaces reflect."""

    bone: Finish
    sheets: dict[str, Finish]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineContent:
    """Echoes of bone and sheets, and the truth."""

    back: Back
    part: UInt8[np.ndarray, "Y X Z"]
    attenuation: Attenuation
    finishes: Finishes
    late: Late
    lamina_mm: float

    def pushes(self, time_s: float) -> Sequence[Push]:
        """Return how it moves the tissue: not at all."""
        return ()

    def points(self, moment: Moment) -> Sequence[Points]:
        """Return the echoes of bone, fasciae, ligamentum flavum and dura."""
        grid = moment.grid
        look = Look(grid, moment.pose, moment.flow)
        beams, planes = traced_beams(grid), planes_at(grid, self.lamina_mm)
        bone = cross(self.back.bone, look, beams, planes)
        gain = self._wear(bone, 5.0, 1)
        # finer than the voxels: what makes the line of bone ragged
        ragged = bone._replace(depth_mm=bone.depth_mm + RAGGED_MM * self._relief(bone))
        found = [echoes_of(ragged, grid, self.finishes.bone, gain)]
        names = list(self.finishes.sheets)
        sheets = stack([cross(self.back.sheets[name], look, beams, planes[1:2]) for name in names])
        found.append(join_echoes(sheets, grid, self._sheet_amplitude(names, sheets)))
        found += late_echoes(self.late, bone, look, self.attenuation, self.finishes.bone)
        return found

    def truth(self, moment: Moment) -> Truth:
        """Return what is to be found."""
        return find_truth(self.back, self.part, self.attenuation, moment)

    def _sheet_amplitude(self, names: list[str], met: Crossings) -> Float64[np.ndarray, "E W"]:
        """Return the amplitude of sheets at every crossing, one sheet in each plane."""
        strength = np.empty(met.depth_mm.shape)
        for plane, name in enumerate(names):
            sheet = self.back.sheets[name]
            x, _, z = met.place[:, plane]
            strength[plane] = read_sheet(sheet.strength, sheet, x, z)
            one = met._replace(incidence_rad=met.incidence_rad[plane : plane + 1])
            strength[plane] *= amplitude_of(one, self.finishes.sheets[name])[0]
        return strength * self._wear(met, 4.0, 2)

    def _wear(self, met: Crossings, spread_db: float, number: int) -> Float64[np.ndarray, "E W"]:
        """Return a factor that varies along a surface."""
        fine, wide = self._noise(met, 1.4, 2 * number), self._noise(met, 6.0, 2 * number + 1)
        return np.asarray(10.0 ** (0.7 * spread_db * (fine + wide) / 20))

    def _relief(self, met: Crossings) -> Float64[np.ndarray, "E W"]:
        """Return how much deeper the surface is than its voxels tell."""
        return self.back.spine.size * self._noise(met, 1.1, 90)

    def _noise(self, met: Crossings, size_mm: float, number: int) -> Float64[np.ndarray, "E W"]:
        size = size_mm * self.back.spine.size
        x, y, z = (a.ravel().astype(np.float32) for a in met.place)
        noise = smooth(x, y, z, (size, size, size), self.back.seed + 31 * number)
        return noise.reshape(met.depth_mm.shape).astype(np.float64)


def spine_scene(
    seed: int,
    domain: Domain,
    *,
    frames: int,
    rows: int,
    columns: int,
    view: View | None = None,
) -> Scene:
    """Draw a spine and a slow path of the probe over it.

    Shallow pictures hold a child's or a newborn's spine: all sizes follow the depth.

    Args:
        seed: Everything is drawn from it.
        domain: Of the scanner, the tissue and the motion.
        frames: How many.
        rows: Of the picture.
        columns: Of the picture.
        view: transverse or paramedian; None draws one.

    Raises:
        GeometryError: The picture is too shallow for any spine.
    """
    random = np.random.default_rng([seed, 41])
    scanner = _hazy(draw_scanner(domain, random, rows, columns))
    size = _size(scanner, domain)
    chosen: View = view or ("transverse", "paramedian")[int(random.integers(2))]
    lamina = float(random.uniform(43, 49)) * size
    spine = draw_spine(random, size, lamina)
    path = draw_course(random, chosen, frames, size, scanner.view.depth_mm)
    poses = _draw_place(random, chosen, spine, lamina) @ path
    motion = _draw_motion(random, domain, size, lamina)
    box = _box(make_grid(scanner), poses, motion.largest_mm() + 2.0)
    content = _draw_content(random, domain, spine, _press(scanner, poses), box)
    return Scene(
        kind="spine",
        seed=seed,
        domain=domain.name,
        scanner=scanner,
        anatomy=content.back,
        content=content,
        poses=poses,
        motion=motion,
        pitch_mm=speckle_pitch_mm(scanner.probe),
        facts=_facts(chosen, size, lamina),
    )


def _draw_content(
    random: np.random.Generator,
    domain: Domain,
    spine: Spine,
    press: Press,
    box: tuple[Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"]],
) -> SpineContent:
    """Draw the tissue around a spine, and bake what is asked for in every frame."""
    size, (low, high) = spine.size, box
    step = float(np.clip(0.5 * size, 0.25, 0.5))
    bone, part = bake_bone(spine, low, high, step)
    sheets = sheets_of(spine, low, high)
    muscles = draw_muscles(random, domain, size)
    seed = int(random.integers(1 << 30))
    axis = sheets["axis"]
    sheets |= fascia_sheets(spine, axis, muscles, press, seed)
    along = axis.origin[1] + axis.step * np.arange(axis.height.shape[1])
    back = Back(
        spine=spine,
        centre=axis_at(spine, along)[0],
        bone=bone,
        sheets=sheets,
        muscles=muscles,
        press=press,
        seed=seed,
    )
    return SpineContent(
        back=back,
        part=part,
        attenuation=bake_attenuation(back, 1.5 * step),
        finishes=_draw_finishes(random),
        late=draw_late(random, size),
        lamina_mm=float(spine.vertebrae[-spine.first, 1]),
    )


def _facts(view: View, size: float, lamina_mm: float) -> dict[str, Any]:
    return {
        "class": "spine",
        "view": view,
        "challenges": ["shadow"],
        "size": round(size, 3),
        "lamina_mm": round(lamina_mm, 2),
    }


def _size(scanner: Scanner, domain: Domain) -> float:
    """Return the size of a spine that the picture can show, 1 for an adult's."""
    size = scanner.view.depth_mm / FULL_DEPTH_MM
    if size < _SMALLEST:
        raise GeometryError(
            f"pictures of domain {domain.name!r} are {scanner.view.depth_mm:.0f} mm deep; a "
            f"newborn's spine needs {_SMALLEST * FULL_DEPTH_MM:.0f} mm, an adult's "
            f"{FULL_DEPTH_MM:.0f} mm. Take the domain 'convex-deep'."
        )
    return min(size, 1.0)


def _hazy(scanner: Scanner) -> Scanner:
    """Let the haze of deep pictures reach deep: it falls by 14 dB over the picture."""
    display = replace(scanner.display, clutter_decay_db_per_mm=14 / scanner.view.depth_mm)
    return replace(scanner, display=display)


def draw_course(
    random: np.random.Generator, view: View, frames: int, size: float, depth_mm: float
) -> Poses:
    """Draw a slow path about the origin: along the spine, or in and out beside it.

    No clip is faster than a hand on the mean: short ones show a part of the way.

    Args:
        random: Where it is drawn from.
        view: Paramedian paths are short: they soon leave the canal.
        frames: How many.
        size: Of the spine, 1 for an adult's.
        depth_mm: Of the picture.
    """
    shapes: tuple[Shape, ...] = ("straight", "back-and-forth", "fan")
    shape = shapes[int(random.integers(len(shapes)))]
    length = float(random.uniform(14, 30)) if view == "transverse" else float(random.uniform(2, 9))
    most = longest_mm(shape, frames)
    if shape == "fan":  # its length is in degrees; what moves is the middle of the picture
        most /= np.radians(0.5 * depth_mm)
    length = min(length * size * min(1.0, frames / 20), most)
    return draw_path(random, shape, frames, length_mm=length)


def _draw_place(
    random: np.random.Generator, view: View, spine: Spine, lamina_mm: float
) -> Float64[np.ndarray, "1 4 4"]:
    """Draw where the middle of the path lies and where the probe faces there."""
    size = spine.size
    gap_mm = float(spine.vertebrae[-spine.first, 2]) + GAP_MM * size
    side = float(random.choice([-1, 1]))
    if view == "transverse":
        angles = random.normal(0, np.radians([3.0, 3.0, 1.5]))
        # twice as often about the gap between two vertebrae as about one
        away = random.uniform(-8, 8) if random.random() < 0.6 else random.uniform(-18, 18)
        place = np.array([random.normal(0, 2.5), 0.0, gap_mm / size + away]) * size
    else:
        beside = float(random.uniform(10, 14))
        # mostly through the laminae, sometimes along the joints
        aim = float(random.uniform(4.5, 6.5) if random.random() < 0.8 else random.uniform(10, 14))
        turn = float(random.choice([-1, 1]))
        lean = np.arctan2((beside - aim) * size, lamina_mm)
        # leaning about the probe's own axis: towards the midline whichever way it is turned
        angles = np.array([turn * np.pi / 2, -side * turn * lean, 0.0])
        angles += random.normal(0, np.radians([2.0, 1.0, 2.0]))
        place = np.array([side * beside, 0.0, gap_mm / size + random.uniform(-18, 18)]) * size
    return poses_from(place[None], angles[None])


def _draw_motion(
    random: np.random.Generator, domain: Domain, size: float, lamina_mm: float
) -> TissueMotion:
    """Draw breathing, which moves the spine as a whole, the pulse of the sac, and pressure."""
    strength = domain.motion_strength
    draw = draw_jolts if domain.motion == "steps" else draw_wander
    breath = Swing(
        (float(random.normal(0, 10 * size)), 1.2 * lamina_mm, float(random.normal(0, 10 * size))),
        75.0 * size,
        (0.25, 0.6, float(random.choice([-1, 1])) * 0.75),
        draw(random, 0.7 * strength * size, 0.25),
    )
    pulse = Swing(
        (0.0, lamina_mm + 13 * size, 0.0),
        9.0 * size,
        (0.0, 1.0, 0.0),
        draw(random, 0.1 * strength * size, 1.2),
    )
    return TissueMotion(
        swings=(breath, pulse),
        squeeze=draw(random, 0.008 * strength, 0.4),
        deepest_mm=1.9 * lamina_mm,
    )


def _box(
    grid: Grid, poses: Poses, margin: float
) -> tuple[Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"]]:
    """Return the corners of what the poses see."""
    corners = slab_corners(grid)
    every = np.concatenate([corners @ pose[:3, :3].T + pose[:3, 3] for pose in poses])
    return every.min(axis=0) - margin, every.max(axis=0) + margin


def _press(scanner: Scanner, poses: Poses) -> Press:
    """Return the dent of the array at the middle of its path."""
    middle = poses[len(poses) // 2]
    radius = scanner.probe.radius_mm if scanner.probe.shape == "convex" else 0.0
    row = np.array([middle[0, 0], middle[2, 0]])
    row /= np.linalg.norm(row)
    return Press(
        radius,
        (float(middle[0, 3]), float(middle[2, 3])),
        (float(row[0]), float(row[1])),
    )


def _draw_finishes(random: np.random.Generator) -> Finishes:
    """Draw how surfaces reflect."""

    def one(peak: float, diffuse: float, lobe_deg: float) -> Finish:
        return Finish(
            peak + float(random.normal(0, 1.5)),
            diffuse + float(random.normal(0, 1.5)),
            float(np.radians(lobe_deg * random.uniform(0.85, 1.15))),
        )

    return Finishes(
        bone=one(35.0, -25.0, 34.0),
        sheets={
            "fascia": one(22.0, -16.0, 13.0),
            "aponeurosis": one(19.0, -13.0, 16.0),
            "deep_fascia": one(14.0, -14.0, 14.0),
            "ligament": one(15.0, -13.0, 16.0),
            "ligament_end": one(9.0, -13.0, 16.0),
            "dura": one(27.0, -18.0, 15.0),
            "front": one(24.0, -16.0, 16.0),
        },
    )
