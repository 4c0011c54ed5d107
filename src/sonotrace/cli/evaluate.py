"""`sonotrace evaluate`: score masks against masks."""

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonotrace.cli import options
from sonotrace.errors import MaskError, OutputExistsError, SpacingError, UsageError

if TYPE_CHECKING:
    from sonotrace.tasks.evaluate import ClipScores, MaskSet, Rules
    from sonotrace.tasks.evaluate.rules import Given


class Protocol(StrEnum):
    """Which frames count."""

    ALL = "all"
    DAVIS = "davis"


class Empty(StrEnum):
    """What a picture without the object scores."""

    ONE = "one"
    SKIP = "skip"
    ZERO = "zero"


class Worst(StrEnum):
    """The hd95 where one of the two masks is empty."""

    DIAGONAL = "diagonal"
    INF = "inf"
    SKIP = "skip"


def evaluate(
    prediction: Annotated[
        Path, typer.Argument(help="Mask, folder of masks, output of track, or DAVIS folder.")
    ],
    truth: Annotated[Path, typer.Argument(help="The same, with the true masks.")],
    protocol: Annotated[
        Protocol,
        typer.Option(help="all frames with truth, or the rules of the DAVIS challenge."),
    ] = Protocol.ALL,
    given: Annotated[
        str | None,
        typer.Option(metavar="first|none|0,17", help="Frames whose mask was given."),
    ] = None,
    score_given: Annotated[
        bool, typer.Option("--score-given", help="Score these frames too, which flatters.")
    ] = False,
    empty: Annotated[
        Empty, typer.Option(help="What a picture without the object scores.")
    ] = Empty.ONE,
    worst: Annotated[
        Worst, typer.Option(help="hd95 where only one of the two masks is empty.")
    ] = Worst.DIAGONAL,
    from_frame: options.From = None,
    to_frame: options.To = None,
    missing_as_empty: Annotated[
        bool, typer.Option("--missing-as-empty", help="Truth without prediction scores as missed.")
    ] = False,
    unordered: Annotated[
        bool, typer.Option("--unordered", help="Files are pictures by themselves, no clip.")
    ] = False,
    probabilities: Annotated[
        Path | None, typer.Option(help="Folder of .npz or grey maps, for mae.")
    ] = None,
    subset: Annotated[str | None, typer.Option(help="List of clips of a DAVIS folder.")] = None,
    resolution: Annotated[str | None, typer.Option(help="Folder of a DAVIS folder.")] = None,
    void: Annotated[
        int | None, typer.Option(help="255: grey values are object ids and 255 is unknown.")
    ] = None,
    spacing_mm: options.SpacingMm = None,
    require_mm: options.RequireMm = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write: .json, or .csv of all frames.")
    ] = None,
    seed: options.Seed = 0,
    json: options.Json = False,
    quiet: options.Quiet = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Score predicted masks against true ones.

    Example: sonotrace evaluate result truth/masks --json

    A frame whose mask was given is not scored: those that the report of `track` names, in
    DAVIS folders the first one of every object, elsewhere those of --given. Frames are named
    by the numbers of their files.
    """
    from sonotrace.cli.console import Console, print_json
    from sonotrace.cli.evaluate_table import print_tables
    from sonotrace.tasks.evaluate import Rules, find_masks, pair_clips, score_clip, summarise
    from sonotrace.tasks.evaluate.pairing import Pairing

    console = Console(quiet=quiet or json)
    if void not in {None, 255}:
        raise UsageError(f"--void takes 255 only, not {void}.")
    _require_free(out, overwrite)
    if score_given and protocol is Protocol.DAVIS:
        raise UsageError("--protocol davis never scores the first and last frame: no --score-given")
    rules = Rules(
        protocol=protocol.value,
        score_given=score_given,
        empty=empty.value,
        worst=worst.value,
        spacing_mm=_spacing(spacing_mm, require_mm),
        seed=seed,
    )
    how = Pairing(
        given=_given(given),
        missing_as_empty=missing_as_empty,
        unordered=unordered,
        first=from_frame,
        last=to_frame,
        probabilities=probabilities,
        void=255 if void else None,
    )
    true = find_masks(truth, subset=subset, resolution=resolution)
    predicted = find_masks(prediction)
    pairs, warnings = pair_clips(predicted, true, how)
    scored = (score_clip(pair, rules) for pair in pairs)
    clips = list(console.progress(scored, len(pairs), "scoring"))
    _require_scores(clips, rules, true)
    warnings += _warnings(clips, rules, given_known=given is not None)
    document = {"prediction": str(prediction), "truth": str(truth)} | summarise(clips, rules)
    document["warnings"] = warnings
    if out is not None:
        _write(out, document, clips, rules, overwrite=overwrite)
    for warning in warnings:
        console.warn(warning)
    if json:
        print_json(_infinite_as_text(document))
    else:
        print_tables(document)


def _infinite_as_text(value: object) -> object:
    """Return a document for JSON, which has no infinity, with "inf" in its place."""
    if value == math.inf:
        return "inf"
    if isinstance(value, dict):
        return {key: _infinite_as_text(item) for key, item in value.items()}
    return [_infinite_as_text(item) for item in value] if isinstance(value, list) else value


def _given(text: str | None) -> "Given | None":
    if text is None:
        return None
    if text == "first":
        return "first"
    if text == "none":
        return "none"
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(f"--given takes first, none, or frame numbers such as 0,17, not {text!r}.")
    return tuple(int(part) for part in parts)


def _spacing(text: str | None, require_mm: bool) -> tuple[float, float] | None:
    if text is None:
        if require_mm:
            raise SpacingError(
                "masks do not say how large a pixel is. Give --spacing-mm ROW,COL, or leave "
                "--require-mm out for distances in pixels."
            )
        return None
    row, column = options.numbers(text, 2, "--spacing-mm")
    if not (0 < row < 100 and 0 < column < 100):
        raise SpacingError(f"a spacing of {text} mm per pixel is impossible. Such as 0.1,0.1.")
    return row, column


def _require_free(out: Path | None, overwrite: bool) -> None:
    if out is None:
        return
    if out.suffix.lower() not in {".json", ".csv"}:
        raise UsageError(f"--out {out}: name a file that ends in .json or .csv.")
    if out.exists() and not overwrite:
        raise OutputExistsError(out)


def _require_scores(clips: "list[ClipScores]", rules: "Rules", truth: "MaskSet") -> None:
    if any(clip.rows for clip in clips):
        return
    with_truth = sum(frame.has_truth for clip in clips for frame in clip.pair.frames)
    given = sum(len(clip.given) for clip in clips)
    rule = " --protocol davis also leaves out the last frame." if rules.protocol == "davis" else ""
    raise MaskError(
        f"{truth.path}: of {with_truth} frames with truth, {given} had their mask given, and none "
        f"is left to score.{rule} Give truth for more frames."
    )


def _warnings(clips: "list[ClipScores]", rules: "Rules", *, given_known: bool) -> list[str]:
    found = [text for clip in clips for text in _warnings_of(clip, rules, given_known)]
    groups = [clip.pair.group for clip in clips if clip.pair.group is not None]
    if len(set(groups)) < len(groups):
        found.append("several clips come from one patient; the intervals take them as independent.")
    return found


def _warnings_of(clip: "ClipScores", rules: "Rules", given_known: bool) -> list[str]:
    found = []
    name = clip.pair.name
    extra = sorted(clip.prediction_ids - clip.truth_ids)
    if extra and clip.truth_ids:
        found.append(
            f"{name}: objects {_list(extra)} are in no truth and are not scored; the truth "
            f"has {_list(sorted(clip.truth_ids))}."
        )
    for side, ids in (("prediction", clip.prediction_ids), ("truth", clip.truth_ids)):
        if side in clip.void_in and not ids:
            found.append(
                f"{name}: the {side} holds void (255) and no object. Are these masks of one "
                f"object? Save them as grey pictures or with the object's number instead."
            )
    if rules.protocol == "davis" and clip.rows:
        found += _davis_warnings(clip)
    if clip.first_is_equal and not clip.given and clip.pair.ordered and not given_known:
        found.append(
            f"{name}: the first frame with truth is predicted without one wrong pixel. If its "
            f"mask was given, say so: --given first."
        )
    if not clip.rows:
        found.append(f"{name}: no frame is left to score.")
    return found


def _davis_warnings(clip: "ClipScores") -> list[str]:
    ids = sorted({row.object_id for row in clip.rows})
    if ids == list(range(1, len(ids) + 1)):
        return []
    return [
        f"{clip.pair.name}: the first frame has the objects {_list(ids)}; the published program "
        f"counts every absent number below {ids[-1]} as a perfect object, which is left out here."
    ]


def _list(ids: list[int]) -> str:
    return ", ".join(str(i) for i in ids[:12]) + (", ..." if len(ids) > 12 else "")


def _write(
    out: Path,
    document: dict[str, object],
    clips: "list[ClipScores]",
    rules: "Rules",
    *,
    overwrite: bool,
) -> None:
    import csv
    from json import dumps

    from sonotrace.io.whole import whole_file
    from sonotrace.tasks.evaluate import frame_rows

    with whole_file(out, overwrite=overwrite) as partial:
        if out.suffix.lower() == ".json":
            partial.write_text(dumps(_infinite_as_text(document), indent=2, allow_nan=False) + "\n")
            return
        rows = list(frame_rows(clips, rules))
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
