"""A data set of simulated breast clips in the shape of the published one.

The published set of ultrasound video of breast lesions has 200 clips, 80 benign and 120
malignant, 10,666 frames of 256 x 256 to 1072 x 756 pixels (UVBLS200, of STPFNet). It cannot be
downloaded; this one has its numbers, exact masks, and a patient who does not exist for each clip.

Beside the folders of DAVIS lie two that readers of DAVIS pass over:

    Distractors/480p/CLIP/00000.png   1 where something only looks like the lesion; every frame
    Truth/CLIP.json                   everything else that is known, one line for each frame
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from sonotrace.datasets.synthetic import attributes_of, require_one_side, training_domains
from sonotrace.errors import UsageError
from sonotrace.io.davis import ClipCard, DavisWriter, FrameRow, WrittenFrame
from sonotrace.io.picture import write_labels
from sonotrace.settings import Settings
from sonotrace.simulate.record import (
    as_json,
    describe,
    describe_frame,
    hash_of_frame,
    hash_of_frames,
)
from sonotrace.simulate.scene import Scene, render
from sonotrace.simulate.scenes import make_scene

CLIPS = 200
FRAMES = 10_666
BENIGN_SHARE = 0.4
SMALLEST, LARGEST = (256, 256), (756, 1072)
"""Rows and columns."""

RESOLUTION = "480p"
"""Name of the folder of the clips: what programs made for DAVIS look for, whatever their size."""
DISTRACTORS = "Distractors"
TRUTH = "Truth"

LesionClass = Literal["benign", "malignant"]


class SetSettings(Settings):
    """What is in the set."""

    clips: int = CLIPS
    frames: int | None = None
    """Of all clips together; None for as many a clip as in the published set."""
    seed: int = 0
    """Of the first clip; the others have the next ones."""
    domain: str | None = None
    """None for those of training, in turn."""


class PlannedClip(NamedTuple):
    """One clip of the set, not yet drawn."""

    name: str
    seed: int
    lesion: LesionClass
    domain: str
    frames: int
    size: tuple[int, int]
    """Rows and columns."""


class WrittenClip(NamedTuple):
    """What became of one clip."""

    name: str
    frames: int
    settings_sha256: str
    frames_sha256: str


def plan_set(settings: SetSettings) -> list[PlannedClip]:
    """Return the clips of the set; the same settings give the same clips.

    Raises:
        DataContractError: The seeds are neither all for training nor all for results, or they
            are for training and the domain is held out.
        UsageError: There is no such domain, or there are fewer frames than clips.
    """
    count = settings.clips
    total = round(count * FRAMES / CLIPS) if settings.frames is None else settings.frames
    if count < 1 or total < count:
        raise UsageError(
            f"clips: {count}, frames: {total}. Give at least one clip, a frame for each."
        )
    seeds = range(settings.seed, settings.seed + count)
    require_one_side(seeds, settings.domain)
    domains = training_domains("lesion") if settings.domain is None else (settings.domain,)
    random = np.random.default_rng([settings.seed, 41])
    lesions = _lesions(random, count)
    lengths = _lengths(random, count, total)
    sizes = _sizes(random, count)
    return [
        PlannedClip(f"lesion-{i:03d}", seeds[i], lesions[i], domains[i % len(domains)], *parts)
        for i, parts in enumerate(zip(lengths, sizes, strict=True))
    ]


def scene_of(planned: PlannedClip) -> Scene:
    """Draw the scene of a clip."""
    return make_scene(
        "lesion",
        planned.seed,
        domain=planned.domain,
        frames=planned.frames,
        size=planned.size,
        kind=planned.lesion,
    )


def write_clips(
    root: Path, plan: Sequence[PlannedClip], *, threads: int | None = None
) -> Iterator[WrittenClip]:
    """Write the clips into the empty folder `root`, one after the other, frame by frame.

    The lists of the data set are written when the iterator has ended. Masks are of what can be
    seen; those of look-alikes are called as the masks are, in the folder `Distractors`.

    Args:
        root: Where JPEGImages and so on will be.
        plan: The clips.
        threads: How many frames are made at once; None for one on each processor.
    """
    (root / TRUTH).mkdir(parents=True)
    with DavisWriter(root, resolution=RESOLUTION) as writer:
        for planned in plan:
            scene = scene_of(planned)
            distractors = root / DISTRACTORS / RESOLUTION / planned.name
            distractors.mkdir(parents=True)
            known: list[dict[str, Any]] = []
            frames = _frames(scene, threads, distractors, known)
            count = writer.add(_card(planned, scene), frames)
            digest = hash_of_frames(frame.pop("sha256") for frame in known)
            truth = describe(scene) | {"frames_sha256": digest, "frames": known}
            (root / TRUTH / f"{planned.name}.json").write_text(as_json(truth), encoding="utf-8")
            yield WrittenClip(planned.name, count, truth["settings_sha256"], digest)


def _card(planned: PlannedClip, scene: Scene) -> ClipCard:
    pixel = scene.scanner.view.pixel_mm
    return ClipCard(
        name=planned.name,
        group=f"synthetic/lesion/{planned.seed}",  # as `SyntheticClips` calls it
        attributes=attributes_of(scene),
        spacing_mm=(pixel, pixel),
        spacing_source="user",
        spacing_note="exact: the simulation's own.",
    )


def _frames(
    scene: Scene, threads: int | None, distractors: Path, known: list[dict[str, Any]]
) -> Iterator[WrittenFrame]:
    """Render a scene; write its look-alikes and add what is known of its frames meanwhile."""
    for i, made in enumerate(render(scene, threads=threads)):
        name, truth = f"{i:05d}", made.truth
        write_labels(distractors / f"{name}.png", torch.from_numpy(truth.distractors.copy()))
        known.append(describe_frame(scene, i, truth) | {"sha256": hash_of_frame(made.grey)})
        row = FrameRow(frame=name, source_frame=i, time_s=i / scene.frames_per_second)
        labels = torch.from_numpy(truth.visible.copy())
        yield WrittenFrame(torch.from_numpy(made.grey)[None], labels, row)


def _lesions(random: np.random.Generator, count: int) -> list[LesionClass]:
    """Draw an order of benign and malignant lesions; their numbers are fixed."""
    benign = round(count * BENIGN_SHARE)
    return ["benign" if place < benign else "malignant" for place in random.permutation(count)]


def _lengths(random: np.random.Generator, count: int, total: int) -> list[int]:
    """Draw lengths of clips that differ by a factor of a few and add up to the total."""
    share = np.exp(0.4 * random.standard_normal(count)).clip(0.3, 3.0)
    exact = 1 + share * (total - count) / share.sum()
    lengths = np.floor(exact).astype(int)
    most_lacking = np.argsort(lengths - exact, kind="stable")[: total - int(lengths.sum())]
    lengths[most_lacking] += 1
    return [int(length) for length in lengths]


def _sizes(random: np.random.Generator, count: int) -> list[tuple[int, int]]:
    """Draw even rows and columns, from square to 3 : 2; the extremes are among them."""
    sizes = []
    for _ in range(count):
        rows = int(random.integers(SMALLEST[0] // 2, LARGEST[0] // 2 + 1)) * 2
        widest = min(LARGEST[1], rows * 3 // 2)
        columns = int(random.integers(rows // 2, widest // 2 + 1)) * 2
        sizes.append((rows, columns))
    sizes[0] = SMALLEST
    if count > 1:
        sizes[-1] = LARGEST
    return sizes
