"""Other people's checkpoints, turned into ours.

To add one: write `models/convert/<origin>.py` and its row below.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from sonotrace.models.convert.stcn import convert_stcn
from sonotrace.models.video import stcn
from sonotrace.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """How to read the checkpoints of one origin."""

    origin: str
    file: str
    """Which file of theirs is expected, for those who gave another."""
    config: Settings
    """Of our network that computes the same."""
    convert: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]


CONVERTERS: dict[str, Converter] = {
    "stcn": Converter(
        origin="github.com/hkchengrex/STCN",
        file="stcn.pth, as published at github.com/hkchengrex/STCN",
        config=stcn.SIZES["paper"],
        convert=convert_stcn,
    ),
}
