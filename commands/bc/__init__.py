"""bc(1), dc(1): calculators of any precision (contrib/bc, what FreeBSD has since 14).

`number` calculates, `parser` and `interp` are bc, `dc` is dc, `library` are the functions of -l.  Not there: random
numbers, strings in variables, scientific notation, and the extended functions of the second library.
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.commands.bc.interp import SPECIAL, Bc
from vshell.commands.bc.parser import Incomplete, Parser
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.stdio import Reader, decode

LONGS = {
    "expression": (REQUIRED, "e"),
    "file": (REQUIRED, "f"),
    "help": (NO, "h"),
    "interactive": (NO, "i"),
    "ibase": (REQUIRED, "I"),
    "leading-zeroes": (NO, "z"),
    "no-line-length": (NO, "L"),
    "no-prompt": (NO, "P"),
    "no-read-prompt": (NO, "R"),
    "obase": (REQUIRED, "O"),
    "scale": (REQUIRED, "S"),
    "global-stacks": (NO, "g"),
    "mathlib": (NO, "l"),
    "quiet": (NO, "q"),
    "standard": (NO, "s"),
    "warn": (NO, "w"),
    "version": (NO, "v"),
    "extended-register": (NO, "x"),
}
VERSION = "7.0.3"


class Options:
    """The command line of either."""

    def __init__(self, p: Program) -> None:
        self.texts: list[tuple[str, str]] = []
        """(name, text) of files and expressions, in their order."""
        self.expressions = False
        self.interactive = self.mathlib = self.leading = self.one_line = self.extended = False
        self.start: dict[str, int] = {}
        self.p = p

    async def parse(self) -> None:
        """Read options, and the files they name."""
        p = self.p
        parsed = GetoptLong(p, "e:f:hiI:zLPRO:S:glqswvVxc", LONGS)
        for key, value in parsed:
            if key == "?":
                p.exit(4)
            elif key == "e":
                self.texts.append(("<exprs>", value + "\n"))
                self.expressions = True
            elif key == "f":
                await self.file(value)
                self.expressions = True
            elif key in "IOS":
                if not (value.isascii() and value.isdigit()):
                    self.fatal(f'bad option argument: "{value}"')
                name = {"I": "ibase", "O": "obase", "S": "scale"}[key]
                low, high = SPECIAL[name]
                if not low <= int(value) <= high:
                    self.fatal(f"bad {name}: must be [{low}, {high}]")
                self.start[name] = int(value)
            elif key in "vV":
                p.stdout.write(f"{p.name} {VERSION}\n")
                p.exit(0)
            elif key == "h":
                p.stdout.write(f"usage: {p.name} [options] [file...]\n")
                p.exit(0)
            else:
                names = {"i": "interactive", "l": "mathlib", "z": "leading", "L": "one_line", "x": "extended"}
                if key in names:
                    setattr(self, names[key], True)
        for name in parsed.args:
            await self.file(name)

    async def file(self, name: str) -> None:
        """The text of a file."""
        try:
            if self.p.sys.stat(name).st_mode & 0o170000 == 0o040000:
                self.fatal(f"path is a directory: {name}")
            fd = self.p.sys.open(name)
        except KError:
            self.fatal(f"cannot open file: {name}")
        data = await Reader(self.p.sys, fd).read()
        self.p.sys.close(fd)
        if b"\0" in data:
            self.fatal(f"file is not text: {name}")
        self.texts.append((name, decode(data)))

    def fatal(self, text: str) -> None:
        """An error that ends the program."""
        self.p.stderr.write(f"\nFatal error: {text}\n\n")
        self.p.exit(4)


async def bc(p: Program) -> int:
    """bc [-ghilPqRsvwz] [-e expr]... [-f file]... [file ...]"""
    o = Options(p)
    await o.parse()
    c = Bc(p)
    c.mathlib, c.leading = o.mathlib, o.leading
    if o.mathlib:
        c.scale = 20
    for name, value in o.start.items():
        setattr(c, name, value)
    if o.one_line:
        c.width = 0
    for name, text in o.texts:
        c.file = name
        parser = Parser()
        parser.text, parser.final = text, True
        try:
            status = await c.run(parser)
        except Incomplete:
            status = 2
        if status:
            return status
    return 0 if o.expressions else await c.stdin(o.interactive or (p.sys.isatty(0) and p.sys.isatty(1)))


@program("/usr/bin/bc", "/usr/bin/dc")
async def main(p: Program) -> int:
    """bc [-ghilPqRsvwz] [-e expr] [-f file] [file ...]; dc [-hiPRvx] [-e expr] [-f file] [file ...]"""
    if p.name != "dc":
        return await bc(p)
    from vshell.commands.bc.dc import dc

    o = Options(p)
    await o.parse()
    return await dc(o)
