"""`demo` goes the whole way on an untouched machine."""

import json
import socket

import pytest
from typer.testing import CliRunner

from sonotrace.cli import app


@pytest.fixture
def _without_network(monkeypatch):
    def refuse(*_words, **_options):
        raise OSError("the demo reached for the network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)


@pytest.mark.usefixtures("_without_network")
def test_the_demo_needs_no_network_and_follows_the_lesion_better_than_its_first_mask(tmp_path):
    words = ["demo", "--out", str(tmp_path / "demo"), "--frames", "8", "--json", "--quiet"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    rows = json.loads(result.stdout)["clips"]
    assert [row["clip"] for row in rows] == ["lesion", "needle", "sweep", "cine"]
    assert [row["Dice"] is None for row in rows] == [False, False, True, True]
    assert float(rows[0]["Dice"]) > float(rows[0]["first mask copied"])
    assert rows[2]["states"] == "8 poses"
    assert (tmp_path / "demo/index.html").is_file()
    assert (tmp_path / "demo/sweep/contact.png").is_file()
    for name in ("lesion", "needle", "cine"):
        assert (tmp_path / f"demo/{name}/result/report.html").is_file()
