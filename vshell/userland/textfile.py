"""Reading files as text programs do: whole, or by lines that end in a newline and in nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator

from vshell.abi.errno import ENOMEM, KError
from vshell.abi.fcntl import O_RDONLY
from vshell.userland.program import Program
from vshell.userland.stdio import MEMORY, Reader, decode

MUCH = 1 << 16


async def read_all(p: Program, fd: int) -> bytes:
    """Everything up to end of file; ENOMEM if that is too much."""
    parts = []
    size = 0
    while data := await p.sys.read(fd, 1 << 20):
        parts.append(data)
        size += len(data)
        if size > MEMORY:
            raise KError(ENOMEM)
    return b"".join(parts)


async def read_file(p: Program, path: str) -> bytes:
    """The contents of a file; KError as open(2) and read(2) give it."""
    fd = p.sys.open(path, O_RDONLY)
    try:
        return await read_all(p, fd)
    finally:
        p.sys.close(fd)


def split_lines(text: str) -> list[str]:
    """Lines without their newline; a last line need not have one."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


async def read_lines(p: Program, path: str) -> list[str]:
    """The lines of a file ("-" is the standard input) without their newline."""
    return split_lines(decode(await (p.stdin.read() if path == "-" else read_file(p, path))))


async def finish(p: Program, status: int) -> None:
    """The end of a program that looks whether its output arrived (fflush(3)): a message and `status` if not."""
    await p.stdout.drain()
    if p.stdout.error is not None:
        p.err(status, p.stdout.error, "stdout")


class Lines:
    """The lines of an open file, one at a time, as they arrive."""

    def __init__(self, p: Program, path: str | None) -> None:
        """`path` None is the standard input; raises KError when the file cannot be opened."""
        self.p = p
        self._fd = -1
        if path is None:
            self.reader = p.stdin
        else:
            self._fd = p.sys.open(path, O_RDONLY)
            self.reader = Reader(p.sys, self._fd)

    async def next(self) -> bytes:
        """One line with its newline, b"" at the end."""
        return await self.reader.readline()

    def close(self) -> None:
        """Close the file (not the standard input)."""
        if self._fd >= 0:
            self.p.sys.close(self._fd)
            self._fd = -1


async def relieve(p: Program) -> None:
    """Wait for the reader of the standard output if much is waiting for it."""
    if p.stdout.pending > MUCH:
        await p.stdout.drain()


async def stream(p: Program, paths: list[str], dash: bool = True) -> AsyncIterator[tuple[str, str | KError]]:
    """(name, some whole lines or an error) of each operand in turn, as the input arrives; the last line may lack its newline.

    The standard input is read when there is no operand, and with `dash` for "-".
    """
    for path in paths or ["-"]:
        fd = 0
        try:
            if path != "-" or (paths and not dash):
                fd = p.sys.open(path, O_RDONLY)
            rest = b""
            while data := await p.sys.read(fd, MUCH):
                head, newline, tail = data.rpartition(b"\n")
                if newline:
                    yield path, decode(rest + head + newline)
                    await relieve(p)
                    rest = tail
                else:
                    rest += data
            if rest:
                yield path, decode(rest)
        except KError as e:
            yield path, e
        finally:
            if fd:
                p.sys.close(fd)
