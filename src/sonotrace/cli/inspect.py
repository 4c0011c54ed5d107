"""`sonotrace inspect`: what is in a file or folder, and what can be trusted in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonotrace.cli import options

if TYPE_CHECKING:
    from sonotrace.cli.inputs import Inputs
    from sonotrace.data.clip import Clip, Region
    from sonotrace.data.sample import VideoSample
    from sonotrace.data.sweep import Sweep

Document = dict[str, Any]


def inspect(
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="Anything sonotrace reads.")],
    spacing_mm: options.SpacingMm = None,
    require_mm: options.RequireMm = False,
    crop: options.Crop = None,
    from_frame: options.From = None,
    to_frame: options.To = None,
    json: options.Json = False,
) -> None:
    """Say what is in a file or folder: frames, size, clock, regions, spacing, poses.

    Example: sonotrace inspect cine.dcm

    Pictures, folders of them, videos, DICOM ultrasound, sequences of PLUS and 3D Slicer, and
    folders in DAVIS layout. --crop auto shows which part of a screen recording moves.
    """
    from sonotrace.cli.console import print_json
    from sonotrace.cli.inputs import Inputs

    document = inspected(
        Inputs(
            path=path,
            spacing_mm=spacing_mm,
            require_mm=require_mm,
            crop=crop,
            from_frame=from_frame,
            to_frame=to_frame,
        )
    )
    if json:
        print_json(document)
    else:
        _print_table(document)


def inspected(inputs: "Inputs") -> Document:
    """Return what `--json` prints."""
    from sonotrace.cli.inputs import choose
    from sonotrace.io.davis import looks_like_davis
    from sonotrace.io.folder import is_pattern
    from sonotrace.io.metaimage import looks_like_sequence, read_sequence
    from sonotrace.io.readers import is_folder, open_clip

    if is_pattern(inputs.path):
        sweep = None
    elif is_folder(inputs.path):
        if looks_like_davis(inputs.path):
            return _of_davis(inputs)
        sweep = None
    else:
        sweep = read_sequence(inputs.path) if looks_like_sequence(inputs.path) else None
    opened = choose(open_clip(inputs.path) if sweep is None else sweep.clip, inputs)
    document = _of_clip(opened.clip) | _of_sweep(sweep)
    document["path"] = str(inputs.path)
    document["picture_area"] = opened.area
    return document


def _of_clip(clip: "Clip") -> Document:
    channels, rows, columns = clip.shape
    fps = clip.frames_per_second
    return {
        "path": str(clip.path),
        "format": clip.format,
        "frames": len(clip),
        "height": rows,
        "width": columns,
        "channels": channels,
        "fps": fps,
        "frame_interval_s": _frame_intervals(clip),
        "duration_s": None if fps is None else len(clip) / fps,
        "spacing_mm": None if clip.spacing_mm is None else list(clip.spacing_mm),
        "spacing_source": clip.spacing_source,
        "spacing_note": clip.spacing_note,
        "regions": [_of_region(region) for region in clip.regions],
        "poses": 0,
        "transforms": [],
        "warnings": list(clip.warnings),
        "details": clip.details,
    }


def _frame_intervals(clip: "Clip") -> list[float] | None:
    """Return the shortest and the longest time from frame to frame; None without a clock."""
    if clip.times_s is None or len(clip) < 2:
        return None
    steps = clip.times_s.diff()
    return [float(steps.min()), float(steps.max())]


def _of_region(region: "Region") -> Document:
    return {
        "kind": region.kind,
        "bounds": list(region.bounds),
        "units": list(region.units),
        "delta": list(region.delta),
        "inside": region.inside,
        "spacing_mm": None if region.spacing_mm is None else list(region.spacing_mm),
    }


def _of_sweep(sweep: "Sweep | None") -> Document:
    """Count the frames with a pose: composed already, or with a transform to compose it from."""
    if sweep is None:
        return {}
    if sweep.world_from_image is not None:
        poses = len(sweep.world_from_image)
    else:
        poses = max((sum(track.valid) for track in sweep.transforms), default=0)
    names = [track.name for track in sweep.transforms]
    return {"poses": poses, "transforms": [*names, *sweep.constant_transforms]}


def _of_sample(sample: "VideoSample", clip: "Clip") -> dict[str, Any]:
    document = _of_clip(clip)
    document.update(
        name=sample.id,
        group=sample.group,
        masks=len(sample.masks),
        attributes=sample.attributes,
        warnings=[*clip.warnings, *sample.masks.notes],
    )
    return document


def _of_davis(inputs: "Inputs") -> Document:
    """Return the same keys for many clips."""
    from sonotrace.cli.inputs import choose
    from sonotrace.io.davis import read_davis

    samples = read_davis(inputs.path)
    clips = [_of_sample(sample, choose(sample.clip, inputs).clip) for sample in samples]

    def common(key: str) -> object:
        first = clips[0][key] if clips else None
        return first if all(clip[key] == first for clip in clips) else None

    keys = ("height", "width", "channels", "fps", "spacing_mm")  # null where clips differ
    return {
        "path": str(inputs.path),
        "format": f"DAVIS layout, {len(clips)} clips",
        "frames": sum(clip["frames"] for clip in clips),
        **{key: common(key) for key in keys},
        "duration_s": None,
        "spacing_source": common("spacing_source") or "unknown",
        "spacing_note": common("spacing_note") or "differs between clips.",
        "regions": [],
        "poses": 0,
        "transforms": [],
        "warnings": [f"{clip['name']}: {note}" for clip in clips for note in clip["warnings"]],
        "details": {},
        "clips": clips,
    }


def _print_table(document: Document) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in _rows(document):
        table.add_row(name, Text(value, style="yellow" if name == "warning" else ""))
    Console(highlight=False).print(table)


def _rows(document: Document) -> list[tuple[str, str]]:
    spacing, fps, area = (document.get(key) for key in ("spacing_mm", "fps", "picture_area"))
    rows = [
        ("file", document["path"]),
        ("format", document["format"]),
        ("frames", str(document["frames"])),
        ("size", _size(document)),
        ("clock", _clock(fps, document.get("frame_interval_s"))),
        (
            "spacing",
            f"{spacing[0]:.5g} x {spacing[1]:.5g} mm (row x column)" if spacing else "unknown",
        ),
        _why(document),
    ]
    if document["duration_s"] is not None:
        rows.insert(5, ("duration", f"{document['duration_s']:.4g} s"))
    rows += [("region", _region_line(region)) for region in document["regions"]]
    if document["transforms"]:
        rows.append(("poses", f"{document['poses']} of {document['frames']} frames"))
        rows.append(("transforms", ", ".join(document["transforms"])))
    if area:
        rows.append(("picture area", ",".join(str(number) for number in area)))
    rows += [("clip", _clip_line(clip)) for clip in document.get("clips", [])]
    rows += list(document["details"].items())
    return rows + [("warning", warning) for warning in document["warnings"]]


def _why(document: Document) -> tuple[str, str]:
    """Say where the spacing comes from, or why there is none."""
    source, note = document["spacing_source"], document["spacing_note"]
    return ("why", note) if source == "unknown" else ("spacing from", f"{source}: {note}")


def _clock(fps: float | None, interval_s: list[float] | None) -> str:
    if fps is None:
        return "unknown"
    if interval_s is None or interval_s[1] - interval_s[0] <= 0.1 / fps:
        return f"{fps:.4g} frames per second"
    shortest, longest = (1000 * seconds for seconds in interval_s)
    return (
        f"{fps:.4g} frames per second on average, {shortest:.4g} to {longest:.4g} ms from frame "
        f"to frame"
    )


def _size(document: Document) -> str:
    if document["width"] is None or document["height"] is None:
        return "differs between clips"
    colours = {1: "grey", 3: "colour"}.get(document["channels"], "grey and colour")
    return f"{document['width']} x {document['height']} pixels (width x height), {colours}"


def _region_line(region: Document) -> str:
    spacing = region["spacing_mm"]
    left, top, right, bottom = region["bounds"]
    inside = "" if region["inside"] else ", which leave the picture"
    trusted = f"{spacing[0]:.5g} x {spacing[1]:.5g} mm" if spacing else "no trusted spacing"
    return (
        f"{region['kind']}, columns {left} to {right} and rows {top} to {bottom}{inside}; "
        f"units {' and '.join(region['units'])}; {trusted}"
    )


def _clip_line(clip: Document) -> str:
    return f"{clip['name']}: {clip['frames']} frames, {clip['masks']} masks, {_size(clip)}"
