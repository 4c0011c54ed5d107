"""`sonotrace benchmark physics`: whether the simulator obeys the laws it must."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sonotrace.cli.console import Console, print_json
from sonotrace.cli.options import Json, Overwrite, Quiet


def physics(
    out: Annotated[Path, typer.Option("--out", help="Folder for plots and physics.json.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="seeds=8, pixels=256 ...")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure speckle, resolution, decorrelation and shadows of the simulator beside theory.

    Example: sonotrace benchmark physics --out physics
    """
    import json

    from sonotrace.benchmark.physics import measure_physics
    from sonotrace.benchmark.physics_plots import draw_physics, require_matplotlib
    from sonotrace.benchmark.physics_rig import PhysicsSettings
    from sonotrace.benchmark.physics_table import physics_table
    from sonotrace.config import with_changes
    from sonotrace.io.whole import whole_folder

    require_matplotlib()
    console = Console(quiet=quiet)
    settings = with_changes(PhysicsSettings(), changes or [])
    with whole_folder(out, overwrite=overwrite) as partial:
        results: dict[str, Any] = measure_physics(settings, console.say)
        draw_physics(results, partial)
        (partial / "physics.json").write_text(json.dumps(results, indent=1))
    for line in physics_table(results):
        console.say(line)
    if as_json:
        print_json(results)
