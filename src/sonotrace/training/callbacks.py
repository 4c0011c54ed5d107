"""What happens between the steps of a run: validation, saving, logging, the progress bar."""

import csv
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from sonotrace.io.whole import whole_file
from sonotrace.training.averaging import MovingAverage
from sonotrace.training.module import MemoryTraining

Validate = Callable[[nn.Module], Mapping[str, float]]
"""Scores a network; the score called "dice" decides which weights are kept."""

SaveBest = Callable[[nn.Module, int, Mapping[str, float]], None]
"""Writes the weights of a network, given the step and the scores."""

COLUMNS = ("step", "seconds", "loss", "learning_rate", "clips_per_second", "validation")


class Journal(pl.Callback):
    """Writes `log.csv`: one row every `every` steps and one for each validation.

    A resumed run drops the rows after the step it goes on from.
    """

    def __init__(self, path: Path, every: int, batch_size: int, steps: int) -> None:
        self.path = path
        self.every = every
        self.batch_size = batch_size
        self.steps = steps
        self._losses: list[float] = []
        self._seconds_before = 0.0
        self._begun = self._since = time.monotonic()
        self._bar: Progress | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the log where the run begins or goes on."""
        if not trainer.is_global_zero:
            return
        rows = [row for row in read_log(self.path) if int(row["step"]) <= trainer.global_step]
        self._seconds_before = float(rows[-1]["seconds"]) if rows else 0.0
        self._begun = self._since = time.monotonic()
        with whole_file(self.path, overwrite=True) as partial, partial.open("w", newline="") as f:
            writer = csv.DictWriter(f, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("step"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar.add_task("step", total=self.steps, completed=trainer.global_step, loss=0.0)
        self._bar.start()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write a row when it is time."""
        if not isinstance(pl_module, MemoryTraining) or self._bar is None:
            return
        step = trainer.global_step
        self._losses.append(pl_module.last_loss)
        self._bar.update(self._bar.task_ids[0], completed=step, loss=pl_module.last_loss)
        if step % self.every and step != self.steps:
            return
        now = time.monotonic()
        loss = sum(self._losses) / len(self._losses)
        rate = len(self._losses) * self.batch_size / max(now - self._since, 1e-9)
        self.write(
            step,
            loss=f"{loss:.5f}",
            learning_rate=f"{pl_module.last_rate:.3e}",
            clips_per_second=f"{rate:.3f}",
        )
        for logger in trainer.loggers:
            logger.log_metrics({"loss": loss, "learning_rate": pl_module.last_rate}, step=step)
        self._losses, self._since = [], now

    def write(self, step: int, **values: str) -> None:
        """Append a row to the log."""
        seconds = self._seconds_before + time.monotonic() - self._begun
        row = {"step": step, "seconds": f"{seconds:.1f}", **values}
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


class KeepBest(pl.Callback):
    """Validates the averaged weights now and then and keeps the best."""

    def __init__(
        self, average: MovingAverage, validate: Validate, save: SaveBest, *, every: int, last: int
    ) -> None:
        self.average = average
        self.validate = validate
        self.save = save
        self.every = every
        self.last = last
        self.best = -1.0
        self.journal: Journal | None = None

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Validate when it is time; keep the weights if they are better than all before."""
        step = trainer.global_step
        if step % self.every and step != self.last:
            return
        with self.average.applied() as network:
            scores = dict(self.validate(network))
            if scores["dice"] > self.best:
                self.best = scores["dice"]
                if trainer.is_global_zero:
                    self.save(network, step, scores)
        if self.journal is not None and trainer.is_global_zero:
            self.journal.write(step, validation=" ".join(f"{k}={v:.4f}" for k, v in scores.items()))
        for logger in trainer.loggers:
            logger.log_metrics({f"validation/{k}": v for k, v in scores.items()}, step=step)

    def state_dict(self) -> dict[str, Any]:
        """Return the best score so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.best = float(state_dict["best"])


class SaveState(pl.Callback):
    """Writes everything a resumed run needs, whole or not at all, and keeps one copy."""

    def __init__(self, path: Path, *, every: int, last: int) -> None:
        self.path = path
        self.every = every
        self.last = last

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save when it is time."""
        if trainer.global_step % self.every and trainer.global_step != self.last:
            return
        mine = self.path if trainer.is_global_zero else Path(os.devnull)
        if trainer.is_global_zero:
            with whole_file(mine, overwrite=True) as partial:
                trainer.save_checkpoint(partial)
        else:
            trainer.save_checkpoint(mine)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the random numbers."""
        return {"random": torch.get_rng_state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the random numbers that would have come."""
        torch.set_rng_state(state_dict["random"])


def read_log(path: Path) -> list[dict[str, str]]:
    """Return the rows of a `log.csv`; none if it is not there."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
