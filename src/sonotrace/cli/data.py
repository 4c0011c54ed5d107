"""`sonotrace data`: prepare data for training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonotrace.cli import options
from sonotrace.errors import SpacingError, UsageError

if TYPE_CHECKING:
    from sonotrace.cli.console import Console
    from sonotrace.data.clip import Clip
    from sonotrace.datasets.sample import Source, Thinned, Thinning

app = typer.Typer(no_args_is_help=True, help="Prepare data for training.")


@app.callback()
def _root() -> None:
    """Keep `sample` as a subcommand even while there is only one."""


@app.command()
def sample(
    clips: Annotated[
        list[Path],
        typer.Argument(
            help="Videos, DICOM files, sequences, folders of them or of frames, DAVIS folders."
        ),
    ],
    out: options.Out,
    every: Annotated[
        str, typer.Option(metavar="LOW-HIGH", help="Step to the next kept frame, drawn anew.")
    ] = "5-10",
    limit: Annotated[int, typer.Option("--max", min=1, help="Most frames kept per clip.")] = 250,
    size: Annotated[int, typer.Option(min=16, max=8192, help="Rows and columns written.")] = 448,
    letterbox: Annotated[
        bool, typer.Option("--letterbox", help="Keep the aspect; fill up with black.")
    ] = False,
    jpeg: Annotated[
        bool, typer.Option("--jpeg", help="Frames as .jpg, quality 95, instead of lossless PNG.")
    ] = False,
    subset: Annotated[str, typer.Option(help="Name of the list that is written.")] = "train",
    resolution: Annotated[
        str | None, typer.Option(help="Which one, for DAVIS folders with several.")
    ] = None,
    spacing_mm: options.SpacingMm = None,
    require_mm: options.RequireMm = False,
    crop: options.Crop = None,
    from_frame: options.From = None,
    to_frame: options.To = None,
    seed: options.Seed = 0,
    json: options.Json = False,
    quiet: options.Quiet = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Thin clips at random steps into a training set in DAVIS layout.

    Example: sonotrace data sample cine1.dcm cine2.mp4 --every 5-10 --out trainset

    Without --letterbox every frame is scaled to a square, whatever its sides; the spacing of
    rows and columns is scaled with it. Masks of DAVIS folders, and those in a folder masks
    beside a folder frames, are scaled by nearest neighbour. Number and time of every frame in
    its clip go to Frames/CLIP.csv; patient, spacing and what else is known to attributes.csv.
    """
    from sonotrace.cli.console import Console, print_json
    from sonotrace.cli.inputs import Inputs, open_input, require_apart
    from sonotrace.datasets.sample import Thinning, find_sources, thin_clips
    from sonotrace.io.whole import whole_folder

    console = Console(quiet=quiet or json)
    clips = _open_up(clips, console)
    thinning = Thinning(
        every=_steps(every), limit=limit, size=size, letterbox=letterbox, seed=seed, jpeg=jpeg
    )
    if any(option is not None for option in (spacing_mm, crop, from_frame, to_frame)):
        _refuse_davis(clips)

    def opened(path: Path) -> "Clip":
        inputs = Inputs(
            path=path,
            spacing_mm=spacing_mm,
            crop=crop,
            from_frame=from_frame,
            to_frame=to_frame,
        )
        return open_input(inputs).seen

    require_apart(out, clips)
    with whole_folder(out, overwrite=overwrite) as partial:
        sources = find_sources(clips, opened, resolution=resolution)
        if require_mm:
            _require_spacing(sources)
        progress = console.progress(
            thin_clips(sources, partial, thinning, subset=subset), len(sources), "clips"
        )
        done = list(progress)
        _write_report(partial / "report.json", clips, done, thinning)
    for warning in _warnings(done):
        console.warn(warning)
    frames, masks = sum(row.frames for row in done), sum(row.masks for row in done)
    console.say(f"{out}: {len(done)} clips, {frames} frames, {masks} masks.")
    if json:
        print_json({"out": str(out), "seed": seed} | _results(done) | {"warnings": _warnings(done)})


def _open_up(paths: list[Path], console: "Console") -> list[Path]:
    """Put the clips of folders that hold some in the place of these folders."""
    from sonotrace.datasets.sample import clips_in

    found: list[Path] = []
    for path in paths:
        clips, others = clips_in(path)
        if others:
            names = ", ".join([*others[:3], *(["..."] if len(others) > 3 else [])])
            console.warn(f"{path}: {len(clips)} clips; left out: {names}.")
        found += clips
    return found


def _steps(text: str) -> tuple[int, int]:
    """Read "5-10" or "7"."""
    low, dash, high = text.partition("-")
    parts = (low, high if dash else low)
    if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        raise UsageError(f"--every takes two numbers such as 5-10, not {text!r}.")
    least, largest = int(parts[0]), int(parts[1])
    if not 1 <= least <= largest:
        raise UsageError(f"--every {text}: the first step must be at least 1, the second no less.")
    return least, largest


def _refuse_davis(clips: list[Path]) -> None:
    from sonotrace.io.davis import looks_like_davis

    for path in clips:
        if looks_like_davis(path):
            raise UsageError(
                f"{path}: --spacing-mm, --crop, --from and --to do not apply to DAVIS folders, "
                f"whose masks and spacing are given. Sample them in a run of their own."
            )


def _require_spacing(sources: "list[Source]") -> None:
    for source in sources:
        if source.clip.spacing_mm is None:
            raise SpacingError(
                f"{source.name}: millimetres are not known: {source.clip.spacing_note} Give "
                f"--spacing-mm ROW,COL or leave --require-mm out."
            )


def _results(done: "list[Thinned]") -> dict[str, object]:
    clips = [
        {
            "name": row.name,
            "group": row.group,
            "source_frames": row.source_frames,
            "frames": row.frames,
            "masks": row.masks,
            "spacing_mm": row.spacing_mm,
        }
        for row in done
    ]
    frames, masks = sum(row.frames for row in done), sum(row.masks for row in done)
    return {"clips": clips, "frames": frames, "masks": masks}


def _warnings(done: "list[Thinned]") -> list[str]:
    return [f"{row.name}: {warning}" for row in done for warning in row.warnings]


def _write_report(
    path: Path, clips: list[Path], done: "list[Thinned]", thinning: "Thinning"
) -> None:
    from sonotrace.report.document import Report, describe_input

    Report(
        command="data sample",
        settings=thinning.model_dump(),
        inputs=[describe_input(clip) for clip in clips],
        seed=thinning.seed,
        results=_results(done),
        warnings=_warnings(done),
        outputs=["JPEGImages", "Annotations", "ImageSets", "Frames", "attributes.csv"],
    ).write(path)
