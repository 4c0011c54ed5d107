"""Backends that compute a network, each checked against float32."""

from typing import cast

from torch import nn

from sonotrace.models.video import MemoryNetwork
from sonotrace.runtime.eager import ready
from sonotrace.runtime.settings import RuntimeSettings, RuntimeUsed, choose_device

__all__ = ["RuntimeSettings", "RuntimeUsed", "prepare"]


def prepare(network: nn.Module, settings: RuntimeSettings) -> tuple[MemoryNetwork, RuntimeUsed]:
    """Return the network ready to compute as asked, and what was chosen where `auto` was said."""
    device = choose_device(settings.device)
    used = RuntimeUsed(device=device, backend="eager", precision=settings.precision)
    return cast("MemoryNetwork", ready(network, device)), used
