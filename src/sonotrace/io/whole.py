"""Outputs appear whole or not at all: written under a temporary name, then renamed.

A killed program leaves at most a hidden `.NAME.partial-*` beside the output, which nobody
takes for a result. A full disk becomes a `ResourceError`.
"""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sonotrace.errors import OutputExistsError, ResourceError, UsageError


@contextmanager
def whole_folder(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes `out` when the block ends without an error.

    Raises:
        OutputExistsError: `out` holds something and `overwrite` is false. Raised at once,
            before any work is done.
        UsageError: `out` cannot be made.
        ResourceError: The disk is full.
    """
    require_free(out, overwrite=overwrite)
    partial = _partial(out)
    partial.mkdir()
    try:
        with _full_disk_explained(out):
            yield partial
            _swap(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def whole_file(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path of the same suffix that becomes `out` when the block ends without an error.

    Raises:
        OutputExistsError: `out` exists and `overwrite` is false. Raised at once.
        UsageError: `out` cannot be made.
        ResourceError: The disk is full.
    """
    require_free(out, overwrite=overwrite)
    partial = _partial(out)
    try:
        with _full_disk_explained(out):
            yield partial
            partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def require_free(out: Path, *, overwrite: bool = False) -> None:
    """Refuse a place that is taken: for commands with work to do before they begin to write.

    Raises:
        OutputExistsError: `out` holds something and `overwrite` is false.
        UsageError: It holds the folder that the program runs in.
    """
    if Path.cwd().is_relative_to(out.resolve()):
        raise UsageError(f"{out} holds the folder you are in. Choose another place for the output.")
    if out.is_dir() and not any(out.iterdir()):
        return
    if (out.exists() or out.is_symlink()) and not overwrite:
        raise OutputExistsError(out)


def _partial(out: Path) -> Path:
    """Return a name beside `out` that is not taken, keeping its suffixes for writers."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=out.parent, prefix=f".{out.name}.partial-", suffix="".join(out.suffixes[-2:])
        ) as held:
            return Path(held.name)
    except OSError as error:
        raise UsageError(f"{out}: cannot be written: {error.strerror}.") from error


def _swap(partial: Path, out: Path) -> None:
    """Put `partial` in the place of `out`; what was there goes only after that worked."""
    if not (out.exists() or out.is_symlink()):
        partial.rename(out)
        return
    old = _partial(out)
    try:
        out.rename(old)
        partial.rename(out)
    except BaseException:
        if old.exists() and not out.exists():
            old.rename(out)
        raise
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.unlink()


@contextmanager
def _full_disk_explained(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ResourceError(
                f"{out}: the disk is full; nothing was left there. Free some space or choose "
                f"another place."
            ) from error
        raise
