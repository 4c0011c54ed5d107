"""The published checkpoints of STCN, turned into the names of `models/video/stcn.py`.

`stcn_published.json` lists every tensor of such a file with its shape, as the modules of
github.com/hkchengrex/STCN (MIT) define them. All are used. Two things differ from our network
beside the names:

- The convolutions of the published value encoder have a bias, each before a batch norm. A
  batch norm subtracts its running mean, so the bias is subtracted from that mean instead: the
  same function in evaluation mode, in which STCN is also trained.
- Checkpoints of the first stage of training know one object: their value encoder takes picture
  and mask only. It gets weights of zero for the union of the other masks: the same function for
  one object, and objects that know nothing of one another until it is trained further.
"""

import json
from collections.abc import Mapping
from importlib.resources import files

import torch
from torch import Tensor

from sonotrace.errors import ModelError
from sonotrace.models.weights import differences

_FIRST = "value_encoder.conv1.weight"

_NAMES = (
    ("key_encoder.res2.", "key_encoder.layer1."),
    ("key_encoder.", "key_encoder."),
    ("key_proj.key_proj.", "key_projection."),
    ("key_comp.", "own_value."),
    ("value_encoder.fuser.block1.", "value_encoder.merge."),
    ("value_encoder.fuser.block2.", "value_encoder.refine."),
    ("value_encoder.fuser.attention.ChannelGate.mlp.1.", "value_encoder.attention.channel_mlp.0."),
    ("value_encoder.fuser.attention.ChannelGate.mlp.3.", "value_encoder.attention.channel_mlp.2."),
    (
        "value_encoder.fuser.attention.SpatialGate.spatial.conv.",
        "value_encoder.attention.place_conv.",
    ),
    ("value_encoder.", "value_encoder.trunk."),
    ("decoder.compress.", "decoder.compress."),
    ("decoder.up_16_8.skip_conv.", "decoder.up8.skip."),
    ("decoder.up_16_8.out_conv.", "decoder.up8.refine."),
    ("decoder.up_8_4.skip_conv.", "decoder.up4.skip."),
    ("decoder.up_8_4.out_conv.", "decoder.up4.refine."),
    ("decoder.pred.", "decoder.predict."),
)
"""Beginnings of names, theirs and ours; the first that fits counts."""


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of a published checkpoint by name."""
    text = files("sonotrace.models.convert").joinpath("stcn_published.json").read_text()
    return {name: tuple(shape) for name, shape in json.loads(text)["tensors"].items()}


def convert_stcn(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a published checkpoint under our names.

    Args:
        state: As published: 4 input channels of the value encoder for one object or 5 for
            several.

    Raises:
        ModelError: A tensor is missing, unknown or of another shape.
    """
    tensors = dict(state)
    first = tensors.get(_FIRST)
    if first is not None and tuple(first.shape) == (64, 4, 7, 7):
        tensors[_FIRST] = torch.cat([first, torch.zeros_like(first[:, :1])], dim=1)
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    problems = differences(published_shapes(), found)
    if problems:
        raise ModelError(f"not a checkpoint of STCN as published: {problems}")
    biases = [name for name in tensors if _follows_a_norm(name)]
    for name in biases:
        mean = _norm_after(name) + ".running_mean"
        tensors[mean] = tensors[mean] - tensors.pop(name)
    return {_ours(name): value for name, value in tensors.items()}


def _follows_a_norm(name: str) -> bool:
    """Whether a tensor is the bias of a convolution with a batch norm behind it."""
    in_trunk = name.startswith("value_encoder.") and not name.startswith("value_encoder.fuser.")
    return in_trunk and name.endswith((".conv1.bias", ".conv2.bias", ".downsample.0.bias"))


def _norm_after(bias: str) -> str:
    module = bias.removesuffix(".bias")
    if module.endswith(".downsample.0"):
        return module.removesuffix("0") + "1"
    return module[:-5] + "bn" + module[-1]


def _ours(name: str) -> str:
    theirs, ours = next(pair for pair in _NAMES if name.startswith(pair[0]))
    return ours + name.removeprefix(theirs)
