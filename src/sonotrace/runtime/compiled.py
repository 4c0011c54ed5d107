"""The torch.compile backend: needs a C++ compiler on a CPU."""

import shutil
import warnings
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from sonotrace.errors import UsageError
from sonotrace.runtime.exported import Part, export

_COMPILERS = ("g++", "clang++", "c++", "cl")


def require_compiler() -> None:
    """Raise unless there is a C++ compiler, and torch lies where it can be linked with.

    Raises:
        UsageError: There is no compiler, or the path of torch holds a space: torch.compile hands
            it to the linker in two pieces.
    """
    folder = Path(torch.__file__).parent
    if any(sign.isspace() for sign in str(folder)):
        raise UsageError(
            f"--backend compiled cannot link with torch in {str(folder)!r}: the path holds a "
            f"space. Install in a folder without one, or use --backend eager or openvino."
        )
    if not any(shutil.which(name) for name in _COMPILERS):
        raise UsageError(
            f"--backend compiled needs a C++ compiler, and none of {', '.join(_COMPILERS)} is on "
            f"the PATH. Install one, or use --backend eager or openvino."
        )


class CompiledBuild:
    """Builds parts with torch.compile, their weights laid out in advance."""

    def __init__(self, precision: str) -> None:
        require_compiler()
        self._precision = precision

    def __call__(self, part: nn.Module, examples: tuple[Tensor, ...]) -> Part:
        """Build one part for inputs of just these shapes."""
        if self._precision == "bf16":
            part = _InBf16(part)
        graph = export(part, examples).module()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's own deprecated calls
            run = torch.compile(graph, dynamic=False, options={"freezing": True})

        def compute(*inputs: Tensor) -> tuple[Tensor, ...]:
            # Frozen graphs are built without gradients, but not in inference mode.
            with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
                plain = tuple(v.clone() if v.is_inference() else v for v in inputs)
                return cast("tuple[Tensor, ...]", run(*plain))

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's own deprecated calls
            compute(*examples)
        return compute


class _InBf16(nn.Module):
    """Computes in bf16 between inputs and outputs of float32."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        with torch.autocast("cpu", torch.bfloat16):
            outputs = self.part(*inputs)
        return tuple(value.float() for value in outputs)
