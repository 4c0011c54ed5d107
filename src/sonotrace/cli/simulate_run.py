"""What `simulate` does: draw a scene, render it frame by frame, write frames and exact truth."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from sonotrace.cli.compiling import FIRST_RUN, Compiling, watch_compiling
from sonotrace.cli.console import Console
from sonotrace.data.clip import Clip
from sonotrace.data.sweep import Sweep
from sonotrace.errors import ResourceError, UsageError
from sonotrace.io.folder import read_folder
from sonotrace.io.metaimage import write_sequence
from sonotrace.io.picture import read_labels, read_picture, write_labels, write_picture
from sonotrace.io.whole import require_free, whole_folder
from sonotrace.report.contact_sheet import Shown, spread_frames, write_contact_sheet
from sonotrace.report.document import Report
from sonotrace.simulate.domains import HELD_OUT_FROM, TRAINING_SEEDS, find_domain
from sonotrace.simulate.frames import in_order, usable_threads
from sonotrace.simulate.record import (
    NOTICE,
    as_json,
    describe,
    describe_frame,
    hash_of_frame,
    hash_of_frames,
    world_from_image,
)
from sonotrace.simulate.scene import Scene, Stage, set_stage
from sonotrace.simulate.scenes import CLASSES, make_scene
from sonotrace.simulate.sweep import Grey, listen_on

Document = dict[str, Any]
Progress = Callable[[Iterable[Document], int, str], Iterator[Document]]

_BYTES_PER_PIXEL = 1.3
"""On disk: a lossless frame of speckle and its label maps."""
_BYTES_PER_PIXEL_OF_SWEEPS = 5.0
"""Photoacoustic pictures as well, and both channels once more as sequences; chosen for
noisy pictures, others take half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """Everything the command was asked for."""

    kind: str
    out: Path
    frames: int
    size: tuple[int, int]
    """Rows and columns."""
    seed: int
    domain: str | None
    choices: dict[str, Any] = field(default_factory=dict)
    """Of that kind of scene alone."""
    threads: int | None = None
    overwrite: bool = False


def run_simulate(options: SimulateOptions, console: Console) -> Document:
    """Make the clip and return the summary that `--json` prints."""
    require_free(options.out, overwrite=options.overwrite)
    warnings = _warnings_of(options)
    for text in warnings:
        console.warn(text)
    with watch_compiling(lambda: console.say(FIRST_RUN)) as compiling:
        timed = _Timed(console.progress, compiling)
        scene = make_scene(
            options.kind,
            options.seed,
            domain=options.domain,
            frames=options.frames,
            size=options.size,
            **options.choices,
        )
        console.say(f"{options.kind}: baking the tissue that {options.frames} frames show ...")
        with whole_folder(options.out, overwrite=options.overwrite) as folder:
            require_room(folder, scene)
            truth = write_scene(folder, scene, threads=options.threads, progress=timed.progress)
            outputs = sorted(path.name for path in folder.iterdir())
            summary = _summary(options, truth, timed) | {"outputs": outputs}
            _write_report(folder / "report.json", options, summary, warnings)
    return summary


class _Timed:
    """Times preparation and frames apart; kernels compiled amid the frames are preparation."""

    def __init__(self, progress: Progress, compiling: Compiling) -> None:
        self._progress, self._compiling = progress, compiling
        self._began = time.perf_counter()
        self.prepare_s = self.frames_s = 0.0

    def progress(self, items: Iterable[Document], total: int, what: str) -> Iterator[Document]:
        """Go through frames as they are made."""
        first, compiled = time.perf_counter(), self._compiling.seconds
        yield from self._progress(items, total, what)
        meanwhile = self._compiling.seconds - compiled
        self.prepare_s = first - self._began + meanwhile
        self.frames_s = time.perf_counter() - first - meanwhile

    def seconds(self) -> float:
        """Return the time since the beginning."""
        return time.perf_counter() - self._began


def _warnings_of(options: SimulateOptions) -> list[str]:
    """Return what makes a clip unfit for training and for results: data sets refuse such seeds."""
    seed = options.seed
    if TRAINING_SEEDS.stop <= seed < HELD_OUT_FROM:
        return [
            f"seed {seed} is neither for training (below {TRAINING_SEEDS.stop}) nor for results "
            f"(from {HELD_OUT_FROM} on): data sets refuse it."
        ]
    if options.domain is not None and find_domain(options.domain).held_out and seed < HELD_OUT_FROM:
        return [
            f"the domain {options.domain} is for results and seed {seed} for training (results: "
            f"from {HELD_OUT_FROM} on): data sets refuse the two together."
        ]
    return []


def parse_size(text: str) -> tuple[int, int]:
    """Read "448" or "1072x756", width by height, as (rows, columns).

    Raises:
        UsageError: It is neither.
    """
    parts = text.lower().split("x")
    if not 1 <= len(parts) <= 2 or not all(p.isascii() and p.isdigit() for p in parts):
        raise UsageError(f"--size takes a number such as 448, or 1072x756, not {text!r}.")
    if any(len(part) > 6 for part in parts):
        raise UsageError(f"--size {text[:40]}: that is far too large.")
    width, height = int(parts[0]), int(parts[-1])
    return height, width


def require_room(folder: Path, scene: Scene) -> None:
    """Refuse a clip for which there is no room on the disk.

    Raises:
        ResourceError: There is none.
    """
    view = scene.scanner.view
    each = _BYTES_PER_PIXEL_OF_SWEEPS if scene.kind == "sweep" else _BYTES_PER_PIXEL
    needed = len(scene) * view.rows * view.columns * each
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ResourceError(
            f"{len(scene)} frames of {view.columns} x {view.rows} pixels take about "
            f"{needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free there. Ask for fewer or "
            f"smaller frames, or choose another place."
        )


def write_scene(
    folder: Path, scene: Scene, *, threads: int | None = None, progress: Progress
) -> Document:
    """Fill `folder` with the frames of a scene and their truth; return what truth.json says.

    Frames go to disk as they are made, so memory does not grow with the clip.
    """
    stage = set_stage(scene, threads=threads)
    writer = _Writer(folder, stage, listen_on(stage))
    writer.make_folders()
    numbers = range(len(scene))
    made = in_order(writer.write, numbers, usable_threads(threads))
    frames = list(progress(made, len(scene), "frames"))
    writer.complete_distractors()
    digest = hash_of_frames(frame.pop("sha256") for frame in frames)
    truth = describe(scene) | {"frames_sha256": digest, "frames": frames}
    (folder / "truth.json").write_text(as_json(truth), encoding="utf-8")
    if scene.kind == "sweep":
        _write_sweep(folder, scene)
    _write_sheet(folder / "contact.png", folder, truth)
    return truth


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes one frame and its label maps; several may be at work at once."""

    folder: Path
    stage: Stage
    photoacoustic: "Callable[[int], Grey] | None"

    def make_folders(self) -> None:
        """Make the folders that every clip has."""
        names = ["frames", "masks", "masks_geometric"]
        if self.photoacoustic is not None:
            names.append("photoacoustic")
        for name in names:
            (self.folder / name).mkdir()

    def write(self, index: int) -> Document:
        """Write frame `index`; return its entry of truth.json and the hash of its pixels."""
        made, name = self.stage.frame(index), f"{index:05d}.png"
        truth = made.truth
        write_picture(self.folder / "frames" / name, torch.from_numpy(made.grey)[None])
        write_labels(self.folder / "masks" / name, torch.from_numpy(truth.visible))
        write_labels(self.folder / "masks_geometric" / name, torch.from_numpy(truth.geometric))
        if self.photoacoustic is not None:
            light = torch.from_numpy(self.photoacoustic(index))
            write_picture(self.folder / "photoacoustic" / name, light[None])
        if truth.distractors.any():
            (self.folder / "distractors").mkdir(exist_ok=True)
            write_labels(self.folder / "distractors" / name, torch.from_numpy(truth.distractors))
        entry = describe_frame(self.stage.scene, index, truth)
        return entry | {"sha256": hash_of_frame(made.grey)}

    def complete_distractors(self) -> None:
        """Write empty label maps of frames without distractors where others have some."""
        folder, view = self.folder / "distractors", self.stage.scene.scanner.view
        if not folder.is_dir():
            return
        empty = torch.zeros(view.rows, view.columns, dtype=torch.uint8)
        for index in range(len(self.stage.scene)):
            path = folder / f"{index:05d}.png"
            if not path.exists():
                write_labels(path, empty)


def _write_sweep(folder: Path, scene: Scene) -> None:
    """Write the frames that are there already as sequences with a pose for each."""
    poses = torch.stack([torch.from_numpy(world_from_image(scene, i)) for i in range(len(scene))])
    for pictures, name in (("frames", "sweep"), ("photoacoustic", "photoacoustic")):
        if (folder / pictures).is_dir():
            sweep = Sweep(clip=clip_in(folder / pictures, scene), world_from_image=poses)
            write_sequence(folder / f"{name}.igs.mha", sweep)


def clip_in(folder: Path, scene: Scene) -> Clip:
    """Return written frames of a scene as a clip, with the clock and spacing of the scene."""
    pixel = scene.scanner.view.pixel_mm
    clip = replace(
        read_folder(folder),
        times_s=torch.arange(len(scene), dtype=torch.float64) / scene.frames_per_second,
    )
    return clip.with_spacing((pixel, pixel))


def _write_sheet(path: Path, folder: Path, truth: Document) -> None:
    channels = {"frames": "frame"}
    if (folder / "photoacoustic").is_dir():
        channels["photoacoustic"] = "photoacoustic frame"
    shown = []
    for index in spread_frames(len(truth["frames"]), 8 // len(channels)):
        name = f"{index:05d}.png"
        labels = read_labels(folder / "masks" / name)
        others = folder / "distractors" / name
        look_alikes = read_labels(others) if others.exists() else None
        for pictures, word in channels.items():
            caption = f"{word} {index}, {truth['frames'][index]['time_s']:.2f} s"
            picture = read_picture(folder / pictures / name)
            shown.append(Shown(picture, labels, caption, look_alikes))
    words = [truth["scene"], truth["domain"], f"seed {truth['seed']}", *truth["challenges"]]
    if truth["class"] != truth["scene"]:
        words.insert(1, truth["class"])
    names, notice = dict(CLASSES.get(truth["scene"], {})), f"{NOTICE.capitalize()}."
    write_contact_sheet(path, ", ".join(words), shown, names=names, notice=notice)


def _summary(options: SimulateOptions, truth: Document, timed: _Timed) -> Document:
    count = len(truth["frames"])
    kept = ("scene", "class", "challenges", "seed", "domain", "held_out", "spacing_mm", "fps")
    return {
        "out": str(options.out),
        **{key: truth[key] for key in kept},
        "frames": count,
        "height": options.size[0],
        "width": options.size[1],
        "settings_sha256": truth["settings_sha256"],
        "frames_sha256": truth["frames_sha256"],
        "seconds": timed.seconds(),
        "prepare_s": timed.prepare_s,
        "frames_per_second": count / timed.frames_s,
        "notice": NOTICE,
    }


def _write_report(
    path: Path, options: SimulateOptions, summary: Document, warnings: list[str]
) -> None:
    Report(
        command=f"simulate {options.kind}",
        settings={
            "frames": options.frames,
            "size": list(options.size),
            "domain": summary["domain"],
            **options.choices,
        },
        inputs=[],
        seed=options.seed,
        results={key: value for key, value in summary.items() if key not in {"out", "outputs"}},
        warnings=warnings,
        outputs=summary["outputs"],
    ).write(path)
