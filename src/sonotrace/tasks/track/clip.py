"""Follow objects through a clip, forwards and backwards from the frames whose mask is known."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sonotrace.data.clip import Clip
from sonotrace.data.masks import MaskTrack
from sonotrace.errors import MaskError
from sonotrace.tasks.track.objects import FrameResult
from sonotrace.tasks.track.tracker import Tracker
from sonotrace.types import LabelMap


def given_masks(truth: MaskTrack, frames: Iterable[int]) -> dict[int, LabelMap]:
    """Take the label maps of some frames of a track, and touch no other.

    Raises:
        MaskError: There is no label map for one of the frames.
    """
    wanted = tuple(frames)
    missing = [frame for frame in wanted if frame not in truth]
    if missing:
        raise MaskError(
            f"no label map for frames {missing} in {truth.path or 'these masks'}, which has them "
            f"for {len(truth)} frames from {truth.frames[0]} to {truth.frames[-1]}. Start from "
            f"one of those."
        )
    return {frame: truth[frame] for frame in wanted}


def track_clip(
    tracker: Tracker, clip: Clip, masks: Mapping[int, LabelMap], *, backward: bool = False
) -> Iterator[FrameResult]:
    """Follow the objects of the given masks through a clip, frame by frame.

    Answers come first for the first frame with a mask and all frames after it, in order; with
    `backward` then for the frames before it, from the nearest to frame 0, starting anew from
    the first mask alone. Each carries the number of its frame in the clip. One frame is held
    at a time, and nothing but `masks` is known of the truth. The tracker forgets what it was
    following before.

    Args:
        tracker: Any tracker; it is reset.
        clip: The frames.
        masks: Label maps by frame number. The answer for such a frame is its mask.
        backward: Whether to go back from the first mask to frame 0 as well.

    Raises:
        ValueError: There is no mask, or one for a frame that the clip does not have.
    """
    if not masks:
        raise ValueError("no mask to start from; give the mask of at least one frame")
    outside = [frame for frame in masks if not 0 <= frame < len(clip)]
    if outside:
        raise ValueError(f"masks for frames {outside} of a clip of {len(clip)} frames")
    return _both_ways(tracker, clip, masks, backward)


def _both_ways(
    tracker: Tracker, clip: Clip, masks: Mapping[int, LabelMap], backward: bool
) -> Iterator[FrameResult]:
    first = min(masks)
    yield from _follow(tracker, clip, range(first, len(clip)), masks)
    if backward and first > 0:
        answers = _follow(tracker, clip, range(first, -1, -1), {first: masks[first]})
        yield from (answer for answer in answers if answer.frame != first)


def _follow(
    tracker: Tracker, clip: Clip, order: range, masks: Mapping[int, LabelMap]
) -> Iterator[FrameResult]:
    """Step through the frames of the clip in this order."""
    tracker.reset()
    for number in order:
        result = tracker.step(clip[number], masks.get(number))
        if result is not None:
            yield replace(result, frame=order[result.frame])
    for result in tracker.flush():
        yield replace(result, frame=order[result.frame])
