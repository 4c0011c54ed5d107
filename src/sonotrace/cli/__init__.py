"""The `sonotrace` command.

One file per command. A command parses, calls one function and says what it wrote; heavy
packages are imported inside it, so that `--help` is instant.
"""

import sys

import typer

from sonotrace.cli import benchmark, data, models
from sonotrace.cli.demo import demo
from sonotrace.cli.evaluate import evaluate
from sonotrace.cli.inspect import inspect
from sonotrace.cli.track import track
from sonotrace.cli.train import train
from sonotrace.errors import SonotraceError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Deep learning on ultrasound video: segment, track, reconstruct. "
    "Research use only, not a medical device.",
)


app.command()(demo)
app.command()(evaluate)
app.command()(inspect)
app.command()(track)
app.command()(train)
app.add_typer(benchmark.app, name="benchmark")
app.add_typer(data.app, name="data")
app.add_typer(models.app, name="models")


@app.callback()
def _root() -> None:
    """Keep subcommands as subcommands even while there is only one."""


def main() -> None:
    """Run the command; turn our own errors into one line and the exit code of their class."""
    try:
        app()
    except SonotraceError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(error.exit_code)
    except MemoryError:
        typer.secho("error: not enough memory for what was asked.", fg="red", err=True)
        sys.exit(6)
    except KeyboardInterrupt:
        typer.secho("interrupted; nothing was left half-written.", err=True)
        sys.exit(130)
