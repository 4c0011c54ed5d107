"""What `demo` does: simulate clips, write them, track them like any user's, score, show."""

from pathlib import Path
from typing import Any

from pydicom import examples

from sonotrace.cli.compiling import FIRST_RUN, watch_compiling
from sonotrace.cli.console import Console
from sonotrace.cli.inputs import Inputs
from sonotrace.cli.simulate_run import Document, write_scene
from sonotrace.cli.track_run import Prompts, TrackOptions, run_track
from sonotrace.data.masks import MaskTrack
from sonotrace.io import open_clip, open_masks, open_sweep
from sonotrace.report.overlay import draw_outlines
from sonotrace.report.page import Section, embed, write_page
from sonotrace.simulate.scenes import make_scene
from sonotrace.tasks.evaluate import Rules, pair_tracks, score_clip, summarise

Row = dict[str, Any]

_SIZE = 256
_NO_SCORE: Row = {"Dice": None, "first mask copied": None}
_LEFT_VENTRICLE = "160,65,38,65"
"""Column, row, width and height of a box around the left ventricle in frame 0 of the cine."""


def run_demo(folder: Path, frames: int, seed: int, console: Console) -> list[Row]:
    """Fill `folder` and return one row for each clip."""
    rows = []
    for kind in ("lesion", "needle", "sweep"):
        console.say(f"{kind}: simulating {frames} frames ...")
        (folder / kind).mkdir()
        with watch_compiling(lambda: console.say(FIRST_RUN)):
            scene = make_scene(kind, seed, frames=frames, size=_SIZE)
            truth = write_scene(folder / kind, scene, progress=console.progress)
        if kind == "sweep":
            rows.append(_sweep(folder / kind))
        else:
            rows.append(_tracked(folder / kind, truth, console))
    console.say("cine: tracking the left ventricle in pydicom's 30-frame ultrasound ...")
    rows.append(_cine(folder / "cine", console))
    _write_index(folder, rows)
    return rows


def _tracked(folder: Path, truth: Document, console: Console) -> Row:
    """Track from the first mask through what was written, score against the rest."""
    row_mm, column_mm = truth["spacing_mm"]
    summary = run_track(
        TrackOptions(
            inputs=Inputs(path=folder / "frames", spacing_mm=f"{row_mm},{column_mm}"),
            out=folder / "result",
            prompts=Prompts(masks=[str(folder / "masks/00000.png")]),
            target=folder.name,
        ),
        console,
    )
    clip = open_clip(folder / "frames")
    masks = open_masks(folder / "masks", clip)
    scores = dices(folder.name, open_masks(folder / "result/masks", clip), masks)
    still = MaskTrack(source=_Repeated(masks), frames=masks.frames, shape=masks.shape)
    copied = dices(folder.name, still, masks)
    return _row(folder.name, summary) | {
        "Dice": f"{scores:.3f}",
        "first mask copied": f"{copied:.3f}",
    }


def _sweep(folder: Path) -> Row:
    """Say what the written sequence holds; nothing is tracked in it."""
    sweep = open_sweep(folder / "sweep.igs.mha")
    poses = 0 if sweep.world_from_image is None else len(sweep.world_from_image)
    return {
        "clip": folder.name,
        "frames": len(sweep.clip),
        "per second": None,
        "states": f"{poses} poses",
        **_NO_SCORE,
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
        **_NO_SCORE,
    }


def _write_index(folder: Path, rows: list[Row]) -> None:
    sections = [
        Section(
            title="What was done",
            text="A lesion, a needle and a freehand sweep were simulated. The first two were "
            "tracked from what is marked in their first frame and scored against their exact "
            "truth, the first frame left out. The cine is real; its first mask is the ellipse in "
            f"the box {_LEFT_VENTRICLE} (column, row, width, height), and nobody has drawn the "
            "others, so it has no score.",
            rows=[{name: "-" if v is None else v for name, v in row.items()} for row in rows],
        )
    ]
    for row in rows:
        show = _show_sweep if row["clip"] == "sweep" else _show_tracked
        sections.append(show(folder, row))
    write_page(folder / "index.html", "sonotrace demo", sections)


def _show_tracked(folder: Path, row: Row) -> Section:
    """Show the first, the middle and the last frame with what was found."""
    name = row["clip"]
    result, place = folder / name / "result", f"{name}/result"
    middle, last = row["frames"] // 2, row["frames"] - 1
    source = folder / name / "frames"
    clip = open_clip(source if source.is_dir() else examples.get_path("ybr_color"))
    masks = open_masks(result / "masks", clip)
    pictures = [
        embed(draw_outlines(clip[frame], masks[frame]), f"frame {frame}")
        for frame in (0, middle, last)
    ]
    return Section(
        title=name,
        link=f"{place}/report.html",
        video=f"{place}/overlay.mp4",
        pictures=pictures,
    )


def _show_sweep(folder: Path, row: Row) -> Section:
    """Show what a reader of the written sequence sees, and some of its frames."""
    sweep = open_sweep(folder / "sweep/sweep.igs.mha")
    facts: dict[str, object] = {"file": "sweep/sweep.igs.mha", "format": sweep.clip.format}
    if sweep.clip.spacing_mm is not None:
        facts["spacing"] = " x ".join(f"{value:.4f} mm" for value in sweep.clip.spacing_mm)
    if sweep.world_from_image is not None:
        steps = sweep.world_from_image[:, :3, 3].diff(dim=0).norm(dim=1)
        facts |= {"poses": len(sweep.world_from_image), "path": f"{float(steps.sum()):.1f} mm"}
    masks = open_masks(folder / "sweep/masks", sweep.clip)
    last = len(sweep.clip) - 1
    return Section(
        title=row["clip"],
        link="sweep/contact.png",
        facts=facts,
        pictures=[
            embed(draw_outlines(sweep.clip[frame], masks[frame]), f"frame {frame}")
            for frame in sorted({0, last // 2, last})
        ],
    )
