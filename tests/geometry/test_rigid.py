"""Poses obey the laws of a group, and what is no pose is named."""

import pytest
import torch
from torch.testing import assert_close

from sonotrace.errors import GeometryError
from sonotrace.geometry.rigid import inverse, is_rigid, require_rigid


def random_pose():
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = rotation * rotation.det().sign()
    pose[:3, 3] = 10 * torch.randn(3, dtype=torch.float64)
    return pose


def test_inverse_undoes_a_pose():
    pose = random_pose()
    assert_close(pose @ inverse(pose), torch.eye(4, dtype=pose.dtype))


def test_inverse_reverses_a_product():
    a, b = random_pose(), random_pose()
    assert_close(inverse(a @ b), inverse(b) @ inverse(a))


def test_inverses_are_taken_of_whole_tracks():
    track = torch.stack([random_pose() for _ in range(5)])
    assert_close(inverse(inverse(track)), track)


@pytest.mark.parametrize(
    ("diagonal", "problem"),
    [
        ([0.2, 0.2, 0.2, 1], "lengths 0.2, 0.2, 0.2"),
        ([1, 1, -1, 1], "determinant -1"),
        ([1, 1, 1, 2], "last row"),
    ],
)
def test_what_is_not_rigid_is_named_by_its_index(diagonal, problem):
    track = torch.eye(4).repeat(3, 1, 1)
    track[1] = torch.diag(torch.tensor(diagonal, dtype=torch.float32))
    with pytest.raises(GeometryError, match=f"pose 1 is not rigid.*{problem}"):
        require_rigid(track)


def test_each_matrix_is_judged_by_itself():
    track = torch.stack([random_pose(), 2 * random_pose(), random_pose()])
    assert is_rigid(track).tolist() == [True, False, True]


def test_shear_is_not_rigid():
    sheared = random_pose()
    sheared[:3, 0] += 0.1 * sheared[:3, 1]
    assert not bool(is_rigid(sheared))
