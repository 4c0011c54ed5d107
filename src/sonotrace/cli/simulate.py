"""`sonotrace simulate`: make synthetic ultrasound with exact truth."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sonotrace.cli import options
from sonotrace.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Make synthetic ultrasound with exact truth.")

Frames = Annotated[
    int, typer.Option("--frames", min=1, max=1_000_000, help="Frames, 25 of them a second.")
]
Size = Annotated[
    str, typer.Option("--size", metavar="PX[xPX]", help="Side of a square, or WIDTHxHEIGHT.")
]
Domain = Annotated[
    str | None,
    typer.Option(
        "--domain",
        help="Family of scanners: linear-soft, linear-fine, convex-deep; for results linear-low, "
        "linear-high, convex-other.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, max=1024, help="All processors unless given; same bytes."),
]


@app.command()
def lesion(
    out: options.Out,
    frames: Frames = 50,
    size: Size = "256",
    domain: Domain = None,
    kind: Annotated[
        Literal["benign", "malignant"] | None,
        typer.Option(help="Class of the lesion; drawn by the seed unless given."),
    ] = None,
    seed: options.Seed = 0,
    threads: Threads = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Make a clip of a breast lesion among look-alikes.

    Example: sonotrace simulate lesion --out lesion --frames 50 --seed 3

    Writes frames, masks of what can be seen, of what is there and of look-alikes, truth.json,
    report.json and contact.png to OUT.
    """
    _run("lesion", locals(), {"kind": kind})


@app.command()
def needle(
    out: options.Out,
    frames: Frames = 50,
    size: Size = "256",
    domain: Domain = None,
    gauge: Annotated[
        int | None,
        typer.Option(help="Thickness, 14 (2.1 mm) to 25 (0.5 mm); drawn by the seed unless given."),
    ] = None,
    with_lesion: Annotated[
        bool | None,
        typer.Option(
            "--with-lesion/--without-lesion",
            help="Whether a lesion is the target; drawn by the seed unless given.",
        ),
    ] = None,
    seed: options.Seed = 0,
    threads: Threads = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Make a clip of a needle that is pushed in; truth.json has tip, entry and angle.

    Example: sonotrace simulate needle --out needle --frames 250 --size 448

    Writes as `simulate lesion`; where the needle cannot be seen, its mask is empty in masks and
    whole in masks_geometric.
    """
    given = locals()
    if gauge is not None and not 14 <= gauge <= 25:
        raise UsageError(
            f"--gauge {gauge}: there is no such needle. Give a whole number from 14 (thickest) to "
            f"25 (thinnest), or leave it out to have one drawn."
        )
    _run("needle", given, {"gauge": gauge, "with_lesion": with_lesion})


@app.command()
def spine(
    out: options.Out,
    frames: Frames = 50,
    size: Size = "256",
    domain: Domain = None,
    view: Annotated[
        Literal["transverse", "paramedian"] | None,
        typer.Option(help="Plane of the pictures; drawn by the seed unless given."),
    ] = None,
    seed: options.Seed = 0,
    threads: Threads = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Make a clip of the lumbar spine: bone, ligamentum flavum and dura with their shadows.

    Example: sonotrace simulate spine --out spine --frames 50

    Writes as `simulate lesion`; label values are named in the documentation of files.
    """
    _run("spine", locals(), {"view": view})


@app.command()
def sweep(
    out: options.Out,
    frames: Frames = 100,
    size: Size = "256",
    domain: Domain = None,
    of: Annotated[
        Literal["phantom", "vessels", "breast"], typer.Option("--of", help="What is swept over.")
    ] = "phantom",
    path: Annotated[
        Literal["straight", "curved", "s-shaped", "back-and-forth", "fan"] | None,
        typer.Option(help="Of the probe; drawn unless given."),
    ] = None,
    step_mm: Annotated[
        float | None,
        typer.Option(
            "--step-mm",
            min=0.005,
            max=5,
            help="Mean distance of neighbouring frames, of a fan's at half the depth; 0.13 unless "
            "given. Up to 400 mm are swept over, or 90 degrees of a fan.",
        ),
    ] = None,
    seed: options.Seed = 0,
    threads: Threads = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Make a freehand sweep with the pose of every frame, and its photoacoustic channel.

    Example: sonotrace simulate sweep --out sweep --frames 200

    Writes as `simulate lesion`, and sweep.igs.mha (ImageToReference for every frame) with
    photoacoustic.igs.mha beside it, which PLUS and 3D Slicer open.
    """
    _run("sweep", locals(), {"of": of, "path": path, "step_mm": step_mm})


@app.command(name="set")
def make_set(
    out: options.Out,
    clips: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many; two fifths are benign.")
    ] = 200,
    frames: Annotated[
        int | None,
        typer.Option(min=1, help="Of all clips together; 53 a clip unless given."),
    ] = None,
    domain: Domain = None,
    seed: options.Seed = 0,
    threads: Threads = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Make a data set of breast clips in the shape of the published one, in DAVIS layout.

    Example: sonotrace simulate set --out lesions --clips 200

    200 clips, 80 benign and 120 malignant, 10,666 frames of 256 x 256 to 1072 x 756 pixels. Clip
    i has seed SEED + i: below 100,000 for training, from 1,000,000 on for results. Patient (one
    for each seed), class, challenges, domain, seed and spacing of every clip are in
    attributes.csv, masks of look-alikes in Distractors, and what else is known of every frame in
    Truth/CLIP.json.
    """
    from sonotrace.cli.console import Console, print_json
    from sonotrace.cli.simulate_set import run_set
    from sonotrace.datasets.simulated_set import SetSettings

    console = Console(quiet=quiet)
    settings = SetSettings(clips=clips, frames=frames, seed=seed, domain=domain)
    summary = run_set(out, settings, console, threads=threads, overwrite=overwrite)
    console.say(
        f"{out}: {summary['clips']} clips, {summary['frames']} frames, "
        f"{summary['frames_per_second']:.1f} a second. Synthetic; research use only."
    )
    if json:
        print_json(summary)


def _run(kind: str, given: dict[str, Any], choices: dict[str, Any]) -> None:
    """Make one clip from the options of its command and those of its kind of scene alone."""
    from sonotrace.cli.console import RESEARCH_USE, Console, print_json
    from sonotrace.cli.simulate_run import SimulateOptions, parse_size, run_simulate

    out: Path = given["out"]
    console = Console(quiet=given["quiet"])
    summary = run_simulate(
        SimulateOptions(
            kind=kind,
            out=out,
            frames=given["frames"],
            size=parse_size(given["size"]),
            seed=given["seed"],
            domain=given["domain"],
            choices={name: value for name, value in choices.items() if value is not None},
            threads=given["threads"],
            overwrite=given["overwrite"],
        ),
        console,
    )
    console.say(
        f"{summary['frames']} synthetic frames at {summary['frames_per_second']:.1f} a second, "
        f"after {summary['prepare_s']:.1f} s of preparation."
    )
    console.say(f"Open {out / 'contact.png'}. {RESEARCH_USE}")
    if given["json"]:
        print_json(summary)
