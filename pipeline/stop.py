"""How a command takes SIGTERM and Ctrl-C: at once, or after the slice in hand.

Python lets the main thread alone handle signals; elsewhere nothing is taken, and nothing interrupts.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


class Stop:
    """The handler of SIGTERM and Ctrl-C; the signal that ends the work raises KeyboardInterrupt where it stands."""

    def __init__(self, patience: int = 0, say: Callable[[], None] | None = None) -> None:
        self.asked = False
        """Somebody wants the work to end; `patience` is how many signals are only noted."""
        self.deaf = False
        """Nothing interrupts any more: the run commits, or takes back what it wrote."""
        self.told = False
        """The work was interrupted; what that raised may have been dressed up by Beam or lost in a callback."""
        self._patience = patience
        self._say = say
        self._waking = threading.Event()

    def __call__(self, *_: object) -> None:
        """Takes a signal."""
        self.asked = True
        self._waking.set()
        if self._patience > 0:
            self._patience -= 1
            if self._say is not None:
                self._say()
        elif not self.deaf:
            self.deaf = self.told = True
            raise KeyboardInterrupt

    def wait(self, seconds: float) -> None:
        """Sleeps, until somebody wants the work to end."""
        self._waking.wait(seconds)


@contextlib.contextmanager
def stoppable(stop: Stop) -> Iterator[Stop]:
    """Lets `stop` handle the signals that are not ignored."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    taken = {one: handler for one, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for one in taken:
        signal.signal(one, stop)
    try:
        yield stop
    finally:
        for one, handler in taken.items():
            signal.signal(one, handler)
