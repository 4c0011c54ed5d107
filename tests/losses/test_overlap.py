import pytest
import torch

from sonotrace.losses.overlap import Bootstrap, dice_loss, hardest_mean

# Two objects on a row of four pixels: object 1, object 1, object 2, background.
MASKS = torch.tensor([[[[1.0, 1, 0, 0]], [[0.0, 0, 1, 0]]]])
BOTH = torch.tensor([[True, True]])
PROBABILITIES = torch.tensor([[[[0.5, 0.25, 0.5, 0]], [[0.25, 0.25, 0.25, 0]]]])


def test_an_empty_slot_changes_no_dice_whatever_is_predicted_in_it():
    one = torch.tensor([[True, False]])
    nothing = PROBABILITIES.clone()
    nothing[:, 1] = 0
    expected = dice_loss(nothing, MASKS, one)
    torch.testing.assert_close(dice_loss(PROBABILITIES, MASKS, one), expected)


def test_the_hardest_half_of_four_is_the_mean_of_the_two_largest():
    each = torch.tensor([[[1.0, 4.0, 2.0, 3.0]]])
    assert hardest_mean(each, 0.5).item() == 3.5


def test_every_pixel_counts_when_the_share_is_one():
    each = torch.rand(2, 5, 7)
    torch.testing.assert_close(hardest_mean(each, 1.0), each.mean(dim=(1, 2)))


def test_a_tiny_share_leaves_one_pixel():
    assert hardest_mean(torch.tensor([[[1.0, 5.0]]]), 0.01).item() == 5


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(ValueError, match="not in"):
        hardest_mean(torch.ones(1, 2, 2), share)


@pytest.mark.parametrize(
    ("step", "share"), [(0, 1.0), (20_000, 1.0), (45_000, 0.575), (70_000, 0.15), (10**6, 0.15)]
)
def test_the_share_falls_linearly_between_its_two_steps(step, share):
    assert Bootstrap().share_at(step) == pytest.approx(share)


def test_dice_follows_its_formula():
    # object 1: 2 * 0.75 + 1 over (1.25 + 2) + 1; object 2: 2 * 0.25 + 1 over (0.75 + 1) + 1.
    expected = ((1 - 2.5 / 4.25) + (1 - 1.5 / 2.75)) / 2
    assert dice_loss(PROBABILITIES, MASKS, BOTH).item() == pytest.approx(expected)


def test_a_perfect_prediction_has_no_dice_loss():
    assert dice_loss(MASKS, MASKS, BOTH).item() == pytest.approx(0)


def test_an_empty_mask_predicted_empty_costs_nothing():
    empty = torch.zeros_like(MASKS)
    assert dice_loss(empty, empty, BOTH).item() == 0


def test_an_empty_mask_predicted_full_has_a_gradient():
    predicted = torch.full((1, 1, 4, 4), 0.9, requires_grad=True)
    dice_loss(predicted, torch.zeros(1, 1, 4, 4), torch.tensor([[True]])).sum().backward()
    assert (predicted.grad > 1e-4).all()


def test_a_picture_without_objects_adds_no_dice():
    none = torch.tensor([[False, False]])
    assert dice_loss(PROBABILITIES, MASKS, none).item() == 0
