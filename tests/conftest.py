"""What all tests share: the same random numbers, a device, and real data where it is."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors; tests run side by side

import pytest
import torch


@pytest.fixture(autouse=True)
def _same_numbers_every_run() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def device() -> torch.device:
    """CPU, unless SONOTRACE_TEST_DEVICE names another."""
    return torch.device(os.environ.get("SONOTRACE_TEST_DEVICE", "cpu"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real ultrasound named by SONOTRACE_DATA; skips the test without it."""
    folder = Path(os.environ.get("SONOTRACE_DATA", "not set"))
    if not folder.is_dir():
        pytest.skip("no real ultrasound: set SONOTRACE_DATA to a folder that holds it")
    return folder
