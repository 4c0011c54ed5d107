"""The gathered read against the dense one, side by side."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from sonotrace.nn.memory import TOP_K, find_top_k, gather, read_top_k_densely


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTimes:
    """Best times of several rounds, in milliseconds."""

    positions: int
    """Memory positions M."""
    gathered_ms: float
    dense_ms: float
    error: float
    """Largest difference of the two, relative to the largest value read."""

    @property
    def ratio(self) -> float:
        """How many times quicker the gathered read is."""
        return self.dense_ms / self.gathered_ms


@torch.inference_mode()
def compare_reads(
    positions: int, *, side: int = 28, K: int = 64, V: int = 512, rounds: int = 5
) -> ReadTimes:
    """Read a random memory of one object for a frame of `side` x `side` positions."""
    query = torch.randn(1, K, side, side)
    keys, values = torch.randn(positions, K), torch.randn(positions, V)
    squares = keys.square().sum(1)
    flat_keys, flat_values = keys.mT[None].contiguous(), values.mT[None, None].contiguous()
    rows = query[0].flatten(1).mT

    def gathered() -> Tensor:
        return gather(values, find_top_k(rows, keys, squares, TOP_K))

    def dense() -> Tensor:
        return read_top_k_densely(query, flat_keys, flat_values, TOP_K)

    a, b = gathered(), dense()[0, 0].flatten(1).mT
    times: dict[str, list[float]] = {"gathered": [], "dense": []}
    for _ in range(rounds):
        for name, compute in (("gathered", gathered), ("dense", dense)):
            started = time.perf_counter()
            compute()
            times[name].append(time.perf_counter() - started)
    return ReadTimes(
        positions=positions,
        gathered_ms=1e3 * min(times["gathered"]),
        dense_ms=1e3 * min(times["dense"]),
        error=float((a - b).abs().max() / b.abs().max()),
    )
