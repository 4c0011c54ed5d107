"""Outputs appear whole or not at all: written under a temporary name, then renamed.

A killed program leaves at most a hidden `.NAME.partial-*` beside the output, which nobody
takes for a result. A full disk, and a file larger than is allowed, become a `ResourceError`.

A folder gets a hidden `.sonotrace` with the names of its files: one that holds any other file is
somebody's work, and is never replaced.
"""

import errno
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sonotrace.errors import OutputExistsError, ResourceError, UsageError

MARKER = ".sonotrace"
"""The hidden file that lists what was written into a folder."""

_ABOUT = "What sonotrace wrote here. --overwrite replaces the folder while it holds no other files."
_OF_FILE_MANAGERS = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""Left by programs that only showed the folder; nobody misses them."""


@contextmanager
def whole_folder(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes `out` when the block ends without an error.

    Raises:
        OutputExistsError: `out` holds something and `overwrite` is false. Raised at once,
            before any work is done.
        UsageError: `out` cannot be made, or holds what must not be replaced.
        ResourceError: The disk is full, or a file is larger than allowed.
    """
    require_free(out, overwrite=overwrite)
    partial = _partial(out)
    partial.mkdir()
    try:
        with _full_disk_explained(out):
            yield partial
            require_free(out, overwrite=overwrite)  # others may have written there meanwhile
            _list_files(partial)
            _swap(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def whole_file(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path of the same suffix that becomes `out` when the block ends without an error.

    Raises:
        OutputExistsError: `out` exists and `overwrite` is false. Raised at once.
        UsageError: `out` cannot be made, or is a folder.
        ResourceError: The disk is full, or a file is larger than allowed.
    """
    if out.is_dir():
        raise UsageError(f"{out} is a folder. Give the name of a file.")
    _require_free_or_overwrite(out, overwrite)
    partial = _partial(out)
    try:
        with _full_disk_explained(out):
            yield partial
            _require_free_or_overwrite(out, overwrite)  # as above
            partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def require_free(out: Path, *, overwrite: bool = False) -> None:
    """Refuse a place for a folder that is taken: for commands that work before they write.

    Raises:
        OutputExistsError: `out` holds something and `overwrite` is false.
        UsageError: It holds the folder that the program runs in, or is to be replaced and is a
            file or holds a file that was not written with it.
    """
    if Path.cwd().is_relative_to(out.resolve()):
        raise UsageError(f"{out} holds the folder you are in. Choose another place for the output.")
    if out.is_dir() and not any(out.iterdir()):
        return
    _require_free_or_overwrite(out, overwrite)
    if out.is_file():
        raise UsageError(f"{out} is a file. Choose another name for the folder of the output.")
    foreign = _foreign_files(out)
    if foreign:
        names = ", ".join([*foreign[:3], *(["..."] if len(foreign) > 3 else [])])
        raise UsageError(
            f"{out} holds files that sonotrace did not write ({names}), or left no list of. "
            f"Choose another folder, or empty it."
        )


def _require_free_or_overwrite(out: Path, overwrite: bool) -> None:
    if (out.exists() or out.is_symlink()) and not overwrite:
        raise OutputExistsError(out)


def _files(folder: Path) -> list[str]:
    """Return the files of a folder and of those below by their paths in it, links as files."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )


def _list_files(folder: Path) -> None:
    document = {"about": _ABOUT, "files": _files(folder)}
    (folder / MARKER).write_text(json.dumps(document, indent=0), encoding="utf-8")


def _foreign_files(folder: Path) -> list[str]:
    """Return the files that are not in the folder's own list, which may be missing."""
    try:
        listed = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        ours = {MARKER, *listed["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        ours = set()
    return [
        name
        for name in _files(folder)
        if name not in ours and Path(name).name not in _OF_FILE_MANAGERS
    ]


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
        if error.errno == errno.EFBIG:
            raise ResourceError(
                f"{out}: a file became larger than is allowed there; nothing was left. Raise the "
                f"limit (ulimit -f) or choose another place."
            ) from error
        raise
