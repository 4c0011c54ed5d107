"""The endless stream of training clips, the same for a seed however often it is interrupted.

Clip number i of a run depends on the seed and on i alone: a run that is resumed at step n goes
on with the clip that would have come, whatever the number of worker processes.
"""

from collections.abc import Callable, Iterator

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from sonotrace.data.sample import TrainingClip

DrawClip = Callable[[int], TrainingClip]
"""Returns training clip number i; the same number gives the same clip."""


class ClipStream(Dataset[TrainingClip]):
    """Training clips by number."""

    def __init__(self, draw: DrawClip) -> None:
        self.draw = draw

    def __getitem__(self, number: int) -> TrainingClip:
        return self.draw(number)


class BatchNumbers(Sampler[list[int]]):
    """The numbers of the clips of each batch, from `step` on, without end.

    With several processes each takes its part of every step's clips.
    """

    def __init__(self, batch_size: int, *, step: int = 0, rank: int = 0, world: int = 1) -> None:
        self.batch_size = batch_size
        self.step = step
        self.rank = rank
        self.world = world

    def __iter__(self) -> Iterator[list[int]]:
        step = self.step
        while True:
            first = (step * self.world + self.rank) * self.batch_size
            yield list(range(first, first + self.batch_size))
            step += 1


def collate(clips: list[TrainingClip]) -> TrainingClip:
    """Stack clips into a batch with as many slots as the clip with the most objects needs."""
    slots = max([1, *map(_used_slots, clips)])
    resized = [with_slots(clip, slots) for clip in clips]
    return TrainingClip(*(torch.stack(parts) for parts in zip(*resized, strict=True)))


def with_slots(clip: TrainingClip, slots: int) -> TrainingClip:
    """Return a clip with its first `slots` slots, or with empty ones added."""
    frames, objects, height, width = clip.masks.shape
    if objects >= slots:
        return TrainingClip(clip.frames, clip.masks[:, :slots], clip.present[:slots])
    extra = slots - objects
    masks = torch.cat([clip.masks, clip.masks.new_zeros(frames, extra, height, width)], 1)
    present = torch.cat([clip.present, clip.present.new_zeros(extra)])
    return TrainingClip(clip.frames, masks, present)


def _used_slots(clip: TrainingClip) -> int:
    used = clip.present.nonzero()
    return int(used[-1]) + 1 if len(used) else 0


def make_loader(
    stream: ClipStream, numbers: BatchNumbers, workers: int
) -> DataLoader[TrainingClip]:
    """Return the loader; worker processes are forked once and live as long as the run."""
    return DataLoader(
        stream,
        batch_sampler=numbers,
        num_workers=workers,
        collate_fn=collate,
        multiprocessing_context="fork" if workers else None,
        persistent_workers=workers > 0,
        worker_init_fn=one_thread,
    )


def one_thread(worker: int) -> None:
    """Keep a worker process to one thread, so that it leaves the others to the network."""
    torch.set_num_threads(1)
