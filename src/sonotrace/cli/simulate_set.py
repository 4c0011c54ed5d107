"""What `simulate set` does: render the planned clips one after the other into a data set."""

import time
from pathlib import Path
from typing import Any

from sonotrace.cli.compiling import FIRST_RUN, watch_compiling
from sonotrace.cli.console import Console
from sonotrace.datasets.simulated_set import SetSettings, plan_set, write_clips
from sonotrace.io.whole import whole_folder
from sonotrace.report.document import Report
from sonotrace.simulate.record import NOTICE


def run_set(
    out: Path,
    settings: SetSettings,
    console: Console,
    *,
    threads: int | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the set, whole or not at all, and return the summary that `--json` prints."""
    plan = plan_set(settings)
    began = time.perf_counter()
    with (
        whole_folder(out, overwrite=overwrite) as folder,
        watch_compiling(lambda: console.say(FIRST_RUN)),
    ):
        made = write_clips(folder, plan, threads=threads)
        done = list(console.progress(made, len(plan), "clips"))
        seconds = time.perf_counter() - began
        frames = sum(clip.frames for clip in done)
        summary = {
            "out": str(out),
            "clips": len(done),
            "benign": sum(planned.lesion == "benign" for planned in plan),
            "malignant": sum(planned.lesion == "malignant" for planned in plan),
            "frames": frames,
            "seed": settings.seed,
            "seconds": seconds,
            "frames_per_second": frames / seconds,
            "notice": NOTICE,
        }
        Report(
            command="simulate set",
            settings=settings.model_dump(),
            inputs=[],
            seed=settings.seed,
            results=summary | {"out": out.name, "made": [clip._asdict() for clip in done]},
            outputs=sorted(path.name for path in folder.iterdir()),
        ).write(folder / "report.json")
    return summary
