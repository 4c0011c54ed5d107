"""Where the clips of a run on one's own labelled clips come from."""

from pathlib import Path

from sonotrace.config import ClipsConfig, RunConfig
from sonotrace.datasets.splits import require_trainable, split_by_group
from sonotrace.errors import DataContractError
from sonotrace.io.davis import read_davis
from sonotrace.recipes.stills import ClipsOfRun, first_clips
from sonotrace.settings import replace
from sonotrace.training.real_clips import RealClips, RealClipSettings
from sonotrace.transforms.intensity import LookRange

_SPLIT_SEED = 1
_VALIDATION_SEED = 10_000_019


def real_clips(config: ClipsConfig, run: RunConfig, root: Path) -> ClipsOfRun:
    """Read clips in the DAVIS layout below `root`; whole patients or videos validate.

    Raises:
        DataContractError: There are too few patients or videos to divide, too few label maps,
            or a held-out case.
    """
    samples = [sample for sample in read_davis(root) if len(sample.masks) >= 2]
    require_trainable(samples)
    groups = {sample.group for sample in samples}
    if len(groups) < 2:
        raise DataContractError(
            f"{root}: {len(samples)} clips with two label maps or more, of {len(groups)} patients "
            f"or videos. At least two are needed: one part trains, the other one validates."
        )
    training, validation = split_by_group(samples, config.validation_fraction, _SPLIT_SEED)
    draw = RealClips(training, config.real, seed=run.seed)
    kept = RealClips(validation, _plain(config), seed=_VALIDATION_SEED)
    clips = first_clips(kept, config.validation_clips)
    if not any(clip.present.any() for clip in clips):
        raise DataContractError(
            f"{root}: no label map of the clips that validate, such as {validation[0].id!r}, shows "
            f"an object. Draw targets with the values 1 to 254; 0 is background and 255 unknown."
        )
    return ClipsOfRun(draw, {"clips": clips})


def _plain(config: ClipsConfig) -> RealClipSettings:
    """Return the settings of clips to validate on: longer, forwards, unchanged in brightness."""
    same = LookRange(
        gain=0,
        contrast=(1, 1),
        gamma=(1, 1),
        depth_gain=0,
        noise_chance=0,
        shadow_chance=0,
        blur_chance=0,
        drift=0,
    )
    return replace(
        config.real,
        frames=config.validation_frames,
        crop=(1.0, 1.0),
        flip_chance=0.0,
        reverse_chance=0.0,
        look=same,
    )
