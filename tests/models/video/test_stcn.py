"""STCN has the published size, and frames, objects and borders do not disturb one another."""

import pytest
import torch
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from sonotrace.models.video import MemoryNetwork
from sonotrace.models.video.stcn import SIZES, Stcn
from sonotrace.settings import replace


def on_meta(size):
    with torch.device("meta"):
        return Stcn(SIZES[size])


def tiny():
    return Stcn(SIZES["tiny"]).eval()


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def gmac(computed):
    with FlopCounterMode(display=False) as counter:
        computed()
    return counter.get_total_flops() / 2e9


def test_it_is_what_a_tracker_expects():
    assert isinstance(tiny(), MemoryNetwork)


def test_each_part_has_the_published_number_of_parameters():
    paper = on_meta("paper")
    value = paper.value_encoder
    millions = {
        "key encoder": count(paper.key_encoder),
        "key projection": count(paper.key_projection),
        "own value": count(paper.own_value),
        "value encoder": count(value.trunk),
        "fusion": count(value.merge, value.attention, value.refine),
        "decoder": count(paper.decoder),
        "all": count(paper),
    }
    assert {part: round(number / 1e6, 2) for part, number in millions.items()} == {
        "key encoder": 8.54,
        "key projection": 0.59,
        "own value": 4.72,
        "value encoder": 2.79,
        "fusion": 18.91,
        "decoder": 18.88,
        "all": 54.43,
    }


@pytest.mark.parametrize(
    ("size", "parameters", "query", "decode", "memory"),
    [("paper", 54.43, 5.64, 15.71, 6.77), ("small", 2.86, 0.50, 0.72, 0.41)],
)
def test_work_per_frame_is_as_documented(size, parameters, query, decode, memory):
    network = on_meta(size)
    frames = torch.rand(1, network.in_channels, 256, 256, device="meta")
    masks = torch.rand(1, 1, 256, 256, device="meta")
    features = network.encode_query(frames)
    values = network.encode_memory(frames, features, masks)
    assert round(count(network) / 1e6, 2) == parameters
    assert round(gmac(lambda: network.encode_query(frames)), 2) == query
    assert round(gmac(lambda: network.decode(values, features)), 2) == decode
    assert round(gmac(lambda: network.encode_memory(frames, features, masks)), 2) == memory


def test_small_weights_fit_in_six_megabytes_of_float16():
    state = on_meta("small").state_dict().values()
    assert sum(2 * value.numel() if value.is_floating_point() else 8 for value in state) < 5.9e6


def test_keys_start_orthogonal_and_centred():
    weight, bias = tiny().key_projection.parameters()
    rows = weight.flatten(1)
    assert_close(rows @ rows.T, torch.eye(len(rows)), atol=1e-5, rtol=0)
    assert (bias == 0).all()


def test_a_frame_is_padded_as_if_it_lay_on_a_larger_canvas():
    """Half of the missing rows and columns go to each side, with the mean brightness."""
    network = tiny()
    frame, mask = torch.rand(1, 1, 37, 50), torch.rand(1, 2, 37, 50)
    canvas = network.mean.expand(1, 1, 48, 64).clone()
    canvas[..., 5:42, 7:57] = frame
    masks = torch.zeros(1, 2, 48, 64)
    masks[..., 5:42, 7:57] = mask
    small, large = network.encode_query(frame), network.encode_query(canvas)
    assert_close(small.key, large.key)
    read = network.encode_memory(frame, small, mask)
    same = network.encode_memory(canvas, large, masks)
    assert_close(read, same)
    assert_close(network.decode(read, small), network.decode(same, large)[..., 5:42, 7:57])


def test_renamed_objects_give_renamed_answers():
    network, order = tiny(), [2, 0, 1]
    frame, masks = torch.rand(2, 1, 48, 64), torch.rand(2, 3, 48, 64)
    features = network.encode_query(frame)
    values = network.encode_memory(frame, features, masks)
    assert_close(network.encode_memory(frame, features, masks[:, order]), values[:, order])
    logits = network.decode(values, features)
    assert_close(network.decode(values[:, order], features), logits[:, order], atol=1e-5, rtol=1e-4)


def test_an_object_alone_is_one_among_empty_ones():
    network = tiny()
    frame, mask = torch.rand(1, 1, 48, 64), torch.rand(1, 1, 48, 64)
    features = network.encode_query(frame)
    alone = network.encode_memory(frame, features, mask)
    among = network.encode_memory(frame, features, torch.cat([mask, torch.zeros_like(mask)], 1))
    assert_close(among[:, :1], alone)


def test_an_object_knows_where_the_others_are():
    network = tiny()
    frame, masks = torch.rand(1, 1, 48, 64), torch.zeros(1, 2, 48, 64)
    masks[:, 0, :20], masks[:, 1, 30:] = 1, 1
    features = network.encode_query(frame)
    alone = network.encode_memory(frame, features, masks[:, :1])
    assert not torch.allclose(network.encode_memory(frame, features, masks)[:, :1], alone)


def test_colour_networks_take_colour():
    network = Stcn(replace(SIZES["tiny"], in_channels=3)).eval()
    assert network.encode_query(torch.rand(1, 3, 32, 32)).key.shape == (1, 8, 2, 2)


def test_a_frame_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="40 x 31 pixels is too small: at least 32 x 32"):
        tiny().encode_query(torch.rand(1, 1, 31, 40))


def test_channels_last_changes_nothing_and_bf16_little():
    network = tiny()
    frame, masks = torch.rand(1, 1, 48, 64), torch.rand(1, 2, 48, 64)

    def logits(network):
        features = network.encode_query(frame)
        return network.decode(network.encode_memory(frame, features, masks), features)

    with torch.no_grad():
        plain = logits(network)
        network = network.to(memory_format=torch.channels_last)
        assert_close(logits(network), plain, atol=1e-5, rtol=1e-4)
        with torch.autocast("cpu", torch.bfloat16):
            assert_close(logits(network).float(), plain, atol=0.05 * plain.abs().max(), rtol=0)
