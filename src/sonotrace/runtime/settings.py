"""Where and how a network computes."""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field, ValidationError

from sonotrace.errors import ResourceError, UsageError
from sonotrace.settings import Settings

Backend = Literal["eager", "compiled", "onnx", "openvino"]
Precision = Literal["float32", "bf16"]


class RuntimeSettings(Settings):
    """What was asked for; `auto` leaves the choice to the machine."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    backend: Backend | Literal["auto"] = "auto"
    precision: Precision = "float32"
    frames: int = Field(default=0, ge=0)
    """How many frames are to come, as far as is known: a backend that takes time to build pays
    only on long clips. Only `auto` looks at it."""

    @classmethod
    def named(cls, device: str, backend: str, precision: str, frames: int = 0) -> "RuntimeSettings":
        """Return settings from words typed by a user.

        Raises:
            UsageError: A word is none of those there are; the message lists them.
        """
        try:
            return cls.model_validate(
                {"device": device, "backend": backend, "precision": precision, "frames": frames}
            )
        except ValidationError as error:
            name, typed = error.errors()[0]["loc"][0], error.errors()[0]["input"]
            expected = error.errors()[0]["msg"].removeprefix("Input should be ")
            raise UsageError(f"--{name} should be {expected}, not {typed!r}.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeUsed:
    """What was used in the end, for the report."""

    device: str
    backend: Backend
    precision: Precision
    note: str = ""
    """Why another backend would be quicker, or why this one was chosen; often nothing."""


def choose_device(asked: Literal["auto", "cpu", "cuda"]) -> str:
    """Return `cpu` or `cuda`.

    Raises:
        ResourceError: CUDA was asked for and there is none.
    """
    if asked == "cuda" and not torch.cuda.is_available():
        raise ResourceError(
            "--device cuda: this build of torch finds no CUDA device. Use --device cpu, or "
            "install a CUDA build of torch."
        )
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return asked
