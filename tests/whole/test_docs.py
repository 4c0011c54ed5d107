"""What the README and the docs show is run, and the figures they quote were measured.

A block of ```bash or ```python is run in a folder of its own, all blocks of a page one after
the other; a Python name lives until the end of its page. A block is left out only where the
line before it says why: `<!-- not run: reason -->`.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FIGURES = ROOT / "docs/figures.json"

_BLOCK = re.compile(
    r"(?P<reason><!-- not run: [^>]+-->\n)?^```(?P<language>bash|python)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_FIGURE = re.compile(r"<!-- figure: (?P<name>\S+) -->(?P<text>[^<]+)<!-- /figure -->")


def blocks(page):
    return [found for found in _BLOCK.finditer(page.read_text()) if not found["reason"]]


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name)
def test_the_blocks_of_a_page_run(page, tmp_path):
    script = []
    for found in blocks(page):
        if found["language"] == "bash":
            script.append(("bash", "-euo", "pipefail", "-c", found["code"]))
    python = "\n".join(found["code"] for found in blocks(page) if found["language"] == "python")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    if python:
        script.append((sys.executable, "-W", "error", "-c", python))
    for command in script:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_figure_of_a_page_is_the_measured_one(page):
    figures, text = json.loads(FIGURES.read_text()), page.read_text()
    assert len(_FIGURE.findall(text)) == text.count("<!-- figure:"), "a figure is not closed"
    for found in _FIGURE.finditer(text):
        assert found["name"] in figures, f"{found['name']} is not in {FIGURES.name}"
        assert found["text"] == figures[found["name"]]["text"]


def test_every_measured_figure_is_quoted_somewhere():
    quoted = {found["name"] for page in PAGES for found in _FIGURE.finditer(page.read_text())}
    assert set(json.loads(FIGURES.read_text())) <= quoted


def test_every_figure_says_how_it_was_made():
    for figure, facts in json.loads(FIGURES.read_text()).items():
        missing = {"text", "command", "commit", "machine"} - set(facts)
        assert not missing, f"{figure} lacks {missing}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_within_the_repository_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{name(page)} links to {target}"
