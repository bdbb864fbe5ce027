"""cksum(1), sum(1): checksums and block counts of files (usr.bin/cksum)."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_RDONLY
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

USAGE = "usage: cksum [-o 1 | 2 | 3] [file ...]\n       sum [file ...]\n"


def _table() -> list[int]:
    table = []
    for i in range(256):
        value = i << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        table.append(value)
    return table


def posix_crc(data: bytes) -> int:
    """The CRC of POSIX: the length follows the data, low byte first."""
    table = _table()
    value = 0
    length = len(data)
    for byte in data + length.to_bytes((length.bit_length() + 7) // 8, "little"):
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24 ^ byte]
    return value ^ 0xFFFFFFFF


def sum1(data: bytes) -> int:
    """The sum of BSD: rotate right, add."""
    value = 0
    for byte in data:
        value = ((value >> 1 | (value & 1) << 15) + byte) & 0xFFFF
    return value


def sum2(data: bytes) -> int:
    """The sum of System V."""
    value = sum(data) & 0xFFFFFFFF
    value = (value & 0xFFFF) + (value >> 16)
    return (value & 0xFFFF) + (value >> 16)


async def contents(p: Program, name: str | None) -> bytes:
    """All of a file or of the standard input."""
    fd = 0 if name is None else p.sys.open(name, O_RDONLY)
    parts = []
    while data := await p.sys.read(fd, 65536):
        parts.append(data)
    p.sys.close(fd)
    return b"".join(parts)


FUNCTIONS: dict[str, Callable[[bytes], int]] = {"0": posix_crc, "1": sum1, "2": sum2, "3": crc32}
"""By the argument of -o; "0" stands for none."""


@program("/usr/bin/cksum", "/usr/bin/sum")
async def main(p: Program) -> int:
    """cksum [-o 1 | 2 | 3] [file ...]"""
    how = "1" if p.name == "sum" else "0"
    args = p.argv[1:]
    if p.name != "sum":
        parsed = Getopt(p, "o:")
        for letter, value in parsed:
            if letter == "?":
                p.usage(USAGE)
            if value not in ("1", "2", "3"):
                p.warnx("illegal argument to -o option")
                p.usage(USAGE)
            how = value
        args = parsed.args
    function = FUNCTIONS[how]
    unit = {"1": 1024, "2": 512}.get(how, 1)
    status = 0
    names: list[str | None] = [*args] or [None]
    for name in names:
        try:
            data = await contents(p, name)
        except KError as e:
            p.warn(e, name or "stdin")
            status = 1
            continue
        tail = f" {name}" if name is not None else ""
        p.stdout.write(f"{function(data)} {-(-len(data) // unit)}{tail}\n")
    return status
