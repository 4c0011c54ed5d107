"""The page of a tracked clip: what went in, what was found, what to doubt."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sonotrace.data.clip import Clip
from sonotrace.io.picture import read_labels
from sonotrace.report.overlay import draw_outlines
from sonotrace.report.page import Curve, Section, curve, embed, write_page
from sonotrace.report.track import TrackJob, TrackLog, mask_name
from sonotrace.tasks.track import first_marks

_PICTURES = 8
_RANGES = 12


def write_track_page(
    folder: Path,
    job: TrackJob,
    log: TrackLog,
    scores: Sequence[Section] = (),
    *,
    notes: Sequence[str] = (),
    facts: Mapping[str, object] | None = None,
) -> None:
    """Write `report.html` into the folder that `track_into` filled.

    Args:
        folder: Holds `masks/` and the overlay already.
        job: What was tracked.
        log: What happened.
        scores: Further sections to put first, such as a comparison with the truth.
        notes: What to doubt beyond what the clip itself says.
        facts: By what it was tracked: the model and its settings.
    """
    sections = [
        *scores,
        _pictures(folder, job),
        _areas(job, log),
        Section(title="Objects", rows=_objects(log, job.clip.first_frame)),
        Section(title="Input", facts=describe_clip(job.clip)),
        *([Section(title="Tracked by", facts=dict(facts))] if facts else []),
        Section(title="Time", rows=_times(log)),
    ]
    doubts = [*warnings(job), *notes]
    if doubts:
        sections.insert(len(scores), Section(title="Before you rely on it", warnings=doubts))
    name = job.clip.path.name if job.clip.path is not None else job.clip.format
    write_page(folder / "report.html", f"Tracked: {name}", sections)


def describe_clip(clip: Clip) -> dict[str, object]:
    """Return the facts of a clip that decide how far a result can be trusted."""
    spacing = "unknown"
    if clip.spacing_mm is not None:
        spacing = f"{clip.spacing_mm[0]:.4g} x {clip.spacing_mm[1]:.4g} mm (row x column)"
    rate = clip.frames_per_second
    return {
        "format": clip.format,
        "frames": len(clip),
        "size": f"{clip.shape[2]} x {clip.shape[1]} pixels (width x height), "
        + ("grey" if clip.shape[0] == 1 else "colour"),
        "clock": "unknown" if rate is None else f"{rate:.4g} frames per second",
        "spacing": spacing,
        "spacing from": clip.spacing_source.replace("_", " "),
        "why": clip.spacing_note,
    }


def warnings(job: TrackJob) -> list[str]:
    """Return what a reader of the results should know."""
    notes = list(job.clip.warnings)
    names, first = job.clip.names, job.clip.first_frame
    if names and not (names[0].isdecimal() and int(names[0]) == first):
        notes.append(f"Frames are counted from 0: frame {first} is the picture {names[0]}.")
    if job.clip.spacing_mm is None:
        notes.append(f"Lengths are in pixels: {job.clip.spacing_note}")
    if job.clip.times_s is None:
        notes.append("The clip has no clock: no times and no speeds; the overlay plays at 10 Hz.")
    return [*notes, *_frames_without_masks(job)]


def _frames_without_masks(job: TrackJob) -> list[str]:
    """Say which frames before the marks have no mask, in all or of some object."""
    if job.backward:
        return []
    firsts, counted_from = first_marks(job.given()), job.clip.first_frame
    begin = min(firsts.values())
    notes = []
    if begin > 0:
        last = counted_from + begin - 1
        who = f"frames {counted_from} to {last} lie before the first mark and have"
        if begin == 1:
            who = f"frame {last} lies before the first mark and has"
        notes.append(f"{who} no mask; add --backward.")
    notes += [
        f"object {identity} is first marked in frame {counted_from + first} and has no mask "
        f"before it; add --backward."
        for identity, first in firsts.items()
        if first > begin
    ]
    return notes


def _pictures(folder: Path, job: TrackJob) -> Section:
    last = len(job.clip) - 1
    chosen = sorted({round(i * last / (_PICTURES - 1)) for i in range(_PICTURES)})
    pictures = []
    for frame in chosen:
        path = folder / "masks" / mask_name(job.clip, frame)
        picture = job.clip[frame]
        caption = f"frame {job.clip.first_frame + frame}"
        if frame in job.masks:
            caption += ", mask given"
        if path.exists():
            picture = draw_outlines(picture, read_labels(path))
        else:
            caption += ", not tracked"
        pictures.append(embed(picture, caption))
    return Section(
        title="What was found", video="overlay.mp4" if len(job.clip) > 1 else "", pictures=pictures
    )


def _areas(job: TrackJob, log: TrackLog) -> Section:
    curves: list[Curve] = []
    top = float(max(log.areas, default=0))
    for object_id in sorted(set(log.object_ids)):
        places = sorted(
            (float(log.frames[i]), float(log.areas[i]))
            for i in range(len(log.frames))
            if log.object_ids[i] == object_id
        )
        frames, areas = zip(*places, strict=True)
        span = (0.0, len(job.clip) - 1.0)
        curves.append(curve(frames, areas, object_id, span=span, top=top))
    last = job.clip.first_frame + len(job.clip) - 1
    label = f"area over frames {job.clip.first_frame} to {last}, 0 to {top:.0f} pixels"
    return Section(title="Area", curves=curves, curves_label=label)


def _objects(log: TrackLog, first_frame: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    counts = log.state_counts()
    for object_id, states in counts.items():
        places = [i for i in range(len(log.frames)) if log.object_ids[i] == object_id]
        mean = sum(log.confidences[i] for i in places) / len(places)
        row: dict[str, object] = {"object": object_id, "frames": len(places)}
        row |= dict(states)
        row["mean confidence"] = f"{mean:.3f}"
        doubtful = sorted(first_frame + log.frames[i] for i in places if log.in_doubt(i))
        rows.append(row | {"in doubt or lost in frames": _ranges(doubtful) or "none"})
    return rows


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as `3-5, 9`, at most `_RANGES` of them."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    more = len(words) - _RANGES
    return ", ".join(words[:_RANGES]) + (f" and {more} more" if more > 0 else "")


def _times(log: TrackLog) -> list[dict[str, object]]:
    return [
        {
            "stage": stage,
            "median ms": f"{numbers['p50_ms']:.1f}",
            "95 % below ms": f"{numbers['p95_ms']:.1f}",
            "longest ms": f"{numbers['max_ms']:.1f}",
            "sum s": f"{numbers['total_s']:.2f}",
        }
        for stage, numbers in log.timings.summary().items()
    ]
