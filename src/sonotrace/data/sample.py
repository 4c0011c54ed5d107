"""What one labelled picture, one labelled clip and one training example are."""

from dataclasses import dataclass, field
from typing import NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor

from sonotrace.data.clip import Clip
from sonotrace.data.masks import MaskTrack
from sonotrace.types import Frame, LabelMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One picture and its labels, in the geometry of the file it came from."""

    id: str
    group: str
    """Patient, video or duplicate group: a split must not divide it."""
    image: Frame
    labels: LabelMap
    spacing_mm: tuple[float, float] | None = None
    """Row and column spacing; None where the source does not publish it."""
    attributes: dict[str, str] = field(default_factory=dict)
    """Such as class: benign or malignant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSample:
    """One clip and the label maps that are known for it."""

    id: str
    group: str
    """Patient, video or duplicate group: a split must not divide it."""
    clip: Clip
    masks: MaskTrack
    attributes: dict[str, str] = field(default_factory=dict)


class TrainingClip(NamedTuple):
    """A few frames and the masks of their objects, as a video network is trained on.

    A batch of them is the same tuple with a leading axis B on every field.
    """

    frames: Float[Tensor, "*B T C H W"]
    """Brightness in [0, 1]."""
    masks: Float[Tensor, "*B T O H W"]
    """1 inside the object, 0 outside."""
    present: Bool[Tensor, "*B O"]
    """Whether there is an object in this slot; empty slots fill a batch up."""
