"""A published STCN checkpoint computes the same in our network, and every tensor counts."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from sonotrace.errors import ModelError
from sonotrace.models import build_model, model_config
from sonotrace.models.convert.stcn import convert_stcn, published_shapes


class Reference:
    """What the published modules compute, written down as functions of the named tensors."""

    def __init__(self, state):
        self.state = state

    def conv(self, name, x, stride=1):
        weight = self.state[f"{name}.weight"]
        bias = self.state.get(f"{name}.bias")
        return F.conv2d(x, weight, bias, stride, padding=weight.shape[2] // 2)

    def norm(self, name, x):
        parts = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(self.state[f"{name}.{part}"] for part in parts))

    def unit(self, name, x, stride):
        """One residual unit of a ResNet, of two or three convolutions."""
        count = 3 if f"{name}.conv3.weight" in self.state else 2
        y = x
        for i in range(1, count + 1):
            here = stride if i == count - 1 or (count == 2 and i == 1) else 1
            y = self.norm(f"{name}.bn{i}", self.conv(f"{name}.conv{i}", y, here))
            y = F.relu(y) if i < count else y
        if f"{name}.downsample.0.weight" in self.state:
            x = self.conv(f"{name}.downsample.0", x, stride)
            x = self.norm(f"{name}.downsample.1", x)
        return F.relu(x + y)

    def resnet(self, name, layers, x):
        x = F.relu(self.norm(f"{name}.bn1", self.conv(f"{name}.conv1", x, 2)))
        x = F.max_pool2d(x, 3, 2, 1)
        maps = []
        for layer, depth in layers.items():
            for i in range(depth):
                stride = 2 if i == 0 and layer not in {"res2", "layer1"} else 1
                x = self.unit(f"{name}.{layer}.{i}", x, stride)
            maps.append(x)
        return maps

    def residual(self, name, x):
        y = self.conv(f"{name}.conv2", F.relu(self.conv(f"{name}.conv1", F.relu(x))))
        return y + (self.conv(f"{name}.downsample", x) if self.has_shortcut(name) else x)

    def has_shortcut(self, name):
        return f"{name}.downsample.weight" in self.state

    def attention(self, name, x):
        def mlp(pooled):
            for i in (1, 3):
                weight = self.state[f"{name}.ChannelGate.mlp.{i}.weight"]
                pooled = F.linear(pooled, weight, self.state[f"{name}.ChannelGate.mlp.{i}.bias"])
                pooled = F.relu(pooled) if i == 1 else pooled
            return pooled

        x = x * torch.sigmoid(mlp(x.mean((2, 3))) + mlp(x.amax((2, 3))))[:, :, None, None]
        pooled = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.conv(f"{name}.SpatialGate.spatial.conv", pooled))

    def query(self, picture):
        f4, f8, f16 = self.resnet("key_encoder", {"res2": 3, "layer2": 4, "layer3": 6}, picture)
        return self.conv("key_proj.key_proj", f16), self.conv("key_comp", f16), f16, f8, f4

    def value(self, picture_and_masks, f16):
        layers = {"layer1": 2, "layer2": 2, "layer3": 2}
        x = self.resnet("value_encoder", layers, picture_and_masks)[-1]
        x = self.residual("value_encoder.fuser.block1", torch.cat([x, f16], 1))
        x = x + self.attention("value_encoder.fuser.attention", x)
        return self.residual("value_encoder.fuser.block2", x)

    def decode(self, read, own, f8, f4):
        x = self.residual("decoder.compress", torch.cat([read, own], 1))
        for name, skip in (("decoder.up_16_8", f8), ("decoder.up_8_4", f4)):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = self.residual(f"{name}.out_conv", x + self.conv(f"{name}.skip_conv", skip))
        x = self.conv("decoder.pred", F.relu(x))
        return F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)


@torch.no_grad()
def test_the_converted_network_computes_the_same(published):
    with torch.device("meta"):
        model = build_model(model_config("stcn:paper"))
    model.load_state_dict(convert_stcn(published), assign=True)
    model.mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    model.spread = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    model.eval()
    frame, masks = torch.rand(1, 3, 32, 48), (torch.rand(1, 2, 32, 48) > 0.5).float()
    features = model.encode_query(frame)
    values = model.encode_memory(frame, features, masks)
    logits = model.decode(values, features)

    theirs, picture = Reference(published), (frame - model.mean) / model.spread
    key, own, f16, f8, f4 = theirs.query(picture)
    value = theirs.value(torch.cat([picture, masks[:, :1], masks[:, 1:]], 1), f16)
    second = theirs.value(torch.cat([picture, masks[:, 1:], masks[:, :1]], 1), f16)
    for ours, reference in (
        (features.key, key),
        (features.value, own),
        (values[:, 0], value),
        (values[:, 1], second),
        (logits[:, :1], theirs.decode(value, own, f8, f4)),
    ):
        assert_close(ours, reference, atol=1e-4 * float(reference.abs().max()), rtol=0)


def test_the_list_has_the_published_number_of_parameters():
    """54.43 M of our network, and the 2,240 biases that go into batch norms."""
    shapes = published_shapes()
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    count = sum(math.prod(s) for name, s in shapes.items() if not name.endswith(buffers))
    with torch.device("meta"):
        ours = sum(p.numel() for p in build_model(model_config("stcn:paper")).parameters())
    # the trunk's stem, 4 convolutions in each of 3 stages, 2 shortcuts
    assert count == ours + 64 + 4 * (64 + 128 + 256) + 128 + 256
    assert len(shapes) == 405


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("key_comp.bias"), "1 missing: key_comp.bias"),
        (lambda state: state.update(extra=torch.zeros(1)), "1 not known: extra"),
        (
            lambda state: state.update({"decoder.pred.bias": torch.zeros(2)}),
            r"1 of another shape: decoder.pred.bias \(2,\) for \(1,\)",
        ),
        (lambda state: state.clear(), "405 missing"),
    ],
)
def test_anything_but_the_published_names_and_shapes_is_refused(published, change, message):
    state = dict(published)
    change(state)
    with pytest.raises(ModelError, match=message):
        convert_stcn(state)


def test_a_checkpoint_for_one_object_ignores_the_others(published):
    first = "value_encoder.conv1.weight"
    state = published | {first: published[first][:, :4]}
    ours = convert_stcn(state)["value_encoder.trunk.conv1.weight"]
    assert torch.equal(ours[:, :4], state[first])
    assert (ours[:, 4] == 0).all()


def test_the_given_tensors_stay_as_they_are(published):
    before = {name: value.clone() for name, value in published.items() if "running" in name}
    convert_stcn(published)
    assert all(torch.equal(published[name], value) for name, value in before.items())
