import torch

from sonotrace.benchmark.dark_blob import (
    LESION,
    DarkBlobSettings,
    dice,
    fit_dark_blob,
    largest_dark_blob,
)


def picture(*blobs: tuple[int, int, int], grey: int = 120):
    """A grey picture with dark discs: (row, column, radius)."""
    frame = torch.full((1, 96, 96), grey, dtype=torch.uint8)
    rows, columns = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    for row, column, radius in blobs:
        frame[0, (rows - row) ** 2 + (columns - column) ** 2 < radius**2] = 30
    return frame


def truth(row: int, column: int, radius: int):
    return (picture((row, column, radius))[0] == 30).to(torch.uint8) * LESION


def test_one_dark_disc_is_found():
    found = largest_dark_blob(picture((50, 40, 12)), DarkBlobSettings(darkest=0.05))
    assert dice(found, truth(50, 40, 12)) > 0.9


def test_the_larger_of_two_is_taken():
    found = largest_dark_blob(picture((40, 25, 6), (60, 65, 13)), DarkBlobSettings(darkest=0.06))
    assert found[60, 65] == LESION
    assert found[40, 25] == 0


def test_what_touches_the_edge_comes_last():
    found = largest_dark_blob(picture((90, 48, 25), (40, 48, 9)), DarkBlobSettings(darkest=0.15))
    assert found[40, 48] == LESION
    assert found[90, 48] == 0


def test_an_empty_picture_has_no_blob():
    assert not largest_dark_blob(picture(grey=0)).any()


def test_two_empty_masks_agree():
    empty = torch.zeros(4, 4, dtype=torch.uint8)
    assert dice(empty, empty) == 1
    assert dice(empty + LESION, empty) == 0


def test_the_fitted_rule_is_at_least_as_good_as_the_plain_one():
    frames = [picture((50, 40, 12)), picture((40, 60, 7))]
    truths = [truth(50, 40, 12), truth(40, 60, 7)]
    fitted = fit_dark_blob(frames, truths)

    def score(rule: DarkBlobSettings) -> float:
        pairs = zip(frames, truths, strict=True)
        return sum(dice(largest_dark_blob(f, rule), t) for f, t in pairs)

    assert score(fitted) >= score(DarkBlobSettings())
