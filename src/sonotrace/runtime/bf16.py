"""Whether a processor gains anything from bf16."""

import time
from collections.abc import Callable
from functools import cache

import torch

_SIDE = 128


@cache
@torch.inference_mode()
def slowdown_in_bf16() -> float:
    """Return how many times as long a product of matrices takes in bf16 as in float32, on the CPU.

    Below 1 on processors with units for it (AVX512-BF16, AMX). Others emulate it, tens of times
    slower. Measured once, in some milliseconds.
    """
    a, b = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    c, d = a.bfloat16(), b.bfloat16()
    return _least_seconds(lambda: c @ d) / _least_seconds(lambda: a @ b)


def _least_seconds(compute: Callable[[], object]) -> float:
    times = []
    for _ in range(4):  # the first is a warm-up
        started = time.perf_counter()
        compute()
        times.append(time.perf_counter() - started)
    return min(times)
