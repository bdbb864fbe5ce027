"""How ls(1) prints a group of entries: one per line, long, in columns, as a stream (bin/ls/print.c, util.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFSOCK, S_ISTXT, Stat
from vshell.userland.fflags import fflagstostr
from vshell.userland.fts import FtsEntry
from vshell.userland.humanize import expand_number, humanize_number
from vshell.userland.program import Program
from vshell.userland.pwd import Names
from vshell.userland.setmode import strmode
from vshell.userland.strftime import localtime, strftime

SIXMONTHS = 365 // 2 * 86400
ESCAPES = {"\\": "\\\\", '"': '\\"', "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
TYPES = {S_IFDIR: "/", S_IFIFO: "|", S_IFLNK: "@", S_IFSOCK: "="}
COLORS = {
    S_IFDIR: "\033[34m", S_IFLNK: "\033[35m", S_IFSOCK: "\033[32m", S_IFIFO: "\033[33m", S_IFBLK: "\033[34m\033[46m",
    S_IFCHR: "\033[34m\033[43m",
}  # fmt: skip
"""The first colours of the default LSCOLORS, as an xterm shows them."""
COLOR_OFF = "\033[39;49m\033[m"


class Style:
    """What every line depends on."""

    def __init__(self, p: Program, flags: set[str], layout: str, width: int, timeformat: str, colors: bool) -> None:
        self.p = p
        self.flags = flags
        self.layout = layout
        self.width = width
        self.timeformat = timeformat
        self.colors = colors
        self.long = layout == "long"
        self.blocks = "s" in flags
        self.inode = "i" in flags
        self.human = "h" in flags
        locale = next((p.env[name] for name in ("LC_ALL", "LC_NUMERIC", "LANG") if p.env.get(name)), "C")
        self.separated = "," in flags and locale.startswith("en_")
        self.type = bool(flags & {"F", "p"})
        self.slash = "p" in flags
        self.time_field = next(
            (f for c, f in (("u", "st_atime"), ("U", "st_birthtime"), ("c", "st_ctime")) if c in flags), "st_mtime"
        )
        self.blocksize = 2 if "k" in flags else max(1, (blocksize(p.env.get("BLOCKSIZE", "")) // 512))
        self.now = p.sys.clock_gettime() // 1_000_000_000

    def name(self, text: str) -> str:
        """A name, with what cannot be printed made visible."""
        if "q" in self.flags:
            return "".join(c if c.isprintable() and not "\udc80" <= c <= "\udcff" else "?" for c in text)
        if self.flags & {"B", "b"}:
            return "".join(map(self._octal, text))
        return text

    def _octal(self, c: str) -> str:
        if c.isprintable() and c not in '"\\' and not "\udc80" <= c <= "\udcff":
            return c
        if "b" in self.flags and c in ESCAPES:
            return ESCAPES[c]
        return "".join(f"\\{byte:03o}" for byte in c.encode("utf-8", "surrogateescape"))

    def type_char(self, mode: int) -> str:
        """-F and -p."""
        if not self.type:
            return ""
        kind = mode & S_IFMT
        if self.slash:
            return "/" if kind == S_IFDIR else ""
        return TYPES.get(kind) or ("*" if mode & 0o111 else "")

    def colored(self, text: str, mode: int) -> str:
        """A name in the colour of its type."""
        if not self.colors:
            return text
        color = COLORS.get(mode & S_IFMT, "")
        if mode & S_IFMT == S_IFDIR and mode & 0o002:
            color = "\033[30m\033[42m" if mode & S_ISTXT else "\033[30m\033[43m"
        elif not color and mode & 0o111:
            color = "\033[30m\033[41m" if mode & 0o4000 else "\033[30m\033[46m" if mode & 0o2000 else "\033[31m"
        return f"{color}{text}{COLOR_OFF}" if color else text

    def time(self, ns: int) -> str:
        """The time column."""
        seconds = ns // 1_000_000_000
        if self.timeformat:
            form = self.timeformat
        elif "T" in self.flags:
            form = "%b %e %T %Y"
        elif self.now - SIXMONTHS < seconds < self.now + SIXMONTHS:
            form = "%b %e %R"
        else:
            form = "%b %e  %Y"
        return strftime(form, localtime(seconds, self.p.env))

    def number(self, value: int) -> str:
        """A count, with the separators of English locales where asked for (there are none in the C locales)."""
        return f"{value:,}" if self.separated else str(value)

    def count(self, blocks: int) -> int:
        """512-byte blocks in the unit asked for."""
        return -(-blocks // self.blocksize)


def blocksize(text: str) -> int:
    """getbsize(3): the unit that $BLOCKSIZE names, 512 if it names none."""
    if not text:
        return 512
    if text[0] in "KkMmGg":
        text = "1" + text
    value = expand_number(text)
    if value is None or value < 1:
        return 512
    return max(512, min(value - value % 512, 1 << 30)) or 512


class Display:
    """Prints groups of entries."""

    def __init__(self, p: Program, style: Style) -> None:
        self.p = p
        self.style = style
        self._names: Names | None = None

    def print(self, entries: list[FtsEntry], total: bool) -> None:
        """One group; `total` for a directory's content."""
        layout = self.style.layout
        if layout == "long":
            self.long(entries, total)
        elif layout == "stream":
            self.stream(entries)
        elif layout == "single":
            self.single(entries)
        else:
            self.columns(entries, layout == "across", total)

    def prefix(self, e: FtsEntry, inode: int, blocks: int) -> str:
        """Inode number and blocks."""
        out = f"{e.st.st_ino:{inode}d} " if self.style.inode else ""
        if self.style.blocks:
            out += f"{self.style.count(e.st.st_blocks):{blocks}d} "
        return out

    def widths(self, entries: list[FtsEntry]) -> tuple[int, int]:
        """Widths of inode numbers and blocks."""
        inode = max((len(str(e.st.st_ino)) for e in entries), default=1)
        return inode, max((len(str(self.style.count(e.st.st_blocks))) for e in entries), default=1)

    def entry(self, e: FtsEntry, inode: int, blocks: int) -> tuple[str, int]:
        """One entry of the short forms, and how wide it is."""
        style = self.style
        name = style.name(e.name)
        lead = self.prefix(e, inode, blocks)
        mode = e.stat.st_mode if e.stat is not None else 0
        mark = style.type_char(mode)
        return lead + style.colored(name, mode) + mark, len(lead) + len(name) + len(mark)

    def single(self, entries: list[FtsEntry]) -> None:
        """printscol."""
        inode, blocks = self.widths(entries)
        self.p.stdout.write("".join(self.entry(e, inode, blocks)[0] + "\n" for e in entries))

    def stream(self, entries: list[FtsEntry]) -> None:
        """printstream: separated by commas."""
        inode, blocks = self.widths(entries)
        out, used = "", 0
        for i, e in enumerate(entries):
            last = i == len(entries) - 1
            if len(e.name) + used + (0 if last else 2) >= self.style.width:
                out += "\n"
                used = 0
            text, width = self.entry(e, inode, blocks)
            out += text + ("" if last else ", ")
            used += width + (0 if last else 2)
        self.p.stdout.write(out + ("\n" if used else ""))

    def columns(self, entries: list[FtsEntry], across: bool, total: bool) -> None:
        """printcol: down or across."""
        style = self.style
        tab = 1 if style.colors else 8
        inode, blocks = self.widths(entries)
        width = max((len(style.name(e.name)) for e in entries), default=0)
        width += (inode + 1 if style.inode else 0) + (blocks + 1 if style.blocks else 0) + (1 if style.type else 0)
        width = (width + tab) & ~(tab - 1)
        if style.width < 2 * width:
            self.single(entries)
            return
        per_row = style.width // width
        rows = -(-len(entries) // per_row)
        out = []
        if total and style.blocks:
            out.append(self.total(entries))
        base = 0
        for row in range(rows):
            out.append(self._row(entries, base if across else row, per_row, rows, width, across, inode, blocks))
            base += per_row
        self.p.stdout.write("".join(out))

    def _row(
        self, entries: list[FtsEntry], base: int, per_row: int, rows: int, width: int, across: bool, inode: int, blocks: int
    ) -> str:
        """One row of columns, filled with tabs."""
        tab, fill = (1, " ") if self.style.colors else (8, "\t")
        out = ""
        used, end = 0, width
        for column in range(per_row):
            text, length = self.entry(entries[base], inode, blocks)
            out += text
            used += length
            base += 1 if across else rows
            if base >= len(entries):
                break
            while (used + tab) & ~(tab - 1) <= end:
                if across and column + 1 >= per_row:
                    break
                out += fill
                used = (used + tab) & ~(tab - 1)
            end += width
        return out + "\n"

    def total(self, entries: list[FtsEntry]) -> str:
        """The line with the sum of blocks."""
        blocks = sum(e.st.st_blocks for e in entries)
        if self.style.human and self.style.long:
            return f"total {humanize_number(blocks * 512, 7, 'B', decimal=True)}\n"
        return f"total {self.style.count(blocks)}\n"

    def long(self, entries: list[FtsEntry], total: bool) -> None:
        """printlong."""
        style = self.style
        if self._names is None:
            self._names = Names(self.p, "n" in style.flags)
        names = self._names
        inode, blocks = self.widths(entries)
        users = [names.user(e.st.st_uid) for e in entries]
        groups = [names.group(e.st.st_gid) for e in entries]
        flags = [fflagstostr(e.st.st_flags) or "-" for e in entries] if "o" in style.flags else []
        sizes = [self.size(e.st) for e in entries]
        links = max((len(str(e.st.st_nlink)) for e in entries), default=1)
        user, group = max(map(len, users), default=0), max(map(len, groups), default=0)
        flag = max(map(len, flags), default=0)
        size = max([len(s) for s in sizes] + [5 if style.human else 0])
        out = [self.total(entries)] if total else []
        for i, e in enumerate(entries):
            line = f"{self.prefix(e, inode, blocks)}{strmode(e.st.st_mode)} {e.st.st_nlink:{links}d} "
            if "g" not in style.flags:
                line += f"{users[i]:<{user}} "
            line += f"{groups[i]:<{group}} "
            if flags:
                line += f"{flags[i]:<{flag}} "
            line += f"{sizes[i]:>{size}} {style.time(getattr(e.st, style.time_field))} "
            line += style.colored(style.name(e.name), e.st.st_mode) + style.type_char(e.st.st_mode)
            out.append(line + self.link(e) + "\n")
        self.p.stdout.write("".join(out))

    def size(self, st: Stat) -> str:
        """The size column: a device has its number there."""
        if st.st_mode & S_IFMT in (S_IFCHR, S_IFBLK):
            return f"{st.st_rdev:#x}" if st.st_rdev else "0"
        if self.style.human:
            return humanize_number(st.st_size, 5, decimal=True, space=False, byte=True)
        return self.style.number(st.st_size)

    def link(self, e: FtsEntry) -> str:
        """Where a symbolic link points."""
        if e.st.st_mode & S_IFMT != S_IFLNK:
            return ""
        try:
            return " -> " + self.style.name(self.p.sys.readlink(e.path))
        except KError as error:
            self.p.stderr.write(f"\nls: {e.path}: {error}\n")
            return ""
