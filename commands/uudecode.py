"""uudecode(1), b64decode(1): decode what uuencode made (usr.bin/bintrans/uudecode.c)."""

from __future__ import annotations

from vshell.abi.errno import EEXIST, EISDIR, ENOENT, KError
from vshell.abi.fcntl import O_CREAT, O_EXCL, O_WRONLY, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, program
from vshell.userland.setmode import setmode
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_file, split_lines

USAGE = """\
usage: uudecode [-cimprs] [file ...]
       uudecode [-i] -o output_file [file]
       b64decode [-cimprs] [file ...]
       b64decode [-i] -o output_file [file]
"""


class Bad(Exception):
    """What is wrong with the text."""


def uu_line(line: str) -> bytes:
    """The bytes of a line."""
    count = (ord(line[0]) - 32) & 0o77
    body = line[1 : 1 + (count + 2) // 3 * 4]
    if any(not 0 <= ord(c) - 32 <= 64 for c in body):
        raise Bad("character out of range: [32-96]")
    values = [(ord(c) - 32) & 0o77 for c in body]
    values += [0] * (-len(values) % 4)
    out = b""
    for i in range(0, len(values), 4):
        a, b, c, d = values[i : i + 4]
        out += (a << 18 | b << 12 | c << 6 | d).to_bytes(3, "big")
    return out[:count]


class Decoder:
    """Options and one input file."""

    def __init__(self, p: Program, flags: set[str], out: str, name: str, lines: list[str]) -> None:
        self.p = p
        self.flags = flags
        self.out = out
        self.name = name
        self.lines = lines
        self.at = 0

    def next(self) -> str | None:
        """The next line."""
        self.at += 1
        return self.lines[self.at - 1] if self.at <= len(self.lines) else None

    def body(self, base64: bool) -> bytes:
        """The bytes up to the end mark; Bad tells what is missing, with the bytes before it."""
        from base64 import b64decode

        out, text = b"", ""
        raw = "r" in self.flags
        end, complaint = ("====", "error decoding base64 input stream") if base64 else ("end", 'no "end" line')
        while (line := self.next()) is not None:
            if base64:
                if line.strip() == end:
                    return out
                text = "".join((text + line).split())
                whole = len(text) // 4 * 4
                try:
                    out += b64decode(text[:whole], validate=True)
                except ValueError:
                    raise Bad(complaint, out) from None
                text = text[whole:]
            elif not line or line[0] in " `":
                last = self.next()
                if last is None and not raw:
                    raise Bad("short file", out)
                if last is not None and last.strip() != end:
                    raise Bad(complaint, out)
                return out
            else:
                try:
                    out += uu_line(line)
                except Bad as e:
                    raise Bad(e.args[0], out) from None
        if not raw:
            raise Bad("short file", out)
        return out

    def header(self) -> tuple[bool, str, str] | None:
        """Is it base64, its mode and name; None at the end of the file."""
        while (line := self.next()) is not None:
            for mark in ("begin-base64 ", "begin "):
                mode, _, name = line.removeprefix(mark).partition(" ")
                if line.startswith(mark) and name.rstrip("\r"):
                    return mark != "begin ", mode, name.rstrip("\r")
        return None

    def target(self, name: str, mode: int) -> int:
        """Open the output; -1 if nothing is to be written, KError if it cannot be."""
        sys = self.p.sys
        try:
            kind = sys.lstat(name).st_mode & S_IFMT
        except KError as e:
            if e.errno != ENOENT:
                raise
            return sys.open(name, O_WRONLY | O_CREAT | O_EXCL, mode)
        if "i" in self.flags:
            self.p.warn(EEXIST, f"{self.name}: {name}")
            return -1
        flags = O_WRONLY | O_CREAT | O_EXCL
        if kind in (S_IFREG, S_IFLNK):
            sys.unlink(name)
        elif kind == S_IFDIR:
            raise KError(EISDIR)
        elif "o" in self.flags:
            flags &= ~O_EXCL
        else:
            raise KError(EEXIST)
        return sys.open(name, flags, mode)

    async def one(self) -> int | None:
        """decode2(): one encoded file; its status, None at the end."""
        p = self.p
        found = self.header()
        if found is None:
            return None
        base64, text, name = found
        mode = setmode(text)
        if mode is None:
            p.warnx(f"{self.name}: unable to parse file mode")
            return 1
        name = self.out or (name if "s" in self.flags else name.rpartition("/")[2])
        fd = 1
        if "p" not in self.flags and name != "/dev/stdout":
            try:
                fd = self.target(name, mode.apply(0, 0) & 0o666)
            except KError as e:
                p.warn(e, f"{self.name}: {name}")
                return 1
            if fd < 0:
                return 0
        return await self.write(fd, name, base64)

    async def write(self, fd: int, name: str, base64: bool) -> int:
        """Decode to a descriptor."""
        bad = ""
        try:
            data = self.body(base64)
        except Bad as e:
            bad, data = str(e.args[0]), e.args[1]
        if fd == 1:
            self.p.stdout.write(data)
        else:
            await self.p.sys.write(fd, data)
            self.p.sys.close(fd)
        if bad:
            self.p.warnx(f"{self.name}: {name}: {bad}")
        return int(bool(bad))

    async def run(self, base64: bool) -> int:
        """The whole input file."""
        if "r" in self.flags:
            return await self.write(1, "/dev/stdout", base64)
        status = await self.one()
        if status is None:
            self.p.warnx(f'{self.name}: missing or bad "begin" line')
            return 1
        while "c" in self.flags and (more := await self.one()) is not None:
            status |= more
        return status


@program("/usr/bin/uudecode", "/usr/bin/b64decode")
async def main(p: Program) -> int:
    """uudecode [-cimprs] [file ...]"""
    options, args = getopt_or_usage(p, "cimo:prs", USAGE)
    flags = {key for key, _ in options}
    out = dict(options).get("o", "")
    if ("o" in flags and flags & set("cprs")) or {"c", "r"} <= flags:
        p.usage(USAGE)
    status = 0
    for name in args or [""]:
        try:
            data = await (read_file(p, name) if name else p.stdin.read())
        except KError as e:
            p.warn(e, name)
            status = 1
            continue
        decoder = Decoder(p, flags, out, name or "stdin", split_lines(decode(data)))
        status |= await decoder.run("m" in flags or p.name == "b64decode")
    return status
