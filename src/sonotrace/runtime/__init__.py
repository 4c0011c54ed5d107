"""Backends that compute a network, each checked against float32."""

from sonotrace.runtime.choice import LONG_CLIP, choose_backend, prepare
from sonotrace.runtime.settings import RuntimeSettings, RuntimeUsed

__all__ = ["LONG_CLIP", "RuntimeSettings", "RuntimeUsed", "choose_backend", "prepare"]
