"""Invented data: a few pictures of every data set, and clips in the DAVIS layout."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sonotrace.data.clip import clip_from_frames
from sonotrace.data.masks import masks_from_maps
from sonotrace.data.sample import VideoSample
from sonotrace.io.davis import write_davis


def paint_pair(image_path: Path, mask_path: Path, seed: int, *, white: int = 255) -> None:
    """Write a noisy picture of a bright rectangle, and its mask."""
    random = np.random.default_rng(seed)
    mask = np.zeros((64, 72), np.uint8)
    row, column = random.integers(8, 40, 2)
    mask[row : row + 16, column : column + 20] = 1
    image = (random.random((64, 72)) * 80 + mask * 120).astype(np.uint8)
    for path, pixels in ((image_path, image), (mask_path, white * mask)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


@pytest.fixture(scope="session")
def invented(tmp_path_factory) -> Path:
    """Return a data folder with some pictures of BUSI, nerve and muscle."""
    root = tmp_path_factory.mktemp("data")
    for i in range(4):
        for kind in ("benign", "malignant", "normal"):
            folder, name = root / "busi/Dataset_BUSI_with_GT" / kind, f"{kind} ({9000 + i})"
            paint_pair(folder / f"{name}.png", folder / f"{name}_mask.png", i)
        for part in ("apo", "fasc"):
            folder, name = root / "muscle_dltrack", f"img_{90000 + i}.png"
            paint_pair(folder / f"{part}_images" / name, folder / f"{part}_masks" / name, i)
        for part in ("train", "test"):
            folder, name = root / "usgra_nerve" / part, f"new_{i}.png"
            paint_pair(folder / "images" / name, folder / "masks" / name, i, white=1)
    return root


@pytest.fixture(scope="session")
def own_clips(tmp_path_factory) -> Path:
    """Return three short clips in the DAVIS layout."""
    root = tmp_path_factory.mktemp("own") / "clips"
    samples = []
    for name in ("a", "b", "c"):
        labels = [torch.zeros(64, 72, dtype=torch.uint8) for _ in range(5)]
        for t, one in enumerate(labels):
            one[20:40, 10 + 3 * t : 30 + 3 * t] = 1
        clip = clip_from_frames([120 * one[None] + 40 for one in labels])
        samples.append(VideoSample(id=name, group=name, clip=clip, masks=masks_from_maps(labels)))
    write_davis(root, samples)
    return root
