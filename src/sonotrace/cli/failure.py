"""How a command ends when it fails: one line that says why, and an exit code.

A fault of ours shows where it happened and the words of the error, no more; SONOTRACE_DEBUG=1
shows the whole traceback.
"""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from sonotrace.errors import ResourceError, SonotraceError

INTERRUPTED = 130
"""Exit code after Ctrl-C."""
TERMINATED = 143
"""Exit code after SIGTERM: 128 + 15, as shells and job schedulers expect."""

_NOTHING_LEFT = "No output was left half-written."
_LACKING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
_NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "bad_alloc")


class Stopped(BaseException):
    """A signal asked the program to end. No library takes it for something else."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def signals_raised() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM raise `Stopped`, so that temporary files are taken away."""
    owner = os.getpid()

    def stop(number: int, _frame: FrameType | None) -> None:
        if os.getpid() == owner:
            raise Stopped(number)
        signal.signal(number, signal.SIG_DFL)  # a worker process ends without words
        os.kill(os.getpid(), number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def explain(error: BaseException) -> tuple[str, int]:
    """Return what to tell the user, and the exit code."""
    if isinstance(error, SonotraceError):
        return f"error: {error}", error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted. {_NOTHING_LEFT}", INTERRUPTED
    if isinstance(error, Stopped):
        if error.number == signal.SIGTERM:
            return f"stopped by SIGTERM. {_NOTHING_LEFT}", TERMINATED
        return f"interrupted. {_NOTHING_LEFT}", INTERRUPTED
    if isinstance(error, OSError):
        return _system(error)
    if isinstance(error, MemoryError) or _says_no_memory(error):
        return (
            "error: not enough memory for what was asked. Close other programs, or give less "
            "at once: a part of the clip (--from, --to), a part of the picture (--crop), a "
            "smaller model.",
            ResourceError.exit_code,
        )
    return _unexpected(error), SonotraceError.exit_code


def _system(error: OSError) -> tuple[str, int]:
    place = "" if error.filename is None else f"{error.filename}: "
    reason = error.strerror or type(error).__name__
    if error.errno in _LACKING:
        advice = "Free some space, or close other programs. "
        return f"error: {place}{reason}. {advice}{_NOTHING_LEFT}", ResourceError.exit_code
    return f"error: {place}{reason}. {_NOTHING_LEFT}", SonotraceError.exit_code


def _says_no_memory(error: BaseException) -> bool:
    if type(error).__name__ == "OutOfMemoryError":  # that of torch, which is not loaded here
        return True
    return isinstance(error, RuntimeError) and any(w in str(error).lower() for w in _NO_MEMORY)


def _unexpected(error: BaseException) -> str:
    if os.environ.get("SONOTRACE_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    steps = traceback.extract_tb(error.__traceback__)
    ours = [step for step in steps if f"{os.sep}sonotrace{os.sep}" in step.filename] or steps
    place = f" in {Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else ""
    return (
        f"error: a fault of sonotrace{place}: {type(error).__name__}: {error}. {_NOTHING_LEFT} "
        f"Run the same with SONOTRACE_DEBUG=1 to see where it happened, and report it."
    )
