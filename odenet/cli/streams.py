"""Standard output and standard error: closed, full, or unable to show a character."""
from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

from odenet.cli.shared import WRONG_INPUT, named


class _Closed(io.TextIOBase):
    """Standard output that nobody opened: writing to it fails, so that no verdict is lost without a word."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


def prepare() -> None:
    """Characters that a stream cannot show are spelled out; a stream that is closed is one that cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is None:
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def finish(code: Any) -> NoReturn:
    """End with a status, once what was printed has gone out."""
    try:
        sys.stdout.flush()
    except OSError as error:
        leave(error)
    sys.exit(code)


def leave(error: OSError) -> NoReturn:
    """End where something cannot be read or written; a reader that went away (`| head`) is no fault."""
    _give_up_output()
    if error.errno == errno.EPIPE:
        sys.exit(1)
    what = named(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else "to standard output"
    with suppress(OSError):
        verb = "use" if error.filename else "write"
        print(f"error: cannot {verb} {what}: {error.strerror or error}", file=sys.stderr, flush=True)
    sys.exit(WRONG_INPUT)


def _give_up_output() -> None:
    """What is left in the buffer would fail again when Python ends."""
    with suppress(OSError, ValueError):
        sys.stdout.close()
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
