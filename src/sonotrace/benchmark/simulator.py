"""`sonotrace benchmark speed --simulator`: how fast frames are simulated, and what bounds it.

Each scene and size is measured in a process of its own, so that each has its own peak of memory.
Frames count with everything: motion of tissue, surfaces and needle tracing, masks and facts.
"""

import gc
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass

from sonotrace.benchmark.machine import describe_machine
from sonotrace.benchmark.rig import peak_bytes
from sonotrace.benchmark.simulator_bound import Clock, FrameCount, count_frame, measure_clock
from sonotrace.benchmark.steady import resident_bytes
from sonotrace.errors import UsageError
from sonotrace.settings import Settings
from sonotrace.simulate.echo.points import add_points
from sonotrace.simulate.echo.shadow import transmission
from sonotrace.simulate.echo.slice import empty_echo, sum_echoes
from sonotrace.simulate.frames import in_order
from sonotrace.simulate.scene import Scene, Stage, set_stage
from sonotrace.simulate.scenes import make_scene
from sonotrace.simulate.sweep import listen_on

Document = dict[str, object]

STAGES = ("flow", "points", "scatter", "attenuation", "pulse and beam", "display", "truth")
PHOTOACOUSTIC = "photoacoustic"
"""The second channel of a sweep over vessels."""
_WARM_FRAMES = 2


class SimulatorSettings(Settings):
    """What is measured."""

    scenes: tuple[str, ...] = ("lesion", "needle", "spine", "sweep", PHOTOACOUSTIC)
    sizes: tuple[int, ...] = (256, 448)
    """Rows and columns."""
    domain: str | None = None
    """None for the usual one of each scene."""
    threads: tuple[int, ...] = (1, 2)
    frames: int = 48
    """Frames of a clip; more are counted in a round by going through it again."""
    rounds: int = 3
    """Of which the fastest counts, as other programs can only slow a round down."""
    long_frames: int = 1000
    """Frames over which the growth of memory is watched."""
    seed: int = 1


QUICK = SimulatorSettings(
    scenes=("lesion", PHOTOACOUSTIC), sizes=(256,), frames=12, rounds=2, long_frames=60
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorRow:
    """One scene at one size."""

    scene: str
    domain: str
    size: int
    pitch_mm: float
    moving: bool
    """Whether tissue moves."""
    scatterers: int
    """In the slice of a frame, on average."""
    ns_per_scatterer: float
    """Of one thread, the motion of tissue and the way through the lattice included."""
    frames_per_second: dict[int, float]
    """With masks and facts, by the number of threads."""
    pictures_per_second: dict[int, float]
    """Without them."""
    stages_ms: dict[str, float]
    """Of one thread, the least of the rounds, on average over the frames."""
    bake_seconds: float
    """To bake the tissue of the clip with as many threads as there were."""
    peak_megabytes: float
    growth_megabytes: float
    """By which memory grew over the long run."""
    count: FrameCount | None


def measure_simulator(settings: SimulatorSettings, say: Callable[[str], None]) -> Document:
    """Measure what the settings name, and return one document of it.

    Raises:
        UsageError: A scene is unknown.
    """
    unknown = [name for name in settings.scenes if name not in SimulatorSettings().scenes]
    if unknown:
        known = ", ".join(SimulatorSettings().scenes)
        raise UsageError(f"no scene is called {unknown[0]!r}. There are: {known}.")
    clock = measure_clock()
    rows = []
    for scene in settings.scenes:
        for size in settings.sizes:
            say(f"{scene} at {size} pixels")
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                rows.append(pool.submit(measure_scene, scene, size, settings).result())
    return {
        "machine": describe_machine(),
        "settings": settings.model_dump(mode="json"),
        "clock": asdict(clock),
        "rows": [_with_bound(row, clock) for row in rows],
    }


def measure_scene(name: str, size: int, settings: SimulatorSettings) -> SimulatorRow:
    """Measure one scene at one size, in this process."""
    scene = _scene(name, size, settings)
    _render(_renderer(set_stage(_scene(name, size, settings, frames=1), threads=1), name), [0], 1)
    threads = max(settings.threads)
    started = time.perf_counter()
    stage = set_stage(scene, threads=threads)
    baked = time.perf_counter() - started
    render = _renderer(stage, name)
    picture = render if name == PHOTOACOUSTIC else stage.grey
    speeds: dict[int, float] = {}
    pictures: dict[int, float] = {}
    for count in settings.threads:
        for make, found in ((render, speeds), (picture, pictures)):
            _render(make, range(_WARM_FRAMES * count), count)
            seconds = min(_render(make, range(len(scene)), count) for _ in range(settings.rounds))
            found[count] = len(scene) / seconds
    stages, scatterers = ({PHOTOACOUSTIC: 1e3 / speeds[min(speeds)]}, 0.0)
    if name != PHOTOACOUSTIC:
        stages, scatterers = time_stages(stage, settings.rounds)
    growth = _growth(render, len(scene), settings.long_frames, threads)
    return SimulatorRow(
        scene=name,
        domain=scene.domain,
        size=size,
        pitch_mm=scene.pitch_mm,
        moving=scene.motion is not None,
        scatterers=round(scatterers),
        ns_per_scatterer=1e6 * stages["scatter"] / scatterers if scatterers else 0.0,
        frames_per_second=speeds,
        pictures_per_second=pictures,
        stages_ms=stages,
        bake_seconds=baked,
        peak_megabytes=peak_bytes() / 1e6,
        growth_megabytes=growth / 1e6,
        count=None if name == PHOTOACOUSTIC else count_frame(stage),
    )


def time_stages(stage: Stage, rounds: int) -> tuple[dict[str, float], float]:
    """Return milliseconds of each stage of a frame, and the scatterers of a frame.

    Every stage of every frame is timed in each round and its least time taken; the mean over the
    frames is returned.
    """
    frames = range(len(stage.scene))
    totals, scatterers = dict.fromkeys(STAGES, 0.0), 0
    for index in frames:
        found = [_time_frame(stage, index) for _ in range(rounds)]
        scatterers += found[0][1]
        for name in STAGES:
            totals[name] += min(times[name] for times, _ in found)
    return {name: 1e3 * total / len(frames) for name, total in totals.items()}, scatterers / len(
        frames
    )


def _with_bound(row: SimulatorRow, clock: Clock) -> Document:
    """Return a row with the least time of its counted stages on one core of this machine."""
    counted: Document = {}
    if row.count is not None:
        cycles = row.count.cycles()
        counted["operations"] = row.count.operations()
        counted["bound_ms"] = {
            name: number / clock.gigahertz / 1e6 for name, number in cycles.items()
        }
    for name in ("frames_per_second", "pictures_per_second"):
        counted[name] = {str(count): speed for count, speed in getattr(row, name).items()}
    return asdict(row) | counted


def _scene(name: str, size: int, settings: SimulatorSettings, frames: int | None = None) -> Scene:
    kind = "sweep" if name == PHOTOACOUSTIC else name
    choices: dict[str, object] = {"moving": True} if kind == "sweep" else {}
    if name == PHOTOACOUSTIC:
        choices["of"] = "vessels"
    return make_scene(
        kind,
        settings.seed,
        domain=settings.domain,
        frames=frames or settings.frames,
        size=size,
        **choices,
    )


def _renderer(stage: Stage, name: str) -> Callable[[int], object]:
    """Return what makes one frame by its number."""
    if name != PHOTOACOUSTIC:
        return stage.frame
    listen = listen_on(stage)
    if listen is None:
        raise ValueError("nothing in the scene absorbs light")
    return listen


def _render(render: Callable[[int], object], frames: Sequence[int], threads: int) -> float:
    """Return the seconds that it takes to make the frames."""
    started = time.perf_counter()
    for _ in in_order(render, frames, threads):
        pass
    return time.perf_counter() - started


def _growth(render: Callable[[int], object], length: int, frames: int, threads: int) -> int:
    """Return by how many bytes memory grows over a long run."""
    _render(render, range(min(length, 4 * threads)), threads)
    gc.collect()
    before = resident_bytes()
    _render(render, [index % length for index in range(frames)], threads)
    gc.collect()
    return resident_bytes() - before


def _time_frame(stage: Stage, index: int) -> tuple[dict[str, float], int]:
    """Return seconds of each stage of one frame, and how many scatterers it has."""
    renderer, content = stage.renderer, stage.scene.content
    grid, world, developer = renderer.grid, renderer.world, renderer.developer
    ends = [time.perf_counter()]

    def done() -> None:
        ends.append(time.perf_counter())

    moment = stage.moment(index)
    done()
    points = content.points(moment)
    echo = empty_echo(grid)
    for some in points:
        add_points(echo, grid, some)
    done()
    number = sum_echoes(echo, grid, renderer.tables, world.lattice, moment.pose, moment.flow)
    done()
    passed = transmission(grid, world.attenuation, moment.pose, moment.flow)
    done()
    level = developer.level(echo, passed, index)
    done()
    developer.grey(level)
    done()
    content.truth(moment)
    done()
    times = {name: ends[n + 1] - ends[n] for n, name in enumerate(STAGES)}
    return times, number
