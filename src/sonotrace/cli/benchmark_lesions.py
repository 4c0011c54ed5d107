"""`sonotrace benchmark lesions`: how hard the simulated lesions are."""

from pathlib import Path
from typing import Annotated

import typer

from sonotrace.cli.console import RESEARCH_USE, Console, print_json
from sonotrace.cli.options import Json, Overwrite, Quiet


def lesions(
    domain: Annotated[
        list[str] | None, typer.Option("--domain", help="May be repeated; all linear ones.")
    ] = None,
    held_out: Annotated[
        bool,
        typer.Option(
            "--held-out",
            help="Also score the held-out domains; not with --domain or --set.",
        ),
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="steps=2400, training_scenes=500 ..."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="JSON file to write.")] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score a small U-Net and the rule "largest dark blob" on simulated lesions of other seeds.

    Example: sonotrace benchmark lesions --domain linear-fine

    The network is trained on the spot, for each training domain by itself: minutes on a CPU.
    Held-out domains are drawn only after the rule has stayed below 0.50 and the network has reached
    0.80 on other seeds of every training domain: that takes all of them, at their full size.
    """
    import json

    from sonotrace.benchmark.difficulty import DifficultySettings
    from sonotrace.benchmark.lesions import linear_domains, measure_lesions
    from sonotrace.config import with_changes
    from sonotrace.io.whole import whole_file

    console = Console(quiet=quiet)
    document = measure_lesions(
        with_changes(DifficultySettings(), changes or []),
        domain or linear_domains(),
        held_out=held_out,
        progress=console.progress,
        say=console.say,
    )
    console.say(RESEARCH_USE)
    if out is not None:
        with whole_file(out, overwrite=overwrite) as partial:
            partial.write_text(json.dumps(document, indent=2))
    if as_json:
        print_json(document)
