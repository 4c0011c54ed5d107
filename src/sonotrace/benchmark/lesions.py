"""What `benchmark lesions` does: domain by domain, and held-out domains last."""

from collections.abc import Callable, Iterable
from typing import Any

from sonotrace.benchmark.difficulty import (
    DifficultySettings,
    Fitted,
    Pictures,
    draw_pictures,
    fit,
    gather,
    hard_enough,
    held_out_seeds,
    score,
    scoring_seeds,
    training_seeds,
)
from sonotrace.datasets.frozen import held_out_domains, require_frozen
from sonotrace.errors import UsageError
from sonotrace.simulate.domains import DOMAINS

OTHER_SEEDS = "other seeds"

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
Document = dict[str, Any]


def linear_domains() -> list[str]:
    """Return the names of the linear domains of training."""
    return [one.name for one in DOMAINS.values() if one.shape == "linear" and not one.held_out]


def measure_lesions(
    settings: DifficultySettings,
    domains: list[str],
    *,
    held_out: bool,
    progress: Progress,
    say: Callable[[str], None],
) -> Document:
    """Fit network and rule to each domain and score them on other seeds of it.

    Held-out domains are drawn only if these scores are what lesions should give: they are to be
    looked at once, when nothing is left to be changed.

    Args:
        settings: How many scenes, and how long the network trains.
        domains: Of training.
        held_out: Whether to go on to the held-out domains.
        progress: Shows how far a loop is.
        say: Tells a line.

    Raises:
        UsageError: Held-out domains with other training domains or settings than the usual ones.
        DataContractError: The held-out domains are not those that were frozen.
    """
    if held_out:
        if sorted(domains) != sorted(linear_domains()) or settings != DifficultySettings():
            raise UsageError(
                "held-out domains are looked at once, after every training domain has passed with "
                "the usual settings. Choose neither domains nor settings, or leave them closed."
            )
        require_frozen()

    def drawn(name: str, seeds: range) -> Pictures:
        scenes = draw_pictures(name, seeds, settings)
        return gather(iter(progress(scenes, len(seeds), f"{name}: scenes")))

    found: dict[str, Any] = {}
    fits: dict[str, Fitted] = {}
    for name in domains:
        training = drawn(name, training_seeds(settings))
        say(f"{name}: training for {settings.steps} steps ...")
        fits[name] = fit(training, settings)
        scores = score(fits[name], drawn(name, scoring_seeds(settings)))
        found[name] = {**fits[name].describe(), "scores": {OTHER_SEEDS: scores}}
        _tell(say, name, OTHER_SEEDS, scores)
    if held_out and not all(hard_enough(one["scores"][OTHER_SEEDS]) for one in found.values()):
        say("the lesions are too easy or too hard as yet: held-out domains are left alone.")
    elif held_out:
        for other in held_out_domains():
            pictures = drawn(other.name, held_out_seeds(settings))
            for name, fitted in fits.items():
                scores = score(fitted, pictures)
                found[name]["scores"][other.name] = scores
                _tell(say, name, other.name, scores)
    return {"settings": settings.model_dump(mode="json"), "domains": found}


def _tell(say: Callable[[str], None], name: str, where: str, scores: Document) -> None:
    for method, one in scores.items():
        say(f"trained on {name}, {where}: {method:<8} Dice {_cell(one)}")


def _cell(score: dict[str, float]) -> str:
    if "low" not in score:
        return f"{score['mean']:.3f}"
    return f"{score['mean']:.3f} ({score['low']:.3f}, {score['high']:.3f}), {score['n']:.0f} scenes"
