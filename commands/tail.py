"""tail(1): the last part of files (usr.bin/tail)."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, ENOENT, KError
from vshell.abi.fcntl import S_IFMT, S_IFREG, SEEK_CUR, SEEK_SET, Stat
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.humanize import expand_number
from vshell.userland.program import Program, program
from vshell.userland.textfile import finish, read_all

LONGS = {
    "blocks": (REQUIRED, "b"),
    "bytes": (REQUIRED, "c"),
    "lines": (REQUIRED, "n"),
    "quiet": (NO, "q"),
    "silent": (NO, "q"),
    "verbose": (NO, "v"),
}
LARGE = 1 << 20
"""From this size on only the end of a file is read, bytes."""
PAUSE = 50_000_000
"""How often -f looks for more, in ns; kevent(2) would tell at once."""


def obsolete(p: Program, argv: list[str]) -> list[str]:
    """+5, -3, -3f, -20c as today's options."""
    out = argv[:1]
    i = 1
    while i < len(argv):
        word = argv[i]
        if word[:1] not in ("+", "-") or not word or word.startswith("--"):
            break
        second = word[1:2]
        if second.isdecimal():
            out.append(modern(p, word))
        elif second and second in "bcnFfr":
            out.append(word)
            if second in "bcn" and len(word) == 2 and i + 1 < len(argv):
                i += 1
                out.append(argv[i])
        else:
            break
        i += 1
    return out + argv[i:]


def modern(p: Program, word: str) -> str:
    """One old option."""
    sign, body, flags = word[0], word[1:], "-"
    if body[-1] in "Ffr":
        flags += body[-1]
        body = body[:-1]
    last = body[-1:]
    if last in ("b", "c", "l"):
        flags += "n" if last == "l" else last
        body = body[:-1]
    elif last.isdecimal():
        flags += "n"
    else:
        p.errx(1, f"illegal option -- {word}")
    return flags + sign + body


class Tail:
    """What to show: `unit` is "lines", "bytes" or "all"; `forward` counts from the start."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.unit = ""
        self.forward = False
        self.offset = 0
        self.reverse = False
        self.follow = ""
        self.quiet = self.verbose = False
        self.files = 1
        self.status = 0

    def usage(self) -> None:
        """The usage text; exit 1."""
        self.p.usage("usage: tail [-F | -f | -r] [-q] [-b # | -c # | -n #] [file ...]")

    def number(self, letter: str, text: str) -> None:
        """-b, -c, -n."""
        if self.unit:
            self.usage()
        value = expand_number(text)
        if value is None:
            self.p.err(1, EINVAL, f"illegal offset -- {text}")
        units = 512 if letter == "b" else 1
        self.offset = value * units
        self.unit = "lines" if letter == "n" else "bytes"
        self.forward = text[0] == "+"
        if self.forward:
            self.offset -= units if self.offset else 0
        elif text[0] == "-":
            self.offset = -self.offset

    def parse(self) -> list[str]:
        """Options; returns the operands."""
        p = self.p
        getopt = GetoptLong(p, "+Fb:c:fn:qrv", LONGS, obsolete(p, p.argv))
        for key, value in getopt:
            if key in "bcn":
                self.number(key, value)
            elif key in "fF":
                self.follow = "F" if key == "F" else self.follow or "f"
            elif key in "qv":
                self.quiet, self.verbose = key == "q", key == "v"
            elif key == "r":
                self.reverse = True
            else:
                self.usage()
        if self.reverse:
            if self.follow:
                self.usage()
            self.forward = False
        if not self.unit:
            self.unit, self.offset = ("all", 0) if self.reverse else ("lines", 10)
        self.files = len(getopt.args) or 1
        return getopt.args

    def error(self, e: KError, name: str) -> None:
        """ierr: complain and remember."""
        self.p.stdout.flush()
        self.p.warn(e, name)
        self.status = 1

    def title(self, name: str, blank: bool) -> None:
        """The ==> name <== line."""
        self.p.stdout.write(f"{chr(10) if blank else ''}==> {name} <==\n")

    def select(self, data: bytes) -> bytes:
        """The part of a file to show."""
        if self.unit == "bytes":
            if self.forward:
                return data[self.offset :]
            return data[len(data) - self.offset :] if 0 < self.offset < len(data) else data if self.offset else b""
        at = 0
        if self.forward:
            for _ in range(self.offset):
                at = data.find(b"\n", at) + 1
                if not at:
                    return b""
            return data[at:]
        if not self.offset:
            return b""
        at = max(len(data) - 1, 0)
        for _ in range(self.offset):
            at = data.rfind(b"\n", 0, at)
            if at < 0:
                return data
        return data[at + 1 :]

    def backwards(self, data: bytes) -> bytes:
        """-r: lines last to first."""
        if self.unit == "bytes":
            data = data[len(data) - self.offset :] if self.offset < len(data) else data
        lines = [line + b"\n" for line in data.split(b"\n")]
        lines[-1] = lines[-1][:-1]
        if not lines[-1]:
            lines.pop()
        lines.reverse()
        return b"".join(lines[: self.offset] if self.unit == "lines" else lines)

    async def approach(self, fd: int) -> None:
        """Go past what of a large file is not wanted anyway."""
        sys = self.p.sys
        st = sys.fstat(fd)
        if st.st_mode & S_IFMT != S_IFREG or st.st_size < LARGE or self.unit == "all":
            return
        if self.forward:
            if self.unit == "bytes":
                sys.lseek(fd, min(self.offset, st.st_size), SEEK_SET)
                self.offset = 0
            return
        at = st.st_size
        if self.unit == "bytes":
            at = max(0, at - self.offset)
        else:
            wanted = self.offset + 1
            while at and wanted > 0:
                size = min(at, LARGE)
                at -= size
                sys.lseek(fd, at, SEEK_SET)
                wanted -= (await sys.read(fd, size)).count(b"\n")
        sys.lseek(fd, at, SEEK_SET)

    async def show(self, fd: int) -> None:
        """One file."""
        offset = self.offset
        if fd:
            await self.approach(fd)
        data = await (self.p.stdin.read() if fd == 0 else read_all(self.p, fd))
        await finish(self.p, 1)
        data = self.backwards(data) if self.reverse else self.select(data)
        self.offset = offset
        try:
            if data and await self.p.sys.write(1, data) != len(data):
                self.p.errx(1, "stdout")
        except KError as e:
            self.p.err(1, e, "stdout")


class Followed:
    """A file being followed by -f or -F."""

    def __init__(self, name: str, fd: int, st: Stat | None) -> None:
        self.name = name
        self.fd = fd
        self.st = st


async def follow(t: Tail, files: list[Followed]) -> None:
    """-f, -F: show what is added, for ever."""
    p = t.p
    headed = t.verbose or (not t.quiet and len(files) > 1)
    for f in files:
        if f.fd >= 0:
            if headed:
                t.title(f.name, True)
            await t.show(f.fd)
    if t.follow == "f" and all(f.fd < 0 for f in files):
        return
    last = files[-1]
    while True:
        for f in files:
            if t.follow == "F" and f.fd != 0:
                last = await reopen(t, f, last, headed)
            if f.fd >= 0:
                last = await more(t, f, last, headed)
        await p.stdout.drain()
        await p.sys.nanosleep(PAUSE)


async def more(t: Tail, f: Followed, last: Followed, headed: bool) -> Followed:
    """Show what a file has got since."""
    while data := await t.p.sys.read(f.fd, 65536):
        if headed and f is not last:
            t.title(f.name, True)
        last = f
        t.p.stdout.write(data)
    return last


async def reopen(t: Tail, f: Followed, last: Followed, headed: bool) -> Followed:
    """-F: a file that was renamed or replaced."""
    sys = t.p.sys
    try:
        st = sys.stat(f.name)
    except KError as e:
        if f.fd >= 0:
            if e.errno != ENOENT:
                t.error(e, f.name)
            last = await more(t, f, last, headed)
            sys.close(f.fd)
            f.fd = -1
        return last
    if f.fd >= 0 and f.st is not None and (st.st_ino, st.st_dev) == (f.st.st_ino, f.st.st_dev):
        return last
    if f.fd >= 0:
        last = await more(t, f, last, headed)
        sys.close(f.fd)
    try:
        f.fd, f.st = sys.open(f.name), st
    except KError:
        f.fd = -1
    return last


@program("/usr/bin/tail")
async def main(p: Program) -> int:
    """tail [-F | -f | -r] [-q] [-b # | -c # | -n #] [file ...]"""
    t = Tail(p)
    operands = t.parse()
    if t.follow and operands:
        files = []
        for path in operands:
            try:
                files.append(Followed(path, p.sys.open(path), p.sys.stat(path)))
            except KError as e:
                files.append(Followed(path, -1, None))
                if t.follow == "f" or e.errno != ENOENT:
                    t.error(e, path)
        await follow(t, files)
        return t.status
    if not operands:
        try:
            p.sys.lseek(0, 0, SEEK_CUR)
        except KError:
            t.follow = ""  # POSIX.2: -f means nothing on a pipe
        if t.follow:
            await follow(t, [Followed("stdin", 0, None)])
        await t.show(0)
        return t.status
    first = True
    for path in operands:
        fd = -1
        try:
            fd = p.sys.open(path)
            if t.verbose or (not t.quiet and len(operands) > 1):
                t.title(path, not first)
                first = False
            await t.show(fd)
        except KError as e:
            t.error(e, path)
        finally:
            if fd >= 0:
                p.sys.close(fd)
    return t.status
