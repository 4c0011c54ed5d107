import errno
import os
import signal

import pytest

from sonotrace.cli.failure import Stopped, explain, signals_raised
from sonotrace.errors import MaskError, ResourceError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MaskError("a mask"), 4),
        (ResourceError("no disk"), 6),
        (MemoryError(), 6),
        (RuntimeError("CUDA error: out of memory"), 6),
        (OSError(errno.ENOSPC, "No space left on device"), 6),
        (OSError(errno.EFBIG, "File too large"), 6),
        (OSError(errno.EIO, "Input/output error"), 1),
        (KeyError("a"), 1),
        (KeyboardInterrupt(), 130),
        (Stopped(signal.SIGINT), 130),
        (Stopped(signal.SIGTERM), 143),
    ],
    ids=repr,
)
def test_every_error_has_a_line_and_a_code(error, code):
    message, found = explain(error)
    assert found == code
    assert message
    assert "\n" not in message


def test_a_fault_of_ours_says_where_and_asks_for_a_report(capsys):
    with pytest.raises(IndexError) as caught:
        next_of = []
        next_of.pop()
    message, code = explain(caught.value)
    assert code == 1
    assert "test_failure.py" in message
    assert "SONOTRACE_DEBUG=1" in message
    assert capsys.readouterr().err == ""


def test_a_traceback_comes_when_it_is_asked_for(capsys, monkeypatch):
    monkeypatch.setenv("SONOTRACE_DEBUG", "1")
    explain(ZeroDivisionError("nothing"))
    assert "ZeroDivisionError: nothing" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_raised_and_their_handlers_put_back(number):
    before = signal.getsignal(number)
    with pytest.raises(Stopped), signals_raised():
        os.kill(os.getpid(), number)
        signal.pause()
    assert signal.getsignal(number) is before
