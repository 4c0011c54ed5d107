"""What `demo` does: make clips, write them as files, track them like any user's, score, show."""

from pathlib import Path
from typing import Any

from pydicom import examples

from sonotrace.cli.console import Console
from sonotrace.cli.inputs import Inputs
from sonotrace.cli.track_run import Prompts, TrackOptions, run_track
from sonotrace.data.clip import Clip
from sonotrace.data.masks import MaskTrack
from sonotrace.io import open_clip, open_masks
from sonotrace.io.picture import write_labels, write_picture
from sonotrace.report.overlay import draw_outlines
from sonotrace.report.page import Section, embed, write_page
from sonotrace.simulate.scenes import Scene, lesion_clip, needle_clip
from sonotrace.tasks.evaluate import Rules, pair_tracks, score_clip, summarise

Row = dict[str, Any]

_SIZE = 256
_LEFT_VENTRICLE = "160,65,38,65"
"""Column, row, width and height of a box around the left ventricle in frame 0 of the cine."""


def run_demo(folder: Path, frames: int, seed: int, console: Console) -> list[Row]:
    """Fill `folder` and return one row for each clip."""
    rows = []
    for name, make in (("lesion", lesion_clip), ("needle", needle_clip)):
        console.say(f"{name}: making a synthetic clip of {frames} frames ...")
        scene = make(seed, frames=frames, size=_SIZE)
        rows.append(_synthetic(folder / name, scene, console))
    console.say("cine: tracking the left ventricle in pydicom's 30-frame ultrasound ...")
    rows.append(_cine(folder / "cine", console))
    _write_index(folder, rows)
    return rows


def write_clip(folder: Path, clip: Clip, masks: MaskTrack) -> None:
    """Write frames and label maps as PNGs named by their number, into `frames` and `truth`."""
    for name in ("frames", "truth"):
        (folder / name).mkdir(parents=True)
    for number, frame in enumerate(clip):
        write_picture(folder / "frames" / f"{number:05d}.png", frame)
    for number, labels in masks:
        write_labels(folder / "truth" / f"{number:05d}.png", labels)


def _synthetic(folder: Path, scene: Scene, console: Console) -> Row:
    """Write frames and truth, track from the first mask, score against the rest."""
    write_clip(folder, scene.clip, scene.masks)
    row_mm, column_mm = scene.clip.spacing_mm or (1.0, 1.0)
    summary = run_track(
        TrackOptions(
            inputs=Inputs(path=folder / "frames", spacing_mm=f"{row_mm},{column_mm}"),
            out=folder / "result",
            prompts=Prompts(masks=[str(folder / "truth/00000.png")]),
            target=folder.name,
        ),
        console,
    )
    clip = open_clip(folder / "frames")
    scores = dices(folder.name, open_masks(folder / "result/masks", clip), scene.masks)
    still = MaskTrack(
        source=_Repeated(scene.masks), frames=scene.masks.frames, shape=scene.masks.shape
    )
    copied = dices(folder.name, still, scene.masks)
    return _row(folder.name, summary) | {
        "Dice": f"{scores:.3f}",
        "first mask copied": f"{copied:.3f}",
    }


class _Repeated:
    """The first label map for every frame: what any tracker should beat."""

    def __init__(self, masks: MaskTrack) -> None:
        self._masks = masks

    def __len__(self) -> int:
        return len(self._masks)

    def __getitem__(self, position: int) -> Any:
        return self._masks[self._masks.frames[0]]


def dices(name: str, prediction: MaskTrack, truth: MaskTrack) -> float:
    """Return the mean Dice over frames, the first one, whose mask was given, left out."""
    rules = Rules()
    pair = pair_tracks(name, prediction, truth, given=(truth.frames[0],))
    metrics = summarise([score_clip(pair, rules)], rules)["metrics"]
    return float(metrics["dice_mean"])  # type: ignore[index]  # a dictionary of scores


def _cine(folder: Path, console: Console) -> Row:
    """Track through a real clip that nobody has drawn masks for."""
    summary = run_track(
        TrackOptions(
            inputs=Inputs(path=Path(examples.get_path("ybr_color"))),
            out=folder / "result",
            prompts=Prompts(boxes=[_LEFT_VENTRICLE]),
        ),
        console,
    )
    return _row(folder.name, summary)


def _row(name: str, summary: Row) -> Row:
    counts: dict[str, int] = {}
    for states in summary["states"].values():
        for state, count in states.items():
            counts[state] = counts.get(state, 0) + count
    return {
        "clip": name,
        "frames": summary["frames"],
        "per second": f"{summary['frames_per_second']:.0f}",
        "states": ", ".join(f"{count} {state}" for state, count in counts.items() if count),
        "Dice": None,
        "first mask copied": None,
    }


def _write_index(folder: Path, rows: list[Row]) -> None:
    sections = [
        Section(
            title="What was done",
            text="Each clip was tracked from what is marked in its first frame. The synthetic "
            "clips are scored against their exact truth, the first frame left out. The cine is "
            f"real; its first mask is the ellipse in the box {_LEFT_VENTRICLE} (column, row, "
            "width, height), and nobody has drawn the others, so it has no score.",
            rows=[{name: "-" if v is None else v for name, v in row.items()} for row in rows],
        )
    ]
    for row in rows:
        result = folder / row["clip"] / "result"
        place = f"{row['clip']}/result"
        middle, last = row["frames"] // 2, row["frames"] - 1
        source = folder / row["clip"] / "frames"
        clip = open_clip(source if source.is_dir() else examples.get_path("ybr_color"))
        masks = open_masks(result / "masks", clip)
        pictures = [
            embed(draw_outlines(clip[frame], masks[frame]), f"frame {frame}")
            for frame in (0, middle, last)
        ]
        sections.append(
            Section(
                title=row["clip"],
                link=f"{place}/report.html",
                video=f"{place}/overlay.mp4",
                pictures=pictures,
            )
        )
    write_page(folder / "index.html", "sonotrace demo", sections)
