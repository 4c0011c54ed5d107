"""Runs that are known to be good, and the one table that knows them all.

To add one: write `recipes/<name>.py` with a function that returns a `RunConfig`, and a row here.
"""

from collections.abc import Callable
from pathlib import Path

from sonotrace.config import RunConfig, read_config
from sonotrace.errors import UsageError
from sonotrace.recipes.stcn_finetune import recipe as stcn_finetune
from sonotrace.recipes.stcn_small_stills import recipe as stcn_small_stills

RECIPES: dict[str, Callable[[], RunConfig]] = {
    "stcn-small-stills": stcn_small_stills,
    "stcn-finetune": stcn_finetune,
}


def find_recipe(name: str) -> RunConfig:
    """Return the run of a recipe, or of a YAML file.

    Raises:
        UsageError: There is neither.
        ReadError: The file holds no run.
    """
    if name in RECIPES:
        return RECIPES[name]()
    if Path(name).suffix in {".yaml", ".yml"}:
        return read_config(Path(name))
    raise UsageError(
        f"there is no recipe {name!r}. Give one of {', '.join(RECIPES)}, or a YAML file."
    )
