"""`demo` goes the whole way on an untouched machine."""

import json

from typer.testing import CliRunner

from sonotrace.cli import app


def test_the_demo_writes_its_page_and_scores_what_has_truth(tmp_path):
    words = ["demo", "--out", str(tmp_path / "demo"), "--frames", "3", "--json", "--quiet"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    rows = json.loads(result.stdout)["clips"]
    assert [row["clip"] for row in rows] == ["lesion", "needle", "sweep", "cine"]
    assert [row["Dice"] is None for row in rows] == [False, False, True, True]
    assert rows[2]["states"] == "3 poses"
    assert (tmp_path / "demo/index.html").is_file()
    assert (tmp_path / "demo/sweep/contact.png").is_file()
    for name in ("lesion", "needle", "cine"):
        assert (tmp_path / f"demo/{name}/result/report.html").is_file()
