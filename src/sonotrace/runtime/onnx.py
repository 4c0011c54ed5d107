"""The ONNX Runtime backend: float32 on the CPU."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sonotrace.errors import MissingExtraError
from sonotrace.runtime.exported import Part, export

_OPSET = 20


def import_onnxruntime() -> Any:
    """Return the package that runs models, if those that write them are there as well.

    Raises:
        MissingExtraError: One is not installed, or does not load.
    """
    try:
        import onnxruntime  # noqa: PLC0415 - optional
        import onnxscript  # noqa: F401, PLC0415 - optional; torch's exporter needs it
    except (ImportError, RuntimeError, OSError) as error:
        raise MissingExtraError("onnxruntime or onnxscript", "export") from error
    return onnxruntime


class OnnxBuild:
    """Builds parts with ONNX Runtime; as many threads as torch has."""

    def __init__(self) -> None:
        self._runtime = import_onnxruntime()

    def __call__(self, part: nn.Module, examples: tuple[Tensor, ...]) -> Part:
        """Build one part for inputs of just these shapes."""
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = self._runtime.InferenceSession(
            _as_onnx(part, examples), options, providers=["CPUExecutionProvider"]
        )
        names = [given.name for given in session.get_inputs()]

        def run(*inputs: Tensor) -> tuple[Tensor, ...]:
            arrays = (value.contiguous().numpy() for value in inputs)
            outputs = session.run(None, dict(zip(names, arrays, strict=True)))
            return tuple(torch.from_numpy(value) for value in outputs)

        return run


def _as_onnx(part: nn.Module, examples: tuple[Tensor, ...]) -> bytes:
    """Return the part as the bytes of an ONNX file."""
    exported = export(part, examples)
    with _silent(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own deprecated calls
        program = torch.onnx.export(exported, dynamo=True, opset_version=_OPSET, verbose=False)
    file = io.BytesIO()
    program.save(file)  # type: ignore[arg-type, union-attr]  # a stream will do
    return file.getvalue()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep the exporter from telling users which packages it does without."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
