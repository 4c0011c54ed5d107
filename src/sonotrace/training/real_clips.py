"""Short training clips cut from real ones that have label maps.

Source: Cheng et al., "Rethinking Space-Time Networks", STCN, NeurIPS 2021, arXiv:2106.05210,
its stage of videos: some ordered frames with bounded gaps, one crop for all of them, and time
running either way. Its changes of colour make way for those of brightness in ultrasound.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor

from sonotrace.data.sample import TrainingClip, VideoSample
from sonotrace.errors import DataContractError
from sonotrace.io.colour import luminance
from sonotrace.settings import Settings
from sonotrace.transforms.intensity import LookRange, apply_look, draw_look, drift
from sonotrace.types import VOID, Frame, LabelMap

_ATTEMPTS = 8


class RealClipSettings(Settings):
    """Which frames of a clip are taken, and how they are cropped and changed."""

    size: int = Field(default=256, ge=32)
    """Side of the square frames, in pixels."""
    frames: int = Field(default=3, ge=2)
    max_gap: int = Field(default=5, ge=1)
    """Largest step between two frames of a sample, in labelled frames."""
    max_objects: int = Field(default=2, ge=1)
    crop: tuple[float, float] = (0.6, 1.0)
    """Side of the crop, as a part of the frame's longer side; beyond the frame is black."""
    flip_chance: float = Field(default=0.5, ge=0, le=1)
    reverse_chance: float = Field(default=0.5, ge=0, le=1)
    """How often time runs backwards."""
    look: LookRange = LookRange()


class RealClips:
    """Clips of a few frames of labelled ones, the same for the same seed and number.

    Raises:
        DataContractError: No clip has two frames with label maps.
    """

    def __init__(
        self, samples: Sequence[VideoSample], settings: RealClipSettings, *, seed: int = 0
    ) -> None:
        self.samples = [sample for sample in samples if len(sample.masks) >= 2]
        if not self.samples:
            raise DataContractError(
                f"none of {len(samples)} clips has label maps for two frames or more. Label some, "
                f"for example with the tracker, and correct them."
            )
        self.settings = settings
        self.seed = seed

    def __call__(self, number: int) -> TrainingClip:
        """Return clip `number`; its first frame shows an object unless none is ever found."""
        random = np.random.default_rng([self.seed, number])
        for _ in range(_ATTEMPTS):
            clip = self._draw(random)
            if clip.present.any():
                break
        return clip

    def _draw(self, random: np.random.Generator) -> TrainingClip:
        settings = self.settings
        sample = self.samples[int(random.integers(len(self.samples)))]
        chosen = _choose_frames(sample.masks.frames, settings, random)
        labels = [sample.masks[t] for t in chosen]
        window = _window(labels[0], settings, random)
        frames = [_cut(_grey(sample.clip[t]), window, settings.size) for t in chosen]
        maps = [_cut_labels(one, window, settings.size) for one in labels]
        look = draw_look(settings.look, random)
        frames = [apply_look(one, drift(look, settings.look, random)) for one in frames]
        clip = _pack(torch.stack(frames), torch.stack(maps), settings.max_objects, random)
        if random.random() < settings.flip_chance:
            return TrainingClip(clip.frames.flip(-1), clip.masks.flip(-1), clip.present)
        return clip


def _choose_frames(
    labelled: Sequence[int], settings: RealClipSettings, random: np.random.Generator
) -> list[int]:
    """Draw ordered frame numbers; a clip that is too short ends in repetitions."""
    gaps = random.integers(1, settings.max_gap + 1, size=settings.frames - 1)
    room = len(labelled) - 1
    while gaps.sum() > room and gaps.max() > 1:
        gaps[gaps.argmax()] -= 1
    positions = np.concatenate([[0], np.cumsum(gaps)]).clip(max=room)
    positions = positions + random.integers(0, room - positions[-1] + 1)
    if random.random() < settings.reverse_chance:
        positions = positions[::-1]
    return [labelled[int(i)] for i in positions]


def _window(
    labels: LabelMap, settings: RealClipSettings, random: np.random.Generator
) -> tuple[int, int, int]:
    """Draw row, column and side of a square that holds some pixel of an object."""
    rows, columns = labels.shape
    side = round(max(rows, columns) * random.uniform(*settings.crop))
    inside = ((labels > 0) & (labels != VOID)).nonzero()
    row, column = rows // 2, columns // 2
    if len(inside):
        row, column = inside[int(random.integers(len(inside)))].tolist()
    return _start(row, rows, side, random), _start(column, columns, side, random), side


def _start(pixel: int, length: int, side: int, random: np.random.Generator) -> int:
    """Draw where the square begins along one axis: it holds `pixel` and little from outside."""
    if side >= length:
        return (length - side) // 2
    lowest, highest = max(0, pixel - side + 1), min(pixel, length - side)
    return int(random.integers(lowest, highest + 1))


def _grey(frame: Frame) -> Float[Tensor, "H W"]:
    return luminance(frame)[0].float() / 255


def _cut(
    frame: Float[Tensor, "H W"], window: tuple[int, int, int], size: int
) -> Float[Tensor, "S S"]:
    square = _square(frame, window)[None, None]
    return F.interpolate(square, size=(size, size), mode="bilinear", antialias=True)[0, 0].clamp(
        0, 1
    )


def _cut_labels(labels: LabelMap, window: tuple[int, int, int], size: int) -> UInt8[Tensor, "S S"]:
    square = _square(labels, window)[None, None].float()
    return F.interpolate(square, size=(size, size), mode="nearest-exact")[0, 0].to(torch.uint8)


def _square(picture: Tensor, window: tuple[int, int, int]) -> Tensor:
    """Cut a square out of a picture, 0 where it reaches beyond."""
    row, column, side = window
    rows, columns = picture.shape
    before = max(0, -row), max(0, -column)
    after = max(0, row + side - rows), max(0, column + side - columns)
    padded = F.pad(picture, (before[1], after[1], before[0], after[0]))
    row, column = row + before[0], column + before[1]
    return padded[row : row + side, column : column + side]


def _pack(
    frames: Float[Tensor, "T H W"],
    labels: UInt8[Tensor, "T H W"],
    slots: int,
    random: np.random.Generator,
) -> TrainingClip:
    """Put objects that the first frame shows into slots, in any order."""
    ids = [int(i) for i in labels[0].unique() if 0 < i < VOID]
    kept = [ids[i] for i in random.permutation(len(ids))[:slots]]
    masks = torch.zeros(len(frames), slots, *frames.shape[1:])
    for slot, i in enumerate(kept):
        masks[:, slot] = (labels == i).float()
    return TrainingClip(frames[:, None], masks, torch.arange(slots) < len(kept))
