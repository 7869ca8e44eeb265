"""One line on a terminal that says what is being worked on, once that takes long."""
from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import TextIO

from odenet.text import escape

PATIENCE, PERIOD = 0.8, 0.1  # seconds before the line appears, and between two pictures of it
_BAR, _ERASE = 20, "\r\x1b[2K"


class Progress:
    """`with Progress() as progress: progress.show("net : lipschitz(1)", 3, 12)`. Silent where the stream is no terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._text, self._done, self._total = "", 0, 0
        self._began = time.monotonic()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True) if self._stream.isatty() else None

    def show(self, text: str, done: int, total: int) -> None:
        """What is next, and how much of all is done. `total` 0: nobody knows how much there is."""
        self._text, self._done, self._total = text, done, total

    def __enter__(self) -> Progress:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._is_over.set()
        if self._thread is not None:
            self._thread.join()

    def _draw(self) -> None:
        is_drawn = False
        pause = PATIENCE
        while not self._is_over.wait(pause):
            self._stream.write(f"\r{line(self._text, self._done, self._total, time.monotonic() - self._began)}\x1b[K")
            self._stream.flush()
            is_drawn, pause = True, PERIOD
        if is_drawn:
            self._stream.write(_ERASE)
            self._stream.flush()


def line(text: str, done: int, total: int, seconds: float) -> str:
    """The line, no wider than the terminal."""
    full = _BAR * done // total if total else 0
    bar = f"[{'=' * full}{' ' * (_BAR - full)}] {done}/{total}  " if total else ""
    width = shutil.get_terminal_size().columns - 1
    return f"  {bar}{seconds:.1f} s  {escape(text)}"[:width]
