import json

from sonotrace.cli.console import Console
from sonotrace.cli.simulate_set import run_set
from sonotrace.datasets.simulated_set import SetSettings


def test_the_report_lists_every_clip_with_its_hashes(tmp_path):
    summary = run_set(
        tmp_path / "set", SetSettings(clips=2, frames=3), Console(quiet=True), threads=2
    )
    report = json.loads((tmp_path / "set/report.json").read_text())
    assert summary["frames"] == 3
    assert [clip["name"] for clip in report["results"]["made"]] == ["lesion-000", "lesion-001"]
    hashes = {clip[key] for clip in report["results"]["made"] for key in clip if "sha256" in key}
    assert len(hashes) == 4
