"""cat(1): concatenate files (bin/cat/cat.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode
from vshell.userland.textfile import relieve


async def raw_cat(p: Program, fd: int) -> None:
    """Copy without looking."""
    while data := await p.sys.read(fd, 1 << 17):
        try:
            while data:
                data = data[await p.sys.write(1, data) :]
        except KError as e:
            p.err(1, e, "stdout")


def visible(text: str, tabs: bool) -> str:
    """-v: control characters as ^X and M-^X, tabs only with -t."""
    out = []
    for c in text:
        code = ord(c)
        if c == "\n" or (c == "\t" and not tabs):
            out.append(c)
            continue
        if 0xDC80 <= code <= 0xDCFF or (code > 127 and not c.isprintable()):
            out.append("M-")
            code &= 0x7F
            c = chr(code)
        if code < 32 or code == 127:
            c = "^" + ("?" if code == 127 else chr(code | 0o100))
        out.append(c)
    return "".join(out)


class Cooked:
    """-benstv on one file; line numbers start again in each."""

    def __init__(self, p: Program, flags: set[str]) -> None:
        self.p = p
        self.flags = flags
        self.line = 0
        self.gobble = False
        self.fresh = True

    def write(self, text: str) -> None:
        """One line, or part of the last one."""
        f = self.flags
        out = ""
        end = text.endswith("\n")
        if self.fresh:
            if "s" in f:
                if text == "\n" and self.gobble:
                    return
                self.gobble = text == "\n"
            if "n" in f:
                if "b" not in f or text != "\n":
                    self.line += 1
                    out = f"{self.line:6d}\t"
                elif "e" in f:
                    out = "      \t"
        if f & {"e", "t", "v"}:
            text = visible(text, "t" in f)
        out += text[:-1] + "$\n" if end and "e" in f else text
        self.fresh = end
        self.p.stdout.write(out)


async def cook_cat(p: Program, fd: int, flags: set[str]) -> None:
    """Copy with numbers, marks and squeezed blank lines."""
    cooked = Cooked(p, flags)
    rest = b""
    while data := await p.sys.read(fd, 1 << 16):
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        for line in lines:
            cooked.write(decode(line) + "\n")
        await relieve(p)
    if rest:
        cooked.write(decode(rest))


@program("/bin/cat")
async def main(p: Program) -> int:
    """cat [-belnstuv] [file ...]"""
    options, operands = getopt_or_usage(p, "belnstuv", "usage: cat [-belnstuv] [file ...]")
    flags = {letter for letter, _ in options}
    if "b" in flags:
        flags.add("n")
    if "u" in flags:
        p.stdout.setvbuf("none")
    status = 0
    for path in operands or ["-"]:
        fd = 0
        try:
            if path != "-":
                fd = p.sys.open(path)
            try:
                if flags & {"b", "e", "n", "s", "t", "v"}:
                    await cook_cat(p, fd, flags)
                else:
                    await raw_cat(p, fd)
            finally:
                if fd:
                    p.sys.close(fd)
        except KError as e:
            p.warn(e, "stdin" if path == "-" else path)
            status = 1
    return status
