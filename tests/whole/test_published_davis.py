"""`--protocol davis` beside the numbers that the published program itself gave.

The program is davisvideochallenge/davis2017-evaluation on GitHub (BSD-3-Clause), commit
30b698a691681588bbcfe0f2a7c7c680d49bb72d, task "semi-supervised". Its `metrics.py` was run whole
and unchanged on 28 November 2026 on the masks below, saved as PNG files, with numpy 2.4.6, OpenCV
5.0.0 and scikit-image 0.26.0. So were the functions that lead to it and away from it: reading
masks, `_evaluate_semisupervised`, the loop over objects, and `db_statistics`; of these, the
readers of results and `db_statistics` came from copies of the repository by others
(sourabhswain's at 05fb5b9e269cbfa1ed53dfc84684d42d7338bd01 and one without a name). None of that
code is here, only what it returned, to nine digits.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from sonotrace.data.masks import masks_from_maps
from sonotrace.tasks.evaluate import Rules, pair_tracks, score_clip, summarise

Maps = list[np.ndarray]
MEASURES = ("j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay")


def disc(labels: np.ndarray, object_id: int, row: float, column: float, radius: float) -> None:
    rows, columns = np.indices(labels.shape)
    labels[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = object_id


def discs_that_leave_the_picture() -> tuple[Maps, Maps]:
    """Three discs of 60 x 80, in front of each other, over the picture's edges."""
    prediction, truth = [], []
    for t in range(13):
        for maps, off in ((prediction, t % 5), (truth, 0)):
            labels = np.zeros((60, 80), dtype=np.uint8)
            disc(labels, 1, 28 + off, 6 * t - 4 + off, 12)
            disc(labels, 2, 5 * t - 5, 40 - off, 9 + off / 2)
            disc(labels, 3, 52 + off, 72 - t, 15 - off)
            maps.append(labels)
    return prediction, truth


def needles() -> tuple[Maps, Maps]:
    """Lines of 1 and 2 pixels of 96 x 128 that turn; the predicted ones lag and are shorter."""
    prediction, truth = [], []
    for t in range(10):
        for maps, late in ((prediction, (t * t) % 7), (truth, 0)):
            labels = np.zeros((96, 128), dtype=np.uint8)
            columns = np.arange(3, 110 - 8 * late)
            rows = 10 + columns * (20 + 5 * (t - late / 2)) // 128
            labels[rows.astype(int), columns] = 1
            labels[90 - rows.astype(int) // 2, columns] = 2
            labels[91 - rows.astype(int) // 2, columns] = 2
            maps.append(labels)
    return prediction, truth


def objects_that_come_and_go() -> tuple[Maps, Maps]:
    """Misses, false alarms and frames in which neither side shows anything; void in the truth."""
    prediction, truth = [], []
    for t in range(17):
        predicted, true = (np.zeros((50, 50), dtype=np.uint8) for _ in range(2))
        if t % 4 != 3:
            disc(true, 1, 15 + t, 18, 8)
        if t % 6 != 2 and t != 15:
            disc(predicted, 1, 16 + t, 17, 7)
        if t < 9:
            true[30:44, 30 + t : 40 + t] = 2
        if t % 3 != 1:
            predicted[32:44, 29 + t : 41 + t] = 2
        true[20:24, ::5] = 255
        prediction.append(predicted)
        truth.append(true)
    return prediction, truth


def masks_at_every_edge() -> tuple[Maps, Maps]:
    """Single pixels in corners, bars along the edges, a frame that is filled to the brim."""
    prediction, truth = [], []
    for t in range(8):
        for maps, off in ((prediction, t % 3), (truth, 0)):
            labels = np.zeros((40, 64), dtype=np.uint8)
            labels[: 3 + off] = 1
            labels[-1, off:30] = 2
            labels[:, -2 + off // 2 :] = 3
            labels[-1, 0] = 4
            labels[off, off] = 4
            if t == 4:
                labels[:] = 1
            if t == 5 and off:
                labels[labels == 3] = 0
            maps.append(labels)
    return prediction, truth


def three_frames() -> tuple[Maps, Maps]:
    """One frame is left between the first and the last: the shortest clip there is."""
    prediction, truth = [], []
    for t in range(3):
        for maps, off in ((prediction, 3), (truth, 0)):
            labels = np.zeros((100, 75), dtype=np.uint8)
            disc(labels, 1, 50 + t + off, 40, 20)
            maps.append(labels)
    return prediction, truth


SEQUENCES: dict[str, Callable[[], tuple[Maps, Maps]]] = {
    "discs": discs_that_leave_the_picture,
    "needles": needles,
    "come_and_go": objects_that_come_and_go,
    "edges": masks_at_every_edge,
    "three_frames": three_frames,
}

PUBLISHED: dict[tuple[str, int], tuple[float, ...]] = {
    ("discs", 1): (0.683331215, 0.818181818, -0.079426171, 0.561840519, 0.545454545, -0.240283122),
    ("discs", 2): (0.756717054, 1.0, -0.091746111, 0.637139291, 0.636363636, -0.151429269),
    ("discs", 3): (0.744938568, 0.818181818, -0.086150247, 0.328004393, 0.272727273, -0.393644857),
    ("needles", 1): (0.191316287, 0.125, -0.352562273, 0.781875729, 0.75, -0.269333138),
    ("needles", 2): (0.451009211, 0.5, -0.367538513, 0.90841242, 1.0, -0.092741653),
    ("come_and_go", 1): (0.445174714, 0.6, -0.196044352, 0.394452788, 0.6, -0.26696702),
    ("come_and_go", 2): (
        0.377235772,
        0.466666667,
        0.18902439,
        0.403454416,
        0.466666667,
        0.236217949,
    ),
    ("edges", 1): (0.818364909, 1.0, -0.129032258, 0.700980392, 0.666666667, 0.0),
    ("edges", 2): (0.988505747, 1.0, 0.0, 1.0, 1.0, 0.0),
    ("edges", 3): (0.75, 0.666666667, 0.25, 0.833333333, 0.833333333, 0.5),
    ("edges", 4): (0.666666667, 0.5, -0.333333333, 0.7996633, 0.666666667, -0.045454545),
    ("three_frames", 1): (0.828193833, 1.0, 0.0, 0.333333333, 0.0, 0.0),
}
"""J mean, recall and decay, then those of F, of every object of every sequence."""


def scored(name: str):
    prediction, truth = (masks_from_maps(list(map(torch.from_numpy, m))) for m in SEQUENCES[name]())
    return score_clip(pair_tracks(name, prediction, truth), Rules(protocol="davis"))


@pytest.mark.parametrize("name", SEQUENCES)
def test_every_object_scores_what_the_published_program_gave(name):
    document = summarise([scored(name)], Rules(protocol="davis"))
    objects = document["clips"][0]["objects"]
    assert [(name, i) for i in objects] == [key for key in PUBLISHED if key[0] == name]
    for i, found in objects.items():
        ours = [found[measure] for measure in MEASURES]
        assert ours == pytest.approx(PUBLISHED[name, i], rel=0, abs=1e-8), (name, i)


def test_the_mean_over_all_objects_is_what_the_published_program_gave():
    metrics = summarise([scored(name) for name in SEQUENCES], Rules(protocol="davis"))["metrics"]
    expected = (0.641787831, 0.707891414, -0.099734072, 0.640207493, 0.619823232, -0.060302971)
    ours = [metrics[measure] for measure in MEASURES]
    assert ours == pytest.approx(expected, rel=0, abs=1e-8)
