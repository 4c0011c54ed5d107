"""The published structure learns when it is trained like this."""

import torch
from torch import nn

from sonotrace.models import build_model, model_config
from sonotrace.training.clip_loss import LossConfig, make_clip_loss
from sonotrace.training.loader import collate
from sonotrace.training.module import MemoryTraining
from sonotrace.training.optim import OptimConfig
from sonotrace.training.propagate import propagate
from sonotrace.training.validation import mean_dice


def test_one_clip_is_learnt_by_heart(draw):
    network = build_model(model_config("stcn:tiny")).train()
    clip = draw(3, size=64)
    batch = collate([clip])
    loss = make_clip_loss(LossConfig())
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    for step in range(100):
        optimizer.zero_grad()
        loss(propagate(network, batch), batch, step).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    assert mean_dice(network, [clip]) > 0.95


def test_every_part_of_the_network_learns(draw):
    network = build_model(model_config("stcn:tiny")).train()
    batch = collate([draw(0, size=64, objects=2)])
    make_clip_loss(LossConfig())(propagate(network, batch), batch, 0).backward()
    without = [name for name, p in network.named_parameters() if p.grad is None]
    assert not without


def test_frozen_norms_stay_in_evaluation():
    network = build_model(model_config("stcn:tiny"))
    module = MemoryTraining(network, lambda *_: None, OptimConfig(), freeze_norms=True).train()
    norms = [one for one in module.modules() if isinstance(one, nn.BatchNorm2d)]
    assert norms
    assert not any(one.training for one in norms)
    assert network.key_projection.training
