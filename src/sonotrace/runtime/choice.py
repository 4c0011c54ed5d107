"""Which backend computes, and the network made ready for it."""

from importlib.util import find_spec
from typing import cast

from torch import nn

from sonotrace.errors import UsageError
from sonotrace.models.video import MemoryNetwork
from sonotrace.runtime.bf16 import slowdown_in_bf16
from sonotrace.runtime.compiled import CompiledBuild
from sonotrace.runtime.eager import Bf16Network, fold_batch_norms, ready_float32
from sonotrace.runtime.exported import Build, ExportedNetwork
from sonotrace.runtime.onnx import OnnxBuild
from sonotrace.runtime.openvino import OpenVinoBuild
from sonotrace.runtime.settings import (
    Backend,
    Precision,
    RuntimeSettings,
    RuntimeUsed,
    choose_device,
)

LONG_CLIP = 500
"""Frames from which `auto` takes a backend that needs some seconds to build."""
_EMULATED = 3
"""Times as slow as float32 from which bf16 is taken for emulated."""


def prepare(network: nn.Module, settings: RuntimeSettings) -> tuple[MemoryNetwork, RuntimeUsed]:
    """Return the network ready to compute as asked, and what was chosen where `auto` was said.

    The network that was given stays as it was.

    Raises:
        MissingExtraError: The backend's package is not installed.
        ResourceError: The device is not there.
        UsageError: Backend, device and precision do not go together, or there is no compiler.
    """
    device = choose_device(settings.device)
    backend, note = choose_backend(settings, device)
    used = RuntimeUsed(device=device, backend=backend, precision=settings.precision, note=note)
    if backend != "eager":
        if device != "cpu":
            raise UsageError(f"--backend {backend} computes on the CPU: add --device cpu.")
        build = _builder(backend, settings.precision)
        return ExportedNetwork(fold_batch_norms(network), build), used
    if settings.precision == "bf16":
        return cast("MemoryNetwork", Bf16Network(network, device)), used
    return cast("MemoryNetwork", ready_float32(network, device)), used


def choose_backend(settings: RuntimeSettings, device: str) -> tuple[Backend, str]:
    """Return the backend, and a note where `auto` had a reason that a user may want to know.

    `auto` is eager, which starts at once. In bf16 it is OpenVINO for clips of at least `LONG_CLIP`
    frames on a CPU, where that is installed: it takes some seconds to build, and is quicker for the
    shipped model from then on.
    """
    if settings.backend != "auto":
        return settings.backend, _note_on_bf16(settings, device)
    long = settings.precision == "bf16" and settings.frames >= LONG_CLIP
    if device != "cpu" or not long:
        return "eager", _note_on_bf16(settings, device)
    if find_spec("openvino") is None:
        extra = "a clip this long is quicker with: pip install 'sonotrace[export]'"
        return "eager", _note_on_bf16(settings, device) or extra
    return "openvino", f"openvino was chosen because the clip has {settings.frames} frames"


def _note_on_bf16(settings: RuntimeSettings, device: str) -> str:
    if settings.precision != "bf16" or device != "cpu" or settings.backend == "openvino":
        return ""  # OpenVINO has kernels of its own
    if slowdown_in_bf16() < _EMULATED:
        return ""
    return (
        f"this processor only emulates bf16, {slowdown_in_bf16():.0f} times as slow as float32: "
        f"--precision float32 is quicker"
    )


def _builder(backend: Backend, precision: Precision) -> Build:
    if backend == "openvino":
        return OpenVinoBuild(precision)
    if backend == "compiled":
        return CompiledBuild(precision)
    if precision != "float32":
        raise UsageError(
            f"--backend onnx computes in float32 only, not {precision}. Use --backend openvino, "
            f"eager or compiled."
        )
    return OnnxBuild()
