"""`sonotrace benchmark`: the tables of the docs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sonotrace.cli.benchmark_lesions import lesions
from sonotrace.cli.benchmark_physics import physics
from sonotrace.cli.console import RESEARCH_USE, Console, print_json
from sonotrace.cli.options import Json, Overwrite, Quiet
from sonotrace.errors import UsageError

app = typer.Typer(help="The tables of the docs. Example: sonotrace benchmark video --data DATA")


@app.callback()
def _root() -> None:
    """Keep subcommands as subcommands even while there is only one."""


@app.command()
def video(
    data: Annotated[Path, typer.Option("--data", help="Folder that holds muscle_dltrack.")],
    model: Annotated[str, typer.Option("--model", help="Model or file of weights.")] = "stcn:small",
    out: Annotated[Path | None, typer.Option("--out", help="JSON file to write.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="synthetic_clips=20, tracker.memory_every=5 ..."
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score a tracker on clips that no training has seen, beside copying the first mask.

    Example: sonotrace benchmark video --data DATA --out scores.json
    """
    import json

    from sonotrace.config import with_changes
    from sonotrace.io.whole import whole_file
    from sonotrace.models.weights import load_model, weights_sha256
    from sonotrace.recipes.score_tracker import ScoreSettings, score_tracker

    console = Console(quiet=quiet)
    settings = with_changes(ScoreSettings(), changes or [])
    document = {
        "model": model,
        "sha256": weights_sha256(model),
        "settings": settings.model_dump(mode="json"),
        "sets": score_tracker(load_model(model), data, settings),
    }
    for line in _table(document["sets"]):
        console.say(line)
    console.say(RESEARCH_USE)
    if out is not None:
        with whole_file(out, overwrite=overwrite) as partial:
            partial.write_text(json.dumps(document, indent=2))
    if as_json:
        print_json(document)


@app.command()
def speed(
    models: Annotated[
        str, typer.Option("--model", help="Sizes of STCN, or files of weights.")
    ] = "stcn:small,stcn:paper",
    sizes: Annotated[str, typer.Option("--size", help="Rows and columns of frames.")] = "256,448",
    memories: Annotated[str, typer.Option("--memory", help="Frames in memory.")] = "1,10,50",
    backends: Annotated[
        str | None, typer.Option("--backends", help="eager,eager-bf16,openvino-bf16 ...")
    ] = None,
    parts: Annotated[
        str | None, typer.Option("--parts", help="count,peaks,frames,reads,fidelity,steady")
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns of each backend.")] = 3,
    quick: Annotated[
        bool, typer.Option("--quick", help="A small part, in about a minute.")
    ] = False,
    simulator: Annotated[
        bool, typer.Option("--simulator", help="Measure the simulator, not the tracker.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="JSON file to write.")] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure frames per second, memory and errors of every backend, side by side.

    Example: sonotrace benchmark speed --quick

    With --simulator: frames per second, memory and stages of the simulator, scene by scene.
    What is compared takes turns, each in a process of its own. Leave the machine alone meanwhile.
    """
    from sonotrace.benchmark.speed import QUICK, SpeedSettings, measure_speed
    from sonotrace.benchmark.table import speed_table
    from sonotrace.settings import replace

    console = Console(quiet=quiet)
    if simulator:
        chosen = None if quick else _whole_numbers(sizes, "--size")
        _write_speed(*_simulator_speed(chosen, rounds, console), console, out, overwrite, as_json)
        return
    settings = QUICK
    if not quick:
        settings = SpeedSettings(
            models=_words(models),
            sizes=_whole_numbers(sizes, "--size"),
            memories=_whole_numbers(memories, "--memory"),
            rounds=rounds,
        )
    if backends is not None:
        settings = replace(settings, variants=_words(backends))
    if parts is not None:
        settings = replace(settings, parts=_words(parts))
    document = measure_speed(settings, console.say)
    _write_speed(document, speed_table(document), console, out, overwrite, as_json)


def _simulator_speed(
    sizes: tuple[int, ...] | None, rounds: int, console: Console
) -> tuple[dict[str, object], list[str]]:
    """Measure the simulator; return the document and its tables."""
    from sonotrace.benchmark.simulator import QUICK, SimulatorSettings, measure_simulator
    from sonotrace.benchmark.simulator_table import simulator_table

    settings = QUICK if sizes is None else SimulatorSettings(sizes=sizes, rounds=rounds)
    document = measure_simulator(settings, console.say)
    return document, simulator_table(document)


def _write_speed(
    document: dict[str, object],
    lines: list[str],
    console: Console,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Say, save and print what was measured, as asked for."""
    import json

    from sonotrace.io.whole import whole_file

    for line in lines:
        console.say(line)
    if out is not None:
        with whole_file(out, overwrite=overwrite) as partial:
            partial.write_text(json.dumps(document, indent=2))
    if as_json:
        print_json(document)


@app.command()
def realism(
    data: Annotated[Path, typer.Option("--data", help="Folder that holds busi and the others.")],
    sets: Annotated[
        str, typer.Option("--sets", help="Comparisons to make.")
    ] = "breast,muscle,nerve,spine",
    scenes: Annotated[int, typer.Option("--scenes", min=1, help="Of each domain.")] = 12,
    pictures: Annotated[int, typer.Option("--pictures", min=4, help="Of each real set.")] = 100,
    size: Annotated[int, typer.Option("--size", min=96, help="Rows of simulated frames.")] = 448,
    out: Annotated[Path | None, typer.Option("--out", help="JSON file to write.")] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare simulated frames with real pictures by numbers.

    Example: sonotrace benchmark realism --data DATA --out realism.json
    """
    import json

    from sonotrace.benchmark.realism import (
        COMPARISONS,
        RealismSettings,
        measure_realism,
        realism_table,
    )
    from sonotrace.io.whole import whole_file

    names = _words(sets)
    if not names or not set(names) <= set(COMPARISONS):
        raise UsageError(f"--sets takes some of {', '.join(COMPARISONS)}, not {sets!r}.")
    console = Console(quiet=quiet)
    settings = RealismSettings(sets=names, scenes=scenes, pictures=pictures, size=size)
    document = measure_realism(data, settings, console.say)
    for line in realism_table(document):
        console.say(line)
    if out is not None:
        with whole_file(out, overwrite=overwrite) as partial:
            partial.write_text(json.dumps(document, indent=2))
    if as_json:
        print_json(document)


app.command()(lesions)
app.command()(physics)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _whole_numbers(text: str, option: str) -> tuple[int, ...]:
    words = _words(text)
    if not words or not all(word.isdigit() for word in words):
        raise UsageError(f"{option} takes whole numbers separated by commas, not {text!r}.")
    return tuple(int(word) for word in words)


def _table(sets: Any) -> list[str]:
    """Return one line for every set and method; intervals where there are several clips."""
    lines = [f"{'set':<22}{'method':<20}{'Dice':<22}{'IoU':<22}{'F':<22}F within 2 px"]
    for name, methods in sets.items():
        for method, scores in methods.items():
            values = scores.get("mean", scores).values()
            cells = "".join(f"{_cell(value):<22}" for value in values)
            lines.append(f"{name:<22}{method:<20}{cells}".rstrip())
    return lines


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['mean']:.3f} ({value['low']:.3f}, {value['high']:.3f})"
    return "none" if value is None else f"{value:.3f}"
