"""Whether a target is being followed, is in doubt, or is lost.

The confidence of an object in a frame is the mean of its probability over the pixels of its own
mask, those where it is more likely than the background and every other object; 0 if there are
none. With one object it lies between 0.5 and 1. It measures how decided the network is, which
is not how right it is: the thresholds tie it to a Dice score on training clips.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
from pydantic import Field, ValidationError

from sonotrace.errors import ModelError
from sonotrace.settings import Settings, replace

_METADATA_KEY = "state_thresholds"
_MEMORY_OF_AREA = 0.1
"""Share of the newest tracked frame in the usual area of an object."""


class TargetState(StrEnum):
    """What a tracker says of one object in one frame."""

    TRACKED = "tracked"
    UNCERTAIN = "uncertain"
    LOST = "lost"
    REACQUIRED = "re-acquired"
    """The first tracked frame after the target was lost."""


class StateThresholds(Settings):
    """Where tracked ends and lost begins. The defaults are guesses, fitted to nothing."""

    tracked_confidence: float = Field(default=0.8, ge=0, le=1)
    """From this confidence on an object is tracked."""
    lost_confidence: float = Field(default=0.6, ge=0, le=1)
    """Below this confidence an object is lost."""
    tracked_area: float = Field(default=0.4, ge=0, le=1)
    """From this share of its usual area on an object is tracked."""
    lost_area: float = Field(default=0.05, ge=0, le=1)
    """Below this share of its usual area an object is lost."""
    fitted_frames: int = Field(default=0, ge=0)
    """Frames of training clips that the confidences were fitted on; 0 for the defaults."""

    def judge(self, confidence: float, share_of_area: float) -> TargetState:
        """Return tracked, uncertain or lost for one object in one frame."""
        if confidence < self.lost_confidence or share_of_area < self.lost_area:
            return TargetState.LOST
        if confidence < self.tracked_confidence or share_of_area < self.tracked_area:
            return TargetState.UNCERTAIN
        return TargetState.TRACKED

    def to_metadata(self) -> dict[str, str]:
        """Return the thresholds as an entry for the metadata of a weight file."""
        return {_METADATA_KEY: self.model_dump_json()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, object]) -> "StateThresholds":
        """Return the thresholds stored with weights; the defaults where there are none.

        Raises:
            ModelError: What is stored there is no set of thresholds.
        """
        stored = str(metadata.get(_METADATA_KEY, "{}"))
        try:
            return cls.model_validate_json(stored)
        except ValidationError as error:
            raise ModelError(
                f"the weights' metadata hold {stored!r} as {_METADATA_KEY}: "
                f"{error.errors()[0]['msg']}. Write it with StateThresholds.to_metadata()."
            ) from error


class ObjectState:
    """The state of one object over time.

    Its usual area is a running mean over the frames where it was tracked; a lost or uncertain
    frame does not change it.
    """

    def __init__(self, thresholds: StateThresholds) -> None:
        self.thresholds = thresholds
        self.usual_area = 0.0
        self.was_lost = False

    def update(self, confidence: float, area: int) -> TargetState:
        """Take in the next frame of the object and return its state there."""
        usual = self.usual_area or max(area, 1.0)
        state = self.thresholds.judge(confidence if area else 0.0, area / usual)
        if state is TargetState.LOST:
            self.was_lost = True
        if state is not TargetState.TRACKED:
            return state
        self.usual_area = usual + _MEMORY_OF_AREA * (area - usual)
        return self._found()

    def correct(self, area: int) -> TargetState:
        """Take in a frame where the object's mask was given."""
        self.usual_area = float(area)
        return self._found()

    def _found(self) -> TargetState:
        state = TargetState.REACQUIRED if self.was_lost else TargetState.TRACKED
        self.was_lost = False
        return state


def fit_state_thresholds(
    confidences: Sequence[float], dices: Sequence[float], *, good: float = 0.7, bad: float = 0.3
) -> StateThresholds:
    """Fit the confidences from which an object counts as tracked and below which as lost.

    Each threshold separates two groups of frames with the highest sum of sensitivity and
    specificity (Youden's index): Dice of at least `good` from the rest for tracked, Dice below
    `bad` from the rest for lost. A threshold whose groups are not both there keeps its default,
    and lost never exceeds tracked. Areas are not fitted.

    Args:
        confidences: One per frame and object, as in `FrameResult`; from training clips only,
            frames with a given mask left out.
        dices: The Dice score of the same frames and objects.
        good: Dice from which a mask is worth keeping.
        bad: Dice below which the target was missed.
    """
    c, d = np.asarray(confidences, dtype=float), np.asarray(dices, dtype=float)
    if c.shape != d.shape or not c.size:
        raise ValueError(f"{c.size} confidences for {d.size} Dice scores; give one for each.")
    default = StateThresholds()
    tracked = _best_cut(c, d >= good, default.tracked_confidence)
    lost = min(_best_cut(c, d >= bad, default.lost_confidence), tracked)
    return replace(
        default, tracked_confidence=tracked, lost_confidence=lost, fitted_frames=int(c.size)
    )


def _best_cut(values: np.ndarray, high: np.ndarray, default: float) -> float:
    """Return the value from which on `high` is most often true and below which false."""
    if high.all() or not high.any():
        return default
    levels = np.unique(values)
    if len(levels) == 1:
        return default
    cuts = (levels[1:] + levels[:-1]) / 2
    found = np.searchsorted(np.sort(values[high]), cuts) / high.sum()
    kept = np.searchsorted(np.sort(values[~high]), cuts) / (~high).sum()
    return float(np.clip(cuts[np.argmax(kept - found)], 0, 1))
