"""Options that several commands share, so that they read and behave alike."""

import math
from pathlib import Path
from typing import Annotated

import typer

from sonotrace.errors import UsageError

Out = Annotated[Path, typer.Option("--out", help="Folder to write; must not exist yet.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No talk on stderr, errors excepted.")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=2**63 - 1, help="Everything random follows from it.")
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Backend = Annotated[str, typer.Option("--backend", help="auto, eager, compiled, onnx or openvino.")]
Precision = Annotated[str, typer.Option("--precision", help="float32 or bf16.")]
SpacingMm = Annotated[
    str | None,
    typer.Option("--spacing-mm", metavar="ROW,COL", help="Spacing you vouch for, mm per pixel."),
]
RequireMm = Annotated[
    bool, typer.Option("--require-mm", help="Fail (exit 4) unless millimetres can be trusted.")
]
Crop = Annotated[
    str | None,
    typer.Option("--crop", metavar="auto|X,Y,W,H", help="Cut away the scanner's screen furniture."),
]
From = Annotated[int | None, typer.Option("--from", help="First frame to use, from 0.")]
To = Annotated[int | None, typer.Option("--to", help="Last frame to use.")]


def numbers(text: str, count: int, option: str) -> tuple[float, ...]:
    """Parse `count` numbers separated by commas.

    Raises:
        UsageError: It is something else; the message names `option`.
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(map(math.isfinite, values)):
        raise UsageError(f"{option} takes {count} numbers separated by commas, not {text!r}.")
    return values
