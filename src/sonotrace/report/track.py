"""A tracked clip as a folder: masks, overlay video, measurements, report and page.

The clip is gone through twice: once to track, writing each mask as it comes; once more, in
the order of the frames, to draw and to measure. So no more than a frame is held at a time,
also when the tracker goes backwards. An object that goes back from a later mark than others is
put into the masks that are written already.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, UInt8

from sonotrace.data.clip import Clip
from sonotrace.io.picture import read_labels, write_labels, write_picture
from sonotrace.io.video import write_video
from sonotrace.report.measurements import Finding, MeasurementsFile, Target
from sonotrace.report.overlay import draw_outlines
from sonotrace.report.timings import Timings
from sonotrace.tasks.track import FrameResult, TargetState, Tracker, first_marks, track_clip
from sonotrace.types import Frame, LabelMap, Probability

T = TypeVar("T")
Progress = Callable[[Iterable[T], int, str], Iterable[T]]

_STATES = tuple(TargetState)
_FALLBACK_RATE = 10.0
"""Frames per second of the overlay where the clip has no clock."""


@dataclass(frozen=True, kw_only=True)
class TrackJob:
    """What to track, and what to write of it."""

    clip: Clip
    """The whole pictures, in which results are given."""
    area: tuple[int, int, int, int] | None = None
    """Column, row, width, height of the part that the tracker sees; None for all of it."""
    masks: dict[int, LabelMap]
    """The given label maps by frame, in the geometry of `clip`."""
    backward: bool = False
    target: Target = "lesion"
    save_probabilities: bool = False

    def given(self) -> dict[int, LabelMap]:
        """Return the given label maps cut to the part that the tracker sees."""
        return {frame: _cut(labels, self.area) for frame, labels in self.masks.items()}


@dataclass(kw_only=True)
class TrackLog:
    """What happened, in a few bytes per frame and object."""

    frames: array = field(default_factory=lambda: array("l"))
    object_ids: array = field(default_factory=lambda: array("B"))
    states: array = field(default_factory=lambda: array("B"))
    confidences: array = field(default_factory=lambda: array("f"))
    areas: array = field(default_factory=lambda: array("l"))
    timings: Timings = field(default_factory=Timings)

    def add(self, result: FrameResult) -> None:
        """Keep the states and confidences of one frame."""
        for object_id, state, confidence in zip(
            result.object_ids, result.states, result.confidence, strict=True
        ):
            self.frames.append(result.frame)
            self.object_ids.append(object_id)
            self.states.append(_STATES.index(state))
            self.confidences.append(confidence)
        self.timings.add("track", result.seconds)

    def in_doubt(self, position: int) -> bool:
        """Return whether the object was uncertain or lost there."""
        return _STATES[self.states[position]] in {TargetState.UNCERTAIN, TargetState.LOST}

    def by_frame(self) -> dict[int, list[int]]:
        """Return the positions in the arrays that belong to each frame."""
        positions: dict[int, list[int]] = {}
        for position, frame in enumerate(self.frames):
            positions.setdefault(frame, []).append(position)
        return positions

    def state_counts(self) -> dict[int, dict[str, int]]:
        """Return for every object how many frames it was in each state."""
        counts: dict[int, dict[str, int]] = {}
        for object_id, state in zip(self.object_ids, self.states, strict=True):
            of_object = counts.setdefault(object_id, dict.fromkeys((s.value for s in _STATES), 0))
            of_object[_STATES[state].value] += 1
        return counts


def mask_name(clip: Clip, frame: int) -> str:
    """Return the name of a frame's mask: that of the frame's file, else its number."""
    if clip.names is not None:
        return f"{clip.names[frame]}.png"
    return f"{clip.first_frame + frame:05d}.png"


def track_into(folder: Path, job: TrackJob, tracker: Tracker, progress: Progress) -> TrackLog:
    """Track a clip and write masks, probabilities, overlay and measurements into `folder`."""
    log = TrackLog()
    (folder / "masks").mkdir()
    if job.save_probabilities:
        (folder / "probabilities").mkdir()
    seen = job.clip if job.area is None else job.clip.cropped(job.area)
    given = job.given()
    firsts = first_marks(given).values()
    twice = max(firsts) - min(firsts) if job.backward else 0
    results = track_clip(tracker, seen, given, backward=job.backward)
    for result in progress(results, len(job.clip) + twice, "tracking"):
        with log.timings.measure("write masks"):
            written = _write_masks(folder, job, result)
        log.add(written)
    rate = job.clip.frames_per_second or _FALLBACK_RATE
    with MeasurementsFile(
        folder / "measurements.csv", job.target, job.clip.spacing_mm
    ) as measurements:
        drawn = _draw_and_measure(folder, job, log, measurements)
        shown = progress(drawn, len(job.clip), "drawing")
        if len(job.clip) == 1:
            write_picture(folder / "overlay.png", *shown)
        else:
            write_video(folder / "overlay.mp4", shown, rate)
    return log


def _write_masks(folder: Path, job: TrackJob, result: FrameResult) -> FrameResult:
    """Write an answer, and return what is left of it beside an earlier one for its frame."""
    name = mask_name(job.clip, result.frame)
    path = folder / "masks" / name
    labels = _paste(result.labels, job)
    second = path.exists()
    if second:
        before = read_labels(path)
        labels = torch.where(before > 0, before, labels)
        result = _lose_hidden(result, labels)
    write_labels(path, labels)
    if job.save_probabilities:
        path = folder / "probabilities" / Path(name).with_suffix(".npz")
        ids, probabilities = result.object_ids, _paste(result.probabilities, job)
        if second:
            ids, probabilities = _join(path, ids, probabilities)
        save_probabilities(path, ids, probabilities)
    return result


def _lose_hidden(result: FrameResult, labels: LabelMap) -> FrameResult:
    """Call those objects lost that have no pixel in `labels`: others hold all of theirs."""
    shown = [bool((labels == identity).any()) for identity in result.object_ids]
    confidence = zip(result.confidence, shown, strict=True)
    states = zip(result.states, shown, strict=True)
    return replace(
        result,
        confidence=tuple(value if seen else 0.0 for value, seen in confidence),
        states=tuple(state if seen else TargetState.LOST for state, seen in states),
    )


def _join(
    path: Path, ids: tuple[int, ...], probabilities: Probability
) -> tuple[tuple[int, ...], Float[torch.Tensor, "all H W"]]:
    """Put objects behind those of a file, with no more probability than those leave."""
    with np.load(path) as stored:
        before = torch.from_numpy(stored["probabilities"]).float()  # (O, H, W)
        known = tuple(int(identity) for identity in stored["object_ids"])
    left = (1 - before.sum(0)).clamp(min=0)
    share = (left / probabilities.sum(0).clamp(min=1e-6)).clamp(max=1)
    return (*known, *ids), torch.cat([before, probabilities * share])


def save_probabilities(
    path: Path, object_ids: tuple[int, ...], probabilities: torch.Tensor
) -> None:
    """Write `object_ids` (O,) and `probabilities` (O, H, W), float16, as a compressed .npz."""
    np.savez_compressed(
        path,
        object_ids=np.asarray(object_ids, dtype=np.uint8),
        probabilities=probabilities.half().numpy(),
    )


def _cut(labels: LabelMap, area: tuple[int, int, int, int] | None) -> UInt8[torch.Tensor, "h w"]:
    if area is None:
        return labels
    column, row, width, height = area
    return labels[row : row + height, column : column + width].contiguous()


def _paste(maps: torch.Tensor, job: TrackJob) -> torch.Tensor:
    """Put maps (..., h, w) of the tracked part back into the whole picture."""
    if job.area is None:
        return maps
    column, row, width, height = job.area
    whole = maps.new_zeros((*maps.shape[:-2], *job.clip.shape[1:]))
    whole[..., row : row + height, column : column + width] = maps
    return whole


def _draw_and_measure(
    folder: Path, job: TrackJob, log: TrackLog, measurements: MeasurementsFile
) -> Iterator[Frame]:
    """Yield every frame with its outlines, and write its row on the way."""
    positions = log.by_frame()
    times = job.clip.times_s
    log.areas = array("l", bytes(log.areas.itemsize * len(log.frames)))
    for frame in range(len(job.clip)):
        with log.timings.measure("draw and measure"):
            picture = job.clip[frame]
            if frame not in positions:
                yield picture.expand(3, -1, -1)
                continue
            labels = read_labels(folder / "masks" / mask_name(job.clip, frame))
            for position in sorted(positions[frame], key=log.object_ids.__getitem__):
                mask = labels == log.object_ids[position]
                log.areas[position] = int(mask.sum())
                measurements.write(
                    Finding(
                        frame=job.clip.first_frame + frame,
                        time_s=None if times is None else float(times[frame]),
                        object_id=log.object_ids[position],
                        state=_STATES[log.states[position]].value,
                        confidence=log.confidences[position],
                        mask=mask,
                    )
                )
            drawn = draw_outlines(picture, labels)
        yield drawn
