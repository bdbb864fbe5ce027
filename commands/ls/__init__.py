"""ls(1): list directory contents (bin/ls/ls.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vshell.abi.errno import KError, strerror
from vshell.commands.ls.display import Display, Style
from vshell.userland.fts import FTS_D, FTS_DC, FTS_DNR, FTS_NS, Fts, FtsEntry
from vshell.userland.getopt_long import NO, OPTIONAL, GetoptLong
from vshell.userland.humanize import strtonum
from vshell.userland.program import Program, program

USAGE = "usage: ls [-ABCFGHILPRSTUWZabcdfghiklmnopqrstuvwxy1,] [--color=when] [-D format] [--group-directories=] [file ...]"
LONGS = {
    "color": (OPTIONAL, "color"),
    "group-directories": (OPTIONAL, "group"),
    "group-directories-first": (NO, "group"),
}
OVERRIDES = {"c": "uU", "u": "cU", "U": "cu", "S": "tv", "t": "Sv", "v": "St", "B": "bqw", "b": "Bqw", "q": "Bbw", "w": "Bbq"}
"""Options of which the last one counts."""
COLOR_WORDS = {
    "always": ("", "always", "yes", "force"),
    "auto": ("auto", "tty", "if-tty"),
    "never": ("never", "no", "none"),
}
LAYOUT = {"1": "single", "l": "long", "g": "long", "n": "long", "m": "stream", "C": "columns", "x": "across"}


class Options:
    """What the command line asked for."""

    def __init__(self) -> None:
        self.flags: set[str] = set()
        self.layout = "columns"
        self.follow = "P"
        self.color = "never"
        self.groupdir = ""
        self.timeformat = ""
        self.nofollow = False

    def __contains__(self, letter: str) -> bool:
        return letter in self.flags


def parse(p: Program) -> tuple[Options, list[str]]:
    """The options and the operands."""
    o = Options()
    tty = p.stdout.isatty()
    if tty:
        o.flags.add("q")
    else:
        o.layout = "single"
    if "LS_SAMESORT" in p.env:
        o.flags.add("y")
    if "CLICOLOR" in p.env:
        o.color = "auto"
    parsed = GetoptLong(p, "+1ABCD:FGHILPRSTUWXZabcdfghiklmnopqrstuvwxy,", LONGS)
    for key, value in parsed:
        if key in ("?", "X"):
            p.usage(USAGE)
        elif key == "color":
            o.color = color_when(p, value)
        elif key == "group":
            if value not in ("", "first", "last"):
                p.errx(2, f"unsupported --group-directories value '{value}' (must be first or last)")
            o.groupdir = value or "first"
        else:
            option(o, key, value)
    if not o.flags & {"A", "a", "f"} and p.sys.getuid() == 0 and "I" not in o:
        o.flags.add("A")
    return o, parsed.args


def color_when(p: Program, value: str) -> str:
    """The argument of --color."""
    for kind, words in COLOR_WORDS.items():
        if value in words:
            return kind
    p.errx(2, f"unsupported --color value '{value}' (must be always, auto, or never)")


def option(o: Options, key: str, value: str) -> None:
    """One letter."""
    if key in LAYOUT and not (key in "Cx" and o.layout == "stream"):
        o.layout = LAYOUT[key]
    if key in "HLP":
        o.follow = key
        o.nofollow = key == "P"
    elif key == "D":
        o.timeformat = value
    elif key == "G":
        o.color = "auto"
    elif key == "d":
        o.flags.discard("R")
    elif key == "F":
        o.flags.discard("p")
    elif key == "k":
        o.flags.discard("h")
    o.flags -= set(OVERRIDES.get(key, ""))
    o.flags.add(key)


class Listing:
    """One run of ls."""

    def __init__(self, p: Program, o: Options) -> None:
        self.p = p
        self.o = o
        self.status = 0
        self.output = False
        self.listdot = bool(o.flags & {"A", "a", "f"})
        self.display = Display(p, style_of(p, o))

    def traverse(self, paths: list[str]) -> None:
        """List the operands: first what is no directory, then directory by directory."""
        o = self.o
        style = self.display.style
        plain = not (o.nofollow or o.layout == "long" or "d" in o or ("F" in o and "p" not in o) or style.colors)
        fts = Fts(
            self.p.sys,
            paths,
            logical=o.follow == "L",
            comfollow=o.follow == "H" or plain,
            key=None if "f" in o else self.sort_key(),
        )
        fts.roots = self.master_order(fts.roots)
        self.show(None, fts.roots)
        if "d" in o:
            return
        for entry in fts:
            self.visit(fts, entry, len(paths) > 1)

    def visit(self, fts: Fts, entry: FtsEntry, many: bool) -> None:
        """A step of the walk."""
        if entry.info == FTS_DC:
            self.p.warnx(f"{entry.name}: directory causes a cycle")
        elif entry.info == FTS_DNR:
            assert entry.error is not None
            self.p.warnx(f"{entry.path}: {strerror(entry.error.errno)}")
            self.status = 1
        elif entry.info == FTS_D:
            self.directory(fts, entry, many)

    def directory(self, fts: Fts, entry: FtsEntry, many: bool) -> None:
        """List one directory."""
        entry.skip = "R" not in self.o
        if entry.level and entry.name.startswith(".") and not self.listdot:
            return
        if self.output or many:
            self.p.stdout.write(("\n" if self.output else "") + self.display.style.name(entry.path) + ":\n")
            self.output = True
        try:
            children = fts.children(entry)
        except KError as e:
            self.p.warn(e, entry.path)
            self.status = 1
            entry.skip = True
            return
        if self.o.flags & {"a", "f"}:
            children = self.with_dots(fts, entry, children)
        if self.o.groupdir:
            children = self.master_order(children)
        self.show(entry, children)

    def with_dots(self, fts: Fts, entry: FtsEntry, children: list[FtsEntry]) -> list[FtsEntry]:
        """Put . and .. where they belong (FTS_SEEDOT)."""
        base = entry.path.rstrip("/") + "/"
        dots = []
        for name in (".", ".."):
            dot = fts._entry(base + name, name, entry.level + 1, None)
            dots.append(dot)
        everything = dots + children
        return everything if fts.key is None else sorted(everything, key=fts.key)

    def show(self, parent: FtsEntry | None, entries: list[FtsEntry]) -> None:
        """Display() of ls.c: choose what is shown and print it."""
        shown = []
        for e in entries:
            if e.info == FTS_NS:
                assert e.error is not None
                self.p.warnx(f"{e.path if parent is None else e.name}: {strerror(e.error.errno)}")
                self.status = 1
            elif parent is not None:
                if self.listdot or not e.name.startswith("."):
                    shown.append(e)
            elif e.info != FTS_D or "d" in self.o:
                e.name = e.path
                shown.append(e)
        style = self.display.style
        if not shown and (parent is None or not (style.long or style.blocks)):
            return
        self.display.print(shown, total=parent is not None)
        self.output = True

    def sort_key(self) -> Callable[[FtsEntry], Any]:
        """The order of entries as a key function."""
        o = self.o
        sign = -1 if "r" in o else 1
        if "S" in o:
            value = self._stat_key("st_size")
        elif "v" in o:
            from functools import cmp_to_key

            from vshell.userland.strverscmp import strverscmp

            versions = cmp_to_key(strverscmp)
            return Ordered(sign, lambda e: versions(e.name)).key
        elif "t" in o:
            field = "st_atime" if "u" in o else "st_birthtime" if "U" in o else "st_ctime" if "c" in o else "st_mtime"
            value = self._stat_key(field)
        else:
            return Ordered(sign, lambda e: e.path if e.level == 0 else e.name).key
        tie = -sign if "y" in o and "t" in o else sign
        return lambda e: (-sign * value(e), Ordered(tie, lambda x: x.path if x.level == 0 else x.name).key(e))

    @staticmethod
    def _stat_key(field: str) -> Callable[[FtsEntry], int]:
        def value(e: FtsEntry) -> int:
            return getattr(e.stat, field) if e.stat is not None else 0

        return value

    def master_order(self, entries: list[FtsEntry]) -> list[FtsEntry]:
        """Directories after files among the operands; groups of directories where asked for."""
        if "f" in self.o:
            return entries
        if entries and entries[0].level == 0 and "d" not in self.o:
            entries = sorted(entries, key=lambda e: e.info == FTS_D)
        if self.o.groupdir:
            last = self.o.groupdir == "last"
            entries = sorted(entries, key=lambda e: (e.info == FTS_D) == last)
        return entries


class Ordered:
    """A key that can be turned around, for text as well."""

    __slots__ = ("of", "sign")

    def __init__(self, sign: int, of: Callable[[FtsEntry], Any]) -> None:
        self.sign = sign
        self.of = of

    def key(self, e: FtsEntry) -> object:
        """The key of an entry."""
        value = self.of(e)
        return value if self.sign > 0 else Reversed(value)


class Reversed:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: Reversed) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reversed) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)


def style_of(p: Program, o: Options) -> Style:
    """How entries are printed."""
    tty = p.stdout.isatty()
    width = 80
    columns = p.env.get("COLUMNS", "")
    if columns:
        value, problem = strtonum(columns, 0, 0x7FFFFFFF)
        width = 80 if problem else value
    elif tty:
        width = p.sys.ttysize(1)[1] or 80
    color = o.color == "always" or (o.color == "auto" and (tty or "CLICOLOR_FORCE" in p.env))
    return Style(p, o.flags, o.layout, width, o.timeformat, color)


@program("/bin/ls")
def main(p: Program) -> int:
    """ls [-ABCFGHILPRSTUWZabcdfghiklmnopqrstuvwxy1,] [file ...]"""
    o, paths = parse(p)
    listing = Listing(p, o)
    listing.traverse(paths or ["."])
    return listing.status
