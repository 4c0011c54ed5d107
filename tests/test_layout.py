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


ASK_ALL_FOR_HELP = """
import sys, typer
from typer.testing import CliRunner
from sonotrace.cli import app

def names_of(group, *above):
    yield above
    for name, command in getattr(group, "commands", {}).items():
        yield from names_of(command, *above, name)

asked = list(names_of(typer.main.get_command(app)))
assert len(asked) > 20 and ("simulate", "needle") in asked, asked
for names in asked:
    outcome = CliRunner().invoke(app, [*names, "--help"])
    assert outcome.exit_code == 0, (names, outcome.output)
    loaded = {"torch", "lightning", "numba", "monai", "scipy", "av"} & set(sys.modules)
    assert not loaded, f"sonotrace {' '.join(names)} --help loads {loaded}"
"""


def test_help_of_no_command_loads_torch():
    command = [sys.executable, "-c", ASK_ALL_FOR_HELP]
    outcome = subprocess.run(command, check=False, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
