"""Short training clips made of still pictures: the first stage of training a tracker.

A still picture with a mask is moved, turned and bent a little further in every frame
(Cheng et al., "Rethinking Space-Time Networks", STCN, NeurIPS 2021, arXiv:2106.05210, its
stage of still pictures; thin-plate splines are B-spline bends here, and hue, saturation and
whole-picture replacement make way for what ultrasound does). Added for ultrasound: changes of
gain, dynamic range and depth gain, noise and shadows; look-alikes that are not the target;
targets that move against their surroundings, and that leave the view.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, UInt8
from scipy import ndimage
from torch import Tensor
from torch.utils.data import Dataset

from sonotrace.data.sample import Sample, TrainingClip
from sonotrace.datasets.layers import Layer, blob, cut_out, mean_brightness, sample_layer
from sonotrace.datasets.pictures import LabelledPictures
from sonotrace.datasets.splits import require_trainable
from sonotrace.errors import DataContractError
from sonotrace.io.colour import luminance
from sonotrace.settings import Settings
from sonotrace.transforms.intensity import LookRange, apply_look, draw_look, drift
from sonotrace.transforms.spatial import (
    Warp,
    WarpRange,
    Window,
    chain,
    draw_warp,
    sample,
    shifted,
)
from sonotrace.types import VOID, Frame, LabelMap

_ATTEMPTS = 8
"""Draws before a clip without any motion is taken."""
_VISIBLE = 4e-4
"""Part of the first frame that a target must cover: 26 of 256 x 256 pixels."""


class TripletSettings(Settings):
    """What the clips look like. Chances are per clip."""

    size: int = 256
    """Side of the square frames, in pixels."""
    frames: int = 3
    max_objects: int = 2
    shrink_to: int = 400
    """Longest side of the pictures in memory; larger ones are shrunk when they are read."""
    first_warp: WarpRange = WarpRange(translation=0.05)
    """How the first frame differs from the picture."""
    step_warp: WarpRange = WarpRange(
        rotation_deg=10, scale=(0.92, 1.08), shear_deg=5, translation=0.06, bend=0.03
    )
    """How each frame differs from the one before."""
    look: LookRange = LookRange()
    flip_chance: float = 0.5
    zoom: tuple[float, float] = (0.6, 1.1)
    """Side of the view, as a part of the picture's longer side."""
    pasted_target_chance: float = 0.2
    """Target cut out of one picture and put onto another one, where it moves on its own."""
    second_target_chance: float = 0.25
    """A further target, from another picture, in a free slot."""
    distractor_chance: float = 0.4
    """Something like the target that is not in the mask; it moves on its own."""
    leave_chance: float = 0.1
    """The target is out of view in one of the frames after the first."""
    split_chance: float = 0.3
    """Where a label has several parts, two of them become two targets."""


class _Still(NamedTuple):
    """One decoded picture, shrunk and grey."""

    image: Frame
    labels: LabelMap
    ids: tuple[int, ...]
    """The objects in it, without background and void."""


class _Scene(NamedTuple):
    """A picture, its targets' masks, and what is pasted onto it."""

    planes: Float32[Tensor, "C Hi Wi"]
    """Brightness, then one plane for each target of the picture itself."""
    window: Window
    layers: tuple[Layer, ...]


class StillTriplets(Dataset[TrainingClip]):
    """Clips of a few frames from still pictures, the same for the same seed and index.

    Any index from 0 on is a clip, also beyond `length`. Pictures whose labels are empty serve
    as backgrounds only. All pictures are decoded once, when this is made.

    Args:
        pools: The pictures, by data set.
        settings: What the clips look like.
        weights: How often each pool is drawn from, in any unit; by default all alike.
        seed: Another seed, other clips.
        length: What `len` says.

    Raises:
        DataContractError: A held-out case is among the pictures, or a pool has no target.
    """

    def __init__(
        self,
        pools: Sequence[LabelledPictures | Sequence[Sample]],
        settings: TripletSettings | None = None,
        *,
        weights: Sequence[float] | None = None,
        seed: int = 0,
        length: int = 10_000,
    ) -> None:
        self.settings = settings or TripletSettings()
        self.seed = seed
        self._length = length
        for pool in pools:
            require_trainable(pool.cases if isinstance(pool, LabelledPictures) else pool)
        shares = np.asarray(weights if weights is not None else [1.0] * len(pools))
        if len(shares) != len(pools) or len(pools) == 0:
            raise ValueError(f"{len(shares)} weights for {len(pools)} pools")
        self._shares = shares / shares.sum()
        stills = [
            [_shrink(pool[i], self.settings.shrink_to) for i in range(len(pool))] for pool in pools
        ]
        self._targets = [[one for one in pool if one.ids] for pool in stills]
        self._backgrounds = [one for pool in stills for one in pool if not one.ids]
        for i, usable in enumerate(self._targets):
            if not usable:
                raise DataContractError(f"pool {i} has no picture with a target. Leave it out.")

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> TrainingClip:
        random = np.random.default_rng([self.seed, index])
        for attempt in range(_ATTEMPTS):
            plain = attempt == _ATTEMPTS - 1
            clip = self._draw(random, plain=plain)
            if clip.present.any():
                break
        return clip

    def _draw(self, random: np.random.Generator, *, plain: bool) -> TrainingClip:
        settings = self.settings
        scene = self._scene(random)
        frames, masks = _render(scene, random, settings, plain=plain)
        for layer in scene.layers:
            warps = _draw_warps(settings, random, plain=plain)
            pasted = sample_layer(layer, warps, settings.size)
            if not plain and random.random() < settings.leave_chance:
                pasted[random.integers(1, len(pasted))] = 0
            frames, masks = _paste(frames, masks, pasted, is_target=layer.is_target)
        look = draw_look(settings.look, random)
        frames = torch.stack(
            [apply_look(frame, drift(look, settings.look, random)) for frame in frames]
        )
        return _pack(frames, masks, settings.max_objects)

    def _scene(self, random: np.random.Generator) -> _Scene:
        settings = self.settings
        still = self._draw_still(random)
        targets = _targets_of(still, settings, random)
        layers: list[Layer] = []
        second = settings.second_target_chance
        if random.random() < settings.pasted_target_chance:
            layers.append(self._foreign_target(random))
            still, targets = self._background(random), []
        elif len(targets) < settings.max_objects and random.random() < second:
            layers.append(self._foreign_target(random))
        window = _window(still, targets, settings, random)
        if random.random() < settings.distractor_chance:
            layers.insert(0, self._distractor(still, targets, random))
        brightness = still.image[0].to(torch.float32) / 255
        planes = torch.stack([brightness, *(mask.to(torch.float32) for mask in targets)])
        return _Scene(planes, window, tuple(layers))

    def _draw_still(self, random: np.random.Generator) -> _Still:
        pool = self._targets[random.choice(len(self._shares), p=self._shares)]
        return pool[random.integers(len(pool))]

    def _background(self, random: np.random.Generator) -> _Still:
        if not self._backgrounds or random.random() < 0.5:
            return self._draw_still(random)
        return self._backgrounds[random.integers(len(self._backgrounds))]

    def _foreign_target(self, random: np.random.Generator) -> Layer:
        still = self._draw_still(random)
        mask = _targets_of(still, self.settings, random)[0]
        return cut_out(still.image[0], mask, random, is_target=True)

    def _distractor(
        self, still: _Still, targets: list[Bool[Tensor, "H W"]], random: np.random.Generator
    ) -> Layer:
        kind = random.random()
        if targets and kind < 0.4:
            level = mean_brightness(still.image[0], targets[0])
            return blob(still.image[0], level, random)
        if targets and kind < 0.6:
            return cut_out(still.image[0], targets[0], random, is_target=False)
        foreign = self._foreign_target(random)
        return foreign._replace(is_target=False)


def _shrink(picture: Sample, longest: int) -> _Still:
    """Return a grey picture whose longer side is at most `longest`, and its labels."""
    image = luminance(picture.image)
    labels = picture.labels
    factor = longest / max(labels.shape)
    if factor < 1:
        shape = (round(factor * labels.shape[0]), round(factor * labels.shape[1]))
        small = F.interpolate(image[None].to(torch.float32), size=shape, mode="area")[0]
        image, labels = small.round().to(torch.uint8), _shrink_labels(labels, shape)
    ids = tuple(i for i in labels.unique().tolist() if 0 < i < VOID)
    return _Still(image, labels, ids)


def _shrink_labels(labels: LabelMap, shape: tuple[int, int]) -> UInt8[Tensor, "h w"]:
    """Give a pixel the id that covers most of it, if it covers 0.35 of it: lines stay whole."""
    small = torch.zeros(shape, dtype=torch.uint8)
    best = torch.full(shape, 0.35)
    for i in labels.unique().tolist()[int(not labels.all()) :]:
        cover = F.interpolate((labels == i).float()[None, None], size=shape, mode="area")[0, 0]
        small = torch.where(cover >= best, torch.tensor(i, dtype=torch.uint8), small)
        best = torch.maximum(best, cover)
    return small


def _targets_of(
    still: _Still, settings: TripletSettings, random: np.random.Generator
) -> list[Bool[Tensor, "H W"]]:
    """Choose the targets among the objects of a picture, at most `max_objects`, in any order."""
    masks = [still.labels == i for i in still.ids]
    if len(masks) == 1 and random.random() < settings.split_chance:
        masks = _parts(masks[0])
    order = random.permutation(len(masks))
    count = int(random.integers(1, settings.max_objects + 1))
    return [masks[i] for i in order[:count]]


def _parts(mask: Bool[Tensor, "H W"]) -> list[Bool[Tensor, "H W"]]:
    """Return the connected parts of a twentieth of the mask or more; all of it if too few are."""
    numbered, count = ndimage.label(mask.numpy(), structure=np.ones((3, 3)))
    areas = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
    large = [i + 1 for i in range(count) if areas[i] >= 0.05 * areas.sum()]
    return [torch.from_numpy(numbered == i) for i in large] if len(large) > 1 else [mask]


def _window(
    still: _Still,
    targets: list[Bool[Tensor, "H W"]],
    settings: TripletSettings,
    random: np.random.Generator,
) -> Window:
    """Draw a view that holds the targets and shows little beyond the picture's border."""
    rows, columns = still.labels.shape
    side = max(rows, columns) * random.uniform(*settings.zoom)
    top, bottom, left, right = 0, rows, 0, columns
    if targets:
        mask = torch.stack(targets).any(dim=0)
        inside_rows, inside_columns = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
        top, bottom = int(inside_rows[0]), int(inside_rows[-1]) + 1
        left, right = int(inside_columns[0]), int(inside_columns[-1]) + 1
        side = max(side, 1.2 * (bottom - top), 1.2 * (right - left))
    row = _centre(top, bottom, rows, side, random)
    column = _centre(left, right, columns, side, random)
    return Window(column, row, side, flipped=bool(random.random() < settings.flip_chance))


def _centre(start: int, stop: int, length: int, side: float, random: np.random.Generator) -> float:
    """Draw the centre of the view along one axis: around the target, mostly in the picture."""
    room = max(0.0, side - (stop - start)) / 2
    centre = (start + stop) / 2 + 0.8 * random.uniform(-room, room)
    loose = 0.05 * side
    if side >= length:
        return float(np.clip(centre, length / 2 - loose, length / 2 + loose))
    return float(np.clip(centre, side / 2 - loose, length - side / 2 + loose))


def _draw_warps(
    settings: TripletSettings, random: np.random.Generator, *, plain: bool
) -> list[Warp]:
    if plain:
        return [Warp(matrix=np.eye(3))] * settings.frames
    first = draw_warp(settings.first_warp, random)
    steps = [draw_warp(settings.step_warp, random) for _ in range(settings.frames - 1)]
    return chain([first, *steps])


def _render(
    scene: _Scene, random: np.random.Generator, settings: TripletSettings, *, plain: bool
) -> tuple[Float32[Tensor, "T H W"], Bool[Tensor, "T O H W"]]:
    """Return the frames and the masks of the picture's own targets."""
    warps = _draw_warps(settings, random, plain=plain)
    shown = sample(scene.planes, scene.window, warps, settings.size)
    leaves = not plain and random.random() < settings.leave_chance
    if leaves and shown.shape[1] > 1:
        t = int(random.integers(1, settings.frames))
        gone = _out_of_view(warps[t], shown[t, 1:].amax(dim=0) >= 0.5, random)
        shown[t] = sample(scene.planes, scene.window, [gone], settings.size)[0]
    return shown[:, 0], shown[:, 1:] >= 0.5


def _out_of_view(warp: Warp, mask: Bool[Tensor, "H W"], random: np.random.Generator) -> Warp:
    """Return the warp moved the shortest way that takes the mask out of the view."""
    inside = mask.nonzero()
    if not len(inside):
        return warp
    low, high = inside.amin(dim=0).tolist(), (inside.amax(dim=0) + 1).tolist()
    size = mask.shape[0]
    moves = [(0, -high[0]), (0, size - low[0]), (-high[1], 0), (size - low[1], 0)]
    x, y = min(moves, key=lambda move: abs(move[0]) + abs(move[1]))
    further = random.uniform(1.05, 1.3) * 2 / size
    return shifted(warp, further * x, further * y)


def _paste(
    frames: Float32[Tensor, "T H W"],
    masks: Bool[Tensor, "T O H W"],
    pasted: Float32[Tensor, "T 3 H W"],
    *,
    is_target: bool,
) -> tuple[Float32[Tensor, "T H W"], Bool[Tensor, "T P H W"]]:
    """Lay a piece over the frames: it hides the targets beneath, and may be one itself."""
    brightness, opacity, inside = pasted.unbind(dim=1)
    # The sampled brightness fades at the piece's border as its opacity does: no dark seam,
    # because the opacity is 0 there.
    frames = frames + opacity * (brightness - frames)
    masks = masks & (opacity < 0.5)[:, None]
    if is_target:
        masks = torch.cat([masks, (inside >= 0.5)[:, None]], dim=1)
    return frames, masks


def _pack(
    frames: Float32[Tensor, "T H W"], masks: Bool[Tensor, "T O H W"], slots: int
) -> TrainingClip:
    """Put the targets that the first frame shows into the first slots, the others nowhere."""
    least = _VISIBLE * frames[0].numel()
    kept = [i for i, mask in enumerate(masks[0]) if mask.sum() >= least][:slots]
    packed = torch.zeros(len(frames), slots, *frames.shape[1:])
    packed[:, : len(kept)] = masks[:, kept].to(torch.float32)
    present = torch.arange(slots) < len(kept)
    return TrainingClip(frames=frames[:, None], masks=packed, present=present)
