"""A memory network of a few hundred weights, and clips of moving discs."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sonotrace.data.sample import TrainingClip
from sonotrace.models.video import QueryFeatures


class SmallMemory(nn.Module):
    in_channels = 1
    stride = 4
    minimum_size = 16
    lookahead_frames = 0

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Conv2d(1, 8, 7, stride=4, padding=3)
        self.norm = nn.BatchNorm2d(8)
        self.key = nn.Conv2d(8, 4, 1)
        self.remember = nn.Conv2d(2, 6, 7, stride=4, padding=3)
        self.answer = nn.Conv2d(14, 1, 3, padding=1)

    def encode_query(self, frames: Tensor) -> QueryFeatures:
        x = self.norm(self.encode(frames)).relu()
        return QueryFeatures(self.key(x), x, x, (), (frames.shape[2], frames.shape[3]))

    def encode_memory(self, frames: Tensor, features: QueryFeatures, masks: Tensor) -> Tensor:
        objects = masks.shape[1]
        both = torch.cat([frames.repeat_interleave(objects, 0), masks.flatten(0, 1)[:, None]], 1)
        return self.remember(both).unflatten(0, masks.shape[:2])

    def decode(self, read: Tensor, features: QueryFeatures) -> Tensor:
        own = features.value.repeat_interleave(read.shape[1], 0)
        x = self.answer(torch.cat([read.flatten(0, 1), own], 1))
        x = F.interpolate(x, size=features.size, mode="bilinear")
        return x[:, 0].unflatten(0, read.shape[:2])


@pytest.fixture
def network() -> nn.Module:
    return SmallMemory()


def disc_clip(number: int, *, size: int = 32, objects: int = 1) -> TrainingClip:
    """Return discs that move to the right over noise, the same for the same number."""
    generator = torch.Generator().manual_seed(number)
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    masks = torch.zeros(3, objects, size, size)
    for i in range(objects):
        centre = size * (0.25 + 0.5 * torch.rand(2, generator=generator))
        for t in range(3):
            distance = (rows - centre[0]) ** 2 + (columns - centre[1] - 2 * t) ** 2
            masks[t, i] = (distance < (size / 8) ** 2).float()
        masks[:, i] *= 1 - masks[:, :i].amax(1) if i else 1
    frames = 0.2 * torch.rand(3, 1, size, size, generator=generator)
    frames += 0.6 * masks.sum(1, keepdim=True)
    return TrainingClip(frames, masks, torch.ones(objects, dtype=torch.bool))


@pytest.fixture
def draw():
    return disc_clip
