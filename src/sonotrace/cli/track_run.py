"""What `track` does once its words are read: inputs, model, tracker, folder, report."""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, get_args

import torch

from sonotrace.cli.console import Console
from sonotrace.cli.inputs import Inputs, Opened, open_input, require_apart
from sonotrace.cli.options import numbers
from sonotrace.data.clip import Clip
from sonotrace.errors import MaskError, UsageError
from sonotrace.io.picture import MAX_GREY_IDS, read_labels_noted
from sonotrace.io.whole import whole_folder
from sonotrace.models.weights import load_model, read_facts, weights_sha256
from sonotrace.nn.memory import Bounded, MemoryPolicy, Recent, Unbounded
from sonotrace.report.document import Report, describe_input
from sonotrace.report.measurements import Target
from sonotrace.report.page import Section
from sonotrace.report.track import TrackJob, TrackLog, track_into
from sonotrace.report.track_page import warnings, write_track_page
from sonotrace.runtime import RuntimeSettings, prepare
from sonotrace.tasks.prompt import mask_from_box, mask_from_click
from sonotrace.tasks.track import MemoryPropagator, StateThresholds, Tracker, TrackerSettings
from sonotrace.tasks.track.memory import trained_size
from sonotrace.types import VOID, LabelMap

_POLICIES: dict[str, type[MemoryPolicy]] = {
    "bounded": Bounded,
    "recent": Recent,
    "unbounded": Unbounded,
}


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """What marks the target, as it was typed."""

    masks: list[str] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)
    clicks: list[str] = field(default_factory=list)
    void: int | None = None


class Marks(NamedTuple):
    """What marks the target, as it was read."""

    masks: dict[int, LabelMap]
    """Label maps by frame of the clip. Void has become background."""
    notes: list[str]
    """How they were read."""
    record: list[dict[str, object]]
    """Kind, file name or value, frame in the file and ids of every mark, for the report."""


@dataclass(frozen=True, kw_only=True)
class TrackOptions:
    """The options of `track`, as they were typed."""

    inputs: Inputs
    out: Path
    prompts: Prompts
    model: str = "stcn:small"
    backward: bool = False
    target: str = "lesion"
    memory: str = "bounded"
    memory_every: int = 5
    longest_side: int | None = None
    save_probabilities: bool = False
    device: str = "auto"
    backend: str = "auto"
    precision: str = "float32"
    seed: int = 0
    overwrite: bool = False
    sections: tuple[Section, ...] = ()
    """Sections that go first on the page."""


def run_track(options: TrackOptions, console: Console) -> dict[str, Any]:
    """Track, write the folder, and return what `--json` prints."""
    torch.manual_seed(options.seed)
    if options.target not in get_args(Target):
        raise UsageError(f"--target is lesion or needle, not {options.target!r}.")
    if options.memory not in _POLICIES:
        raise UsageError(f"--memory is one of {', '.join(_POLICIES)}, not {options.memory!r}.")
    if options.prompts.void not in {None, 255}:
        raise UsageError(f"--void takes 255 and nothing else, not {options.prompts.void}.")
    marks = [Path(_split(typed)[0]) for typed in options.prompts.masks]
    require_apart(options.out, [options.inputs.path, Path(options.model), *marks])
    with whole_folder(options.out, overwrite=options.overwrite) as folder:
        opened = open_input(options.inputs)
        masks, notes, record = read_prompts(options.prompts, opened.clip)
        notes += require_inside(masks, opened)
        runtime = RuntimeSettings.named(
            options.device, options.backend, options.precision, frames=len(opened.clip)
        )
        model = load_model(options.model)
        network, used = prepare(model, runtime)
        tracker = Tracker(
            network,
            settings=TrackerSettings(
                memory=_POLICIES[options.memory](),
                memory_every=options.memory_every,
                longest_side=options.longest_side or trained_size(model),
                device=used.device,
                precision=used.precision,
                states=StateThresholds.from_metadata(read_facts(options.model)),
            ),
        )
        job = TrackJob(
            clip=opened.clip,
            area=opened.area,
            masks=masks,
            backward=options.backward,
            target=options.target,  # type: ignore[arg-type]  # checked above
            save_probabilities=options.save_probabilities,
        )
        started = time.perf_counter()
        log = track_into(folder, job, tracker, console.progress)
        seconds = time.perf_counter() - started
        notes += [*tracker.notes, *_note_size(tracker, opened)]
        notes += [used.note] if used.note else []
        summary = _summary(options, job, log, seconds) | asdict(used)
        summary["warnings"] = [*warnings(job), *notes]
        settings = _settings(options, job, tracker) | {"prompts": record}
        facts: dict[str, object] = {"model": Path(options.model).name}
        facts |= {key: summary[key] for key in ("device", "backend", "precision")}
        facts |= {"memory": options.memory, "remembered": f"every {options.memory_every} frames"}
        write_track_page(folder, job, log, options.sections, notes=notes, facts=facts)
        _write_report(folder, options, settings, log, summary)
    return summary


def read_prompts(prompts: Prompts, clip: Clip) -> Marks:
    """Read the marks: the label maps by frame of the clip, and how they came about.

    A mask without `@FRAME` belongs to the frame of its name, else to the first. Boxes and
    clicks become objects of their own, numbered from the first free id on.

    Raises:
        MaskError: A mask has another size than the clip, or more ids than anyone draws.
        UsageError: There is no mark, two of them overlap, or a frame is not there.
    """
    marks = Marks({}, [], [])
    for typed in prompts.masks:
        path, frame = _mask_at(typed, clip, marks.notes)
        labels, note = read_labels_noted(path, void=255 if prompts.void == 255 else None)
        if tuple(labels.shape) != clip.shape[1:]:
            raise MaskError(
                f"{path}: {labels.shape[1]} x {labels.shape[0]} pixels for a clip of "
                f"{clip.shape[2]} x {clip.shape[1]}. Draw it on a frame of the clip itself."
            )
        _require_few_ids(path, labels)
        marks.notes.extend([note] if note else [])
        _add(marks, frame, labels, typed)
        _record(marks, {"kind": "mask", "name": path.name}, clip.first_frame + frame, labels)
    for typed in prompts.boxes:
        place, frame = _at_frame(typed, clip)
        column, row, width, height = numbers(place, 4, "--box")
        mask = mask_from_box((column, row, width, height), clip.shape[1:])
        labels = mask.to(torch.uint8) * _free_id(marks.masks)
        _add(marks, frame, labels, typed)
        _record(marks, {"kind": "box", "value": place}, clip.first_frame + frame, labels)
        marks.notes.append(f"--box {typed}: started from the ellipse in the box.")
    for typed in prompts.clicks:
        place, frame = _at_frame(typed, clip)
        column, row = numbers(place, 2, "--click")
        mask = mask_from_click(column, row, clip[frame])
        labels = mask.to(torch.uint8) * _free_id(marks.masks)
        _add(marks, frame, labels, typed)
        _record(marks, {"kind": "click", "value": place}, clip.first_frame + frame, labels)
        marks.notes.append(f"--click {typed}: started from the area as bright as the click.")
    if not marks.masks:
        raise UsageError(
            "nothing marks the target. Give --mask FILE, --box X,Y,W,H or --click X,Y."
        )
    return marks


def require_inside(masks: dict[int, LabelMap], opened: Opened) -> list[str]:
    """Return notes on marks that reach out of the part that is tracked.

    Raises:
        MaskError: Nothing is marked in a mask, or nothing within that part.
    """
    notes = []
    for frame, labels in masks.items():
        number = opened.clip.first_frame + frame
        marked = (labels > 0) & (labels != VOID)
        if not marked.any():
            raise MaskError(
                f"the mask of frame {number} shows no object: all pixels are 0 (background) or "
                f"{VOID} (void). Give a mask with ids from 1 to {VOID - 1}."
            )
        if opened.area is None:
            continue
        column, row, width, height = opened.area
        left = int(marked.sum() - marked[row : row + height, column : column + width].sum())
        if left == int(marked.sum()):
            raise MaskError(
                f"what is marked in frame {number} lies outside of the part that is tracked, "
                f"--crop {column},{row},{width},{height}. Choose a part that holds the target."
            )
        if left:
            notes.append(f"{left} marked pixels of frame {number} lie outside of --crop: left out.")
    return notes


def _split(typed: str) -> tuple[str, int | None]:
    """Split `WHAT@FRAME`; the frame is None where none is named."""
    what, at, number = typed.rpartition("@")
    if not at or not (number.isascii() and number.isdigit()):
        return typed, None
    return what, int(number)


def _at_frame(typed: str, clip: Clip) -> tuple[str, int]:
    """Split `WHAT@FRAME`; the frame is numbered as in the file, and returned as in the clip."""
    what, number = _split(typed)
    if number is None:
        return what, 0
    frame = number - clip.first_frame
    if not 0 <= frame < len(clip):
        last = clip.first_frame + len(clip) - 1
        named = f", and frame {clip.first_frame} is {clip.names[0]}" if clip.names else ""
        raise UsageError(
            f"{typed}: there is no frame {number}; the clip has {clip.first_frame} to {last}"
            f"{named}."
        )
    return what, frame


def _mask_at(typed: str, clip: Clip, notes: list[str]) -> tuple[Path, int]:
    """Return the file of a mask and its frame in the clip, with a note where nobody named it."""
    name, frame = _at_frame(typed, clip)
    path = Path(name)
    if _split(typed)[1] is not None or clip.names is None or len(clip) == 1:
        return path, frame
    if path.stem not in clip.names:
        notes.append(
            f"{path.name}: no frame of the clip has this name; taken as the mask of frame "
            f"{clip.first_frame}, {clip.names[0]}. If it is that of another, add @FRAME."
        )
        return path, frame
    frame = clip.names.index(path.stem)
    if frame:
        notes.append(
            f"{path.name}: taken as the mask of frame {clip.first_frame + frame}, which has "
            f"the same name."
        )
    return path, frame


def _require_few_ids(path: Path, labels: LabelMap) -> None:
    """Refuse a photograph with a palette, whose colours would be followed as objects."""
    ids = _ids(labels)
    if len(ids) > MAX_GREY_IDS:
        shown = ", ".join(str(value) for value in ids[:8])
        raise MaskError(
            f"{path}: {len(ids)} object ids ({shown}, ...), where a mask to start from has at "
            f"most {MAX_GREY_IDS}. It may be a photograph saved with a palette, or a mask that "
            f"was smoothed; give a palette PNG whose pixel value is the object id."
        )


def _ids(labels: LabelMap) -> list[int]:
    """Return the object ids, ascending; void and background are none."""
    return [int(value) for value in labels.unique() if int(value) not in {0, VOID}]


def _record(marks: Marks, what: dict[str, object], frame: int, labels: LabelMap) -> None:
    marks.record.append(what | {"frame": frame, "ids": _ids(labels)})


def _add(marks: Marks, frame: int, labels: LabelMap, typed: str) -> None:
    """Put label maps of one frame together; two objects must not claim one pixel."""
    labels = labels.masked_fill(labels == VOID, 0)
    before = marks.masks.get(frame)
    if before is None:
        marks.masks[frame] = labels
        return
    if bool(((before > 0) & (labels > 0)).any()):
        raise UsageError(f"{typed} overlaps with what was marked in the same frame before.")
    marks.masks[frame] = torch.where(labels > 0, labels, before)


def _free_id(masks: dict[int, LabelMap]) -> int:
    taken = {int(value) for labels in masks.values() for value in labels.unique()}
    free = next((number for number in range(1, 255) if number not in taken), None)
    if free is None:
        raise UsageError("all ids from 1 to 254 are taken; there is room for no further object.")
    return free


def _summary(
    options: TrackOptions, job: TrackJob, log: TrackLog, seconds: float
) -> dict[str, object]:
    tracked = log.timings.total("track")
    frames = len(set(log.frames))
    return {
        "frames": frames,
        "objects": sorted(set(log.object_ids)),
        "out": str(options.out),
        "model": options.model,
        "weights": weights_sha256(options.model),
        "seconds": seconds,
        "frames_per_second": frames / tracked if tracked else None,
        "p95_ms": log.timings.percentile_ms("track", 95.0),
        "states": {str(key): value for key, value in log.state_counts().items()},
    }


def _note_size(tracker: Tracker, opened: Opened) -> list[str]:
    """Say if the network sees smaller frames than the user."""
    most, (_, rows, columns) = _longest_side(tracker), opened.seen.shape
    if most is None or max(rows, columns) <= most:
        return []
    return [
        f"frames of {columns} x {rows} pixels were shrunk to {most} on the longer side for the "
        f"network; masks have the full size. --crop to the target keeps finer detail."
    ]


def _longest_side(tracker: Tracker) -> int | None:
    propagator = tracker.propagator
    return propagator.longest_side if isinstance(propagator, MemoryPropagator) else None


def _settings(options: TrackOptions, job: TrackJob, tracker: Tracker) -> dict[str, object]:
    """Return every setting that decides the result, defaults resolved."""
    settings: dict[str, object] = {
        name: value
        for name, value in vars(options).items()
        if name in {"backward", "target", "memory", "memory_every", "save_probabilities"}
    }
    return settings | {
        "void": options.prompts.void,
        "memory_frames": tracker.settings.memory.model_dump(exclude={"policy"}),
        "top_k": tracker.settings.top_k,
        "longest_side": _longest_side(tracker),
        "state_thresholds": tracker.thresholds.model_dump(),
        "area": job.area,
        "spacing_mm": job.clip.spacing_mm,
        "spacing_source": job.clip.spacing_source,
        "first_frame": job.clip.first_frame,
        "given_frames": sorted(job.clip.first_frame + frame for frame in job.masks),
    }


def _write_report(
    folder: Path,
    options: TrackOptions,
    settings: dict[str, object],
    log: TrackLog,
    summary: dict[str, object],
) -> None:
    masks = dict.fromkeys(Path(_split(typed)[0]) for typed in options.prompts.masks)
    Report(
        command="track",
        settings=settings,
        inputs=[describe_input(path) for path in [options.inputs.path, *masks]],
        model={"name": Path(options.model).name, "sha256": summary["weights"]},
        seed=options.seed,
        device=str(summary["device"]),
        backend=str(summary["backend"]),
        precision=str(summary["precision"]),
        timings=log.timings.summary(),
        results={
            "frames": summary["frames"],
            "objects": summary["objects"],
            "states": summary["states"],
            "given_frames": settings["given_frames"],
        },
        warnings=list(summary["warnings"]),  # type: ignore[call-overload]  # a list of str
        outputs=sorted(str(path.relative_to(folder)) for path in folder.glob("*")),
    ).write(folder / "report.json")
