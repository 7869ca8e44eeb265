"""A budget of computing time, after which the work at hand is left where it is."""
from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LEAST = 1e-3  # a timer of zero seconds would never ring
SOON = 0.01  # seconds until it rings again where an import was under way
# What an interruption would leave half done in the process: an import, and NumPy's choice of what to do at an invalid operation,
# which would raise "eigenvalues did not converge" at every later one.
_WHOLE = ("<frozen importlib._bootstrap>", "_ufunc_config.py")
AGAIN = 1.0  # seconds until it rings again, should the first exception be lost in a callback of some library


class OutOfTime(BaseException):
    """The budget is spent. No Exception, so that no `except Exception` on the way keeps it from whoever set the budget."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the body once it has computed for `seconds`.

    Computing time is counted, not the time on the wall, so that a busy machine does not change a verdict. Limits may be nested; the
    inner one is cut to what the outer one leaves. Where no timer can interrupt (another thread than the main one, Windows) the body
    runs to its end: there the rules' own counts are the only limit.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    left = signal.getitimer(signal.ITIMER_VIRTUAL)[0]  # of an outer limit
    allowed = max(LEAST, min(seconds, left) if left else seconds)
    began = time.process_time()
    before = signal.signal(signal.SIGVTALRM, _ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, allowed, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_VIRTUAL, max(LEAST, left - (time.process_time() - began)), AGAIN)


def _ring(_number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_code.co_filename.endswith(_WHOLE):
            signal.setitimer(signal.ITIMER_VIRTUAL, SOON, AGAIN)
            return
        frame = frame.f_back
    raise OutOfTime
