"""How hard simulated lesions are: a small U-Net against a rule that needs no learning.

For one training domain: pictures of training seeds train a U-Net and choose the numbers of the
rule; pictures of other seeds, in the same domain, score both. Seeds are scenes, so no scene is on
both sides. What counts is the mean over scenes of the mean Dice of their frames.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from monai.losses.dice import DiceCELoss
from monai.networks.nets.basic_unet import BasicUNet
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from sonotrace.benchmark.dark_blob import (
    LESION,
    DarkBlobSettings,
    dice,
    fit_dark_blob,
    largest_dark_blob,
)
from sonotrace.datasets.synthetic import thinned
from sonotrace.metrics.bootstrap import bootstrap_mean
from sonotrace.settings import Settings
from sonotrace.simulate.domains import HELD_OUT_FROM, TRAINING_SEEDS, find_domain
from sonotrace.simulate.frames import in_order, usable_threads
from sonotrace.simulate.lesion.scene import lesion_scene
from sonotrace.simulate.scene import set_stage
from sonotrace.training.loader import one_thread
from sonotrace.training.loop import only_our_words
from sonotrace.transforms.intensity import LookRange, apply_look, draw_look
from sonotrace.types import LabelMap

RULE_BELOW, NETWORK_FROM = 0.50, 0.80
"""Dice on other seeds of the same domain, for lesions to be neither trivial nor hopeless."""


class DifficultySettings(Settings):
    """How many pictures there are and how long the network trains."""

    training_scenes: int = 500
    scoring_scenes: int = 120
    frames: int = 1
    """Length of the scenes' clips. One frame of many scenes teaches more than many of few, and a
    short clip needs little tissue."""
    every: int = 1
    """Step between the frames of a clip that are rendered."""
    rendered_px: int = 256
    network_px: int = 128
    steps: int = 2_400
    batch_size: int = 16
    learning_rate: float = 2e-3
    widths: tuple[int, ...] = (8, 16, 32, 64, 96, 8)
    """Channels of the U-Net's levels, and of its last layer."""
    seed: int = 0


class Pictures(NamedTuple):
    """Rendered pictures at the size of the network, and which scene each is from."""

    frames: UInt8[Tensor, "N 1 H W"]
    labels: UInt8[Tensor, "N H W"]
    scenes: tuple[int, ...]


def training_seeds(settings: DifficultySettings) -> range:
    """Return the seeds that train: the last of the training range but for those that score."""
    stop = TRAINING_SEEDS.stop - settings.scoring_scenes
    return range(stop - settings.training_scenes, stop)


def scoring_seeds(settings: DifficultySettings) -> range:
    """Return the seeds that score."""
    return range(TRAINING_SEEDS.stop - settings.scoring_scenes, TRAINING_SEEDS.stop)


def held_out_seeds(settings: DifficultySettings) -> range:
    """Return the seeds of held-out domains."""
    return range(HELD_OUT_FROM, HELD_OUT_FROM + settings.scoring_scenes)


def draw_pictures(
    domain: str, seeds: range, settings: DifficultySettings
) -> Iterator[tuple[int, UInt8[Tensor, "T H W"], UInt8[Tensor, "T H W"]]]:
    """Yield the frames and label maps of every scene."""
    side, small = settings.rendered_px, settings.network_px

    def scene(seed: int) -> tuple[int, Tensor, Tensor]:
        drawn = lesion_scene(
            seed, find_domain(domain), frames=settings.frames, rows=side, columns=side
        )
        few = thinned(drawn, settings.every)
        stage = set_stage(few, threads=1)
        made = [stage.frame(index) for index in range(len(few))]
        frames = torch.from_numpy(np.stack([one.grey for one in made]))
        labels = torch.from_numpy(np.stack([one.truth.visible for one in made]))
        return seed, _shrink(frames, small), labels[:, :: side // small, :: side // small]

    yield from in_order(scene, seeds, usable_threads())


def gather(
    drawn: Iterator[tuple[int, UInt8[Tensor, "T H W"], UInt8[Tensor, "T H W"]]],
) -> Pictures:
    """Put the pictures of all scenes into one tensor."""
    seeds, frames, labels = zip(*drawn, strict=True)
    each = [seed for seed, some in zip(seeds, frames, strict=True) for _ in some]
    return Pictures(torch.cat(frames)[:, None], torch.cat(labels), tuple(each))


class Fitted(NamedTuple):
    """A network and a rule for one domain."""

    network: nn.Module
    rule: DarkBlobSettings

    def describe(self) -> dict[str, Any]:
        """Return the network's number of parameters, and the numbers of the rule."""
        parameters = sum(p.numel() for p in self.network.parameters())
        return {"parameters": parameters, "rule": self.rule.model_dump()}


def fit(training: Pictures, settings: DifficultySettings) -> Fitted:
    """Train the network and choose the rule's numbers on pictures of training seeds."""
    rule = fit_dark_blob(list(training.frames), list(training.labels))
    return Fitted(train_unet(training, settings), rule)


def score(fitted: Fitted, pictures: Pictures) -> dict[str, dict[str, float]]:
    """Return the Dice of `network` and `rule`: mean over scenes with its 95 % interval."""
    pairs = list(zip(pictures.frames, pictures.labels, strict=True))
    predicted = zip(predict(fitted.network, pictures.frames), pictures.labels, strict=True)
    found = {
        "network": [dice(p, truth) for p, truth in predicted],
        "rule": [dice(largest_dark_blob(frame, fitted.rule), truth) for frame, truth in pairs],
    }
    return {how: _over_scenes(each, pictures.scenes) for how, each in found.items()}


def hard_enough(scores: dict[str, dict[str, float]]) -> bool:
    """Return whether the rule fails where the network succeeds."""
    return scores["rule"]["mean"] < RULE_BELOW and scores["network"]["mean"] >= NETWORK_FROM


def train_unet(pictures: Pictures, settings: DifficultySettings) -> nn.Module:
    """Train a small U-Net from random weights."""
    pl.seed_everything(settings.seed, verbose=False)
    module = _Segmenter(settings)
    loader = DataLoader(
        _Augmented(pictures, settings.seed, settings.steps * settings.batch_size),
        batch_size=settings.batch_size,
        num_workers=1,
        multiprocessing_context="fork",
        worker_init_fn=one_thread,
    )
    with only_our_words():
        trainer = pl.Trainer(
            accelerator="gpu" if torch.cuda.is_available() else "cpu",
            max_steps=settings.steps,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, loader)
    return module.network.eval().cpu()


@torch.inference_mode()
def predict(network: nn.Module, frames: UInt8[Tensor, "N 1 H W"]) -> list[LabelMap]:
    """Return the label map of every picture."""
    found = []
    for some in frames.split(32):
        scores = network(_brightness(some))[:, 0]
        found += list(torch.where(scores > 0, LESION, 0).to(torch.uint8))
    return found


class _Segmenter(pl.LightningModule):
    """The U-Net with its loss and optimiser."""

    def __init__(self, settings: DifficultySettings) -> None:
        super().__init__()
        network = BasicUNet(2, 1, 1, features=settings.widths, norm="batch")
        self.network = network
        self.to(memory_format=torch.channels_last)
        self.settings = settings
        self.loss = DiceCELoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0)

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        """Return the loss of one batch."""
        frames, masks = batch
        loss: Tensor = self.loss(self.network(frames), masks)
        return loss

    def configure_optimizers(self) -> Any:
        """Return AdamW with one cycle of the learning rate."""
        optimizer = torch.optim.AdamW(self.parameters(), self.settings.learning_rate)
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.settings.learning_rate, self.settings.steps
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": cycle, "interval": "step"},
        }


class _Augmented(Dataset[tuple[Tensor, Tensor]]):
    """Pictures in random order, mirrored, shifted in brightness, moved and scaled."""

    def __init__(self, pictures: Pictures, seed: int, length: int) -> None:
        self.pictures = pictures
        self.seed = seed
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng([self.seed, index])
        number = int(random.integers(len(self.pictures.frames)))
        frame = self.pictures.frames[number, 0].to(torch.float32) / 255
        mask = (self.pictures.labels[number] == LESION).to(torch.float32)
        frame = apply_look(frame, draw_look(LookRange(shadow_chance=0.1), random))
        frame, mask = _moved(frame, mask, random)
        return (frame - 0.5)[None] * 4, mask[None]


def _moved(
    frame: Float[Tensor, "H W"], mask: Float[Tensor, "H W"], random: np.random.Generator
) -> tuple[Float[Tensor, "H W"], Float[Tensor, "H W"]]:
    scale = float(np.exp(random.normal(0, 0.12)))
    flip = -1.0 if random.random() < 0.5 else 1.0
    shift = random.uniform(-0.15, 0.15, 2)
    matrix = torch.tensor([[flip * scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    both = torch.stack([frame, mask])[None]
    grid = F.affine_grid(matrix[None].to(both.dtype), list(both.shape), align_corners=False)
    moved = F.grid_sample(both, grid, padding_mode="zeros", align_corners=False)[0]
    return moved[0], (moved[1] > 0.5).to(torch.float32)


def _brightness(frames: UInt8[Tensor, "N 1 H W"]) -> Float[Tensor, "N 1 H W"]:
    return (frames.to(torch.float32) / 255 - 0.5) * 4


def _shrink(frames: UInt8[Tensor, "T H W"], side: int) -> UInt8[Tensor, "T h w"]:
    small = F.interpolate(frames[:, None].to(torch.float32), (side, side), mode="area")
    return small[:, 0].round().to(torch.uint8)


def _over_scenes(values: list[float], scenes: tuple[int, ...]) -> dict[str, float]:
    """Return the mean over scenes of the mean of their frames, with its interval."""
    each: dict[int, list[float]] = {}
    for value, scene in zip(values, scenes, strict=True):
        each.setdefault(scene, []).append(value)
    means = torch.tensor([np.mean(some) for some in each.values()], dtype=torch.float64)
    interval = bootstrap_mean(means)
    if interval is None:
        return {"mean": float(means.mean()), "n": len(means)}
    return {k: float(v) for k, v in interval._asdict().items()}
