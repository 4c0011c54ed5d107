"""`sonotrace models` lists networks, and imports checkpoints tensor by tensor."""

import json
import sys

import pytest
import torch
from typer.testing import CliRunner

from sonotrace.cli import main
from sonotrace.cli.models import app
from sonotrace.errors import ModelError, OutputExistsError, UsageError
from sonotrace.models import MODELS
from sonotrace.models.convert.stcn import published_shapes
from sonotrace.models.video.stcn import SIZES, Stcn
from sonotrace.models.weights import load_model, read_facts, save_weights


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """An invented checkpoint of the published names and shapes, before and after the import."""
    folder = tmp_path_factory.mktemp("import")
    torch.manual_seed(3)
    state = {
        name: torch.rand(shape) if shape else torch.randint(1, 10**9, ())
        for name, shape in published_shapes().items()
    }
    torch.save(state, folder / "stcn.pth")
    result = run("import", "stcn", folder / "stcn.pth", "--out", folder / "ours.safetensors")
    return state, folder / "ours.safetensors", result


def test_every_family_is_listed_with_its_sizes():
    rows = json.loads(run("--json").stdout)
    assert [row["name"] for row in rows] == list(MODELS)
    assert set(rows[0]) == {
        "name",
        "kind",
        "sizes",
        "default_weights",
        "source",
        "supervision",
        "needs_mask",
        "lookahead_frames",
    }
    stcn = next(row for row in rows if row["name"] == "stcn")
    assert stcn["sizes"]["paper"] == {"parameters": 54_431_940}


def test_the_list_for_people_names_the_sizes():
    assert "paper (54.43 M)" in run().stdout.replace("\n", " ")


def test_one_size_is_shown_with_its_settings():
    shown = json.loads(run("show", "stcn:tiny", "--json").stdout)
    assert shown["parameters"] == sum(p.numel() for p in Stcn(SIZES["tiny"]).parameters())
    assert shown["settings"] == json.loads(SIZES["tiny"].model_dump_json())
    assert "key_depths: 1, 1, 1" in run("show", "stcn:tiny").stdout


def test_a_file_is_shown_with_its_facts(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(Stcn(SIZES["tiny"]), path, {"steps": 12})
    shown = json.loads(run("show", path, "--json").stdout)
    assert shown["facts"] == {"steps": 12}
    assert shown["bytes"] == path.stat().st_size


def test_an_unknown_name_is_refused():
    with pytest.raises(ModelError, match="There are: stcn"):
        run("show", "stnc")


def test_the_exit_code_of_an_unknown_model_is_5(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sonotrace", "models", "show", "aau-net"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 5
    assert "aau-fang" in capsys.readouterr().err


def test_every_published_tensor_is_used_exactly_once(imported):
    published, path, _ = imported
    ours = {name: value.numpy().tobytes() for name, value in load_model(path).state_dict().items()}
    biases = [name for name in published if is_before_a_norm(name)]
    means = {mean_of(name): name for name in biases}
    for name, value in published.items():
        expected = value - published[means[name]] if name in means else value
        if name not in biases:
            assert list(ours.values()).count(expected.numpy().tobytes()) == 1, name
    assert len(ours) == len(published) - len(biases)


def is_before_a_norm(name):
    return name.startswith("value_encoder.") and "fuser" not in name and mean_of(name) is not None


def mean_of(bias):
    """The running mean behind a convolution's bias: conv1 and bn1, downsample.0 and .1."""
    for before, after in (("conv1", "bn1"), ("conv2", "bn2"), ("downsample.0", "downsample.1")):
        if bias.endswith(f".{before}.bias"):
            return bias.removesuffix(f"{before}.bias") + f"{after}.running_mean"
    return None


def test_an_import_says_where_the_weights_are_from(imported):
    _, path, result = imported
    assert "54,431,940 parameters of github.com/hkchengrex/STCN" in result.stderr
    facts = read_facts(path)
    assert facts["imported_from"] == "stcn.pth"
    assert len(facts["imported_sha256"]) == 64


def test_the_output_is_a_safetensors_file(tmp_path):
    with pytest.raises(UsageError, match=r"written as NAME.safetensors"):
        run("import", "stcn", tmp_path / "a.pth", "--out", tmp_path / "b.pth")


def test_an_output_that_is_there_is_kept(tmp_path):
    (tmp_path / "b.safetensors").write_text("mine")
    with pytest.raises(OutputExistsError):
        run("import", "stcn", tmp_path / "a.pth", "--out", tmp_path / "b.safetensors")
    assert (tmp_path / "b.safetensors").read_text() == "mine"


def test_a_checkpoint_of_something_else_leaves_nothing(tmp_path):
    torch.save({"a": torch.ones(1)}, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="405 missing"):
        run("import", "stcn", tmp_path / "a.pth", "--out", tmp_path / "b.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]
