"""What is compared and by which rules."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor

from sonotrace.metrics.boundary import WorstDistance
from sonotrace.metrics.segmentation import EmptyPolicy
from sonotrace.settings import Settings
from sonotrace.types import LabelMap

Protocol = Literal["all", "davis"]
Given = Literal["first", "none"] | tuple[int, ...]


class Rules(Settings):
    """How masks are scored."""

    protocol: Protocol = "all"
    """Which frames count.

    "all": every frame with truth but those whose mask was given, each object from the first
    frame in which truth or prediction shows it; pixels void in the truth are left out.
    "davis": as the published evaluation of the semi-supervised DAVIS task: neither the first
    nor the last frame with truth; only objects of the first frame; void is background.
    """
    score_given: bool = False
    """Score frames whose mask was given too, which flatters."""
    empty: EmptyPolicy = "one"
    """What a picture without the object scores; see `metrics.segmentation`."""
    worst: WorstDistance = "diagonal"
    """The hd95 of a picture in which one of the two masks is empty; see `metrics.boundary`."""
    spacing_mm: tuple[float, float] | None = None
    """Row and column spacing of every picture, for hd95 in mm; None for pixels."""
    seed: int = 0
    """Of the clips drawn for intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame of a clip, or one picture, before it is read."""

    number: int
    """Its number in the clip; neighbours differ by one."""
    name: str
    has_truth: bool
    given: bool = False
    """Whether its mask was given to what made the prediction."""


class LoadedFrame(NamedTuple):
    """The masks of one frame, of one size."""

    prediction: LabelMap
    truth: LabelMap | None
    read_probabilities: Callable[[], dict[int, Float[Tensor, "H W"]]] | None = None
    """Reads what the masks were made of, by object id; None where nothing was saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPair:
    """The predicted and true masks of one clip, or of pictures that are no clip."""

    name: str
    frames: tuple[Frame, ...]
    load: Callable[[int], LoadedFrame]
    """Reads the masks of `frames[i]`."""
    ordered: bool = True
    """Whether the frames follow one another in time; else each is a picture by itself."""
    first_given: bool = False
    """Whether each object's mask was given in the first frame that shows it."""
    classes: dict[int, str] = field(default_factory=dict)
    """Class of an object where it is known."""
    class_name: str | None = None
    """Class of all objects of the clip that `classes` does not name."""
    group: str | None = None
    """Patient or video the clip belongs to."""

    def class_of(self, object_id: int) -> str:
        """Return the class of an object; its id where nobody says."""
        return self.classes.get(object_id, self.class_name or str(object_id))
