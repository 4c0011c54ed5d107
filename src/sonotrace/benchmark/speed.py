"""`sonotrace benchmark speed`: all of it in one run on one machine."""

import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass

import torch

from sonotrace.benchmark.count import StageCount, count_stages
from sonotrace.benchmark.fidelity import Fidelity, measure_fidelity
from sonotrace.benchmark.machine import describe_machine, measure_peaks
from sonotrace.benchmark.reads import compare_reads
from sonotrace.benchmark.reference import MEMORY_EVERY
from sonotrace.benchmark.rig import STAGES, VARIANTS, Job, Timing, has_weights
from sonotrace.benchmark.steady import measure_steadiness
from sonotrace.benchmark.worker import Worker
from sonotrace.errors import UsageError
from sonotrace.settings import Settings

Document = dict[str, object]

PUBLIC_MS: dict[int, dict[str, float]] = {
    1: {"encode": 125, "read": 7, "decode": 265},
    10: {"encode": 125, "read": 102, "decode": 265},
    50: {"encode": 125, "read": 354, "decode": 265},
}
"""Public STCN code at 448 pixels with 2 threads on a machine of this class, by frames in
memory; its value takes 118 ms every fifth frame."""
_READ_POSITIONS = (784, 7840, 39200)


class SpeedSettings(Settings):
    """What is measured.

    Errors against float32 are those at the first size; the long clip is one of that size,
    followed by the first model.
    """

    models: tuple[str, ...] = ("stcn:small", "stcn:paper")
    """Sizes of STCN, or files of weights; random weights where none ship."""
    sizes: tuple[int, ...] = (256, 448)
    memories: tuple[int, ...] = (1, 10, 50)
    """Frames in memory, ascending."""
    variants: tuple[str, ...] = tuple(VARIANTS)
    rounds: int = 3
    """Times that every variant has its turn."""
    cycles: int = 1
    """Five-frame cycles of a turn; stages are computed five times each in any case."""
    parts: tuple[str, ...] = ("count", "peaks", "frames", "reads", "fidelity", "steady")
    ages: tuple[int, ...] = (500, 5000)
    """Frames of the long clip at which time is compared."""
    frames: int = 10_000
    """Frames of the long clip after the memory of the tracker is full."""


QUICK = SpeedSettings(
    models=("stcn:small",),
    sizes=(256,),
    memories=(1, 10),
    variants=("reference", "plain", "eager", "eager-bf16"),
    rounds=2,
    ages=(200,),
    frames=300,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One variant with one size of memory."""

    model: str
    size: int
    variant: str
    memory: int
    ms: float
    """Median over the rounds of the mean time of a frame, everything in `Tracker.step`."""
    lowest_ms: float
    """The same of the quickest round."""
    highest_ms: float
    """The same of the slowest round."""
    frames_per_second: float
    times_reference: float | None
    """Median over the rounds of how many times quicker than the reference in the same round."""
    stages_ms: dict[str, float]
    """Median over the rounds of the least of five times of each stage by itself."""
    peak_megabytes: float


def measure_speed(settings: SpeedSettings, say: Callable[[str], None]) -> Document:
    """Measure what the settings name, and return one document of it.

    Raises:
        UsageError: A part, a variant or a size is unknown.
    """
    _check(settings)
    document: Document = {"machine": describe_machine(), "threads": torch.get_num_threads()}
    if "count" in settings.parts:
        document["counts"] = {
            f"{model} {size}": {k: asdict(v) for k, v in _counts(model, size, settings).items()}
            for model in settings.models
            if ":" in model
            for size in settings.sizes
        }
    if "peaks" in settings.parts:
        document["peaks"] = asdict(measure_peaks())
    if "frames" in settings.parts:
        rows, notes = measure_frames(settings, say)
        document |= {"rows": [asdict(row) for row in rows], "notes": notes}
        document["reference"] = compare_with_public(rows)
    if "reads" in settings.parts:
        say("gathered and dense reads")
        times = [compare_reads(positions) for positions in _READ_POSITIONS]
        document["reads"] = [asdict(each) | {"ratio": each.ratio} for each in times]
    if "fidelity" in settings.parts:
        document["fidelity"] = _fidelity(settings, say)
    if "steady" in settings.parts:
        model, size = settings.models[0], settings.sizes[0]
        say(f"{model} at {size} pixels: a clip of {settings.frames} frames")
        steady = measure_steadiness(model, size, settings.ages, settings.frames)
        document["steady"] = {"model": model, "size": size} | asdict(steady)
    return document


def measure_frames(
    settings: SpeedSettings, say: Callable[[str], None]
) -> tuple[list[Row], list[str]]:
    """Time all variants in turn; return the rows, and what could not be run."""
    rows: list[Row] = []
    notes: list[str] = []
    for model in settings.models:
        for size in settings.sizes:
            say(f"{model} at {size} pixels")
            with ExitStack() as stack:
                jobs = [
                    Job(model=model, size=size, variant=name, threads=torch.get_num_threads())
                    for name in settings.variants
                ]
                workers = [stack.enter_context(Worker(job)) for job in jobs]
                problems = {worker.job.variant: worker.wait() for worker in workers}
                notes += [f"{model} {size} {name}: {why}" for name, why in problems.items() if why]
                ready = [worker for worker in workers if not problems[worker.job.variant]]
                say(f"{len(ready)} backends are built")
                for memory in settings.memories:
                    rows += _take_turns(ready, memory, settings)
    return rows, notes


def _take_turns(workers: list[Worker], memory: int, settings: SpeedSettings) -> list[Row]:
    timings: dict[str, list[Timing]] = {worker.job.variant: [] for worker in workers}
    for _ in range(settings.rounds):
        for worker in workers:
            timings[worker.job.variant].append(worker.run(memory, settings.cycles))
    reference = timings.get("reference")
    return [_row(worker.job, memory, timings[worker.job.variant], reference) for worker in workers]


def _row(job: Job, memory: int, timings: list[Timing], reference: list[Timing] | None) -> Row:
    means = [statistics.mean(timing.steps) for timing in timings]
    ratios = [
        statistics.mean(was.steps) / now for was, now in zip(reference or [], means, strict=False)
    ]
    seconds = statistics.median(means)
    return Row(
        model=job.model,
        size=job.size,
        variant=job.variant,
        memory=memory,
        ms=1e3 * seconds,
        lowest_ms=1e3 * min(means),
        highest_ms=1e3 * max(means),
        frames_per_second=1 / seconds,
        times_reference=statistics.median(ratios) if ratios else None,
        stages_ms={
            stage: 1e3 * statistics.median(timing.stages[stage] for timing in timings)
            for stage in STAGES
        },
        peak_megabytes=max(timing.peak_bytes for timing in timings) / 1e6,
    )


def compare_with_public(rows: list[Row]) -> list[Document]:
    """Return the shares of encode, read and decode in the reference beside the public ones."""
    compared: list[Document] = []
    for row in rows:
        public = PUBLIC_MS.get(row.memory)
        if row.variant != "reference" or row.model != "stcn:paper" or row.size != 448 or not public:
            continue
        own = {stage: row.stages_ms[stage] for stage in public}
        shares = {stage: ms / sum(own.values()) for stage, ms in own.items()}
        wanted = {stage: ms / sum(public.values()) for stage, ms in public.items()}
        ratios = {stage: shares[stage] / wanted[stage] for stage in public}
        compared.append(
            {
                "memory": row.memory,
                "shares": shares,
                "public_shares": wanted,
                "ratios": ratios,
                "per_frame_ms": sum(own.values()) + row.stages_ms["value"] / MEMORY_EVERY,
            }
        )
    return compared


def _counts(model: str, size: int, settings: SpeedSettings) -> dict[str, StageCount]:
    return count_stages(model, size, settings.memories)


def _fidelity(settings: SpeedSettings, say: Callable[[str], None]) -> Document:
    """Compare every variant that can be run with float32."""
    found: Document = {}
    size = settings.sizes[0]
    variants = [name for name in settings.variants if name != "reference"]
    for model in settings.models:
        say(f"{model} at {size} pixels: errors against float32")
        clips = 3 if has_weights(model) else 0  # masks of random weights mean nothing
        each = measure_fidelity(model, size, variants, clips=clips)
        found[f"{model} {size}"] = {
            name: asdict(one) if isinstance(one, Fidelity) else one for name, one in each.items()
        }
    return found


def _check(settings: SpeedSettings) -> None:
    for given, known, what in (
        (settings.parts, SpeedSettings().parts, "part"),
        (settings.variants, tuple(VARIANTS), "backend"),
    ):
        unknown = [name for name in given if name not in known]
        if unknown:
            raise UsageError(f"no {what} is called {unknown[0]!r}. There are: {', '.join(known)}.")
    if list(settings.memories) != sorted(set(settings.memories)) or settings.memories[0] < 1:
        raise UsageError("--memory takes ascending numbers from 1, such as 1,10,50.")
