"""The `sonotrace` command.

One file per command. A command parses, calls one function and says what it wrote; heavy
packages are imported inside it, so that `--help` is instant. The commands themselves are
imported by `main`, so that Ctrl-C ends the program in good order from the first moment on.
"""

import io
import os
import sys
from typing import TYPE_CHECKING

from sonotrace.cli.failure import Stopped, explain, signals_raised

if TYPE_CHECKING:
    from sonotrace.cli.commands import app as app


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
            from sonotrace.cli.commands import app

            app()
    except (Exception, KeyboardInterrupt, Stopped) as error:
        message, code = explain(error)
        _say(message)
        sys.exit(code)


def _say(message: str) -> None:
    import typer

    typer.secho(message, fg="red", err=True)


def __getattr__(name: str) -> object:
    if name != "app":
        raise AttributeError(f"module 'sonotrace.cli' has no attribute {name!r}")
    from sonotrace.cli.commands import app

    return app
