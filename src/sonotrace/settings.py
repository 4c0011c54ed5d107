"""Settings: the base of every configuration class."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Typed, frozen, and closed: an unknown key is an error, never a no-op."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


S = TypeVar("S", bound=Settings)


def replace(settings: S, **changes: object) -> S:
    """Return a copy with some settings changed, checked like a new one."""
    return settings.model_validate({**dict(settings), **changes})
