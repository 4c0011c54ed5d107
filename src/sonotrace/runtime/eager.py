"""The network as it is, made ready for inference: batch norms folded, channels last."""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def ready(network: nn.Module, device: str) -> nn.Module:
    """Return a copy for inference on `device`; the network that was given stays as it was."""
    folded = fold_batch_norms(network)
    return folded.to(torch.device(device)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves it out


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode whose batch norms are part of the convolution before.

    Only where a batch norm follows its convolution under torchvision's names (`conv1`, `bn1`)
    or in a `Sequential`. The same function to within rounding.
    """
    folded = copy.deepcopy(network).eval()
    for parent in folded.modules():
        for conv_name, norm_name in _pairs(parent):
            conv, norm = getattr(parent, conv_name), getattr(parent, norm_name)
            setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm))
            setattr(parent, norm_name, nn.Identity())
    return folded.requires_grad_(False)


def _pairs(parent: nn.Module) -> list[tuple[str, str]]:
    """Return the names of the convolutions and batch norms that follow one another."""
    children = dict(parent.named_children())
    if isinstance(parent, nn.Sequential):
        candidates = list(pairwise(children))
    else:
        candidates = [(f"conv{i}", f"bn{i}") for i in range(1, 4)]
    return [
        (first, second)
        for first, second in candidates
        if isinstance(children.get(first), nn.Conv2d)
        and isinstance(children.get(second), nn.BatchNorm2d)
    ]
