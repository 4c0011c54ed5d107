"""What a command says: talk goes to stderr, the one JSON document to stdout."""

import json
import math
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

RESEARCH_USE = "Research use only, not a medical device."

T = TypeVar("T")


class Console:
    """Where one command talks."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = RichConsole(stderr=True, quiet=quiet, highlight=False)

    def say(self, text: str) -> None:
        """Tell the user something."""
        self._console.print(text, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Tell the user something that may make the result wrong."""
        self._console.print(f"warning: {text}", style="yellow", markup=False, soft_wrap=True)

    def progress(self, items: Iterable[T], total: int | None, what: str) -> Iterator[T]:
        """Go through `items` beside a bar with the time left; no bar outside a terminal."""
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        with bar:
            yield from bar.track(items, total=total, description=what)


def print_json(document: object) -> None:
    """Print one JSON document on stdout; a value that is not a number becomes null."""
    json.dump(_plain(document), sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
