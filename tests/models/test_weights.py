"""Weights come back as saved, those that ship are what the table says, and damage is refused."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from sonotrace.errors import ModelError, OutputExistsError, ReadError
from sonotrace.models import build_model, model_config
from sonotrace.models.video.stcn import SIZES, Stcn
from sonotrace.models.weights import (
    WEIGHTS,
    differences,
    load_model,
    load_partial,
    read_facts,
    save_weights,
    weights_sha256,
)
from sonotrace.settings import replace

MEGABYTE = 10**6


def tiny(**changes):
    return Stcn(replace(SIZES["tiny"], **changes))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(tiny(), path, {"thresholds": {"lost": 0.25}})
    return path


def rewrite(path, tensors=None, **metadata):
    """Save a file as ours are, with some tensors or facts changed."""
    state = {name: value.half() for name, value in tiny().state_dict().items()}
    found = {"config": SIZES["tiny"].model_dump_json(), "facts": "{}"} | metadata
    save_file(state | (tensors or {}), path, {key: text for key, text in found.items() if text})


def test_what_is_loaded_is_float32_of_what_was_saved_as_float16(tmp_path):
    model = tiny()
    save_weights(model, tmp_path / "weights.safetensors")
    for name, value in load_model(tmp_path / "weights.safetensors").state_dict().items():
        was = model.state_dict()[name]
        assert torch.equal(value, was.half().float() if was.is_floating_point() else was)


def test_a_loaded_model_is_ready_for_inference(saved):
    assert not load_model(saved).training


def test_saving_again_what_was_loaded_gives_the_same_bytes(saved, tmp_path):
    for i in range(4):
        save_weights(load_model(saved), tmp_path / f"{i}.safetensors", read_facts(saved))
        assert weights_sha256(tmp_path / f"{i}.safetensors") == weights_sha256(saved)


def test_facts_in_any_language_come_back(tmp_path):
    facts = {"scanner": 'Sonógrafo 超声 \\ "quoted"'}
    save_weights(tiny(), tmp_path / "weights.safetensors", facts)
    assert load_model(tmp_path / "weights.safetensors").facts == facts


def test_full_precision_is_kept_when_asked(tmp_path):
    model = tiny()
    save_weights(model, tmp_path / "weights.safetensors", half=False)
    for name, value in load_model(tmp_path / "weights.safetensors").state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_facts_come_back(saved):
    assert read_facts(saved) == load_model(saved).facts == {"thresholds": {"lost": 0.25}}


def test_the_hash_is_that_of_the_file(saved):
    assert weights_sha256(saved) == hashlib.sha256(saved.read_bytes()).hexdigest()


def test_a_file_is_not_replaced_unless_asked(saved):
    with pytest.raises(OutputExistsError):
        save_weights(tiny(), saved, overwrite=False)


@pytest.mark.parametrize(
    ("value", "half", "message"),
    [(1e6, True, "not finite in float16"), (float("nan"), False, "not finite in it")],
)
def test_what_float16_cannot_hold_is_not_written(tmp_path, value, half, message):
    model = tiny()
    torch.nn.init.constant_(model.decoder.predict.bias, value)
    with pytest.raises(ModelError, match=rf"decoder.predict.bias has numbers .* {message}"):
        save_weights(model, tmp_path / "weights.safetensors", half=half)
    assert list(tmp_path.iterdir()) == []


def test_tensors_that_do_not_fit_are_listed(tmp_path):
    path, bias = tmp_path / "weights.safetensors", "decoder.predict.bias"
    state = {name: value for name, value in tiny().state_dict().items() if name != bias}
    state["stranger"] = torch.ones(1)
    state["own_value.bias"] = torch.ones(3)
    save_file(state, path, {"config": SIZES["tiny"].model_dump_json()})
    with pytest.raises(ModelError) as caught:
        load_model(path)
    assert "1 missing: decoder.predict.bias" in str(caught.value)
    assert "1 not known: stranger" in str(caught.value)
    assert "1 of another shape: own_value.bias (3,) for (16,)" in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"config": ""}, "holds no configuration of a network"),
        ({"config": "{"}, "its config is not JSON"),
        ({"config": "[" * 100_000}, "its config is not JSON"),
        ({"config": "[1]"}, "its config is a JSON list, not an object"),
        ({"facts": "3"}, "its facts is a JSON int, not an object"),
        ({"config": '{"family": "stnc"}'}, "no model family is called 'stnc'"),
        ({"config": '{"family": "stcn", "width": 3}'}, "Extra inputs are not permitted"),
    ],
)
def test_a_file_with_other_metadata_is_refused(tmp_path, metadata, message):
    rewrite(tmp_path / "weights.safetensors", **metadata)
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path / "weights.safetensors")


def test_numbers_that_are_none_are_refused(tmp_path):
    tensors = {"decoder.predict.bias": torch.tensor([float("nan")])}
    rewrite(tmp_path / "weights.safetensors", tensors)
    with pytest.raises(ModelError, match=r"decoder.predict.bias holds numbers that are not finite"):
        load_model(tmp_path / "weights.safetensors")


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int32, torch.bool, torch.uint16])
def test_tensors_that_are_no_weights_are_refused(tmp_path, dtype):
    tensors = {"decoder.predict.bias": torch.ones(1).to(dtype)}
    rewrite(tmp_path / "weights.safetensors", tensors)
    with pytest.raises(ModelError, match=rf"decoder.predict.bias holds {dtype}"):
        load_model(tmp_path / "weights.safetensors")


@pytest.mark.parametrize(
    "settings", [{"key_width": 10**9}, {"key_depths": (10**9, 1, 1)}, {"value_channels": 0}]
)
def test_settings_that_no_machine_can_build_are_refused(tmp_path, settings):
    config = json.dumps(SIZES["tiny"].model_dump() | settings)
    rewrite(tmp_path / "weights.safetensors", config=config)
    with pytest.raises(ModelError, match="settings that do not fit stcn"):
        load_model(tmp_path / "weights.safetensors")


def test_a_large_network_of_a_small_file_takes_no_memory(tmp_path, monkeypatch):
    rewrite(tmp_path / "weights.safetensors", config=SIZES["paper"].model_dump_json())
    devices = []
    real = torch.nn.Conv2d.__init__

    def noted(self, *args, **kwargs):
        real(self, *args, **kwargs)
        devices.append(self.weight.device.type)

    monkeypatch.setattr(torch.nn.Conv2d, "__init__", noted)
    with pytest.raises(ModelError, match="do not fit their configuration"):
        load_model(tmp_path / "weights.safetensors")
    assert set(devices) == {"meta"}


@pytest.mark.parametrize("keep", [0, 4, 8, 1000, -1])
def test_a_cut_file_is_refused(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        load_model(saved)


def test_a_header_of_absurd_length_is_refused(saved):
    saved.write_bytes(b"\xff" * 7 + b"\x7f" + saved.read_bytes()[8:])
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        load_model(saved)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".pkl"])
def test_a_pickle_is_not_opened(tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    torch.save(tiny().state_dict(), path)
    with pytest.raises(ModelError, match=rf"sonotrace models import FAMILY weights\{suffix}"):
        load_model(path)


def test_a_pickle_under_another_name_is_not_opened(tmp_path):
    torch.save(tiny().state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        load_model(tmp_path / "weights.safetensors")


def test_a_missing_file_and_an_unknown_name_are_told_apart(tmp_path):
    with pytest.raises(ReadError, match="there is no such file of weights"):
        load_model(tmp_path / "weights.safetensors")
    with pytest.raises(ModelError, match="no model family is called 'unknown'"):
        load_model("unknown")
    with pytest.raises(ModelError, match="no weights of 'stcn:paper' ship"):
        load_model("stcn:paper")


def test_training_may_start_from_weights_of_the_same_size(saved):
    model = tiny()
    report = load_partial(model, saved)
    assert report.missing == report.extra == report.mismatched == ()
    assert set(report.loaded) == set(model.state_dict())
    assert_close(model.state_dict(), load_model(saved).state_dict())


def test_training_from_other_sizes_is_refused_unless_asked(saved):
    model = tiny(in_channels=3)
    with pytest.raises(ModelError, match=r"2 tensors have another shape .* \(8, 1, 7, 7\) for"):
        load_partial(model, saved)
    before = model.key_encoder.conv1.weight.clone()
    report = load_partial(model, saved, skip_mismatched=True)
    assert report.mismatched == ("key_encoder.conv1.weight", "value_encoder.trunk.conv1.weight")
    assert torch.equal(model.key_encoder.conv1.weight, before)
    assert report.summary() == "148 tensors loaded, 2 left untrained, 2 of the file not used."


def test_training_from_weights_of_something_else_is_refused(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "weights.safetensors", {"config": "{}"})
    with pytest.raises(ModelError, match="none of its 1 tensors belongs to the network"):
        load_partial(tiny(), tmp_path / "weights.safetensors")


def test_what_only_one_side_has_is_reported(tmp_path):
    state = {"own_value.bias": torch.full((16,), 2.0), "stranger": torch.ones(1)}
    save_file(state, tmp_path / "weights.safetensors", {"config": "{}"})
    model = tiny()
    report = load_partial(model, tmp_path / "weights.safetensors")
    assert report.loaded == ("own_value.bias",)
    assert report.extra == ("stranger",)
    assert len(report.missing) == len(model.state_dict()) - 1
    assert (model.own_value.bias == 2).all()


def test_long_lists_of_differences_are_cut():
    wanted = {f"w{i}": (1,) for i in range(9)}
    assert differences(wanted, {}) == "9 missing: w0, w1, w2, w3, w4 ..."
    assert differences(wanted, wanted) == ""


@pytest.mark.parametrize("name", WEIGHTS)
def test_shipped_weights_are_those_of_the_table(name):
    row = WEIGHTS[name]
    assert row.name == name
    assert row.path.stat().st_size == row.bytes <= 6 * MEGABYTE
    assert weights_sha256(name) == row.sha256
    assert load_model(name).config == build_model(model_config(name)).config
    assert (Path(__file__).parents[2] / row.card).is_file()


def test_all_shipped_weights_together_are_small():
    assert sum(row.bytes for row in WEIGHTS.values()) <= 30 * MEGABYTE


def test_the_metadata_is_plain_json(saved):
    header = json.loads(saved.read_bytes()[8:][: int.from_bytes(saved.read_bytes()[:8], "little")])
    assert json.loads(header["__metadata__"]["config"])["family"] == "stcn"
