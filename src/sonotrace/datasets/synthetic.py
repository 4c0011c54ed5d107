"""Synthetic clips as data sets: seeds and domains for training, and others kept for results.

A seed is a scene. Seeds below 100,000 are for training, seeds from 1,000,000 on for results;
the two never meet, and what lies between is refused. A domain is a family of scanners, tissue and
motion; those that are held out (`sonotrace.simulate.domains`) are for results only.
"""

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from sonotrace.data.sample import TrainingClip, VideoSample
from sonotrace.errors import DataContractError
from sonotrace.simulate.clip import clip_of
from sonotrace.simulate.domains import (
    DOMAINS,
    HELD_OUT_FROM,
    TRAINING_SEEDS,
    find_domain,
    is_held_out,
)
from sonotrace.simulate.scene import Scene, set_stage
from sonotrace.simulate.scenes import make_scene
from sonotrace.transforms.intensity import LookRange, apply_look, draw_look, drift

Kind = Literal["lesion", "needle", "spine", "sweep"]

TARGETS: dict[str, int] = {"needle": 1, "lesion": 2}
"""The class that a tracker is trained to follow, by kind of scene."""

_STRIP_FRAMES = 8
_STRIP_EVERY = 5
"""Frames kept of each training scene, and how many frames of 1/25 s each is apart."""


class SyntheticClips(Dataset[VideoSample]):
    """One clip for each seed, rendered on demand.

    Args:
        kind: What is in the clips.
        seeds: All for training, or all for results.
        domains: Of the scanners, in turn; None for those of training.
        frames: Length of each clip.
        size: Rows and columns.

    Raises:
        DataContractError: The seeds are neither all for training nor all for results, or they
            are for training and a domain is held out.
        UsageError: There is no such domain.
    """

    def __init__(
        self,
        kind: Kind,
        seeds: range,
        *,
        domains: tuple[str, ...] | None = None,
        frames: int = 24,
        size: int | tuple[int, int] = 256,
    ) -> None:
        self.kind = kind
        self.seeds = seeds
        self._domains = training_domains(kind) if domains is None else domains
        for domain in self._domains:
            require_one_side(seeds, domain)
        self._frames = frames
        self._size = size

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: int) -> VideoSample:
        scene = self.scene(index)
        clip, masks = clip_of(scene)
        return VideoSample(
            id=f"synthetic/{self.kind}/{scene.domain}/{scene.seed}",
            group=f"synthetic/{self.kind}/{scene.seed}",
            clip=clip,
            masks=masks,
            attributes=attributes_of(scene),
        )

    def scene(self, index: int) -> Scene:
        """Return the scene of a clip."""
        seed = self.seeds[index]
        domain = self._domains[seed % len(self._domains)]
        return make_scene(self.kind, seed, domain=domain, frames=self._frames, size=self._size)


class SyntheticTriplets(Dataset[TrainingClip]):
    """A few frames of training scenes, the same for the same seed and index.

    The frames of a scene are rendered when it is first drawn, and kept: 0.6 MB for each at
    256 pixels. When `memory_mb` is full, the scene that was not drawn for longest is forgotten,
    and rendered again when its turn comes. Any index from 0 on is a clip, also beyond the length.

    Args:
        seeds: The scenes; every seed is one of a lesion and one of a needle.
        domains: Of the scanners, in turn; None for all linear ones of training.
        size: Rows and columns.
        frames: Frames of a clip, at most 4, 0.2 or 0.4 s apart.
        max_objects: Slots of a clip; only the first is filled.
        seed: Another seed, another order and other looks.
        memory_mb: For rendered scenes, in every process that draws clips; at least one scene is
            kept. No clip depends on it.

    Raises:
        DataContractError: A seed or a domain is not for training.
        UsageError: There is no such domain.
    """

    def __init__(  # noqa: PLR0913 - keyword choices
        self,
        seeds: range,
        *,
        domains: tuple[str, ...] | None = None,
        size: int = 256,
        frames: int = 3,
        max_objects: int = 2,
        seed: int = 0,
        memory_mb: int = 400,
    ) -> None:
        if not _all_for_training(seeds):
            raise DataContractError(
                f"seeds {_words(seeds)} are not all for training. Choose some of 0 to 99999."
            )
        if not 1 <= frames <= _STRIP_FRAMES // 2:
            raise ValueError(f"{frames} frames; a scene gives 1 to {_STRIP_FRAMES // 2}")
        for name in domains or ():
            require_training_domain(name)
        self._scenes = [(kind, one) for one in seeds for kind in ("lesion", "needle")]
        self._domains = domains
        self._size = size
        self._frames = frames
        self._max_objects = max_objects
        self._seed = seed
        self._strips: dict[int, _Strip] = {}  # the one not drawn for longest comes first
        self._most_strips = max(1, int(memory_mb * 1e6 / _bytes_of_strip(size)))

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> TrainingClip:
        random = np.random.default_rng([self._seed, index])
        strip = self._strip(int(random.integers(len(self._scenes))))
        order = _draw_order(strip, self._frames, random)
        masks = torch.zeros(self._frames, self._max_objects, self._size, self._size)
        masks[:, 0] = strip.masks(order).to(torch.float32)
        frames = strip.frames[order].to(torch.float32) / 255
        look = draw_look(_LOOK, random)
        frames = torch.stack([apply_look(frame, drift(look, _LOOK, random)) for frame in frames])
        if random.random() < 0.5:
            frames, masks = frames.flip(-1), masks.flip(-1)
        present = torch.arange(self._max_objects) < 1
        return TrainingClip(frames=frames[:, None], masks=masks, present=present)

    def _strip(self, number: int) -> "_Strip":
        strip = self._strips.pop(number, None)
        if strip is None:
            strip = self._render(number)
            while len(self._strips) >= self._most_strips:
                self._strips.pop(next(iter(self._strips)))
        self._strips[number] = strip
        return strip

    def _render(self, number: int) -> "_Strip":
        kind, seed = self._scenes[number]
        domains = self._domains or training_domains(kind)
        domain, frames = domains[seed % len(domains)], _STRIP_FRAMES * _STRIP_EVERY
        return _render(make_scene(kind, seed, domain=domain, frames=frames, size=self._size))


class _Strip(NamedTuple):
    """Rendered frames of one scene and the masks of its target."""

    frames: UInt8[Tensor, "T H W"]
    packed: UInt8[np.ndarray, "T H B"]
    """Masks of the target, eight pixels in a byte."""

    def masks(self, order: list[int]) -> Bool[Tensor, "t H W"]:
        """Return the masks of some frames."""
        bits = np.unpackbits(self.packed[order], axis=-1, count=self.frames.shape[-1])
        return torch.from_numpy(bits.view(np.bool_))


_LOOK = LookRange(noise_chance=0.2, shadow_chance=0.1, blur_chance=0.4)
"""Less noise and fewer shadows than still pictures get: the scenes have their own."""


def training_domains(kind: str) -> tuple[str, ...]:
    """Return the names of the domains that training of a kind of scene draws from."""
    shape = "convex" if kind == "spine" else "linear"
    return tuple(
        name for name, domain in DOMAINS.items() if domain.shape == shape and not domain.held_out
    )


def require_one_side(seeds: range, domain: str | None) -> None:
    """Refuse scenes that are neither all for training nor all for results.

    Raises:
        DataContractError: The seeds are mixed, or they are for training and the domain is not.
        UsageError: There is no such domain.
    """
    if not _all_for_training(seeds) and not _all_held_out(seeds):
        raise DataContractError(
            f"seeds {_words(seeds)} are neither all for training (0 to 99999) nor all for "
            f"results (from {HELD_OUT_FROM} on). Choose a range within one of them."
        )
    if domain is not None:
        find_domain(domain)
        if not _all_held_out(seeds):
            require_training_domain(domain)


def require_training_domain(name: str) -> None:
    """Refuse a domain that is kept for results.

    Raises:
        DataContractError: It is.
        UsageError: There is no such domain.
    """
    if find_domain(name).held_out:
        others = ", ".join(one for one, domain in DOMAINS.items() if not domain.held_out)
        raise DataContractError(
            f"the domain {name} is held out: for results, with seeds from {HELD_OUT_FROM} on. "
            f"Training may draw from {others}."
        )


def attributes_of(scene: Scene) -> dict[str, str]:
    """Return what tables say of a scene: class, challenges, domain, seed, if it is held out."""
    return {
        "class": str(scene.facts.get("class", scene.kind)),
        "challenges": "; ".join(scene.facts.get("challenges", ())),
        "domain": scene.domain,
        "seed": str(scene.seed),
        "held_out": "yes" if is_held_out(scene.seed, scene.domain) else "no",
    }


def thinned(scene: Scene, every: int) -> Scene:
    """Return a scene of every n-th frame of another, so that only these are baked and rendered."""
    rate = scene.frames_per_second / every
    return replace(scene, poses=scene.poses[::every].copy(), frames_per_second=rate)


def _bytes_of_strip(size: int) -> int:
    return _STRIP_FRAMES * size * (size + (size + 7) // 8)


def _render(scene: Scene) -> _Strip:
    strip = thinned(scene, _STRIP_EVERY)
    stage = set_stage(strip, threads=1)
    made = [stage.frame(i) for i in range(len(strip))]
    return _Strip(
        torch.from_numpy(np.stack([frame.grey for frame in made])),
        np.packbits([frame.truth.visible == TARGETS[scene.kind] for frame in made], axis=-1),
    )


def _draw_order(strip: _Strip, count: int, random: np.random.Generator) -> list[int]:
    """Draw frames that follow one another forwards or backwards, the first with a target."""
    steps = np.cumsum([0, *random.integers(1, 3, count - 1)])
    order = (steps + random.integers(_STRIP_FRAMES - steps[-1])).tolist()
    if random.random() < 0.5:
        order = order[::-1]
    if not strip.packed[order[0]].any():
        order = steps.tolist()  # every scene shows its target in frame 0
    return [int(i) for i in order]


def _all_for_training(seeds: range) -> bool:
    return len(seeds) > 0 and min(seeds) >= 0 and max(seeds) in TRAINING_SEEDS


def _all_held_out(seeds: range) -> bool:
    return len(seeds) > 0 and min(seeds) >= HELD_OUT_FROM


def _words(seeds: range) -> str:
    return f"{min(seeds)} to {max(seeds)}" if seeds else "(none)"
