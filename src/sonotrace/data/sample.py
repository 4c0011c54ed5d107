"""What one labelled picture and one labelled clip are."""

from dataclasses import dataclass, field

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
