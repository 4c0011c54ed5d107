"""The table of commands: `sonotrace COMMAND`."""

import typer

from sonotrace.cli import benchmark, data, models, simulate
from sonotrace.cli.demo import demo
from sonotrace.cli.evaluate import evaluate
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
