"""`sonotrace models`: every network there is, its sizes and weights; foreign checkpoints."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from sonotrace.cli import options

if TYPE_CHECKING:
    from sonotrace.settings import Settings

Document = dict[str, Any]


class _ListFirst(TyperGroup):
    """Without a subcommand, `sonotrace models` lists."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        alone = not args or (args[0].startswith("-") and args[0] != "--help")
        return super().parse_args(ctx, ["list", *args] if alone else args)


app = typer.Typer(
    cls=_ListFirst, help="Every network, its sizes and weights. Example: sonotrace models"
)


@app.command("list")
def list_(json: options.Json = False) -> None:
    """List every family of networks with its sizes and the weights that ship.

    Example: sonotrace models
    """
    from sonotrace.cli.console import print_json
    from sonotrace.models import MODELS

    rows = [_family(name) for name in MODELS]
    if json:
        print_json(rows)
        return
    _print_table(
        ["name", "kind", "sizes (parameters)", "default weights"],
        [
            [
                row["name"],
                row["kind"],
                ", ".join(f"{size} ({_millions(of)})" for size, of in row["sizes"].items()),
                ", ".join(weights["name"] for weights in row["default_weights"]) or "none",
            ]
            for row in rows
        ],
    )


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="stcn, stcn:small, or weights.")],
    json: options.Json = False,
) -> None:
    """Say all that is known of a family, of one of its sizes, or of a file of weights.

    Example: sonotrace models show stcn:small
    """
    from sonotrace.cli.console import print_json

    document = _file(Path(name)) if Path(name).is_file() else _size(name)
    if json:
        print_json(document)
    else:
        _print_table([], [[key, _words(value)] for key, value in document.items()])


@app.command("import")
def import_(
    family: Annotated[str, typer.Argument(help="Whose checkpoint it is, such as stcn.")],
    file: Annotated[Path, typer.Argument(help="The checkpoint, as published.")],
    out: Annotated[Path, typer.Option("--out", help="File to write, ending in .safetensors.")],
    json: options.Json = False,
    quiet: options.Quiet = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Turn a checkpoint that others published into weights of ours.

    Example: sonotrace models import stcn stcn.pth --out stcn.safetensors

    Nothing inside the checkpoint is run. Mind the licence its authors gave it.
    """
    from sonotrace.cli.console import Console, print_json
    from sonotrace.errors import OutputExistsError, UsageError
    from sonotrace.models.convert.checkpoint import import_checkpoint
    from sonotrace.models.weights import save_weights, weights_sha256

    if out.suffix != ".safetensors":
        raise UsageError(f"--out {out}: weights are written as NAME.safetensors.")
    if out.exists() and not overwrite:
        raise OutputExistsError(out)
    model, facts = import_checkpoint(family, file)
    save_weights(model, out, facts, overwrite=overwrite, half=False)
    parameters = sum(value.numel() for value in model.parameters())
    Console(quiet=quiet or json).say(
        f"{out}: {parameters:,} parameters of {facts['origin']}. Use it: --model {out}"
    )
    if json:
        print_json(
            facts
            | {
                "out": str(out),
                "sha256": weights_sha256(out),
                "bytes": out.stat().st_size,
                "parameters": parameters,
            }
        )


def _family(name: str) -> Document:
    """Return one row of what `sonotrace models --json` prints."""
    from sonotrace.models import MODELS
    from sonotrace.models.weights import WEIGHTS

    family = MODELS[name]
    return {
        "name": name,
        "kind": family.kind,
        "sizes": {size: {"parameters": _parameters(of)} for size, of in family.sizes.items()},
        "default_weights": [
            {
                "name": row.name,
                "file": row.file,
                "sha256": row.sha256,
                "bytes": row.bytes,
                "licence": row.licence,
                "training_data": row.training_data,
                "card": row.card,
            }
            for row in WEIGHTS.values()
            if row.name.partition(":")[0] == name
        ],
        "source": family.source,
        "supervision": family.supervision,
        "needs_mask": family.needs_mask,
        "lookahead_frames": family.lookahead_frames,
    }


def _size(name: str) -> Document:
    """Return what is known of a family, and of the size that the name means."""
    from sonotrace.models import model_config

    config = model_config(name)
    family = _family(name.partition(":")[0])
    return family | {"parameters": _parameters(config), "settings": config.model_dump()}


def _file(path: Path) -> Document:
    """Return what a file of weights says of itself."""
    from sonotrace.models.weights import load_model, read_facts, weights_sha256

    model = load_model(path)
    return {
        "file": str(path),
        "sha256": weights_sha256(path),
        "bytes": path.stat().st_size,
        "parameters": sum(value.numel() for value in model.parameters()),
        "settings": model.config.model_dump(),  # type: ignore[union-attr, operator]  # Settings
        "facts": read_facts(path),
    }


def _parameters(config: "Settings") -> int:
    """Count them without taking memory for them."""
    import torch

    from sonotrace.models import build_model

    with torch.device("meta"):
        return sum(value.numel() for value in build_model(config).parameters())


def _millions(size: Document) -> str:
    return f"{size['parameters'] / 1e6:.2f} M"


def _words(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        between = "\n" if any(isinstance(item, dict) for item in value) else ", "
        return between.join(_words(item) for item in value) or "none"
    return f"{value:,}" if type(value) is int else str(value)


def _print_table(head: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*head, box=None, show_header=bool(head))
    if not head:
        table.add_column(style="bold")
        table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)
