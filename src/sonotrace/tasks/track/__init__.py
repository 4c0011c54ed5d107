"""Follow objects through a clip or a stream, frame by frame, from the mask of one frame."""

from sonotrace.tasks.track.clip import first_marks, given_masks, track_clip
from sonotrace.tasks.track.memory import MemoryPropagator
from sonotrace.tasks.track.objects import FrameResult
from sonotrace.tasks.track.propagator import Propagator
from sonotrace.tasks.track.settings import TrackerSettings
from sonotrace.tasks.track.states import StateThresholds, TargetState, fit_state_thresholds
from sonotrace.tasks.track.tracker import Tracker

__all__ = [
    "FrameResult",
    "MemoryPropagator",
    "Propagator",
    "StateThresholds",
    "TargetState",
    "Tracker",
    "TrackerSettings",
    "first_marks",
    "fit_state_thresholds",
    "given_masks",
    "track_clip",
]
