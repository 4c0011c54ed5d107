"""A network that follows brightness, and frames of bright squares to follow."""

import pytest
import torch
import torch.nn.functional as F

from sonotrace.models.video import QueryFeatures


class Brightness:
    """Remembers which brightness belonged to which object, at a quarter of the size."""

    in_channels, stride, minimum_size, lookahead_frames = 1, 4, 8, 0

    def __init__(self):
        self.remembered = 0

    def encode_query(self, frames):
        key = 30 * F.avg_pool2d(frames, 4, ceil_mode=True)
        return QueryFeatures(key, key, key, (), tuple(frames.shape[2:]))

    def encode_memory(self, frames, features, masks):
        self.remembered += 1
        return F.avg_pool2d(masks, 4, ceil_mode=True)[:, :, None]

    def decode(self, read, features):
        H, W = features.size
        return 12 * F.interpolate(read[:, :, 0], scale_factor=4)[..., :H, :W] - 6


def paint(places, size=(32, 40)):
    """A frame and its labels: 8x8 squares, by id (row, column); brightness tells the object."""
    frame, labels = torch.full((1, *size), 20, dtype=torch.uint8), torch.zeros(size).byte()
    for identity, (row, column) in places.items():
        square = (slice(row, row + 8), slice(column, column + 8))
        frame[(0, *square)] = 250 if identity == 1 else 60 + 30 * (identity % 6)
        labels[square] = identity
    return frame, labels


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads that wait for each other take longer than these tiny tensors."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def network():
    return Brightness()


@pytest.fixture
def scene():
    """Paint one frame from {id: (row, column)}."""
    return paint


@pytest.fixture
def moving():
    """Frames and labels of objects 1 and 4 that drift to the right, 4 pixels per frame."""
    painted = [paint({1: (4, 4 * t), 4: (20, 28 - 4 * t)}) for t in range(8)]
    return [frame for frame, _ in painted], [labels for _, labels in painted]
