"""What this machine can do at best, so that every stage has something to be compared with."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from sonotrace.runtime.bf16 import slowdown_in_bf16

_SIDE = 2048
_COPIED_BYTES = 2**28


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Highest rates measured."""

    threads: int
    matmul_gmac_s: float
    """Float32 matrix product of 2048 x 2048."""
    matmul_bf16_gmac_s: float
    """The same in bf16; where it is emulated, told from a product of 128 x 128."""
    conv_gmac_s: float
    """Float32 3x3 convolution, 256 to 256 channels on 112 x 112, channels last."""
    copy_gigabytes_s: float
    """Bytes read plus bytes written when a large tensor is copied."""


def describe_machine() -> str:
    """Return processor, cores and software in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return (
        f"{model}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}, "
        f"torch {torch.__version__}, Python {platform.python_version()}"
    )


@torch.inference_mode()
def measure_peaks(repeats: int = 7) -> Peaks:
    """Measure the peak rates with as many threads as torch has."""
    a, b = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    matmul = _SIDE**3 / best_seconds(lambda: a @ b, repeats)
    if slowdown_in_bf16() < 1:
        a, b = a.bfloat16(), b.bfloat16()
        reduced = _SIDE**3 / best_seconds(lambda: a @ b, repeats)
    else:  # the large product would take minutes
        reduced = matmul / slowdown_in_bf16()
    x = torch.rand(1, 256, 112, 112).to(memory_format=torch.channels_last)
    w = torch.rand(256, 256, 3, 3).to(memory_format=torch.channels_last)
    macs = 112 * 112 * 9 * 256 * 256
    conv = macs / best_seconds(lambda: F.conv2d(x, w, padding=1), repeats)
    source = torch.ones(_COPIED_BYTES, dtype=torch.uint8)
    target = torch.empty_like(source)
    copy = 2 * _COPIED_BYTES / best_seconds(lambda: target.copy_(source), repeats)
    return Peaks(
        threads=torch.get_num_threads(),
        matmul_gmac_s=matmul / 1e9,
        matmul_bf16_gmac_s=reduced / 1e9,
        conv_gmac_s=conv / 1e9,
        copy_gigabytes_s=copy / 1e9,
    )


def best_seconds(compute: Callable[[], object], repeats: int) -> float:
    """Return the shortest of several times, after one that is not counted."""
    compute()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        compute()
        times.append(time.perf_counter() - started)
    return min(times)
