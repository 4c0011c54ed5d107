"""The shape of the source tree is itself under test."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = sorted((ROOT / "src/sonotrace").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
EXEMPT = {"whole"}
"""Folders of tests of the whole program, which mirror no single file."""


@pytest.mark.parametrize("path", SOURCE + TESTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.body[0].lineno + 1
            assert lines <= 60, f"{path.name}:{node.lineno} {node.name} has {lines} lines"


@pytest.mark.parametrize("path", TESTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_test_file_mirrors_a_source_file(path):
    inside = path.relative_to(ROOT / "tests")
    if path.name == "test_layout.py" or inside.parts[0] in EXEMPT:
        return
    name = "__init__.py" if path.name == "test_init.py" else path.name.removeprefix("test_")
    twin = ROOT / "src/sonotrace" / inside.with_name(name)
    assert twin.exists() or twin.with_suffix("").is_dir(), f"no {twin}"


@pytest.mark.parametrize("path", SOURCE, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_star_imports_and_no_catch_all_modules(path):
    assert path.stem not in {"utils", "helpers", "common", "misc", "core"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.names[0].name != "*"


def test_help_does_not_load_torch():
    code = "import sys, sonotrace.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
