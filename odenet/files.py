"""Files: read up to a size, and written whole or not at all.

A link is followed, an existing file keeps its mode, what is no regular file (a device, a pipe) is written to and stays what it is,
and no output may be one of the files that were read.
"""
from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

_PREFIX, _SUFFIX = ".odenet-", ".tmp"  # short: the name of a target may itself be as long as names can be


class CannotWrite(OSError):
    """A file that cannot be written; `filename` is its name, `strerror` says why."""

    def __init__(self, path: str | os.PathLike[str], why: str) -> None:
        super().__init__(None, why)
        self.filename, self.strerror = os.fspath(path), why

    def __str__(self) -> str:
        return f"cannot write {self.filename}: {self.strerror}"


def read_bytes(path: str | os.PathLike[str], most: int) -> bytes:
    """The bytes of a file, of a longer one the first `most + 1`: what is too large is never read whole.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return file.read(most + 1)


def is_same(output: str | os.PathLike[str], given: str | os.PathLike[str]) -> bool:
    """Whether writing `output` would change the regular file `given`, by whatever names."""
    try:
        return stat.S_ISREG(os.stat(output).st_mode) and os.path.samefile(output, given)
    except (OSError, ValueError):
        return False


def check_outputs(outputs: Iterable[str | os.PathLike[str]], inputs: Iterable[str | os.PathLike[str]]) -> None:
    """No output is an input, or another output. Raises CannotWrite."""
    targets, given = list(outputs), list(inputs)
    for place, target in enumerate(targets):
        if any(is_same(target, one) for one in given):
            raise CannotWrite(target, "it is one of the files that are read; give another name")
        if os.path.realpath(target) in [os.path.realpath(other) for other in targets[:place]]:
            raise CannotWrite(target, "two outputs have this name; give another one")


def write(path: Path, text: str) -> None:
    """Replace a file atomically: a reader sees the old text or the new one, never a part. Raises CannotWrite."""
    write_all([(path, text.encode("utf-8"))])


def write_bytes(path: Path, data: bytes) -> None:
    """The same of bytes."""
    write_all([(path, data)])


def write_all(files: Iterable[tuple[Path, bytes]]) -> None:
    """The same of several files: none is replaced before all new ones are on the disk. Raises CannotWrite."""
    with ExitStack() as stack:
        prepared = [stack.enter_context(_Prepared(path, data)) for path, data in files]
        for one in prepared:
            one.replace()


class _Prepared:
    """New contents beside their target; on leaving, what was not put in its place is gone."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self.data = path, data
        self.target = Path(os.path.realpath(path))
        self.temporary = ""
        self._handle = -1

    def __enter__(self) -> _Prepared:
        try:
            self._prepare()
        except OSError as error:
            self._clean()
            raise self._failed(error) from error
        except BaseException:
            self._clean()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._clean()

    def replace(self) -> None:
        """Put the new contents in place."""
        try:
            if self.temporary:
                os.replace(self.temporary, self.target)
                self.temporary = ""
            else:
                with open(os.open(self.path, os.O_WRONLY), "wb", buffering=0) as device:
                    _write_whole(device.fileno(), self.data)
        except OSError as error:
            raise self._failed(error) from error

    def _prepare(self) -> None:
        try:
            before: os.stat_result | None = os.stat(self.path)
        except FileNotFoundError:
            before = None
        if before is not None and stat.S_ISDIR(before.st_mode):
            raise CannotWrite(self.path, "it is a folder")
        if before is not None and (not stat.S_ISREG(before.st_mode) or _is_open_file(self.path)):
            return  # a device, a pipe, what this process has open: written to in its place
        if before is not None and not os.access(self.target, os.W_OK):
            raise CannotWrite(self.path, "it is write-protected")
        _sweep(self.target.parent)
        self._handle, self.temporary = tempfile.mkstemp(dir=self.target.parent, prefix=_PREFIX, suffix=_SUFFIX)
        _lock(self._handle)
        _write_whole(self._handle, self.data)
        if before is not None:
            with suppress(OSError):  # the owner stays where the system lets us
                os.chown(self.temporary, before.st_uid, before.st_gid)
        os.chmod(self.temporary, 0o666 & ~_umask() if before is None else stat.S_IMODE(before.st_mode))

    def _clean(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        if self.temporary:
            with suppress(OSError):
                os.unlink(self.temporary)
            self.temporary = ""

    def _failed(self, error: OSError) -> CannotWrite:
        return CannotWrite(self.path, error.strerror or str(error))


def _is_open_file(path: Path) -> bool:
    """Whether a name is that of an open file, such as `/dev/stdout`."""
    return os.path.abspath(path).startswith(("/proc/", "/dev/"))


def _write_whole(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest):]


def _sweep(folder: Path) -> None:
    """Remove what a killed process left here: the system took its lock away with it."""
    with suppress(OSError), os.scandir(folder) as entries:
        for name in [e.name for e in entries if e.name.startswith(_PREFIX) and e.name.endswith(_SUFFIX)]:
            with suppress(OSError):
                handle = os.open(folder / name, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
                try:
                    if _lock(handle):
                        os.unlink(folder / name)
                finally:
                    os.close(handle)


def _lock(handle: int) -> bool:
    """Take the lock of a file until it is closed; False where another has it, or there are no locks."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
