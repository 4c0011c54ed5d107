import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from sonotrace.cli import app
from sonotrace.errors import DataContractError, GeometryError, OutputExistsError, UsageError
from sonotrace.io.davis import read_davis
from sonotrace.simulate.scenes import make_scene
from sonotrace.simulate.sweep import FINEST_STEP_MM


def run(*arguments):
    result = CliRunner().invoke(app, ["simulate", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_clip_is_made_and_summed_up(tmp_path):
    out = tmp_path / "needle"
    common = ("--frames", 2, "--size", "100x72", "--seed", 5, "--json", "--quiet")
    summary = json.loads(run("needle", "--out", out, *common).stdout)
    assert (summary["frames"], summary["width"], summary["height"]) == (2, 100, 72)
    assert (summary["scene"], summary["seed"]) == ("needle", 5)
    written = {path.name for path in out.iterdir()}
    assert set(summary["outputs"]) == written - {"report.json", ".sonotrace"}


def test_the_class_of_a_lesion_can_be_chosen(tmp_path):
    drawn = make_scene("lesion", 0, frames=1, size=64).facts["class"]
    other = {"benign": "malignant", "malignant": "benign"}[drawn]
    words = ("--out", tmp_path / "out", "--frames", 1, "--size", 64, "--kind", other, "--json")
    assert json.loads(run("lesion", *words).stdout)["class"] == other


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--domain", "liner"), "linear-soft"),
        (("--size", "32"), "64 to 4096"),
        (("--size", "999999"), "64 to 4096"),
        (("--size", "256*256"), "1072x756"),
        (("--size", "1x2x3"), "1072x756"),
        (("--size", "9" * 30), "far too large"),
        (("--size", "4096", "--domain", "linear-high"), "impossible scanner"),
    ],
)
def test_impossible_requests_are_a_wrong_use_and_leave_nothing(tmp_path, options, words):
    with pytest.raises(UsageError, match=words):
        run("lesion", "--out", tmp_path / "out", *options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [("--frames", "0"), ("--seed", "-1"), ("--kind", "odd")])
def test_numbers_out_of_range_are_a_wrong_use(tmp_path, options):
    assert run("lesion", "--out", tmp_path / "out", *options).exit_code == 2


def test_a_sweep_through_the_air_breaks_the_contract_and_leaves_nothing(tmp_path):
    common = ("--out", tmp_path / "out", "--frames", 60, "--size", 64, "--step-mm", 5)
    with pytest.raises(GeometryError, match="leaves the skin") as caught:
        run("sweep", *common, "--path", "fan", "--of", "breast")
    assert caught.value.exit_code == 4
    assert not list(tmp_path.iterdir())


def test_no_step_is_proposed_that_cannot_be_asked_for(tmp_path):
    with pytest.raises(GeometryError) as caught:
        run("sweep", "--out", tmp_path / "out", "--frames", 1_000_000)
    assert "a step of at most" not in str(caught.value)
    common = ("--out", tmp_path / "out", "--frames", 1, "--size", 64, "--step-mm")
    assert run("sweep", *common, 0.99 * FINEST_STEP_MM).exit_code == 2
    assert run("sweep", *common, FINEST_STEP_MM).exit_code == 0


def test_gauges_are_listed_where_there_is_none_as_asked_for(tmp_path):
    with pytest.raises(UsageError, match="thinnest"):
        run("needle", "--out", tmp_path / "out", "--gauge", "10")
    assert not list(tmp_path.iterdir())


def test_nothing_is_replaced_unasked(tmp_path):
    common = ("--out", tmp_path / "out", "--frames", 1, "--size", 64, "--quiet")
    run("lesion", *common)
    with pytest.raises(OutputExistsError):
        run("lesion", *common)
    run("lesion", *common, "--overwrite")


def test_a_set_has_its_classes_and_its_table(tmp_path):
    common = ("--clips", 2, "--frames", 4, "--seed", 1_000_000, "--json", "--quiet")
    summary = json.loads(run("set", "--out", tmp_path / "set", *common).stdout)
    assert (summary["clips"], summary["frames"], summary["benign"]) == (2, 4, 1)
    samples = list(read_davis(tmp_path / "set", subset="train"))
    assert {sample.attributes["class"] for sample in samples} == {"benign", "malignant"}


def test_a_set_for_training_takes_no_held_out_domain(tmp_path):
    common = ("--out", tmp_path / "set", "--clips", 2, "--frames", 2)
    with pytest.raises(DataContractError, match="held out"):
        run("set", *common, "--domain", "linear-low")
    with pytest.raises(DataContractError, match="neither all for training"):
        run("set", *common, "--seed", 99_999)


def test_help_loads_neither_torch_nor_numba():
    code = (
        "import sys; from typer.testing import CliRunner; from sonotrace.cli import app; "
        "CliRunner().invoke(app, ['simulate', 'lesion', '--help']); "
        "sys.exit(bool({'torch', 'numba'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
