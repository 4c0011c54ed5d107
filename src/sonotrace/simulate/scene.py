"""A scene: tissue, a scanner that looks at it, motion of both, and what is to be found in it.

A scene is a value: everything random was drawn when it was made. Rendering it bakes the tissue
that its poses will see, and then makes one frame after another, each from nothing but the scene
and the number of the frame; memory does not grow with the length of the clip.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, UInt8

from sonotrace.simulate.echo.grid import Grid, make_grid
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.echo.slice import Pose, slab_corners
from sonotrace.simulate.echo.torch_echo import on_device
from sonotrace.simulate.frames import in_order, usable_threads
from sonotrace.simulate.motion import STILL, Flow, FlowBox, Push, TissueMotion, came_from, flow_box
from sonotrace.simulate.path import Poses
from sonotrace.simulate.probe import Scanner
from sonotrace.simulate.render import Renderer, make_renderer
from sonotrace.simulate.world import PITCH_MM, Anatomy, bake, pose_of

Labels = UInt8[np.ndarray, "H W"]
Coordinates = Float64[np.ndarray, " N"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame, as far as it is known before it is rendered."""

    index: int
    time_s: float
    grid: Grid
    pose: Pose
    flow: Flow

    def tissue_at(
        self, x: Coordinates, y: Coordinates, z: Coordinates | float = 0.0
    ) -> tuple[Coordinates, Coordinates, Coordinates]:
        """Return where the tissue was at rest that is now at points of the probe's frame."""
        points = np.stack([x, y, np.broadcast_to(np.asarray(z, dtype=np.float64), x.shape)])
        world = self.pose.rotation @ points + self.pose.origin[:, None]
        return came_from(self.flow, world[0], world[1], world[2])

    def probe_at(
        self, x: Coordinates, y: Coordinates, z: Coordinates
    ) -> tuple[Coordinates, Coordinates, Coordinates]:
        """Return where points of the world are in the probe's frame."""
        points = np.stack([x, y, z]) - self.pose.origin[:, None]
        found = self.pose.rotation.T @ points
        return found[0], found[1], found[2]


class Truth(NamedTuple):
    """What is to be found in a frame."""

    visible: Labels
    """Class ids of what can be seen."""
    geometric: Labels
    """Class ids of what is there, seen or not."""
    distractors: Labels
    """1 where something looks like the target and is not."""
    facts: dict[str, Any]
    """Numbers of this frame, for `truth.json`."""


@runtime_checkable
class Content(Protocol):
    """What a scene holds besides tissue."""

    def pushes(self, time_s: float) -> Sequence[Push]:
        """Return how it moves the tissue."""
        ...

    def points(self, moment: Moment) -> Sequence[Points]:
        """Return its echoes that are not speckle."""
        ...

    def truth(self, moment: Moment) -> Truth:
        """Return what is to be found."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that decides every frame of a clip."""

    kind: str
    """lesion, needle, spine or sweep."""
    seed: int
    domain: str
    scanner: Scanner
    anatomy: Anatomy
    content: Content
    poses: Poses
    """`world_from_probe` of every frame."""
    motion: TissueMotion | None = None
    frames_per_second: float = 25.0
    pitch_mm: float = PITCH_MM
    facts: dict[str, Any]
    """Of the whole clip: class, challenges."""

    def __len__(self) -> int:
        return len(self.poses)


class Rendered(NamedTuple):
    """One frame and its truth."""

    grey: UInt8[np.ndarray, "H W"]
    truth: Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A scene whose tissue is baked: frames can be asked for in any order."""

    scene: Scene
    renderer: Renderer
    box: FlowBox

    def moment(self, index: int) -> Moment:
        """Return what is known of a frame before it is rendered."""
        scene = self.scene
        time_s = index / scene.frames_per_second
        pushes = scene.content.pushes(time_s)
        flow = STILL
        if scene.motion is not None or pushes:
            flow = (scene.motion or TissueMotion()).flow(time_s, self.box, pushes)
        return Moment(index, time_s, self.renderer.grid, pose_of(scene.poses[index]), flow)

    def grey(self, index: int) -> UInt8[np.ndarray, "H W"]:
        """Render a frame without its truth."""
        return self._grey(self.moment(index))

    def truth(self, index: int) -> Truth:
        """Return the truth of a frame without rendering it."""
        return self.scene.content.truth(self.moment(index))

    def frame(self, index: int) -> Rendered:
        """Render a frame."""
        moment = self.moment(index)
        return Rendered(self._grey(moment), self.scene.content.truth(moment))

    def _grey(self, moment: Moment) -> UInt8[np.ndarray, "H W"]:
        return self.renderer.grey(
            moment.pose,
            flow=moment.flow,
            points=self.scene.content.points(moment),
            noise_seed=self.scene.seed * 100_003 + moment.index,
        )


_SPARE_MM = 0.5


def _moved_mm(scene: Scene) -> float:
    """Return a bound of how far tissue moves in any frame."""
    times = [index / scene.frames_per_second for index in range(len(scene))]
    pushes = [scene.content.pushes(time_s) for time_s in times]
    pushed = max(sum(math.hypot(*push.vector) for push in some) for some in pushes)
    swung = scene.motion.largest_mm(times) if scene.motion is not None else 0.0
    return pushed + swung + _SPARE_MM


def set_stage(scene: Scene, *, threads: int | None = None, device: str | None = None) -> Stage:
    """Bake the tissue that the scene's poses will see.

    Args:
        scene: What will be rendered.
        threads: How many bake at once; None for one on each processor.
        device: Where torch computes echoes, pulse and beam, such as cuda; None for the compiled
            kernels, which are the quicker ones on a CPU.

    Raises:
        GeometryError: A pose is not rigid.
        ResourceError: The path of the probe needs more tissue than fits in memory.
    """
    grid = make_grid(scene.scanner)
    moved = _moved_mm(scene)
    poses = [pose_of(pose) for pose in scene.poses]
    corners = slab_corners(grid)
    every = np.concatenate([corners @ pose.rotation.T + pose.origin for pose in poses])
    world = bake(
        scene.anatomy,
        grid,
        poses,
        moved_mm=moved,
        seed=scene.seed,
        pitch_mm=scene.pitch_mm,
        slices_only=True,
        threads=usable_threads(threads),
    )
    box = flow_box((every.min(axis=0) - moved).tolist(), (every.max(axis=0) + moved).tolist())
    renderer = make_renderer(grid, world, seed=scene.seed)
    if device is not None:
        renderer = on_device(renderer, device)
    return Stage(scene=scene, renderer=renderer, box=box)


def render(
    scene: Scene,
    *,
    threads: int | None = None,
    only: Iterable[int] | None = None,
    device: str | None = None,
) -> Iterator[Rendered]:
    """Yield the frames of a scene in order, with their truth.

    Args:
        scene: What to render.
        threads: How many frames are made at once; None for one on each processor. The frames
            do not depend on it.
        only: Numbers of the frames wanted; None for all.
        device: As in `set_stage`.
    """
    stage = set_stage(scene, threads=threads, device=device)
    wanted = range(len(scene)) if only is None else only
    yield from in_order(stage.frame, wanted, usable_threads(threads))
