"""How long each stage of a run took, frame by frame."""

import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


class Timings:
    """Collects seconds per stage; 8 bytes for each."""

    def __init__(self) -> None:
        self._stages: dict[str, array[float]] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Add one measurement of `stage`."""
        self._stages.setdefault(stage, array("d")).append(seconds)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time that the block takes."""
        start = time.perf_counter()
        yield
        self.add(stage, time.perf_counter() - start)

    def total(self, stage: str) -> float:
        """Return all seconds of one stage."""
        return float(sum(self._stages.get(stage, ())))

    def percentile_ms(self, stage: str, percent: float) -> float:
        """Return a percentile of one stage in milliseconds; 0 if it never ran."""
        values = self._stages.get(stage)
        return float(np.percentile(values, percent)) * 1000 if values else 0.0

    def summary(self) -> dict[str, dict[str, float | int]]:
        """Return count, median, 95th percentile, maximum and sum of every stage."""
        return {
            stage: {
                "count": len(values),
                "p50_ms": self.percentile_ms(stage, 50.0),
                "p95_ms": self.percentile_ms(stage, 95.0),
                "max_ms": self.percentile_ms(stage, 100.0),
                "total_s": self.total(stage),
            }
            for stage, values in self._stages.items()
        }
