"""Whether a tracker stays as fast and as small over a long clip.

One tracker is followed through the whole clip. A copy of it from when its memory was first full
is kept, and stepped in turn with it at some later frames, so that a noisy machine is noisy for
both.
"""

import copy
import gc
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from jaxtyping import UInt8
from torch import Tensor

from sonotrace.benchmark.rig import network_of
from sonotrace.runtime import RuntimeSettings, prepare
from sonotrace.tasks.track import MemoryPropagator, Tracker, TrackerSettings

_COMPARED = 60
"""Frames of each age that are timed: a multiple of the remembered ones."""
_BLOCK = 5
"""Frames that a tracker steps until it is the other's turn; one of them is remembered."""
_LOOK_EVERY = 500
"""Frames from one look at the memory of the process to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """Time and memory over a long clip."""

    full_at_frame: int
    """The first frame at which the bounded memory is full."""
    ms_when_full: dict[int, float]
    """Milliseconds a frame of the copy whose memory is just full, by the frame's number at which
    it was stepped in turn with the tracker that went on."""
    ms_at: dict[int, float]
    """Milliseconds a frame of the tracker that went on, by the frame's number."""
    ratios: dict[int, float]
    """The second over the first: 1 if the tracker is as fast as when its memory was just full."""
    growth_bytes: int
    """How much larger the process is at the end than when the memory was just full."""
    largest_growth_bytes: int
    """The most it was larger by in between, of looks every 500 frames and at the end."""
    frames: int
    """How many frames came after the first at which the memory was full."""


def measure_steadiness(
    model: str, size: int, ages: tuple[int, ...] = (500, 5000), frames: int = 10_000
) -> Steadiness:
    """Track random frames with the default bounded memory, in a process of its own.

    What an earlier measurement has freed could hide a growth in this process.

    Args:
        model: A network, such as `stcn:small`.
        size: Rows and columns of the frames.
        ages: Frames whose time is compared with that of the first with a full memory.
        frames: How many frames the clip goes on for when the memory is full.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        job = (model, size, ages, frames, torch.get_num_threads())
        return pool.submit(_in_this_process, *job).result()


def _in_this_process(
    model: str, size: int, ages: tuple[int, ...], frames: int, threads: int
) -> Steadiness:
    torch.set_num_threads(threads)
    network = prepare(network_of(model), RuntimeSettings(device="cpu", backend="eager"))[0]
    tracker = Tracker(network, settings=TrackerSettings(longest_side=size))
    pictures = torch.randint(0, 256, (8, network.in_channels, size, size), dtype=torch.uint8)
    return follow_clip(tracker, pictures, ages, frames)


@torch.inference_mode()
def follow_clip(
    tracker: Tracker,
    pictures: UInt8[Tensor, "N C H W"],
    ages: tuple[int, ...],
    frames: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Steadiness:
    """Step a new tracker until its memory is full, and `frames` frames on; compare on the way.

    Args:
        tracker: Has a memory with a limit.
        pictures: The frames of the clip, over and over.
        ages: Frames at which time is compared.
        frames: How many frames the clip goes on for; more if the last age needs them.
        clock: Returns seconds.
    """
    walk = _Walk(tracker, pictures)
    bank = cast("MemoryPropagator", tracker.propagator).bank
    while not bank.full:
        walk.step()
    full_at = walk.frame - 1
    young = walk.copy()  # before the first look, so that it is no growth
    looks = [resident_bytes_now()]
    was: dict[int, float] = {}
    now: dict[int, float] = {}
    for age in sorted(ages):
        _go_on(walk, age, looks)
        was[age], now[age] = _in_turn(young.copy(), walk, clock)
    _go_on(walk, full_at + 1 + frames, looks)
    looks.append(resident_bytes_now())
    return Steadiness(
        full_at_frame=full_at,
        ms_when_full={age: 1e3 * seconds for age, seconds in was.items()},
        ms_at={age: 1e3 * seconds for age, seconds in now.items()},
        ratios={age: now[age] / was[age] for age in was},
        growth_bytes=looks[-1] - looks[0],
        largest_growth_bytes=max(looks[1:]) - looks[0],
        frames=walk.frame - 1 - full_at,
    )


def resident_bytes_now() -> int:
    """Return `resident_bytes` after Python has let go of what nobody holds."""
    gc.collect()
    return resident_bytes()


def resident_bytes() -> int:
    """Return the memory this process holds now; where that is unknown, the most it has held."""
    pages = Path("/proc/self/statm")
    if pages.is_file():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


class _Walk:
    """A tracker on its way through a clip that shows the same few pictures over and over."""

    def __init__(self, tracker: Tracker, pictures: Tensor) -> None:
        self.tracker = tracker
        self.pictures = pictures
        self.frame = 0

    def step(self) -> None:
        """Take the next frame; the first comes with its mask."""
        size = self.pictures.shape[-1]
        mask = torch.zeros(size, size, dtype=torch.uint8)
        mask[size // 4 : size // 2, size // 4 : size // 2] = 1
        picture = self.pictures[self.frame % len(self.pictures)]
        self.tracker.step(picture, None if self.frame else mask)
        self.frame += 1

    def copy(self) -> "_Walk":
        """Return another one from here on, with the same network."""
        shared = (cast("MemoryPropagator", self.tracker.propagator).network, self.pictures)
        return copy.deepcopy(self, {id(thing): thing for thing in shared})


def _go_on(walk: _Walk, end: int, looks: list[int]) -> None:
    """Step up to frame `end`, and look at the memory of the process now and then."""
    while walk.frame < end:
        walk.step()
        if walk.frame % _LOOK_EVERY == 0:
            looks.append(resident_bytes())


def _in_turn(young: _Walk, old: _Walk, clock: Callable[[], float]) -> tuple[float, float]:
    """Step both in turn, some frames each, and return their median seconds a frame."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_COMPARED // _BLOCK):
        for walk, of_walk in zip((young, old), times, strict=True):
            started = clock()
            for _ in range(_BLOCK):
                walk.step()
            of_walk.append((clock() - started) / _BLOCK)
    return statistics.median(times[0]), statistics.median(times[1])
