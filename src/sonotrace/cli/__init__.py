"""The `sonotrace` command.

One file per command. A command parses, calls one function and says what it wrote; heavy
packages are imported inside it, so that `--help` is instant.
"""

import io
import os
import sys

import typer

from sonotrace.cli import benchmark, data, models, simulate
from sonotrace.cli.demo import demo
from sonotrace.cli.evaluate import evaluate
from sonotrace.cli.failure import Stopped, explain, signals_raised
from sonotrace.cli.inspect import inspect
from sonotrace.cli.track import track
from sonotrace.cli.train import train

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Deep learning on ultrasound video: open it, follow a target, score, train. "
    "Research use only, not a medical device.\n\nExample: sonotrace demo",
)


app.command()(demo)
app.command()(evaluate)
app.command()(inspect)
app.command()(track)
app.command()(train)
app.add_typer(benchmark.app, name="benchmark")
app.add_typer(data.app, name="data")
app.add_typer(models.app, name="models")
app.add_typer(simulate.app, name="simulate")


@app.callback()
def _root() -> None:
    """Keep subcommands as subcommands even while there is only one."""


def main() -> None:
    """Run the command; end with one line and the exit code of what went wrong."""
    # Threads that spin for long while they wait for one another stall on a busy machine; those
    # that sleep at once take twice as long on a quiet one.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    for stream in (sys.stdout, sys.stderr):  # names of files may be no text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with signals_raised():
            app()
    except (Exception, KeyboardInterrupt, Stopped) as error:
        message, code = explain(error)
        typer.secho(message, fg="red", err=True)
        sys.exit(code)
