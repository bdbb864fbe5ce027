"""kldstat(8): list kernel files and modules (sbin/kldstat/kldstat.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import getopt
from vshell.userland.humanize import humanize_number
from vshell.userland.program import Program, program

PTR_WIDTH = 18


class Options:
    """What is asked for."""

    def __init__(self, p: Program) -> None:
        options, args = getopt(p, "dhi:m:n:qv")
        self.data = self.humanized = self.quiet = self.verbose = False
        self.fileid = 0
        self.module: str | None = None
        self.file: str | None = None
        bad = bool(args)
        for letter, value in options:
            if letter == "i":
                self.fileid, rest, _ = strtol(value)
                bad = bad or bool(rest)
            elif letter == "m":
                self.module = value
            elif letter == "n":
                self.file = value
            elif letter == "?":
                bad = True
            else:
                setattr(self, {"d": "data", "h": "humanized", "q": "quiet", "v": "verbose"}[letter], True)
        if bad:
            p.usage(f"usage: {p.name} [-dhqv] [-i id] [-n filename]\n       {p.name} [-dq] [-m modname]")


@program("/sbin/kldstat")
def main(p: Program) -> int:
    """List."""
    o = Options(p)
    files: list[Any] = p.sys.kldstat()
    if o.module is not None:
        return _module(p, o, o.module)
    if o.file is not None:
        try:
            o.fileid = p.sys.kldfind(o.file)
        except KError as e:
            if not o.quiet:
                p.warn(e, f"can't find file {o.file}")
            return 1
        if o.quiet:
            return 0
    p.stdout.write(f"Id Refs Address{' ':>{PTR_WIDTH - 7}} {'Size':>{5 if o.humanized else 8}} Name\n")
    if o.fileid:
        files = [f for f in files if f.id == o.fileid]
        if not files:
            p.errx(1, f"can't stat file id {o.fileid}: No such file or directory")
    for f in files:
        _file(p, o, f)
    return 0


def _module(p: Program, o: Options, name: str) -> int:
    try:
        number = p.sys.modfind(name)
    except KError as e:
        if not o.quiet:
            p.warn(e, f"can't find module {name}")
        return 1
    if o.quiet:
        return 0
    data = " data..(int, uint, ulong)" if o.data else ""
    p.stdout.write(f"Id  Refs Name{data}\n{number:3} {1:4} {name}{' (0, 0, 0x0)' if o.data else ''}\n")
    return 0


def _file(p: Program, o: Options, f: Any) -> None:
    size = f"{humanize_number(f.size, 5, decimal=True, space=False):>5}" if o.humanized else f"{f.size:8x}"
    p.stdout.write(f"{f.id:2} {f.refs:4} {f'0x{f.address:x}':>{PTR_WIDTH}} {size} {f.name}")
    if not o.verbose:
        p.stdout.write("\n")
        return
    p.stdout.write(f" ({f.pathname})\n\tContains modules:\n\t\t Id Name\n")
    for number, name in f.modules:
        p.stdout.write(f"\t\t{number:3} {name}{' (0, 0, 0x0)' if o.data else ''}\n")
