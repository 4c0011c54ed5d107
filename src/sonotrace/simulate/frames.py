"""Frames side by side: each is made by one thread, several threads make several frames.

The compiled kernels let go of Python's lock, so threads are enough, and no threading runtime is
started that would break when a data loader forks. Frames come out in order; no more are in the
making than there are threads, so memory does not grow with the length of a clip.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def in_order(function: Callable[[S], T], items: Iterable[S], threads: int = 1) -> Iterator[T]:
    """Yield the function of every item, in the order of the items."""
    if threads <= 1:
        yield from map(function, items)
        return
    rest = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="simulate") as pool:
        running: deque[Future[T]] = deque()
        for item in islice(rest, threads):
            running.append(pool.submit(function, item))
        try:
            while running:
                made = running.popleft().result()
                for item in islice(rest, 1):
                    running.append(pool.submit(function, item))
                yield made
        finally:
            for one in running:
                one.cancel()


def usable_threads(wanted: int | None = None) -> int:
    """Return `wanted`, or as many threads as there are processors for this process."""
    if wanted is not None:
        return max(1, wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
