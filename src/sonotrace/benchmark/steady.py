"""Whether a tracker stays as fast and as small over a long clip.

Trackers of different ages are stepped in turn, so that a noisy machine is noisy for all.
"""

import gc
import resource
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from sonotrace.benchmark.rig import network_of
from sonotrace.models.video import MemoryNetwork
from sonotrace.runtime import RuntimeSettings, prepare
from sonotrace.tasks.track import MemoryPropagator, Tracker

_COMPARED = 60
"""Frames of each age that are timed: a multiple of the remembered ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """Time and memory over a long clip."""

    full_at_frame: int
    """The first frame at which the bounded memory is full."""
    ms_when_full: float
    ms_at: dict[int, float]
    """By the frame's number."""
    ratios: dict[int, float]
    """Time at that frame relative to the first at which the memory is full."""
    growth_bytes: int
    """How much larger the process is after `frames` frames than when the memory was full."""
    frames: int


@torch.inference_mode()
def measure_steadiness(
    model: str, size: int, ages: tuple[int, ...] = (500, 5000), frames: int = 10_000
) -> Steadiness:
    """Track random frames with the default bounded memory.

    Args:
        model: A network, such as `stcn:tiny`.
        size: Rows and columns of the frames.
        ages: Frames whose time is compared with that of the first with a full memory.
        frames: Length of the clip over which memory is watched; at least the last age.
    """
    network = prepare(network_of(model), RuntimeSettings(device="cpu", backend="eager"))[0]
    picture = torch.randint(0, 256, (8, network.in_channels, size, size), dtype=torch.uint8)
    full_at, trackers = 0, {}
    for age in (0, *ages):
        tracker = _started(network, size, picture)
        bank = cast("MemoryPropagator", tracker.propagator).bank
        frame = 1
        while not bank.full or frame < age:
            tracker.step(picture[frame % 8])
            frame += 1
        full_at = full_at or frame - 1
        trackers[age] = (tracker, frame)
    times = _in_turn(trackers, picture)
    base = statistics.median(times[0])
    at = {age: statistics.median(times[age]) for age in ages}
    oldest = trackers[max(ages)][0]
    gc.collect()
    before, start = resident_bytes(), max(ages) + _COMPARED
    for frame in range(start, start + frames):
        oldest.step(picture[frame % 8])
    gc.collect()
    return Steadiness(
        full_at_frame=full_at,
        ms_when_full=1e3 * base,
        ms_at={age: 1e3 * seconds for age, seconds in at.items()},
        ratios={age: seconds / base for age, seconds in at.items()},
        growth_bytes=resident_bytes() - before,
        frames=frames,
    )


def resident_bytes() -> int:
    """Return the memory this process holds now; where that is unknown, the most it has held."""
    pages = Path("/proc/self/statm")
    if pages.is_file():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _started(network: MemoryNetwork, size: int, picture: torch.Tensor) -> Tracker:
    mask = torch.zeros(size, size, dtype=torch.uint8)
    mask[size // 4 : size // 2, size // 4 : size // 2] = 1
    tracker = Tracker(network)
    tracker.step(picture[0], mask)
    return tracker


def _in_turn(
    trackers: dict[int, tuple[Tracker, int]], picture: torch.Tensor
) -> dict[int, list[float]]:
    """Step all trackers in turn, five frames each, and return the seconds per frame."""
    times: dict[int, list[float]] = {age: [] for age in trackers}
    for start in range(0, _COMPARED, 5):
        for age, (tracker, frame) in trackers.items():
            started = time.perf_counter()
            for i in range(5):
                tracker.step(picture[(frame + start + i) % 8])
            times[age].append((time.perf_counter() - started) / 5)
    return times
