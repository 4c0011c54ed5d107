import numpy as np
import pytest
import torch

from sonotrace.datasets.layers import blob, cut_out, mean_brightness, sample_layer
from sonotrace.transforms.spatial import Warp


@pytest.fixture
def random():
    return np.random.default_rng(3)


@pytest.fixture
def image():
    return torch.randint(0, 256, (80, 100), dtype=torch.uint8)


@pytest.fixture
def mask():
    inside = torch.zeros(80, 100, dtype=torch.bool)
    inside[30:50, 40:70] = True
    return inside


def test_a_piece_is_opaque_inside_its_outline(image, mask, random):
    _, opacity, inside = cut_out(image, mask, random, is_target=True).planes
    assert inside.sum() == mask.sum()
    assert opacity[inside > 0].min() == pytest.approx(1)


def test_a_piece_fades_out_before_its_border(image, mask, random):
    _, opacity, _ = cut_out(image, mask, random, is_target=True).planes
    assert opacity[0].max() < 0.05
    assert opacity[:, 0].max() < 0.05


def test_a_blob_has_the_brightness_asked_for(image, random):
    piece = blob(image, 0.2, random)
    brightness, _, inside = piece.planes
    assert brightness[inside > 0].mean().item() == pytest.approx(0.2, abs=0.02)
    assert not piece.is_target


def test_the_mean_brightness_is_that_inside_the_mask(image, mask):
    image[mask] = 51
    assert mean_brightness(image, mask) == pytest.approx(0.2)


def test_an_unwarped_piece_lies_where_it_was_put(image, mask, random):
    piece = cut_out(image, mask, random, is_target=True)._replace(at=(0.5, -0.5))
    inside = sample_layer(piece, [Warp(matrix=np.eye(3))], 64)[0, 2] >= 0.5
    row, column = inside.nonzero().float().mean(dim=0).tolist()
    assert row == pytest.approx(15.5, abs=1)
    assert column == pytest.approx(47.5, abs=1)
