"""One network in one variant, timed frame by frame with a memory of a set size."""

import resource
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor

from sonotrace.benchmark.reference import MEMORY_EVERY, DensePropagator
from sonotrace.models import build_model, model_config
from sonotrace.models.video import MemoryNetwork
from sonotrace.models.weights import WEIGHTS, load_model
from sonotrace.nn.memory import Recent
from sonotrace.runtime import RuntimeSettings, prepare
from sonotrace.runtime.eager import ready
from sonotrace.runtime.settings import Backend, Precision
from sonotrace.tasks.track import MemoryPropagator, Tracker, TrackerSettings

STAGES = ("encode", "value", "read", "decode")
_OBJECT = 1
_STAGE_REPEATS = 5
"""Times that every stage is computed by itself in a round."""


class Variant(NamedTuple):
    """How a network computes: one of `runtime`'s backends, or a simpler way for comparison."""

    backend: Backend | None
    precision: Precision = "float32"


VARIANTS: dict[str, Variant] = {
    "reference": Variant(None),
    "plain": Variant(None),
    "channels-last": Variant(None),
    "eager": Variant("eager"),
    "eager-bf16": Variant("eager", "bf16"),
    "compiled": Variant("compiled"),
    "compiled-bf16": Variant("compiled", "bf16"),
    "onnx": Variant("onnx"),
    "openvino": Variant("openvino"),
    "openvino-bf16": Variant("openvino", "bf16"),
}
"""`reference` is plain torch with a dense read, `plain` the same with a gathered read,
`channels-last` has its batch norms folded and that layout; the others are what users get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be timed."""

    model: str
    size: int
    variant: str
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds measured in one round."""

    steps: list[float]
    """Per frame, everything in `Tracker.step`; the value is encoded in every fifth."""
    stages: dict[str, float] = field(default_factory=dict)
    """Least of several times of each stage by itself, in seconds."""
    peak_bytes: int = 0
    """Most memory that the process has held so far."""


def network_of(model: str) -> torch.nn.Module:
    """Return a network with its shipped weights or those of a file, else with random ones."""
    if has_weights(model):
        return load_model(model)
    torch.manual_seed(0)
    return build_model(model_config(model)).eval()


def has_weights(model: str) -> bool:
    """Return whether weights of the model ship, or it is a file of them."""
    return model in WEIGHTS or bool(Path(model).suffix)


def variant_of(network: torch.nn.Module, name: str) -> MemoryNetwork:
    """Return the network made ready as the variant says."""
    variant = VARIANTS[name]
    if variant.backend is not None:
        settings = RuntimeSettings(
            device="cpu", backend=variant.backend, precision=variant.precision
        )
        return prepare(network, settings)[0]
    return cast("MemoryNetwork", ready(network, "cpu") if name == "channels-last" else network)


class Rig:
    """A tracker on random frames whose memory is set to a number of frames before each round."""

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        self.job = job
        self.network = variant_of(network_of(job.model), job.variant)
        shape = (self.network.in_channels, job.size, job.size)
        self._frame = torch.randint(0, 256, shape, dtype=torch.uint8)
        self._mask = torch.zeros(job.size, job.size, dtype=torch.uint8)
        self._mask[job.size // 4 : job.size // 2, job.size // 4 : job.size // 2] = _OBJECT
        self._input = self._frame[None].float() / 255
        self._prepare()

    @torch.inference_mode()
    def _prepare(self) -> None:
        """Build what is built on first use, and keep what a memory is filled with."""
        with self._precision():
            self._features = self.network.encode_query(self._input)
            masks = (self._mask == _OBJECT).float()[None, None]
            self._value = self.network.encode_memory(self._input, self._features, masks)
            self.network.decode(self._value, self._features)

    @torch.inference_mode()
    def run(self, memory: int, cycles: int) -> Timing:
        """Time `cycles` times five frames with `memory` frames, and every stage by itself.

        However few the cycles, every stage is computed five times; the least time counts.
        """
        tracker = self._tracker(memory)
        tracker.step(self._frame, self._mask)
        for _ in range(MEMORY_EVERY):
            tracker.step(self._frame)
        steps = []
        for _ in range(cycles):
            self._fill(tracker, memory - 1)  # the first of the five frames adds one
            for _ in range(MEMORY_EVERY):
                started = time.perf_counter()
                tracker.step(self._frame)
                steps.append(time.perf_counter() - started)
        stages = self._stages(tracker)
        return Timing(steps=steps, stages=stages, peak_bytes=peak_bytes())

    def _tracker(self, memory: int) -> Tracker:
        if self.job.variant == "reference":
            return Tracker(DensePropagator(self.network))
        settings = TrackerSettings(
            memory=Recent(permanent_frames=2, recent_frames=memory),
            memory_every=MEMORY_EVERY,
            longest_side=self.job.size,  # not what the weights were trained for
            precision=VARIANTS[self.job.variant].precision,
        )
        return Tracker(self.network, settings=settings)

    def _fill(self, tracker: Tracker, frames: int) -> None:
        """Put `frames` frames into the memory, and nothing else."""
        propagator = tracker.propagator
        key, value = self._features.key[0].float(), self._value[0]
        if isinstance(propagator, DensePropagator):
            propagator.forget()
        elif isinstance(propagator, MemoryPropagator):
            propagator.bank.clear()
        for _ in range(frames):
            noisy = key + 0.1 * key.std() * torch.randn_like(key)
            if isinstance(propagator, DensePropagator):
                propagator.remember(noisy, value)
            elif isinstance(propagator, MemoryPropagator):
                propagator.bank.add(noisy, value, [_OBJECT])

    def _stages(self, tracker: Tracker) -> dict[str, float]:
        features, network, propagator = self._features, self.network, tracker.propagator
        masks = (self._mask == _OBJECT).float()[None, None]

        def read() -> Tensor:
            if isinstance(propagator, DensePropagator):
                return propagator.read(features.key)
            bank = cast("MemoryPropagator", propagator).bank
            return bank.read(features.key[0], [_OBJECT])

        what: dict[str, Callable[[], object]] = {
            "encode": lambda: network.encode_query(self._input),
            "value": lambda: network.encode_memory(self._input, features, masks),
            "read": read,
            "decode": lambda: network.decode(self._value, features),
        }
        times: dict[str, list[float]] = {stage: [] for stage in STAGES}
        with self._precision():
            for _ in range(_STAGE_REPEATS):
                for stage, compute in what.items():
                    started = time.perf_counter()
                    compute()
                    times[stage].append(time.perf_counter() - started)
        return {stage: min(of_stage) for stage, of_stage in times.items()}

    def _precision(self) -> AbstractContextManager[object]:
        reduced = VARIANTS[self.job.variant].precision == "bf16"
        return torch.autocast("cpu", torch.bfloat16, enabled=reduced)


def peak_bytes() -> int:
    """Return the most memory this process has held, in bytes.

    Linux adds what the parent held to what `getrusage` says; the kernel's own table does not.
    """
    table = Path("/proc/self/status")
    if table.is_file():
        lines = dict(line.split(":", 1) for line in table.read_text().splitlines() if ":" in line)
        return 1024 * int(lines["VmHWM"].split()[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
