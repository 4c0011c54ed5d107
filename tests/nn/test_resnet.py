"""Residual networks carry torchvision's names, so that its weights fit."""

import torch
from torch.testing import assert_close

from sonotrace.nn.resnet import BasicBlock, Bottleneck, ResNet


def resnet50():
    with torch.device("meta"):
        return ResNet(3, Bottleneck, (3, 4, 6), width=64)


def torchvision_names(depths, convolutions):
    """The tensors of torchvision's ResNet up to layer3, by its naming rule."""
    names = ["conv1", "bn1"]
    for layer, depth in enumerate(depths, start=1):
        for i in range(depth):
            block = f"layer{layer}.{i}"
            for j in range(1, convolutions + 1):
                names += [f"{block}.conv{j}", f"{block}.bn{j}"]
            if i == 0 and (layer > 1 or convolutions == 3):
                names += [f"{block}.downsample.0", f"{block}.downsample.1"]
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    is_norm = [".bn" in f".{name}" or name.endswith("downsample.1") for name in names]
    return {
        f"{name}.{part}"
        for name, of_norm in zip(names, is_norm, strict=True)
        for part in (norm if of_norm else ("weight",))
    }


def test_resnet50_has_torchvisions_names():
    assert set(resnet50().state_dict()) == torchvision_names((3, 4, 6), convolutions=3)


def test_resnet18_has_torchvisions_names():
    with torch.device("meta"):
        network = ResNet(3, BasicBlock, (2, 2, 2), width=64)
    assert set(network.state_dict()) == torchvision_names((2, 2, 2), convolutions=2)


def test_resnet50_to_layer3_has_the_published_number_of_parameters():
    # torchvision's resnet50 has 25,557,032; layer4 14,964,736 and fc 2,049,000 of them
    assert sum(p.numel() for p in resnet50().parameters()) == 25_557_032 - 14_964_736 - 2_049_000


def test_each_map_has_its_stride():
    network = ResNet(1, BasicBlock, (1, 1, 1), width=4)
    maps = network(torch.rand(2, 1, 64, 96))
    assert [tuple(x.shape) for x in maps] == [(2, 4, 16, 24), (2, 8, 8, 12), (2, 16, 4, 6)]
    assert network.channels == (4, 8, 16)


def test_a_shift_by_the_stride_shifts_the_maps():
    network = ResNet(1, BasicBlock, (1, 1, 1), width=4).eval()
    picture = torch.zeros(1, 1, 256, 256)
    picture[..., 112:144, 112:144] = torch.rand(32, 32)
    moved = picture.roll((16, 16), dims=(2, 3))
    assert_close(
        network(moved).stride16[..., 6:11, 6:11], network(picture).stride16[..., 5:10, 5:10]
    )
