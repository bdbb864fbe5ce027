"""Reading a whole regular file without waiting, for programs whose `main` is not async."""

from __future__ import annotations

from vshell.abi.errno import EAGAIN, KError
from vshell.abi.fcntl import O_NONBLOCK, O_RDONLY
from vshell.userland.program import Program


def slurp(p: Program, path: str) -> bytes:
    """The contents of a file; KError as open(2) and read(2) give it, EAGAIN for a file that has to be waited for."""
    fd = p.sys.open(path, O_RDONLY | O_NONBLOCK)
    try:
        parts = []
        while data := _read_now(p, fd):
            parts.append(data)
        return b"".join(parts)
    finally:
        p.sys.close(fd)


def _read_now(p: Program, fd: int) -> bytes:
    """read(2) of a descriptor that is always ready: its coroutine ends at the first step."""
    reading = p.sys.read(fd, 1 << 20)
    try:
        reading.send(None)
    except StopIteration as done:
        return bytes(done.value)
    reading.close()
    raise KError(EAGAIN)


def random_bytes(p: Program, count: int) -> bytes:
    """Bytes from /dev/urandom."""
    fd = p.sys.open("/dev/urandom", O_RDONLY)
    try:
        reading = p.sys.read(fd, count)
        try:
            reading.send(None)
        except StopIteration as done:
            return bytes(done.value)
        raise KError(EAGAIN)
    finally:
        p.sys.close(fd)
