"""Short synthetic clips with exact truth: a lesion among look-alikes, an advancing needle.

A small speckle model (see `beam`), made to test trackers and to give them something that
moves: it is not a physical simulator. There is one slice without thickness, so that leaving
the plane is imitated by speckle that changes and a lesion that shrinks. The needle's mask is
where the needle is, also where it cannot be seen.

Frames and masks are rendered on demand from the scene's few numbers: frame i is the same
whether or not others were asked for, and a clip of any length takes no more memory.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from sonotrace.data.clip import Clip
from sonotrace.data.masks import MaskTrack
from sonotrace.simulate.beam import Probe
from sonotrace.simulate.lesion import LesionScene, draw_lesion_scene
from sonotrace.simulate.needle import NeedleScene, draw_needle_scene
from sonotrace.types import Frame, LabelMap

NEEDLE = 1
LESION = 2
"""Class ids, which are the object ids in the masks."""


class Scene(NamedTuple):
    """A clip, the exact masks of its target, and what else is known of it."""

    clip: Clip
    masks: MaskTrack
    truth: dict[str, Any]


def lesion_clip(
    seed: int, *, frames: int = 24, size: int = 256, frames_per_second: float = 25.0
) -> Scene:
    """Make a clip of a lesion (object id 2), the same for the same arguments.

    Args:
        seed: Another seed, another scene.
        frames: Length of the clip.
        size: Rows and columns, at least 64; they show 40 mm whatever the size.
        frames_per_second: Rate of the clip.
    """
    scene = draw_lesion_scene(seed, _probe(size))
    made = _Rendered(scene, LESION, frames, frames_per_second)
    return _clip_of(made, {"scene": "lesion", "class": scene.kind})


def needle_clip(
    seed: int, *, frames: int = 24, size: int = 256, frames_per_second: float = 25.0
) -> Scene:
    """Make a clip of a needle (object id 1) that is pushed in; arguments as `lesion_clip`."""
    scene = draw_needle_scene(seed, _probe(size))
    made = _Rendered(scene, NEEDLE, frames, frames_per_second)
    return _clip_of(made, {"scene": "needle", "class": "needle"})


@dataclass(frozen=True, slots=True)
class _Rendered:
    """The frames of a scene, rendered when they are asked for."""

    scene: LesionScene | NeedleScene
    object_id: int
    count: int
    frames_per_second: float

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Frame:
        grey = self.scene.grey(index, index / self.frames_per_second)
        return torch.from_numpy(grey)[None]


@dataclass(frozen=True, slots=True)
class _Labelled:
    """The label maps of the same frames."""

    of: _Rendered

    def __len__(self) -> int:
        return len(self.of)

    def __getitem__(self, position: int) -> LabelMap:
        inside = self.of.scene.labels(position / self.of.frames_per_second)
        return torch.from_numpy(np.where(inside, self.of.object_id, 0).astype(np.uint8))


def _probe(size: int) -> Probe:
    if size < 64:
        raise ValueError(f"a picture of {size} pixels is too coarse for speckle; give at least 64")
    return Probe(size=size)


def _clip_of(made: _Rendered, what: dict[str, Any]) -> Scene:
    if made.count < 1:
        raise ValueError(f"a clip of {made.count} frames")
    probe, rate = made.scene.probe, made.frames_per_second
    clip = Clip(
        source=made,
        path=None,
        format="synthetic ultrasound",
        shape=(1, probe.size, probe.size),
        times_s=torch.arange(made.count, dtype=torch.float64) / rate,
        spacing_mm=(probe.pixel_mm, probe.pixel_mm),
        spacing_source="user",
        spacing_note="exact: the simulation's own.",
    )
    masks = MaskTrack(
        source=_Labelled(made), frames=tuple(range(made.count)), shape=(probe.size, probe.size)
    )
    truth = {
        **what,
        "seed": made.scene.seed,
        "spacing_mm": [probe.pixel_mm, probe.pixel_mm],
        "fps": rate,
        "frames": [made.scene.truth(i / rate) for i in range(made.count)],
    }
    return Scene(clip, masks, truth)
