"""Rigid motions as 4x4 matrices.

A pose is named `target_from_source`, so that neighbours cancel when composed:
`world_from_pixel = world_from_image @ image_from_pixel`.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sonotrace.errors import GeometryError


def is_rigid(matrices: Float[Tensor, "*N 4 4"], tolerance: float = 1e-4) -> Bool[Tensor, "*N"]:
    """Tell for every matrix whether it is a rotation and a translation and nothing else."""
    axes, last_row = matrices[..., :3, :3], matrices[..., 3, :]
    gram = axes.mT @ axes  # (..., 3, 3); the identity for a rotation
    rigid = (gram - torch.eye(3).to(gram)).abs().amax(dim=(-2, -1)) <= tolerance
    rigid &= axes.det() > 0
    return rigid & (last_row - torch.tensor([0, 0, 0, 1]).to(last_row)).abs().amax(-1).le(tolerance)


def require_rigid(matrices: Float[Tensor, "*N 4 4"], tolerance: float = 1e-4) -> None:
    """Raise `GeometryError` unless every matrix is a rotation and a translation."""
    flat = matrices.reshape(-1, 4, 4)
    rigid = is_rigid(flat, tolerance)
    if bool(rigid.all()):
        return
    i = int((~rigid).nonzero()[0])
    axes, last_row = flat[i, :3, :3], flat[i, 3]
    lengths = ", ".join(f"{length:.3g}" for length in axes.norm(dim=0))
    raise GeometryError(
        f"pose {i} is not rigid: its axes have lengths {lengths} (must be 1, 1, 1), "
        f"determinant {axes.det():.3g} (must be 1), last row {last_row.tolist()} (must be "
        f"0, 0, 0, 1). Lengths other than 1 usually mean that the calibration, mm per pixel, "
        f"was multiplied into the pose; keep it apart as `image_from_pixel`."
    )


def inverse(pose: Float[Tensor, "*N 4 4"]) -> Float[Tensor, "*N 4 4"]:
    """Return the motion back: the transpose of the rotation, and the translation undone.

    Raises:
        GeometryError: A matrix scales, shears or mirrors.
    """
    require_rigid(pose)
    rotation = pose[..., :3, :3].mT
    back = pose.clone()
    back[..., :3, :3] = rotation
    back[..., :3, 3:] = -rotation @ pose[..., :3, 3:]
    return back
