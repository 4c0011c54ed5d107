"""A tracker that takes one frame at a time, from a file or live, in constant memory."""

import time
from collections import deque
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from sonotrace.errors import DataContractError, MaskError
from sonotrace.models.video import MemoryNetwork
from sonotrace.nn.memory import aggregate
from sonotrace.tasks.track.memory import MemoryPropagator
from sonotrace.tasks.track.objects import FrameResult, claim, ids_in, masks_of, put_given
from sonotrace.tasks.track.propagator import Propagator
from sonotrace.tasks.track.settings import TrackerSettings
from sonotrace.tasks.track.states import ObjectState, StateThresholds
from sonotrace.types import Frame, LabelMap, Probability

_GivenMask = UInt8[Tensor, "rows columns"]
"""A label map that may turn out to have another size than its frame."""
_LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue, as ITU-R BT.601 sets them."""


class _Waiting(NamedTuple):
    frame: Float[Tensor, "1 C H W"]
    mask: LabelMap | None


class Tracker:
    """Follows objects from frame to frame, starting at the mask of one frame.

    A mask may come with any frame. Each object in it is new or, where its id is known already,
    corrected; objects that are not in it go on as predicted, outside of what it shows. Its void
    pixels count as background. The given mask is the answer for its frame.

    Only masks given to `step` are ever seen. Frames before the first mask get an empty answer.

    Example:
        tracker = Tracker(network)
        first = tracker.step(frames[0], mask)
        for frame in frames[1:]:
            result = tracker.step(frame)
    """

    def __init__(
        self, network: MemoryNetwork | Propagator, *, settings: TrackerSettings | None = None
    ) -> None:
        self.settings = settings or TrackerSettings()
        self.thresholds = self.settings.states or StateThresholds.from_metadata(
            getattr(network, "facts", {})
        )
        self.propagator: Propagator = (
            network if isinstance(network, Propagator) else MemoryPropagator(network, self.settings)
        )
        self.notes: tuple[str, ...] = ()
        """What a report should say of how frames were prepared."""
        self.reset()

    def reset(self) -> None:
        """Forget the clip: the next frame is frame 0 of another one."""
        self.propagator.reset()
        self._frames = 0
        self._answers = 0
        self._size: tuple[int, int] | None = None
        self._waiting: deque[_Waiting] = deque()
        self._states: dict[int, ObjectState] = {}

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The objects being followed, in the order in which they came."""
        return tuple(self._states)

    @torch.inference_mode()
    def step(self, frame: Frame, mask: _GivenMask | None = None) -> FrameResult | None:
        """Take the next frame and return the oldest answer that is due.

        That is the answer for this very frame, unless the network looks ahead: then it is the
        one for the frame `lookahead_frames` before, and None until there is one.

        Raises:
            MaskError: The mask has another size than the frame, or shows no object.
            DataContractError: The frame is too small, or not of the size of those before.
        """
        started = time.perf_counter()
        self._check(frame, mask)
        self._frames += 1
        self._waiting.append(_Waiting(self._prepare(frame), mask))
        if len(self._waiting) <= self.propagator.lookahead_frames:
            return None
        return self._answer(started)

    @torch.inference_mode()
    def flush(self) -> list[FrameResult]:
        """End the clip: return the answers still due, and forget the clip."""
        results = [self._answer(time.perf_counter()) for _ in range(len(self._waiting))]
        self.reset()
        return results

    def remove(self, object_id: int) -> None:
        """Stop following an object; with the last one the memory is forgotten too."""
        if object_id not in self._states:
            raise ValueError(f"no object {object_id} to remove; there are {list(self._states)}")
        del self._states[object_id]
        if self._states:
            self.propagator.remove(object_id)
        else:
            self.propagator.reset()

    def _answer(self, started: float) -> FrameResult:
        """Answer for the frame that has waited longest."""
        window = tuple(waiting.frame for waiting in self._waiting)
        mask = self._waiting.popleft().mask
        number, self._answers = self._answers, self._answers + 1
        found = self._follow(window, mask, number)
        ids = self.object_ids
        claims = claim(found, ids)
        drawn = () if mask is None else ids_in(mask, number)
        states = tuple(
            self._states[i].correct(area) if i in drawn else self._states[i].update(sure, area)
            for i, area, sure in zip(ids, claims.areas, claims.confidence, strict=True)
        )
        return FrameResult(
            frame=number,
            labels=claims.labels,
            probabilities=found.cpu(),
            object_ids=ids,
            confidence=claims.confidence,
            states=states,
            given=mask is not None,
            seconds=time.perf_counter() - started,
        )

    def _follow(
        self, window: tuple[Tensor, ...], mask: LabelMap | None, number: int
    ) -> Probability:
        """Return the probabilities of all objects, those that begin in this frame included."""
        if mask is None and not self._states:
            return window[0].new_zeros(0, *window[0].shape[2:])
        logits = self.propagator.predict(window, self.object_ids)
        found = aggregate(logits[None])[0]
        if mask is not None:
            for identity in ids_in(mask, number):
                self._states.setdefault(identity, ObjectState(self.thresholds))
            given = masks_of(mask.to(found.device), self.object_ids)
            new = len(given) - len(found)
            found = torch.cat([found, found.new_zeros(new, *found.shape[1:])])
            found = put_given(found, given)
        self.propagator.observe(self.object_ids, found, given=mask is not None)
        return found

    def _check(self, frame: Frame, mask: _GivenMask | None) -> None:
        size, least = (frame.shape[1], frame.shape[2]), self.propagator.minimum_size
        if self._size not in {None, size}:
            raise DataContractError(
                f"frame {self._frames} is {size[0]} x {size[1]} pixels (rows x columns), those "
                f"before were {self._size}. A clip has one size; call reset() for another clip."
            )
        if min(size) < least:
            raise DataContractError(
                f"frame {self._frames} is {size[0]} x {size[1]} pixels; the network needs at "
                f"least {least} x {least}. Enlarge the frames first."
            )
        if mask is not None and tuple(mask.shape) != size:
            raise MaskError(
                f"the mask of frame {self._frames} is {mask.shape[0]} x {mask.shape[1]} pixels "
                f"(rows x columns), the frame {size[0]} x {size[1]}. Give a mask of the frame's "
                f"size; resize label maps by nearest neighbour only."
            )
        if mask is not None:
            ids_in(mask, self._frames)
        self._size = size

    def _prepare(self, frame: Frame) -> Float[Tensor, "1 channels H W"]:
        """Return brightness in [0, 1] with as many channels as the network takes."""
        wanted, given = self.propagator.in_channels, frame.shape[0]
        brightness = frame.to(self.settings.device)[None].float().div_(255)  # (1, C, H, W)
        if given == wanted:
            return brightness
        if given == 1:
            return brightness.expand(-1, wanted, -1, -1)
        if given == 3 and wanted == 1:
            self._note("colour frames entered the network as luminance (ITU-R BT.601)")
            weights = brightness.new_tensor(_LUMINANCE)
            return torch.einsum("bchw,c->bhw", brightness, weights)[:, None]
        raise DataContractError(
            f"a frame of {given} channels for a network of {wanted}. Give frames of 1 or 3."
        )

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes = (*self.notes, note)
