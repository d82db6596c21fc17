"""SIGTERM and SIGUSR1, with which schedulers announce that they take the machine away, end a run at its next step."""

import signal
import threading
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist

from .distributed import world_size


class StopRequest:
    """Note SIGTERM and SIGUSR1, and make all processes agree on the step at which they stop.

    The first signal is noted, the second ends the process at once. Use it as a context manager: the handlers of before
    come back at its end. Only the main thread may set handlers; elsewhere nothing is noted.
    """

    SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))

    def __init__(self) -> None:
        self.number = 0
        self.before: dict[int, object] = {}
        self.group: Any = dist.new_group(backend="gloo") if world_size() > 1 else None
        self.flag = torch.zeros(1)
        self.pending: dist.Work | None = None

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # what signal.signal returned
        self.before = {}

    def agreed(self) -> int:
        """Return the signal on which to stop now, else 0; every process calls this once a step.

        With several processes, the answer of a step is what all of them knew at the step before: the exchange runs
        beside the step, on the CPU, and nobody waits for it.
        """
        if self.group is None:
            return self.number
        agreed = 0
        if self.pending is not None:
            self.pending.wait()
            agreed = int(self.flag)
            self.number = agreed or self.number
        self.flag = torch.full((1,), float(self.number))
        self.pending = dist.all_reduce(self.flag, dist.ReduceOp.MAX, group=self.group, async_op=True)
        return agreed
