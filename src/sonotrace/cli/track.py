"""`sonotrace track`: follow what is marked in one frame through a whole clip."""

from pathlib import Path
from typing import Annotated

import typer

from sonotrace.cli import options


def track(
    clip: Annotated[Path, typer.Argument(help="DICOM, video, sequence, or folder of pictures.")],
    out: options.Out,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE[@FRAME]",
            help="Mask of a frame, counted from 0; else of the frame of its name, or the first.",
        ),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y,W,H[@FRAME]", help="Start from the ellipse in this box."),
    ] = None,
    click: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y[@FRAME]", help="Start from the area around this pixel."),
    ] = None,
    model: Annotated[str, typer.Option(help="Name from `sonotrace models`, or a file.")] = (
        "stcn:small"
    ),
    backward: Annotated[
        bool,
        typer.Option("--backward", help="Also track each object from its first mark to the start."),
    ] = False,
    target: Annotated[str, typer.Option(help="What to measure: lesion or needle.")] = "lesion",
    memory: Annotated[str, typer.Option(help="bounded, recent or unbounded.")] = "bounded",
    memory_every: Annotated[int, typer.Option(help="Remember every N-th frame.", min=1)] = 5,
    longest_side: Annotated[
        int | None,
        typer.Option(help="Shrink larger frames for the network; the weights know.", min=32),
    ] = None,
    save_probabilities: Annotated[
        bool, typer.Option("--save-probabilities", help="Write them beside the masks.")
    ] = False,
    void: Annotated[
        int | None, typer.Option(help="Grey level of a mask that means unknown: 255.")
    ] = None,
    spacing_mm: options.SpacingMm = None,
    require_mm: options.RequireMm = False,
    crop: options.Crop = None,
    from_frame: options.From = None,
    to_frame: options.To = None,
    device: options.Device = "auto",
    backend: options.Backend = "auto",
    precision: options.Precision = "float32",
    seed: options.Seed = 0,
    json: options.Json = False,
    quiet: options.Quiet = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Follow what is marked in one frame through a whole clip.

    Example: sonotrace track cine.dcm --mask first.png --out result

    Writes masks, an overlay video, measurements.csv, report.json and report.html to OUT.
    """
    from sonotrace.cli.console import RESEARCH_USE, Console, print_json
    from sonotrace.cli.inputs import Inputs
    from sonotrace.cli.track_run import Prompts, TrackOptions, run_track

    console = Console(quiet=quiet)
    summary = run_track(
        TrackOptions(
            inputs=Inputs(
                path=clip,
                spacing_mm=spacing_mm,
                require_mm=require_mm,
                crop=crop,
                from_frame=from_frame,
                to_frame=to_frame,
            ),
            out=out,
            prompts=Prompts(masks=mask or [], boxes=box or [], clicks=click or [], void=void),
            model=model,
            backward=backward,
            target=target,
            memory=memory,
            memory_every=memory_every,
            longest_side=longest_side,
            save_probabilities=save_probabilities,
            device=device,
            backend=backend,
            precision=precision,
            seed=seed,
            overwrite=overwrite,
        ),
        console,
    )
    for warning in summary["warnings"]:
        console.warn(warning)
    console.say(
        f"{summary['frames']} frames tracked at {summary['frames_per_second']:.1f} a second."
    )
    console.say(f"Open {out / 'report.html'}. {RESEARCH_USE}")
    if json:
        print_json(summary)
