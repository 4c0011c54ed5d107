"""A sweep: a clip whose frames have poses in space."""

from dataclasses import dataclass, field

from sonotrace.data.clip import Clip
from sonotrace.errors import DataContractError
from sonotrace.geometry.rigid import require_rigid
from sonotrace.types import Poses


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformTrack:
    """One named transform of every frame, as a tracker reported it."""

    name: str
    """"AToB": takes points of frame A to frame B, as PLUS names it."""
    matrices: Poses
    valid: tuple[bool, ...]
    """Whether the tracker vouched for the matrix of each frame."""
    holds_scale: bool
    """Whether the matrix holds the pixel scale, so that it is not rigid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A clip with the pose of every frame, and further channels that share the poses."""

    clip: Clip
    world_from_image: Poses | None = None
    """Rigid; image axes in mm from the centre of the top-left pixel. None where unknown."""
    transforms: tuple[TransformTrack, ...] = ()
    """Everything a sequence file holds, from which `world_from_image` can be composed."""
    constant_transforms: dict[str, list[list[float]]] = field(default_factory=dict)
    """Transforms written once for the whole sequence, by name, row by row."""
    channels: dict[str, Clip] = field(default_factory=dict)
    """Further pictures of the same frames, such as "photoacoustic"."""
    pictures_valid: tuple[bool, ...] | None = None
    """Whether the recorder vouched for the picture of each frame; None where it does not say."""
    clock_start_s: float = 0.0
    """What the recorder's clock showed at time 0 of the clip, to match it with other logs."""

    def __post_init__(self) -> None:
        if self.world_from_image is not None:
            self._require_length(len(self.world_from_image), "poses")
            require_rigid(self.world_from_image)
        if self.pictures_valid is not None:
            self._require_length(len(self.pictures_valid), "states of pictures")
        for name, channel in self.channels.items():
            self._require_length(len(channel), f"frames of channel {name!r}")

    def _require_length(self, count: int, what: str) -> None:
        if count != len(self.clip):
            raise DataContractError(
                f"{count} {what} for {len(self.clip)} frames. Give one for each frame."
            )
