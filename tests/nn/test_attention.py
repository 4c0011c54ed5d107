"""Attention only turns things down."""

import torch
from torch.testing import assert_close

from sonotrace.nn.attention import Cbam


def test_nothing_grows_or_changes_sign():
    x = torch.randn(2, 8, 6, 5)
    scale = Cbam(8, ratio=4)(x) / x
    assert ((scale > 0) & (scale < 1)).all()


def test_pictures_of_a_batch_do_not_see_each_other():
    attention, x = Cbam(8, ratio=4), torch.randn(3, 8, 6, 5)
    assert_close(attention(x)[1:2], attention(x[1:2]))


def test_the_weights_of_channels_do_not_depend_on_where_things_are():
    attention, x = Cbam(8, ratio=4), torch.randn(2, 8, 6, 5)
    torch.nn.init.zeros_(attention.place_conv.weight)
    assert_close(attention(x.flip(3)), attention(x).flip(3))


def test_it_has_the_parameters_of_the_published_block():
    # two linear layers 512 to 32 to 512 with bias, and a 7x7 convolution of 2 maps with bias
    assert sum(p.numel() for p in Cbam(512).parameters()) == 2 * 512 * 32 + 32 + 512 + 2 * 49 + 1
