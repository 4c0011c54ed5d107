"""Follow objects through a clip, forwards and backwards from the frames whose mask is known."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import torch

from sonotrace.data.clip import Clip
from sonotrace.data.masks import MaskTrack
from sonotrace.errors import MaskError
from sonotrace.tasks.track.objects import FrameResult, ids_in
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


def first_marks(masks: Mapping[int, LabelMap]) -> dict[int, int]:
    """Return for every object, by its id, the frame in which it is first marked.

    Raises:
        MaskError: A mask shows no object.
    """
    firsts: dict[int, int] = {}
    for frame in sorted(masks):
        for identity in ids_in(masks[frame], frame):
            firsts.setdefault(identity, frame)
    return firsts


def track_clip(
    tracker: Tracker, clip: Clip, masks: Mapping[int, LabelMap], *, backward: bool = False
) -> Iterator[FrameResult]:
    """Follow the objects of the given masks through a clip, frame by frame.

    Answers come first for the first frame with a mask and all frames after it, in order. Each
    carries the number of its frame in the clip. One frame is held at a time, and nothing but
    `masks` is known of the truth. The tracker forgets what it was following before.

    With `backward` every object is also followed from the frame where it is first marked to
    frame 0: anew from the last frame that marks a new object, taking in the masks on the way.
    These answers come last, the latest frame first. A frame between two marks so gets a second
    answer, which holds only the objects that the first one did not know yet. Where both claim
    a pixel, believe the first, which comes from the earlier mark.

    Args:
        tracker: Any tracker; it is reset.
        clip: The frames.
        masks: Label maps by frame number. The answer for such a frame is its mask.
        backward: Whether to go back to frame 0 as well.

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
    yield from _follow(tracker, clip, range(min(masks), len(clip)), masks)
    firsts = first_marks(masks)
    last = max(firsts.values())
    if not backward or last == 0:
        return
    # A mask after `last` only corrects objects that go back from an earlier one.
    known = {frame: mask for frame, mask in masks.items() if frame <= last}
    for answer in _follow(tracker, clip, range(last, -1, -1), known):
        unmarked = {identity for identity, first in firsts.items() if first > answer.frame}
        if unmarked:
            yield _only(answer, unmarked)


def _only(answer: FrameResult, wanted: set[int]) -> FrameResult:
    """Return the answer without the objects that are not wanted."""
    if wanted.issuperset(answer.object_ids):
        return answer
    kept = [i for i, identity in enumerate(answer.object_ids) if identity in wanted]
    ids = tuple(answer.object_ids[i] for i in kept)
    stays = torch.isin(answer.labels, torch.tensor(ids, dtype=torch.uint8))
    return replace(
        answer,
        labels=answer.labels * stays,
        probabilities=answer.probabilities[kept],
        object_ids=ids,
        confidence=tuple(answer.confidence[i] for i in kept),
        states=tuple(answer.states[i] for i in kept),
    )


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
