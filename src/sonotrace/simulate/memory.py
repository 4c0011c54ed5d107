"""How much memory a clip takes, and how much there is."""

import os
from pathlib import Path
from typing import NamedTuple

from sonotrace.errors import ResourceError
from sonotrace.simulate.echo.grid import Grid

UNKNOWN_BYTES = 2_000_000_000
"""What is used at most on systems that do not tell how much there is."""
_MEMINFO = Path("/proc/meminfo")


class _Container(NamedTuple):
    """Where a version of control groups tells of memory."""

    folder: Path
    limit: str
    used: str
    idle_files: str
    """Name in `memory.stat` of what is used by files that can be forgotten."""

    def free_bytes(self) -> int | None:
        """Return what the limit leaves; None without a limit."""
        limit, used = (_number_in(self.folder / name) for name in (self.limit, self.used))
        if limit is None or used is None:
            return limit
        return max(limit - used + _number_after(self.idle_files, self.folder / "memory.stat"), 0)


_CONTAINERS = (
    _Container(Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    _Container(
        Path("/sys/fs/cgroup/memory"),
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
)

_CLIP_PIXEL, _CLIP_SAMPLE = 80, 60
"""Bytes for each pixel and each sample of the grid that a clip takes once: mostly while its scan
conversion and its noise are made. These four are from the peaks of clips of 2048 x 2048 pixels, as
the process grew: they come to 1 to 2 times what lesions, needles, spines and sweeps took on 1 to 8
threads."""
_FRAME_PIXEL, _FRAME_SAMPLE = 25, 30
"""So many more on each thread: echoes, levels, grey levels and label maps of a frame."""


def frame_bytes(grid: Grid, threads: int) -> int:
    """Return about how many bytes frames take that so many threads make at once."""
    view, shape = grid.scanner.view, grid.shape
    pixels, samples = view.rows * view.columns, shape.rows * shape.columns
    once = _CLIP_PIXEL * pixels + _CLIP_SAMPLE * samples
    return once + threads * (_FRAME_PIXEL * pixels + _FRAME_SAMPLE * samples)


def require_memory_for_pictures(rows: int, columns: int) -> None:
    """Refuse pictures whose scan conversion alone would take more memory than there is.

    Raises:
        ResourceError: They are too large.
    """
    what = f"pictures of {columns} x {rows} pixels"
    require_memory(float(_CLIP_PIXEL * rows * columns), what, "Ask for smaller ones.")


def available_bytes() -> int | None:
    """Return how much memory this process can still take; None where that cannot be told.

    Where only the size of the whole memory is known, half of it counts.
    """
    found = [_free_bytes(), *(container.free_bytes() for container in _CONTAINERS)]
    known = [value for value in found if value is not None]
    return min(known) if known else None


def require_memory(needed: float, what: str, remedy: str) -> None:
    """Refuse what takes more memory than there is.

    Args:
        needed: In bytes, about.
        what: That takes it.
        remedy: What to do.

    Raises:
        ResourceError: There is less.
    """
    there = available_bytes()
    limit = UNKNOWN_BYTES if there is None else there
    if needed <= limit:
        return
    known = f"{limit / 1e9:.1f} GB are available"
    if there is None:
        known = f"at most {limit / 1e9:.1f} GB are used, as this system does not tell what it has"
    raise ResourceError(
        f"{what} would take about {needed / 1e9:.1f} GB of memory; {known}. {remedy}"
    )


def _free_bytes() -> int | None:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):  # not on every system
        return None


def _number_after(word: str, path: Path) -> int:
    """Return the number behind a word at the beginning of a line; 0 where there is none."""
    try:
        lines = path.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[0] == word)
    except (OSError, ValueError, IndexError, StopIteration):
        return 0


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max" where there is no limit
        return None
