"""`sonotrace train`: fit a network to data."""

import os
from pathlib import Path
from typing import Annotated

import typer

from sonotrace.cli.console import RESEARCH_USE, Console, print_json
from sonotrace.cli.options import Json, Quiet


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|CONFIG.yaml", help="stcn-small-stills, stcn-finetune, or a file."
        ),
    ],
    data: Annotated[
        Path,
        typer.Option("--data", help="stcn-finetune: a DAVIS folder. stcn-small-stills: see below."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the run: weights, log, state.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    devices: Annotated[int, typer.Option("--devices", min=1, help="Processes or GPUs.")] = 1,
    init_from: Annotated[
        Path | None, typer.Option("--init-from", metavar="WEIGHTS", help="Start from these.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a network and leave its best weights in --out.

    Example: sonotrace train stcn-small-stills --data DATA --out runs/first --set optim.steps=2000

    --out receives config.yaml (every setting), log.csv, best.safetensors (the best weights so
    far), and state.ckpt, from which --resume goes on after the run was killed.

    stcn-small-stills reads busi, usgra_nerve and muscle_dltrack below --data; fewer of them
    with --set "data.weights={busi: 1}". The seed is a setting too: --set seed=1.
    """
    from sonotrace.config import with_changes
    from sonotrace.recipes import find_recipe
    from sonotrace.recipes.run import Start
    from sonotrace.recipes.run import train as run

    first = os.environ.get("LOCAL_RANK", "0") == "0"  # the others of --devices are silent
    console = Console(quiet=quiet or not first)
    config = with_changes(find_recipe(recipe), changes or [])
    start = Start(init_from=init_from, resume=resume, devices=devices)
    result = run(config, data, out, start, console.say)
    console.say(f"weights: {result.weights}")
    console.say(RESEARCH_USE)
    if as_json and first:
        print_json(result._asdict())
