"""Synthetic clips as data sets: seeds for training, and other seeds kept for results.

A seed is a scene. Seeds below 100,000 are for training, seeds from 1,000,000 on for results;
the two never meet, and what lies between is refused.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from sonotrace.data.sample import TrainingClip, VideoSample
from sonotrace.errors import DataContractError
from sonotrace.simulate.scenes import Scene, lesion_clip, needle_clip
from sonotrace.transforms.intensity import LookRange, apply_look, draw_look, drift

Kind = Literal["lesion", "needle"]

TRAINING_SEEDS = range(0, 100_000)
HELD_OUT_FROM = 1_000_000
"""The first seed whose scene no training may see."""

_STRIP_FRAMES = 8
_STRIP_RATE = 5.0
"""Frames kept of each training scene, and how many of them make a second."""


class SyntheticClips(Dataset[VideoSample]):
    """One clip for each seed, rendered on demand.

    Args:
        kind: What is in the clips.
        seeds: All for training, or all for results.
        frames: Length of each clip.
        size: Rows and columns.

    Raises:
        DataContractError: The seeds are neither all for training nor all for results.
    """

    def __init__(self, kind: Kind, seeds: range, *, frames: int = 24, size: int = 256) -> None:
        if not _all_for_training(seeds) and not _all_held_out(seeds):
            raise DataContractError(
                f"seeds {_words(seeds)} are neither all for training (0 to 99999) nor all for "
                f"results (from {HELD_OUT_FROM} on). Choose a range within one of them."
            )
        self.kind = kind
        self.seeds = seeds
        self._frames = frames
        self._size = size

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: int) -> VideoSample:
        seed = self.seeds[index]
        scene = _make(self.kind, seed, self._frames, self._size, 25.0)
        name = f"synthetic/{self.kind}/{seed}"
        return VideoSample(
            id=name,
            group=name,
            clip=scene.clip,
            masks=scene.masks,
            attributes={"class": scene.truth["class"]},
        )


class SyntheticTriplets(Dataset[TrainingClip]):
    """A few frames of training scenes, the same for the same seed and index.

    The frames of a scene are rendered when it is first drawn, and kept: 0.6 MB for each at
    256 pixels. Any index from 0 on is a clip, also beyond `length`.

    Args:
        seeds: The scenes; every seed is one of each of `kinds`.
        kinds: What is in the scenes.
        size: Rows and columns.
        frames: Frames of a clip, at most 4, 0.2 or 0.4 s apart.
        max_objects: Slots of a clip; only the first is filled.
        seed: Another seed, another order and other looks.

    Raises:
        DataContractError: A seed is not for training.
    """

    def __init__(
        self,
        seeds: range,
        *,
        kinds: tuple[Kind, ...] = ("lesion", "needle"),
        size: int = 256,
        frames: int = 3,
        max_objects: int = 2,
        seed: int = 0,
    ) -> None:
        if not _all_for_training(seeds):
            raise DataContractError(
                f"seeds {_words(seeds)} are not all for training. Choose some of 0 to 99999."
            )
        if not 1 <= frames <= _STRIP_FRAMES // 2:
            raise ValueError(f"{frames} frames; a scene gives 1 to {_STRIP_FRAMES // 2}")
        self._scenes = [(kind, one) for one in seeds for kind in kinds]
        self._size = size
        self._frames = frames
        self._max_objects = max_objects
        self._seed = seed
        self._strips: dict[int, _Strip] = {}

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> TrainingClip:
        random = np.random.default_rng([self._seed, index])
        strip = self._strip(int(random.integers(len(self._scenes))))
        order = _draw_order(strip, self._frames, random)
        masks = torch.zeros(self._frames, self._max_objects, self._size, self._size)
        masks[:, 0] = strip.masks[order].to(torch.float32)
        frames = strip.frames[order].to(torch.float32) / 255
        look = draw_look(_LOOK, random)
        frames = torch.stack([apply_look(frame, drift(look, _LOOK, random)) for frame in frames])
        if random.random() < 0.5:
            frames, masks = frames.flip(-1), masks.flip(-1)
        present = torch.arange(self._max_objects) < 1
        return TrainingClip(frames=frames[:, None], masks=masks, present=present)

    def _strip(self, number: int) -> "_Strip":
        if number not in self._strips:
            kind, seed = self._scenes[number]
            self._strips[number] = _render(
                _make(kind, seed, _STRIP_FRAMES, self._size, _STRIP_RATE)
            )
        return self._strips[number]


class _Strip(NamedTuple):
    """Rendered frames of one scene and the masks of its target."""

    frames: UInt8[Tensor, "T H W"]
    masks: Bool[Tensor, "T H W"]


_LOOK = LookRange(noise_chance=0.2, shadow_chance=0.1, blur_chance=0.4)
"""Less noise and fewer shadows than still pictures get: the scenes have their own."""


def _make(kind: Kind, seed: int, frames: int, size: int, frames_per_second: float) -> Scene:
    make = {"lesion": lesion_clip, "needle": needle_clip}[kind]
    return make(seed, frames=frames, size=size, frames_per_second=frames_per_second)


def _render(scene: Scene) -> _Strip:
    frames = torch.cat(list(scene.clip))
    return _Strip(frames, torch.stack([labels > 0 for _, labels in scene.masks]))


def _draw_order(strip: _Strip, count: int, random: np.random.Generator) -> list[int]:
    """Draw frames that follow one another forwards or backwards, the first with a target."""
    steps = np.cumsum([0, *random.integers(1, 3, count - 1)])
    order = (steps + random.integers(_STRIP_FRAMES - steps[-1])).tolist()
    if random.random() < 0.5:
        order = order[::-1]
    if not strip.masks[order[0]].any():
        order = steps.tolist()  # every scene shows its target in frame 0
    return [int(i) for i in order]


def _all_for_training(seeds: range) -> bool:
    return len(seeds) > 0 and min(seeds) >= 0 and max(seeds) in TRAINING_SEEDS


def _all_held_out(seeds: range) -> bool:
    return len(seeds) > 0 and min(seeds) >= HELD_OUT_FROM


def _words(seeds: range) -> str:
    return f"{min(seeds)} to {max(seeds)}" if seeds else "(none)"
