"""The model families, and the one table that knows them all.

To add a family: write its file and its row in `MODELS`. Nothing registers itself.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError
from torch import nn

from sonotrace.errors import ModelError
from sonotrace.models.video import stcn
from sonotrace.models.video.stcn import Stcn, StcnConfig
from sonotrace.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family of networks."""

    kind: Literal["image", "video", "pose"]
    config: type[Settings]
    network: type[nn.Module]
    sizes: dict[str, Settings]
    """Configurations by name; the first is the default."""
    source: str
    supervision: str
    """What it is told of the clip it is used on."""
    needs_mask: bool
    lookahead_frames: int = 0


MODELS: dict[str, Family] = {
    "stcn": Family(
        kind="video",
        config=StcnConfig,
        network=Stcn,
        sizes=dict(stcn.SIZES),
        source="Cheng et al., NeurIPS 2021, arXiv:2106.05210",
        supervision="the mask of one frame",
        needs_mask=True,
    ),
}

_TWO_NETWORKS = {
    "aau-net": "two different networks go by that name: aau-fang (Fang 2026) and aau-haam "
    "(Chen 2023). Name one of them."
}


def model_config(name: str) -> Settings:
    """Return the configuration of a model by name, such as `stcn` or `stcn:small`.

    Raises:
        ModelError: No family or no size has that name; the message lists those there are.
    """
    family, _, size = name.partition(":")
    if family in _TWO_NETWORKS:
        raise ModelError(f"{family!r}: {_TWO_NETWORKS[family]}")
    if family not in MODELS:
        raise ModelError(f"no model family is called {family!r}. There are: {', '.join(MODELS)}.")
    sizes = MODELS[family].sizes
    if size and size not in sizes:
        raise ModelError(f"{family} has no size {size!r}. There are: {', '.join(sizes)}.")
    return sizes[size or next(iter(sizes))]


def build_model(config: Settings) -> nn.Module:
    """Build an untrained model.

    Raises:
        ModelError: The configuration belongs to no family.
    """
    for family in MODELS.values():
        if isinstance(config, family.config):
            return family.network(config)
    raise ModelError(f"no model family takes a {type(config).__name__}.")


def parse_config(document: dict[str, object]) -> Settings:
    """Return the configuration that was written down, told apart by its `family`.

    Raises:
        ModelError: There is no such family, or it has no such settings.
    """
    family = MODELS.get(str(document.get("family")))
    if family is None:
        raise ModelError(
            f"no model family is called {document.get('family')!r}. There are: {', '.join(MODELS)}."
        )
    try:
        return family.config.model_validate(document)
    except ValidationError as error:
        raise ModelError(f"settings that do not fit {document['family']}: {error}") from error
