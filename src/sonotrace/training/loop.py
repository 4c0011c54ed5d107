"""Train a network: everything between a loss and a folder of weights, on Lightning."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import Logger
from pydantic import Field
from torch import nn

from sonotrace.data.sample import TrainingClip
from sonotrace.errors import MissingExtraError, ReadError
from sonotrace.settings import Settings
from sonotrace.training.averaging import MovingAverage
from sonotrace.training.callbacks import Journal, KeepBest, SaveBest, SaveState, Validate
from sonotrace.training.loader import BatchNumbers, ClipStream, DrawClip, make_loader
from sonotrace.training.module import ClipLoss, MemoryTraining
from sonotrace.training.optim import OptimConfig

if TYPE_CHECKING:
    from lightning.pytorch.loggers import TensorBoardLogger

STATE = "state.ckpt"
LOG = "log.csv"


class LoopConfig(Settings):
    """Batches, precision, and how often things happen."""

    batch_size: int = Field(default=8, gt=0)
    """Clips per step and process."""
    workers: int = Field(default=1, ge=0)
    """Processes that make clips."""
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """auto: bf16 where the processor computes with it, else float32."""
    freeze_norms: bool = False
    """Whether batch norms keep the statistics they came with. Needed for batches of a few
    clips, so for large networks and for fine-tuning."""
    log_every: int = Field(default=50, gt=0)
    validate_every: int = Field(default=500, gt=0)
    save_every: int = Field(default=500, gt=0)
    """Steps between two saved states to resume from."""
    tensorboard: bool = False
    """Also log for TensorBoard; needs the extra `log`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned: a network, the clips it sees, and how it is judged."""

    network: nn.Module
    draw: DrawClip
    loss: ClipLoss
    validate: Validate
    save: SaveBest


def fit(
    lesson: Lesson,
    optim: OptimConfig,
    loop: LoopConfig,
    out: Path,
    *,
    devices: int = 1,
    resume: bool = False,
) -> None:
    """Train until `optim.steps`, writing `log.csv`, the best weights and the state into `out`.

    Raises:
        ReadError: `resume` is set and `out` holds no state.
        MissingExtraError: TensorBoard is wanted and not installed.
    """
    state = out / STATE
    if resume and not state.is_file():
        raise ReadError(out, f"holds no {STATE} to resume from.", "Start without --resume.")
    module = MemoryTraining(lesson.network, lesson.loss, optim, freeze_norms=loop.freeze_norms)
    # the arrangement of the weights in memory decides the speed of convolutions
    module.to(memory_format=torch.channels_last)
    module.train()
    with only_our_words():
        trainer = _trainer(lesson, optim, loop, out, devices)
        try:
            trainer.fit(
                module,
                datamodule=_Clips(lesson.draw, loop),
                ckpt_path=state if resume else None,
                weights_only=True,
            )
        except SystemExit as ended:  # what Lightning makes of Ctrl-C
            raise KeyboardInterrupt from ended


def require_logger(loop: LoopConfig) -> None:
    """Say before a run begins that what it shall log with is missing.

    Raises:
        MissingExtraError: TensorBoard is wanted and not installed.
    """
    if loop.tensorboard:
        _tensorboard_logger()


def uses_bf16(loop: LoopConfig) -> bool:
    """Return whether convolutions run in bf16: as set, or where the hardware computes with it."""
    if loop.precision != "auto":
        return loop.precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _trainer(
    lesson: Lesson, optim: OptimConfig, loop: LoopConfig, out: Path, devices: int
) -> pl.Trainer:
    average = MovingAverage(lesson.network, optim.average)
    journal = Journal(out / LOG, loop.log_every, loop.batch_size * devices, optim.steps)
    best = KeepBest(
        average, lesson.validate, lesson.save, every=loop.validate_every, last=optim.steps
    )
    best.journal = journal
    return pl.Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        precision="bf16-mixed" if uses_bf16(loop) else "32-true",
        max_steps=optim.steps,
        gradient_clip_val=optim.clip_norm,
        use_distributed_sampler=False,
        # in this order: averaged, logged, judged, and then saved with all of that
        callbacks=[
            average,
            journal,
            best,
            SaveState(out / STATE, every=loop.save_every, last=optim.steps),
        ],
        logger=_logger(out) if loop.tensorboard else False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


class _Clips(pl.LightningDataModule):
    """The stream of clips, from the step on at which training begins."""

    def __init__(self, draw: DrawClip, loop: LoopConfig) -> None:
        super().__init__()
        self.draw = draw
        self.loop = loop

    def train_dataloader(self) -> torch.utils.data.DataLoader[TrainingClip]:
        """Return the loader."""
        if self.trainer is None:
            raise RuntimeError("the loader is made by a trainer")
        numbers = BatchNumbers(
            self.loop.batch_size,
            step=self.trainer.global_step,
            rank=self.trainer.global_rank,
            world=self.trainer.world_size,
        )
        return make_loader(ClipStream(self.draw), numbers, self.loop.workers)


def _tensorboard_logger() -> "type[TensorBoardLogger]":
    try:
        import tensorboard  # type: ignore[import-not-found,unused-ignore]  # noqa: F401, PLC0415
        from lightning.pytorch.loggers import TensorBoardLogger  # noqa: PLC0415
    except (ImportError, RuntimeError) as error:
        raise MissingExtraError("tensorboard", "log") from error
    return TensorBoardLogger


def _logger(out: Path) -> Logger:
    return _tensorboard_logger()(out, name="", version="tensorboard")


@contextmanager
def only_our_words() -> Iterator[None]:
    """Keep Lightning's advertisements and advice to itself; its errors pass."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning(\.|_).*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
