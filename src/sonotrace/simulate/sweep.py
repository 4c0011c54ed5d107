"""A freehand sweep: a scene whose probe moves over tissue, with the pose of every frame.

Class ids: cyst 1, sphere 2, wire 3, tube or vessel 4, asymmetric body 5. The photoacoustic
channel shows vessels, tubes and wires from the poses and on the pixels of the echo pictures.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from sonotrace.data.sweep import Sweep
from sonotrace.errors import GeometryError
from sonotrace.simulate.clip import clip_of
from sonotrace.simulate.domains import Domain, draw_scanner
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.motion import Push, draw_tissue_motion
from sonotrace.simulate.path import SHAPES, Poses, Shape, draw_path
from sonotrace.simulate.phantom.body import TUBE, Phantom, draw_phantom
from sonotrace.simulate.phantom.mask import mark_phantom
from sonotrace.simulate.phantom.wire import wire_echoes
from sonotrace.simulate.photoacoustic.picture import Light, Photoacoustic, make_photoacoustic
from sonotrace.simulate.probe import Scanner
from sonotrace.simulate.scene import Moment, Scene, Stage, Truth, set_stage
from sonotrace.simulate.tissue.layers import draw_breast, draw_muscle
from sonotrace.simulate.tissue.section import places_of_pixels, trace_tissue
from sonotrace.simulate.tissue.vessel import (
    Vascular,
    Vessels,
    draw_branches,
    make_vessels,
    nearest_vessel,
    vessels_of,
)
from sonotrace.simulate.world import Anatomy, speckle_pitch_mm
from sonotrace.types import Frame

STEP_MM = 0.13
"""Default mean distance of neighbouring frames: a hand's unsteady speed then keeps the steps of
the face within the 0.05 to 0.3 mm over which speckle tells how far the probe went. Corners of the
picture go up to 0.3 mm in the mean and 0.6 mm at most, whatever the path."""
FINEST_STEP_MM = 0.005
"""The least that can be asked for on the command line."""
CHANNEL = "photoacoustic"

Grey = UInt8[np.ndarray, "H W"]
Subject = Literal["phantom", "vessels", "breast"]
Corner = tuple[float, float, float]

_WIRE_LIGHT, _TUBE_LIGHT = 0.7, 1.0
_LINK_MM = 1.0
_LONGEST_MM = 400.0
_WIDEST_FAN_DEG = 90.0
"""45 degrees to either side; beyond that an array has lost the skin."""
_STEEPEST_DEG = 50.0
"""Between the picture and the skin's normal: half the widest fan, in a hand that trembles."""
_OFF_SKIN_MM = 0.5
_TIGHTEST = 2.0
"""Least radius of a bend, in halves of the picture's width: its edge goes 1.5 times as far."""
_LEAST_LENGTH_MM = 16.0
"""Tissue is drawn for a sweep at least this long, so that short ones are pieces of a long one."""


class SweepChoices(TypedDict, total=False):
    """What else can be chosen of a sweep."""

    of: Subject
    """phantom (default); vessels: in muscle; breast: with vessels in it."""
    path: Shape | None
    """Of the probe; drawn unless given."""
    step_mm: float
    """Mean distance, in mm, of neighbouring frames: of their faces, or of the middles of a fan's
    pictures, as its face stays where it is."""
    moving: bool
    """Whether tissue moves meanwhile; it is still unless told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepContent:
    """What a sweep shows: solids with labels, wires, and what absorbs light."""

    phantom: Phantom | None = None
    vessels: Vessels
    """What absorbs light; labelled as vessels where there is no phantom."""
    light: Light

    def pushes(self, time_s: float) -> Sequence[Push]:
        """Return nothing: it is moved by the tissue."""
        return ()

    def points(self, moment: Moment) -> Sequence[Points]:
        """Return the echoes of the wires."""
        if self.phantom is None:
            return ()
        return [wire_echoes(self.phantom.wires, moment)] if self.phantom.wires else ()

    def truth(self, moment: Moment) -> Truth:
        """Return the classes of all pixels of the fan, and the frame's pose."""
        view = moment.grid.scanner.view
        labels = np.zeros((view.rows, view.columns), dtype=np.uint8)
        tracing = trace_tissue(moment)
        if self.phantom is not None:
            mark_phantom(labels, tracing, self.phantom)
        else:
            x, y, z = places_of_pixels(tracing).astype(np.float32)
            distance, _ = nearest_vessel(self.vessels, x, y, z)
            labels[distance.reshape(labels.shape) < 0] = TUBE
        if moment.grid.conversion is not None:
            labels[moment.grid.conversion.node < 0] = 0
        facts = {"world_from_image": _world_from_image(moment).tolist()}
        return Truth(labels, labels, np.zeros_like(labels), facts)


def sweep_scene(
    seed: int,
    domain: Domain,
    *,
    frames: int,
    rows: int,
    columns: int,
    **choices: Unpack[SweepChoices],
) -> Scene:
    """Draw a sweep over a phantom, vessels or a breast.

    Args:
        seed: Decides everything that is drawn.
        domain: Family of scanners, tissue and motion.
        frames: How many.
        rows: Of the picture.
        columns: Of the picture.
        choices: See `SweepChoices`.

    Raises:
        ValueError: A step that is not above 0.
        GeometryError: The probe would go farther than a hand sweeps, or leave the skin.
    """
    step, of = choices.get("step_mm", STEP_MM), choices.get("of", "phantom")
    if step <= 0:
        raise ValueError(f"a step of {step:g} mm; give one above 0, such as {STEP_MM:g}")
    random = np.random.default_rng([seed, 40])
    scanner = draw_scanner(domain, random, rows, columns)
    shape, length = _choose_path(random, scanner, frames, step, choices.get("path"))
    poses = draw_path(
        random,
        shape,
        frames,
        length_mm=length,
        tightest_mm=_TIGHTEST * scanner.view.width_mm / 2,
    )
    require_on_skin(poses)
    low, high = _seen(scanner, poses)
    tissue, content = _draw_subject(of, random, domain, scanner, (low, high))
    motion = None
    if choices.get("moving", False):
        motion = draw_tissue_motion(random, low, high, 0.25 * domain.motion_strength)
    facts: dict[str, Any] = {
        "class": of,
        "challenges": [],
        "path": shape,
        "step_mm": step,
    }
    return Scene(
        kind="sweep",
        seed=seed,
        domain=domain.name,
        scanner=scanner,
        anatomy=tissue,
        content=content,
        poses=poses,
        motion=motion,
        pitch_mm=speckle_pitch_mm(scanner.probe),
        facts=facts,
    )


def require_on_skin(poses: Poses) -> None:
    """Refuse poses of a probe whose face leaves the skin, the plane y = 0, or looks away from it.

    Raises:
        GeometryError: The first such pose; the message says where it is and which way it looks.
    """
    height = -poses[:, 1, 3]
    angle = np.degrees(np.arccos(np.clip(poses[:, 1, 1], -1, 1)))
    bad = np.flatnonzero((height > _OFF_SKIN_MM) | (angle > _STEEPEST_DEG))
    if len(bad):
        first = int(bad[0])
        raise GeometryError(
            f"the face of frame {first} lies {height[first]:.1f} mm above the skin and looks "
            f"{angle[first]:.0f} degrees away from straight down; a probe that touches the skin "
            f"lies {_OFF_SKIN_MM:g} mm above it at most and looks within {_STEEPEST_DEG:g} "
            f"degrees. Lower it, or tilt it less."
        )


def listen_on(stage: Stage) -> Callable[[int], Grey] | None:
    """Return the function that renders photoacoustic frames of a staged scene by their number.

    None if nothing in the scene absorbs light.
    """
    content = stage.scene.content
    if not isinstance(content, SweepContent):
        return None
    return _Listener(stage, _photoacoustic(stage.scene, content)).grey


def sweep_of(scene: Scene, *, threads: int | None = None) -> Sweep:
    """Return a scene as a sweep whose frames are rendered when they are asked for.

    Frame i is the same whether or not others were asked for; a sweep of any length takes no more
    memory, and goes to another process without its baked tissue.

    Args:
        scene: What to render: a sweep, or any other scene, which then has no second channel.
        threads: How many bake the tissue; None for one on each processor.

    Raises:
        GeometryError: The probe of a sweep leaves the skin.
    """
    if isinstance(scene.content, SweepContent):
        require_on_skin(scene.poses)
    lazy = _LazyStage(scene, threads)
    clip = replace(clip_of(scene).clip, source=_Frames(lazy, photoacoustic=False))
    channels = {}
    if isinstance(scene.content, SweepContent):
        channels[CHANNEL] = replace(clip, source=_Frames(lazy, photoacoustic=True))
    poses = scene.poses @ scene.scanner.probe_from_image()
    return Sweep(clip=clip, world_from_image=torch.from_numpy(poses), channels=channels)


class _Listener(NamedTuple):
    stage: Stage
    photoacoustic: Photoacoustic

    def grey(self, index: int) -> Grey:
        moment = self.stage.moment(index)
        noise_seed = self.stage.scene.seed * 100_003 + index + 50_021
        return self.photoacoustic.grey(moment.pose, flow=moment.flow, noise_seed=noise_seed)


class _LazyStage:
    """A scene whose tissue is baked when its first frame is asked for."""

    def __init__(self, scene: Scene, threads: int | None) -> None:
        self.scene, self.threads = scene, threads
        self._forget()

    def _forget(self) -> None:
        self._made: tuple[Stage, Callable[[int], Grey] | None] | None = None
        self._lock = threading.Lock()

    def grey(self, index: int, photoacoustic: bool) -> Grey:
        """Render a frame of either kind."""
        with self._lock:
            if self._made is None:
                stage = set_stage(self.scene, threads=self.threads)
                self._made = stage, listen_on(stage)
        stage, listener = self._made
        if not photoacoustic:
            return stage.grey(index)
        if listener is None:
            raise ValueError("nothing in this scene absorbs light")
        return listener(index)

    def __getstate__(self) -> dict[str, Any]:
        return {"scene": self.scene, "threads": self.threads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.scene, self.threads = state["scene"], state["threads"]
        self._forget()


@dataclass(frozen=True, slots=True)
class _Frames:
    of: _LazyStage
    photoacoustic: bool

    def __len__(self) -> int:
        return len(self.of.scene)

    def __getitem__(self, index: int) -> Frame:
        return torch.from_numpy(self.of.grey(index, self.photoacoustic))[None]


def _photoacoustic(scene: Scene, content: SweepContent) -> Photoacoustic:
    return make_photoacoustic(
        scene.scanner, content.vessels, light=content.light, seed=scene.seed + 3
    )


def _world_from_image(moment: Moment) -> Float64[np.ndarray, "4 4"]:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = moment.pose.rotation, moment.pose.origin
    return np.asarray(pose @ moment.grid.scanner.probe_from_image())


def _choose_path(
    random: np.random.Generator, scanner: Scanner, frames: int, step_mm: float, shape: Shape | None
) -> tuple[Shape, float]:
    """Return the shape of the path, drawn unless given, and its length: of a fan, in degrees."""
    steps = max(frames - 1, 1)
    tilt_deg = float(np.degrees(step_mm / (scanner.reach_mm() / 2)))
    if steps * step_mm > _LONGEST_MM and shape != "fan":
        raise GeometryError(
            f"{frames} frames {step_mm:g} mm apart are a sweep of {steps * step_mm:.0f} mm; at "
            f"most {_LONGEST_MM:g} mm are swept over. "
            f"{_remedy(steps, step_mm, _LONGEST_MM / step_mm)}"
        )
    if shape == "fan" and steps * tilt_deg > _WIDEST_FAN_DEG:
        raise GeometryError(
            f"{frames} frames {step_mm:g} mm apart are a fan of {steps * tilt_deg:.0f} degrees in "
            f"a picture {scanner.reach_mm():.0f} mm deep; beyond {_WIDEST_FAN_DEG:g} degrees the "
            f"array leaves the skin. {_remedy(steps, step_mm, _WIDEST_FAN_DEG / tilt_deg)}"
        )
    if shape is None:  # the last one is the fan
        fits = steps * tilt_deg <= _WIDEST_FAN_DEG
        shape = SHAPES[int(random.integers(1, len(SHAPES) if fits else len(SHAPES) - 1))]
    length = {"fan": steps * tilt_deg, "back-and-forth": steps * step_mm / 2}
    return shape, length.get(shape, steps * step_mm)


def _remedy(steps: int, step_mm: float, possible: float) -> str:
    """Say what to ask for where only so many steps of this size are possible."""
    fewer = f"Ask for at most {int(possible) + 1} frames"
    shorter = possible * step_mm / steps
    if shorter >= FINEST_STEP_MM:
        return f"{fewer}, or a step of at most {_shortened(shorter)} mm."
    if step_mm <= FINEST_STEP_MM:
        return f"{fewer}."
    most = int(possible * step_mm / FINEST_STEP_MM) + 1
    return f"{fewer}, or at most {most} that are {FINEST_STEP_MM:g} mm apart."


def _shortened(value: float) -> str:
    """Write a number to two digits that are no more than it."""
    digits = 1 - int(np.floor(np.log10(value)))
    return f"{np.floor(value * 10.0**digits) / 10.0**digits:g}"


def _seen(scanner: Scanner, poses: Poses) -> tuple[Corner, Corner]:
    """Return lowest and highest x, y and z of a box that the sweep looks at."""
    view = scanner.view
    half_x = view.width_mm / 2
    middle = poses[:, :3, 3].mean(axis=0)
    depth = scanner.reach_mm()
    ends = poses[:, 2, 3] + np.array([[0.0], [0.6 * depth]]) * poses[:, 2, 1]
    half_z = max(float(np.ptp(ends)), _LEAST_LENGTH_MM) / 2
    centre_z = float(ends.min() + ends.max()) / 2
    low = (float(middle[0] - half_x), 0.0, centre_z - half_z)
    return low, (float(middle[0] + half_x), depth, centre_z + half_z)


def _draw_subject(
    of: Subject,
    random: np.random.Generator,
    domain: Domain,
    scanner: Scanner,
    box: tuple[Corner, Corner],
) -> tuple[Anatomy, SweepContent]:
    """Draw tissue and what lies in it."""
    low, high = box
    face = scanner.probe.radius_mm if scanner.probe.shape == "convex" else 0.0
    light = Light(width_mm=1.1 * (high[0] - low[0]))
    if of == "phantom":
        phantom = draw_phantom(random, low, high, seed=int(random.integers(1 << 30)))
        phantom = replace(phantom, face_mm=face)
        return phantom, SweepContent(phantom=phantom, vessels=_absorbers(phantom), light=light)
    deepest = min(0.7 * high[1], 26.0)
    roots = max(2, round((high[0] - low[0]) * (high[2] - low[2]) / 350))
    branches = draw_branches(
        random, (low[0], 3.0, low[2]), (high[0], deepest, high[2]), min(roots, 8)
    )
    vessels = vessels_of(branches)
    draw = draw_breast if of == "breast" else draw_muscle
    tissue = draw(random, domain, scanner.reach_mm(), face)
    return Vascular(tissue=tissue, vessels=vessels), SweepContent(vessels=vessels, light=light)


def _absorbers(phantom: Phantom) -> Vessels:
    """Return what of a phantom absorbs light, in links short enough to bend with the tissue."""
    starts, ends, radii, shares = [], [], [], []
    for rods, share in ((phantom.tubes, _TUBE_LIGHT), (phantom.wires, _WIRE_LIGHT)):
        for rod in rods:
            start, end = np.array(rod.start_mm), np.array(rod.end_mm)
            links = max(1, round(float(np.linalg.norm(end - start)) / _LINK_MM))
            points = start + np.linspace(0, 1, links + 1)[:, None] * (end - start)
            starts.append(points[:-1])
            ends.append(points[1:])
            radii += [rod.radius_mm] * links
            shares += [share] * links
    return make_vessels(
        np.concatenate(starts), np.concatenate(ends), np.array(radii), np.array(shares)
    )
