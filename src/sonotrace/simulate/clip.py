"""A scene as a clip with its label maps, rendered frame by frame when they are asked for."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from sonotrace.data.clip import Clip
from sonotrace.data.masks import MaskTrack
from sonotrace.simulate.scene import Scene, Stage, set_stage
from sonotrace.types import Frame, LabelMap

Which = Literal["visible", "geometric", "distractors"]


class SimulatedClip(NamedTuple):
    """A clip and the exact label maps of its frames."""

    clip: Clip
    masks: MaskTrack


class LazyStage:
    """A scene whose tissue is baked when its first frame is asked for.

    It goes to another process without the baked tissue, which takes some MB.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._stage: Stage | None = None

    @property
    def stage(self) -> Stage:
        """The scene, baked."""
        if self._stage is None:
            self._stage = set_stage(self.scene, threads=1)
        return self._stage

    def __getstate__(self) -> dict[str, object]:
        return {"scene": self.scene, "_stage": None}


def clip_of(scene: Scene, *, which: Which = "visible") -> SimulatedClip:
    """Return the clip of a scene and its label maps.

    Frame i is the same whether or not others were asked for, and a clip of any length takes no
    more memory.

    Args:
        scene: What to render.
        which: The label maps: what can be seen, what is there, or what only looks like it.
    """
    lazy = LazyStage(scene)
    view = scene.scanner.view
    clip = Clip(
        source=_Frames(lazy),
        path=None,
        format="synthetic ultrasound",
        shape=(1, view.rows, view.columns),
        times_s=torch.arange(len(scene), dtype=torch.float64) / scene.frames_per_second,
        spacing_mm=(view.pixel_mm, view.pixel_mm),
        spacing_source="user",
        spacing_note="exact: the simulation's own.",
    )
    masks = MaskTrack(
        source=_Labels(lazy, which),
        frames=tuple(range(len(scene))),
        shape=(view.rows, view.columns),
    )
    return SimulatedClip(clip, masks)


@dataclass(frozen=True, slots=True)
class _Frames:
    of: LazyStage

    def __len__(self) -> int:
        return len(self.of.scene)

    def __getitem__(self, index: int) -> Frame:
        return torch.from_numpy(self.of.stage.grey(index))[None]


@dataclass(frozen=True, slots=True)
class _Labels:
    of: LazyStage
    which: Which

    def __len__(self) -> int:
        return len(self.of.scene)

    def __getitem__(self, position: int) -> LabelMap:
        truth = self.of.stage.truth(position)
        labels = {
            "visible": truth.visible,
            "geometric": truth.geometric,
            "distractors": truth.distractors,
        }[self.which]
        return torch.from_numpy(labels.copy())
