"""How long kernels are compiled while a command runs: the first time that each is needed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from numba.core import event

_COMPILE = "numba:compile"
"""Numba tells of it when a kernel is compiled, not when it is read from the cache."""
FIRST_RUN = "compiling kernels; the first run of a kind of scene takes half a minute longer ..."
"""What to say meanwhile."""


@runtime_checkable
class Compiling(Protocol):
    """What was compiled so far."""

    @property
    def seconds(self) -> float:
        """Return how long it took, in seconds."""
        ...


class _Listener(event.TimingListener):
    """Adds up the time, and calls a function when the first kernel is compiled."""

    def __init__(self, begins: Callable[[], None]) -> None:
        super().__init__()
        self._begins: Callable[[], None] | None = begins

    def on_start(self, told: object) -> None:
        """Begin to count."""
        if self._begins is not None:
            self._begins()
            self._begins = None
        super().on_start(told)

    @property
    def seconds(self) -> float:
        """Return how long it took, in seconds."""
        return float(self.duration) if self.done else 0.0


@contextmanager
def watch_compiling(begins: Callable[[], None]) -> Iterator[Compiling]:
    """Count the time that kernels are compiled, in all threads: numba compiles one at a time.

    Args:
        begins: Called when the first one is; not if all of them are in the cache.
    """
    listener = _Listener(begins)
    event.register(_COMPILE, listener)
    try:
        yield listener
    finally:
        event.unregister(_COMPILE, listener)
