"""Folding changes nothing but the time it takes."""

import torch
from torch import nn
from torch.testing import assert_close

from sonotrace.models import build_model, model_config
from sonotrace.runtime.eager import fold_batch_norms, ready


def trained_looking_network():
    network = build_model(model_config("stcn:tiny")).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return network


def test_folded_batch_norms_compute_the_same():
    network, frames = trained_looking_network(), torch.rand(1, 1, 48, 64)
    for was, now in zip(
        network.encode_query(frames)[:3],
        fold_batch_norms(network).encode_query(frames)[:3],
        strict=True,
    ):
        assert_close(now, was, atol=1e-4, rtol=1e-4)


def test_no_batch_norm_is_left():
    folded = ready(trained_looking_network(), "cpu")
    assert not [m for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]


def test_the_given_network_keeps_its_batch_norms():
    network = trained_looking_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    ready(network, "cpu")
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
