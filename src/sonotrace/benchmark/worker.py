"""Rigs in processes of their own, so that each has its own peak of memory.

All processes of a table live at the same time and take turns, so that a noisy machine is
noisy for all of them.
"""

import multiprocessing
from multiprocessing.connection import Connection
from types import TracebackType

from sonotrace.benchmark.rig import Job, Rig, Timing
from sonotrace.errors import SonotraceError


class Worker:
    """A rig in another process."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.job = job
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, job), daemon=True)
        self._process.start()
        there.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._here.close()
        self._process.join(timeout=5)
        if self._process.is_alive():
            self._process.terminate()

    def wait(self) -> str:
        """Wait until the rig is built; return why it cannot be, or nothing."""
        return str(self._receive())

    def run(self, memory: int, cycles: int) -> Timing:
        """Time one round."""
        self._here.send((memory, cycles))
        found = self._receive()
        if not isinstance(found, Timing):
            raise SonotraceError(f"{self.job}: {found}")
        return found

    def _receive(self) -> object:
        try:
            return self._here.recv()
        except EOFError:
            return "its process ended; there may be too little memory"


def _serve(connection: Connection, job: Job) -> None:
    try:
        rig = Rig(job)
        connection.send("")
    except (SonotraceError, RuntimeError, ImportError) as error:
        connection.send(str(error) or repr(error))
        return
    while True:
        try:
            memory, cycles = connection.recv()
        except EOFError:
            return
        connection.send(rig.run(memory, cycles))
