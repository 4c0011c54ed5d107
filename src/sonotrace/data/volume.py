"""A volume: voxels and where they are."""

from dataclasses import dataclass

from jaxtyping import Shaped
from torch import Tensor

from sonotrace.types import Pose


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Voxels (D, H, W) and the millimetres of their centres."""

    voxels: Shaped[Tensor, "D H W"]
    world_from_voxel: Pose
    """Takes (w, h, d, 1), the indices of a voxel fastest axis first, to mm."""
