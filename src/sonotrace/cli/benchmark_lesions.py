"""`sonotrace benchmark lesions`: how hard the simulated lesions are."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sonotrace.cli.console import RESEARCH_USE, Console, print_json
from sonotrace.cli.options import Json, Overwrite, Quiet


def lesions(
    domain: Annotated[
        list[str] | None, typer.Option("--domain", help="May be repeated; all linear ones.")
    ] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Also score the held-out linear domains.")
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="steps=1200, training_scenes=500 ..."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="JSON file to write.")] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score a small U-Net and the rule "largest dark blob" on simulated lesions of other seeds.

    Example: sonotrace benchmark lesions --domain linear-fine

    The network is trained on the spot, for each training domain by itself: minutes on a CPU.
    """
    import json

    from sonotrace.benchmark.difficulty import (
        DifficultySettings,
        Pictures,
        draw_pictures,
        gather,
        held_out_seeds,
        measure_difficulty,
        scoring_seeds,
        training_seeds,
    )
    from sonotrace.config import with_changes
    from sonotrace.io.whole import whole_file
    from sonotrace.simulate.domains import DOMAINS

    console = Console(quiet=quiet)
    settings = with_changes(DifficultySettings(), changes or [])
    linear = [one for one in DOMAINS.values() if one.shape == "linear"]
    others = [one.name for one in linear if one.held_out] if held_out else []

    def drawn(name: str, seeds: range) -> Pictures:
        scenes = draw_pictures(name, seeds, settings)
        return gather(console.progress(scenes, len(seeds), f"{name}: scenes"))

    apart = {name: drawn(name, held_out_seeds(settings)) for name in others}
    found: dict[str, Any] = {}
    for name in domain or [one.name for one in linear if not one.held_out]:
        training = drawn(name, training_seeds(settings))
        scoring = {f"{name}, other seeds": drawn(name, scoring_seeds(settings)), **apart}
        console.say(f"{name}: training for {settings.steps} steps ...")
        found[name] = measure_difficulty(training, scoring, settings)
        for where, scores in found[name]["scores"].items():
            for method, score in scores.items():
                console.say(f"trained on {name}, {where}: {method:<8} Dice {_cell(score)}")
    console.say(RESEARCH_USE)
    document = {"settings": settings.model_dump(mode="json"), "domains": found}
    if out is not None:
        with whole_file(out, overwrite=overwrite) as partial:
            partial.write_text(json.dumps(document, indent=2))
    if as_json:
        print_json(document)


def _cell(score: dict[str, float]) -> str:
    if "low" not in score:
        return f"{score['mean']:.3f}"
    return f"{score['mean']:.3f} ({score['low']:.3f}, {score['high']:.3f}), {score['n']:.0f} scenes"
