import pytest
import torch

from sonotrace.errors import MaskError
from sonotrace.tasks.track.objects import claim, ids_in, masks_of, put_given


def test_ids_are_found_without_background_and_void():
    assert ids_in(torch.tensor([[0, 255, 254], [7, 7, 0]]).byte(), 0) == (7, 254)


def test_a_mask_without_objects_is_refused_with_its_frame():
    with pytest.raises(MaskError, match="frame 12 shows no object"):
        ids_in(torch.zeros(2, 2).byte(), 12)


def test_label_maps_and_object_masks_are_inverse():
    labels = torch.tensor([[0, 9, 9], [3, 0, 254]]).byte()
    ids = ids_in(labels, 0)
    assert torch.equal(claim(masks_of(labels, ids).float(), ids).labels, labels)


def test_a_pixel_goes_to_its_most_likely_object_and_ties_to_the_background():
    p = torch.tensor([[[0.5, 0.6, 0.3, 0.1]], [[0.0, 0.3, 0.4, 0.2]]])
    claims = claim(p, (8, 5))
    assert claims.labels.tolist() == [[0, 8, 5, 0]]
    assert claims.areas == (1, 1)
    assert claims.confidence == pytest.approx((0.6, 0.4))


def test_an_object_without_pixels_has_no_confidence():
    assert claim(torch.full((1, 2, 2), 0.4), (1,)).confidence == (0.0,)


def test_what_a_user_drew_wins_over_what_was_predicted():
    predicted = torch.tensor([[[0.9, 0.8, 0.1]], [[0.0, 0.1, 0.7]]])
    given = torch.tensor([[[False, False, False]], [[True, False, False]]])
    expected = torch.tensor([[[0.0, 0.8, 0.1]], [[1.0, 0.0, 0.0]]])
    assert torch.equal(put_given(predicted, given), expected)
