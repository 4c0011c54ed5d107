"""From which confidence on a tracked target counts as tracked, and below which as lost.

Fitted on the clips that validate a run: parts of the training groups, no held-out case.
"""

from collections.abc import Iterable

import torch
from torch import nn

from sonotrace.data.sample import TrainingClip
from sonotrace.metrics.segmentation import count_pixels, picture_scores
from sonotrace.tasks.track import StateThresholds, Tracker, TrackerSettings, fit_state_thresholds
from sonotrace.types import LabelMap


def fit_thresholds(network: nn.Module, clips: Iterable[TrainingClip]) -> StateThresholds:
    """Track every clip from its first mask and relate the confidences to the Dice scores."""
    tracker = Tracker(network.eval(), settings=TrackerSettings())  # type: ignore[arg-type]
    confidences: list[float] = []
    dices: list[float] = []
    for clip in clips:
        tracker.reset()
        for t, frame in enumerate((clip.frames * 255).round().to(torch.uint8)):
            truth = _labels(clip, t)
            result = tracker.step(frame, truth if t == 0 else None)
            if result is None or result.given:
                continue
            counts = count_pixels(result.labels, truth, result.object_ids)
            confidences += result.confidence
            dices += picture_scores(counts).dice.tolist()
    return fit_state_thresholds(confidences, dices)


def _labels(clip: TrainingClip, t: int) -> LabelMap:
    """Return the label map of a frame: object 1 for the first slot, and so on."""
    labels = torch.zeros(clip.masks.shape[2:], dtype=torch.uint8)
    for slot, mask in enumerate(clip.masks[t]):
        labels[mask > 0.5] = slot + 1
    return labels
