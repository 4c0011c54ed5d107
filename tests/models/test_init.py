"""What holds for every family of networks, shown on its tiny size."""

import pytest
import torch
from torch.testing import assert_close

from sonotrace.errors import ModelError
from sonotrace.models import MODELS, build_model, model_config, parse_config
from sonotrace.models.video import MemoryNetwork
from sonotrace.models.weights import load_model, save_weights
from sonotrace.nn.memory import read_dense
from sonotrace.settings import Settings

every_family = pytest.mark.parametrize("name", MODELS)


def tiny(name):
    return build_model(model_config(f"{name}:tiny"))


def answer(model, height=48, width=64, batch=3):
    """Logits for invented frames; a network with a memory remembers each frame itself."""
    frames = torch.rand(batch, model.in_channels, height, width)
    return answer_to(model, frames)


def answer_to(model, frames):
    assert isinstance(model, MemoryNetwork)
    features = model.encode_query(frames)
    masks = torch.stack([frames[:, 0] > 0.7, frames[:, 0] < 0.3], dim=1).float()  # (B, O, H, W)
    values = model.encode_memory(frames, features, masks)
    return model.decode(read_dense(features.key, features.key, values), features)


@every_family
def test_names_and_configurations_agree(name):
    family = MODELS[name]
    assert "tiny" in family.sizes
    for config in family.sizes.values():
        assert isinstance(config, family.config)
        assert config.family == name
        assert parse_config(config.model_dump()) == config


@every_family
def test_the_network_is_that_of_the_table(name):
    assert type(tiny(name)) is MODELS[name].network
    assert tiny(name).lookahead_frames == MODELS[name].lookahead_frames


@every_family
def test_every_parameter_gets_a_gradient(name):
    model = tiny(name)
    answer(model).square().mean().backward()
    assert [key for key, p in model.named_parameters() if p.grad is None] == []
    assert all(p.grad.isfinite().all() for p in model.parameters())


@every_family
@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (50, 97)])
def test_answers_have_the_size_of_the_frame(name, height, width):
    assert answer(tiny(name).eval(), height, width).shape[-2:] == (height, width)


@every_family
def test_pictures_of_a_batch_do_not_see_each_other(name):
    model = tiny(name).eval()
    frames = torch.rand(3, model.in_channels, 48, 64)
    assert_close(answer_to(model, frames)[1:2], answer_to(model, frames[1:2]), atol=1e-5, rtol=1e-4)


@every_family
def test_saved_weights_give_the_same_network(name, tmp_path):
    model = tiny(name)
    answer(model)  # moves the statistics of batch norms away from 0 and 1
    save_weights(model, tmp_path / "weights.safetensors", half=False)
    loaded = load_model(tmp_path / "weights.safetensors")
    frames = torch.rand(1, model.in_channels, 48, 64)
    assert_close(answer_to(loaded, frames), answer_to(model.eval(), frames))


@every_family
def test_a_misspelt_setting_is_refused(name):
    with pytest.raises(ModelError, match="Extra inputs are not permitted"):
        parse_config({"family": name, "widhts": [8, 16]})


def test_a_name_without_size_means_the_first():
    assert model_config("stcn") == model_config("stcn:paper")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stnc", "no model family is called 'stnc'. There are: stcn"),
        ("stcn:huge", "stcn has no size 'huge'. There are: paper, small, tiny"),
        ("aau-net", "aau-fang .* aau-haam"),
        ("aau-net:tiny", "aau-fang .* aau-haam"),
        ("", "no model family is called ''"),
    ],
)
def test_a_name_of_nothing_lists_what_there_is(name, message):
    with pytest.raises(ModelError, match=message):
        model_config(name)


def test_settings_of_no_family_are_refused():
    with pytest.raises(ModelError, match="no model family takes a Settings"):
        build_model(Settings())
    with pytest.raises(ModelError, match="no model family is called 'unknown'"):
        parse_config({"family": "unknown"})
