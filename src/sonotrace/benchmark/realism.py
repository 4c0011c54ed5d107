"""Simulated frames beside real pictures, by numbers.

Each comparison sets the scene of one kind, drawn in its training domains from training seeds,
against one set of real pictures. Real pictures on the list of held-out cases are left out, so
nothing that is tuned by these numbers has seen them.

    breast   lesion scenes   BUSI, of GE LOGIQ E9; published as crops, taken whole
    muscle   needle scenes   DL_Track, legs, several scanners; cut by `live_area`
    nerve    needle scenes   usgra-seg, Mindray TE7; cut by `live_area`
    spine    spine scenes    one sweep of PLUS over a phantom with a linear probe; the box in
                             which the sweep moves

For every number of `appearance`: the median and the range from 5 to 95 % of real pictures, the
median of simulated ones and whether it lies within that range, and the distance between the two
distributions beside the distance between two halves of the real set.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8
from pydantic import Field

from sonotrace.benchmark.appearance import (
    LEAST_SIZE,
    Grey,
    Measures,
    earth_movers,
    histogram,
    live_area,
    measure_picture,
)
from sonotrace.datasets.busi import list_busi
from sonotrace.datasets.muscle import list_muscle
from sonotrace.datasets.nerve import list_nerve
from sonotrace.datasets.pictures import LabelledPictures
from sonotrace.datasets.splits import may_train_on
from sonotrace.errors import ReadError
from sonotrace.io.area import find_picture_area
from sonotrace.io.colour import luminance
from sonotrace.io.readers import open_sweep
from sonotrace.settings import Settings
from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.scene import set_stage
from sonotrace.simulate.scenes import make_scene

Values = Float[np.ndarray, "_"]
"""Any number of them."""
Cut = UInt8[np.ndarray, "h w"]
Half = Bool[np.ndarray, " N"]

SPINE_PIXEL_MM = 0.079
"""Row spacing of the spine phantom's sweep: the second column of PLUS's ImageToProbe."""
_FRAMES, _FRAME = 8, 4
"""Length of the simulated clips, and the frame that is measured."""
_SPLITS = 8
"""Random halves of a real set over which their distance is averaged."""


class RealismSettings(Settings):
    """What is compared."""

    sets: tuple[str, ...] = ("breast", "muscle", "nerve", "spine")
    pictures: int = Field(default=100, ge=4)
    """At most this many of each real set, drawn by `seed`."""
    scenes: int = Field(default=12, ge=1)
    """Simulated frames of each domain, one of each scene."""
    size: int = Field(default=448, ge=LEAST_SIZE)
    """Rows and columns of simulated frames."""
    seed: int = 0


class Picture(NamedTuple):
    """One picture, cut to its ultrasound."""

    grey: Grey
    group: str
    """What must not be divided between the halves of a set: patient, recording, duplicates."""
    height_mm: float | None = None


class Comparison(NamedTuple):
    """A set of real pictures and the scenes that stand for them."""

    kind: str
    domains: tuple[str, ...]
    read: Callable[[Path, RealismSettings], list[Picture]]
    folder: str


def measure_realism(
    data: Path, settings: RealismSettings, say: Callable[[str], None]
) -> dict[str, Any]:
    """Compare every set that is there.

    Args:
        data: Folder that holds busi, muscle_dltrack, usgra_nerve and plus_freehand.
        settings: What is compared.
        say: Told what is being done.

    Raises:
        ReadError: None of the sets is there, or a picture of one cannot be read.
    """
    found = {name: COMPARISONS[name] for name in settings.sets}
    found = {name: one for name, one in found.items() if (data / one.folder).is_dir()}
    if not found:
        folders = ", ".join(COMPARISONS[name].folder for name in settings.sets)
        raise ReadError(data, f"holds none of the folders {folders}.", "Give their folder.")
    document: dict[str, Any] = {"settings": settings.model_dump(mode="json"), "sets": {}}
    for name, one in found.items():
        say(f"{name}: real pictures")
        real = one.read(data / one.folder, settings)
        simulated = {}
        for domain in one.domains:
            say(f"{name}: {one.kind} scenes of {domain}")
            simulated[domain] = simulate_pictures(one.kind, domain, settings)
        document["sets"][name] = {"scene": one.kind, **compare(real, simulated, settings.seed)}
    return document


def simulate_pictures(kind: str, domain: str, settings: RealismSettings) -> list[Picture]:
    """Render one frame of each scene with seeds 0, 1, ..., which are seeds for training."""
    pictures = []
    for seed in range(settings.scenes):
        scene = make_scene(kind, seed, domain=domain, frames=_FRAMES, size=settings.size)
        stage = set_stage(scene)
        grey = cut_to_fan(stage.grey(_FRAME), stage.renderer.grid)
        height = len(grey) * scene.scanner.view.pixel_mm
        pictures.append(Picture(grey, f"{kind}/{seed}", height))
    return pictures


def cut_to_fan(grey: Grey, grid: Grid) -> Cut:
    """Return the middle half of the columns and the rows that the fan fills there."""
    if grid.scanner.probe.shape == "linear" or grid.conversion is None:
        return grey
    columns = slice(grey.shape[1] // 4, grey.shape[1] - grey.shape[1] // 4)
    filled = np.flatnonzero((grid.conversion.node[:, columns] >= 0).all(axis=1))
    return grey[filled[0] : filled[-1] + 1, columns]


def compare(
    real: Sequence[Picture], simulated: dict[str, list[Picture]], seed: int = 0
) -> dict[str, Any]:
    """Compare simulated pictures of several domains with real ones.

    Args:
        real: At least two groups.
        simulated: By domain.
        seed: Of the halves.
    """
    random = np.random.default_rng([seed, 11])
    histograms = np.stack([histogram(one.grey) for one in real])
    pooled = histograms.mean(axis=0)
    rows = [_measured(one, pooled) for one in real]
    halves = [_halve([one.group for one in real], random) for _ in range(_SPLITS)]
    others = {name: [_measured(one, pooled) for one in some] for name, some in simulated.items()}
    between = [earth_movers(histograms[a].mean(0), histograms[~a].mean(0)) for a in halves]
    distances = {
        name: earth_movers(np.mean([histogram(one.grey) for one in some], axis=0), pooled)
        for name, some in simulated.items()
    }
    measures = {name: _compare_one(name, rows, others, halves) for name in rows[0]}
    return {
        "pictures": len(real),
        "groups": len({one.group for one in real}),
        "height_mm": {"real": _height(real)} | {k: _height(v) for k, v in simulated.items()},
        "histogram": {"real_to_real": float(np.mean(between)), "simulated": distances},
        "within": {
            domain: f"{sum(m['within'][domain] for m in measures.values())} of {len(measures)}"
            for domain in simulated
        },
        "measures": measures,
    }


def quantile_distance(a: Values, b: Values) -> float:
    """Return the mean distance between quantiles: the 1-D Wasserstein distance of two samples."""
    levels = np.linspace(0.01, 0.99, 99)
    return float(abs(np.quantile(a, levels) - np.quantile(b, levels)).mean())


def realism_table(document: dict[str, Any]) -> list[str]:
    """Return the tables of a document of `measure_realism`."""
    lines = []
    for name, one in document["sets"].items():
        domains = list(one["within"])
        shown = one["histogram"]
        lines.append(f"{name}: {one['pictures']} real pictures beside {one['scene']} scenes")
        lines += [
            f"  {domain}: {one['within'][domain]} medians within; histogram "
            f"{shown['simulated'][domain]:.1f} grey levels off, real to real "
            f"{shown['real_to_real']:.1f}"
            for domain in domains
        ]
        heads = "".join(f"{domain:>16}" for domain in domains)
        lines.append(f"  {'measure':<26}{'real':>9} {'5 %':>9} {'95 %':>9}{heads}")
        for measure, found in one["measures"].items():
            median, low, high = found["real"]
            cells = "".join(
                f"{found['simulated'][domain]:>15.3f}{' ' if found['within'][domain] else '!'}"
                for domain in domains
            )
            lines.append(f"  {measure:<26}{median:>9.3f} {low:>9.3f} {high:>9.3f}{cells}")
        lines.append("")
    return lines


def _measured(one: Picture, pooled: Values) -> Measures:
    """Measure a picture; `pooled` is the mean histogram of all real ones."""
    distance = earth_movers(histogram(one.grey), pooled)
    return {**measure_picture(one.grey), "histogram_distance": distance}


def _compare_one(
    name: str, rows: list[Measures], others: dict[str, list[Measures]], halves: list[Half]
) -> dict[str, Any]:
    real = np.array([row[name] for row in rows])
    median, low, high = np.nanpercentile(real, (50, 5, 95)).tolist()
    width = max(high - low, 1e-9)
    apart = [quantile_distance(_known(real[a]), _known(real[~a])) for a in halves]
    found: dict[str, Any] = {
        "real": [median, low, high],
        "simulated": {},
        "within": {},
        "distance": {},
        "real_to_real": float(np.mean(apart)) / width,
    }
    for domain, some in others.items():
        values = _known(np.array([row[name] for row in some]))
        middle = float(np.median(values))
        found["simulated"][domain] = middle
        found["within"][domain] = bool(low <= middle <= high)
        found["distance"][domain] = quantile_distance(values, _known(real)) / width
    return found


def _known(values: Values) -> Values:
    """Return what could be measured; one nan if nothing could."""
    known = values[np.isfinite(values)]
    return known if len(known) else np.array([np.nan])


def _halve(groups: list[str], random: np.random.Generator) -> Half:
    """Return which pictures belong to one half; groups stay together."""
    names = sorted(set(groups))
    random.shuffle(names)
    first = set(names[: (len(names) + 1) // 2])
    return np.array([group in first for group in groups])


def _height(pictures: Sequence[Picture]) -> float | None:
    known = [one.height_mm for one in pictures if one.height_mm is not None]
    return float(np.median(known)) if known else None


def _read_pictures(
    pictures: LabelledPictures, settings: RealismSettings, cut: Callable[[Grey], Cut]
) -> list[Picture]:
    """Read some of the pictures on which may be trained, in random order."""
    allowed = pictures.where(may_train_on)
    random = np.random.default_rng([settings.seed, 10])
    chosen = random.permutation(len(allowed))[: settings.pictures]
    found = []
    for index in sorted(chosen.tolist()):
        grey = cut(luminance(allowed[index].image)[0].numpy())
        if min(grey.shape) >= LEAST_SIZE:
            found.append(Picture(grey, allowed.cases[index].group))
    return found


def _whole(grey: Cut) -> Cut:
    return grey


def _read_breast(folder: Path, settings: RealismSettings) -> list[Picture]:
    return _read_pictures(list_busi(folder), settings, _whole)


def _read_muscle(folder: Path, settings: RealismSettings) -> list[Picture]:
    return _read_pictures(list_muscle(folder), settings, live_area)


def _read_nerve(folder: Path, settings: RealismSettings) -> list[Picture]:
    return _read_pictures(list_nerve(folder), settings, live_area)


def _read_spine(folder: Path, settings: RealismSettings) -> list[Picture]:
    clip = open_sweep(folder / "SpinePhantomFreehand.igs.mha").clip
    clip = clip.cropped(find_picture_area(clip))
    return [
        Picture(luminance(frame)[0].numpy(), f"frame/{index}", clip.shape[1] * SPINE_PIXEL_MM)
        for index, frame in enumerate(clip)
    ][: settings.pictures]


_LINEAR = ("linear-soft", "linear-fine")

COMPARISONS: dict[str, Comparison] = {
    "breast": Comparison("lesion", _LINEAR, _read_breast, "busi"),
    "muscle": Comparison("needle", _LINEAR, _read_muscle, "muscle_dltrack"),
    "nerve": Comparison("needle", _LINEAR, _read_nerve, "usgra_nerve"),
    "spine": Comparison("spine", ("convex-deep",), _read_spine, "plus_freehand"),
}
"""The one table of comparisons."""
