"""cmp(1): compare two files byte by byte (usr.bin/cmp)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import S_IFCHR, S_IFLNK, S_IFMT
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.humanize import expand_number
from vshell.userland.program import Program, program
from vshell.userland.stdio import Reader, encode
from vshell.userland.textfile import finish, read_all

LONGS = {
    "print-bytes": (NO, "b"),
    "ignore-initial": (REQUIRED, "i"),
    "verbose": (NO, "l"),
    "bytes": (REQUIRED, "n"),
    "silent": (NO, "s"),
    "quiet": (NO, "s"),
}
USAGE = "usage: cmp [-l | -s | -x] [-hz] file1 file2 [skip1 [skip2]]"


class Options:
    """The command line."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.skips = [0, 0]
        self.limit = 0
        getopt = GetoptLong(p, "+bhi:ln:sxz", LONGS)
        for key, value in getopt:
            if key == "i":
                first, _, second = value.partition(":")
                self.skips = [self.number(first, f"--ignore-initial: {value}")] * 2
                if second:
                    self.skips[1] = self.number(second, f"--ignore-initial: {value}")
            elif key == "n":
                self.limit = self.number(value, f"--bytes: {value}")
            elif key == "?":
                p.usage(USAGE, 2)
            else:
                self.flags |= {"l", "x"} if key == "x" else {key}
        self.args = getopt.args
        if {"l", "s"} <= self.flags:
            p.errx(2, "specifying -s with -l or -x is not permitted")
        if not 2 <= len(self.args) <= 4:
            p.usage(USAGE, 2)
        for i, text in enumerate(self.args[2:]):
            self.skips[i] = self.number(text, f"skip{i + 1}: {text}")

    def number(self, text: str, what: str) -> int:
        value = expand_number(text)
        if value is None or value < 0:
            self.p.stderr.write(f"Invalid {what}\n")
            self.p.usage(USAGE, 2)
        return value


def endless(o: Options, path: str) -> bool:
    """True for a device, which may have no end."""
    try:
        return path != "-" and o.p.sys.stat(path).st_mode & S_IFMT == S_IFCHR
    except KError:
        return False


async def contents(o: Options, path: str, most: int = -1) -> bytes:
    """A file, or the standard input for "-"; of a device no more than can matter."""
    p = o.p
    try:
        if path == "-":
            return await p.stdin.read()
        fd = p.sys.open(path)
        try:
            return await (read_all(p, fd) if most < 0 else Reader(p.sys, fd).read(most))
        finally:
            p.sys.close(fd)
    except KError as e:
        if "s" in o.flags:
            p.exit(2)
        p.err(2, e, path)


def compare(o: Options, names: list[str], a: bytes, b: bytes) -> int:
    """The differences; the exit status."""
    p, f = o.p, o.flags
    size = min(len(a), len(b))
    if o.limit:
        size = min(size, o.limit)
    different = False
    if a[:size] != b[:size]:
        different = True
        line = 1
        for i in range(size):
            x, y = a[i], b[i]
            if x == y:
                line += x == 10
                continue
            if "s" in f:
                return 1
            if "x" in f:
                p.stdout.write(f"{i:08x} {x:02x} {y:02x}\n")
            elif "l" in f:
                text = f"{x:3o} {chr(x)} {y:3o} {chr(y)}" if "b" in f else f"{x:3o} {y:3o}"
                p.stdout.write(f"{i + 1:6d} {text}\n")
            else:
                extra = f" is {x:3o} {chr(x)} {y:3o} {chr(y)}" if "b" in f else ""
                p.stdout.write(f"{names[0]} {names[1]} differ: char {i + 1}, line {line}{extra}\n")
                return 1
            line += x == 10
    if len(a) != len(b) and not (o.limit and size == o.limit):
        if "s" not in f:
            p.warnx(f"EOF on {names[1] if len(a) > len(b) else names[0]}")
        return 1
    return int(different)


def links(o: Options) -> list[bytes] | None:
    """-h: what symbolic links point to; None if neither file is one."""
    p = o.p
    targets: list[bytes] = []
    for path in o.args[:2]:
        try:
            if p.sys.lstat(path).st_mode & S_IFMT == S_IFLNK:
                targets.append(encode(p.sys.readlink(path)))
                continue
        except KError as e:
            if "s" in o.flags:
                p.exit(2)
            p.err(2, e, path)
        if targets:
            break
    if len(targets) == 2 or not targets:
        return targets or None
    if "s" in o.flags:
        p.exit(2)
    first = p.sys.lstat(o.args[0]).st_mode & S_IFMT == S_IFLNK
    p.errx(2, f"{o.args[1 if first else 0]}: Not a symbolic link")


@program("/usr/bin/cmp")
async def main(p: Program) -> int:
    """cmp [-l | -s | -x] [-hz] file1 file2 [skip1 [skip2]]"""
    o = Options(p)
    status = await run(o)
    if "s" not in o.flags:
        await finish(p, 2)
    return status


async def run(o: Options) -> int:
    """Compare; the exit status."""
    p = o.p
    paths = o.args[:2]
    if paths == ["-", "-"]:
        p.errx(2, "standard input may only be specified once")
    targets = links(o) if "h" in o.flags and "-" not in paths else None
    if targets is not None:
        targets = [target[skip:] for target, skip in zip(targets, o.skips, strict=True)]
        return compare(o, paths, targets[0], targets[1])
    data = [b"", b""]
    most = -1
    for i in sorted((0, 1), key=lambda i: endless(o, paths[i])):
        device = endless(o, paths[i])
        if device and (most >= 0 or o.limit):
            most = max(most, o.limit) + o.skips[i] + 1
            data[i] = await contents(o, paths[i], most)
        else:
            data[i] = await contents(o, paths[i])
        most = len(data[i])
    names = ["stdin" if path == "-" else path for path in paths]
    if "z" in o.flags and "-" not in paths and len(data[0]) != len(data[1]):
        if "s" not in o.flags:
            p.stdout.write(f"{names[0]} {names[1]} differ: size\n")
        return 1
    for i in (0, 1):
        if o.skips[i] > len(data[i]):
            if "s" not in o.flags:
                p.warnx(f"EOF on {names[i]}")
            return 1
        data[i] = data[i][o.skips[i] :]
    return compare(o, names, data[0], data[1])
