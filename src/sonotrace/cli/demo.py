"""`sonotrace demo`: the whole way once, without network, data folder or GPU."""

from pathlib import Path
from typing import Annotated

import typer

from sonotrace.cli import options


def demo(
    out: options.Out = Path("demo-output"),
    frames: Annotated[int, typer.Option(help="Frames of the synthetic clips.", min=2)] = 24,
    seed: options.Seed = 1_000_000,
    json: options.Json = False,
    quiet: options.Quiet = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Simulate a lesion, a needle and a sweep, track the first two and one real cine.

    Example: sonotrace demo --out demo-output

    The synthetic clips are made on the spot and scored against their exact truth; the sweep is
    written with its poses and read back. The real cine is one that pydicom ships; nobody has
    drawn masks for it, so it is shown, not scored.
    Writes OUT/index.html and one folder for each clip.
    """
    from rich.console import Console as Table
    from rich.table import Table as Rows

    from sonotrace.cli.console import RESEARCH_USE, Console, print_json
    from sonotrace.cli.demo_run import run_demo
    from sonotrace.io.whole import whole_folder

    console = Console(quiet=quiet)
    with whole_folder(out, overwrite=overwrite) as folder:
        rows = run_demo(folder, frames, seed, console)
    if json:
        print_json({"out": str(out), "clips": rows, "notice": RESEARCH_USE})
        return
    table = Rows(title="Dice: mean over frames, the given first frame left out")
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*("-" if value is None else str(value) for value in row.values()))
    if not quiet:
        Table().print(table)
    console.say(f"Open {out / 'index.html'} for pictures. {RESEARCH_USE}")
