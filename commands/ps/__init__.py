"""ps(1): processes (bin/ps)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.proc import KinfoProc
from vshell.commands.ps.keywords import DFMT, JFMT, KEYWORDS, LFMT, UFMT, VFMT, Column, Row, parsefmt
from vshell.commands.ps.selection import Selection, select
from vshell.commands.ps.tree import descendant_sort
from vshell.userland.getopt import Getopt
from vshell.userland.libxo import Xo
from vshell.userland.program import Program, checks_stdout, program

USAGE = """\
usage: ps [--libxo] [-aCcdeHhjlmrSTuvwXxZ] [-O fmt | -o fmt]
          [-G gid[,gid...]] [-J jid[,jid...]] [-M core] [-N system]
          [-p pid[,pid...]] [-t tty[,tty...]] [-U user[,user...]]
          [-D up | down | both]
       ps [--libxo] -L
"""
OPTSTRING = "AaCcD:defG:gHhjJ:LlM:mN:O:o:p:rSTt:U:uvwXxZ"
UNLIMITED = 0
CANNED = {"j": JFMT, "l": LFMT, "u": UFMT, "v": VFMT}
SORTS = {"u": "cpu", "r": "cpu", "v": "mem", "m": "mem"}


def usage(p: Program) -> None:
    """How to call it."""
    p.usage(USAGE)


def kludge(word: str, following: str | None) -> str:
    """The historical forms: "ps aux", "ps 34", "ps t" (kludge_oldps_options)."""
    argument = next((i for i, c in enumerate(word) if f"{c}:" in OPTSTRING), None)
    if argument is not None and word.startswith("-"):
        return word
    pids = ""
    if word.endswith("t") and not word.startswith("-") and argument == len(word) - 1:
        if following is None or following.startswith("-") or following[:1].isdecimal():
            word = word[:-1] + "T"
    elif argument is None and word[-1:].isdecimal():
        body = word.rstrip("0123456789,")
        pids, word = word[len(body) :], body
    if not word.startswith("-"):
        word = "-" + word
    return f"{word}p{pids}" if pids else word


class Ps:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.xo = Xo(p)
        self.flags: set[str] = set()
        self.columns: list[Column] = []
        self.extra: list[Column] = []
        self.selection = Selection(p)
        self.sort = ""
        self.status = 0
        self.wide = 0
        self.width = self.terminal_width()

    def terminal_width(self) -> int:
        """The longest line, 0 for no limit."""
        columns = self.p.env.get("COLUMNS", "")
        if columns:
            digits = columns[: len(columns) - len(columns.lstrip("0123456789"))]
            return int(digits or "0")
        for fd in (1, 2, 0):
            try:
                width = self.p.sys.ttysize(fd)[1]
            except KError:
                continue
            if width:
                return width - 1
        return UNLIMITED

    def format(self, text: str, columns: list[Column], keep: bool) -> None:
        """Add columns; the first unknown keyword spoils the status, no known one ends the program."""
        bad, missing = parsefmt(text, columns, keep)
        for word, header in bad:
            if word:
                self.xo.warnx(f"{word}: keyword not found")
                self.status = 1
            else:
                self.xo.warnx(f"empty keyword with header '{header}'")
        if missing:
            self.xo.warnx("no valid keywords; valid keywords:")
            self.show_keys()
            self.p.exit(1)

    def show_keys(self) -> None:
        """-L: all keywords."""
        used, sep, line = 0, "", ""
        for name in KEYWORDS:
            used += len(name) + 1
            if self.width and used > self.width:
                used, sep = len(name), "\n"
            line += sep + name
            sep = " "
        self.p.stdout.write(line + "\n")

    # options -------------------------------------------------------------------------------------------------------
    def options(self, argv: list[str]) -> None:
        """The command line."""
        if len(argv) > 1:
            argv[1] = kludge(argv[1], argv[2] if len(argv) > 2 else None) if argv[1] else argv[1]
        parsed = Getopt(self.p, OPTSTRING, argv)
        for key, value in parsed:
            self.option(key, value)
        for word in parsed.args:
            if not word[:1].isdecimal():
                self.xo.warnx(f"illegal argument: {word}\n")
                usage(self.p)
            self.selection.add("p", word)

    def option(self, key: str, value: str) -> None:
        """One letter."""
        if key == "?":
            usage(self.p)
        elif key == "D":
            if not self.selection.direction(value):
                usage(self.p)
        elif key in "GJptU":
            self.selection.add(key, value)
        elif key == "T":
            self.xo.errx(1, "stdin: not a terminal")
        elif key == "L":
            self.show_keys()
            self.p.exit(0)
        elif key == "O":
            self.format(value, self.extra, True)
        elif key == "o":
            self.format(value, self.columns, True)
            self.flags.add("format")
        elif key == "Z":
            self.format("label", self.columns, False)
        elif key == "w":
            if self.wide or self.width == UNLIMITED:
                self.width = UNLIMITED
            elif self.width < 131:
                self.width = 131
            self.wide += 1
        else:
            self.flags.add(key)
            if key in CANNED:
                self.format(CANNED[key], self.columns, False)
                self.flags.add("format")
            self.sort = SORTS.get(key, self.sort)

    def finish_columns(self) -> None:
        """The default format, -O, and columns that would appear twice."""
        if "format" not in self.flags:
            self.format(DFMT, self.columns, False)
        if self.extra:
            at = next((i + 1 for i, c in enumerate(self.columns) if c.key.name == "pid"), 0)
            self.columns[at:at] = self.extra
        kept: list[Column] = []
        wanted = {c.key.name for c in self.columns if c.keep}
        for column in self.columns:
            seen = any(c.key.name == column.key.name for c in kept)
            if column.keep or not (seen or column.key.name in wanted):
                kept.append(column)
        self.columns = kept

    # output --------------------------------------------------------------------------------------------------------
    def processes(self) -> list[KinfoProc]:
        """What is to be shown, in order."""
        everything: list[KinfoProc] = self.p.sys.sysctl("kern.proc")
        all_ = bool(self.flags & {"A", "a"})
        keep = self.selection.used and "X" not in self.flags
        if self.flags & {"A", "x"}:
            keep = True
        found = select(self.selection, everything, all_, keep)
        return sorted(found, key=lambda k: (bool(k.tty), k.tty, k.pid))

    def run(self) -> int:
        """Print the table; the exit status."""
        procs = self.processes()
        if not procs:
            self.header()
            self.xo.finish()
            return 1
        prefixes = descendant_sort(procs) if "d" in self.flags else {}
        rows = [Row(self.p, k, self.flags, prefixes.get(k.pid, "")) for k in procs]
        last = self.columns[-1]
        lines = [[c.text(row, c is last) for c in self.columns] for row in rows]
        for i, column in enumerate(self.columns):
            column.width = max([column.width, *(len(line[i]) for line in lines)])
        self.xo.open_container("process-information")
        self.header()
        self.xo.open_list("process")
        for line in lines:
            self.line(line)
        self.xo.close_list("process")
        self.xo.close_container("process-information")
        self.xo.finish()
        return self.status

    def header(self) -> None:
        """The line of headings, unless all are empty."""
        if not any(c.header for c in self.columns):
            return
        for i, c in enumerate(self.columns):
            final = i == len(self.columns) - 1
            width = f"-{c.width}" if c.key.left and not final else "" if c.key.left else str(c.width)
            self.xo.emit(f"{{T:/%{width}hs}}" + ("" if final else "{P: }"), c.header)
        self.xo.emit("\n")

    def line(self, texts: list[str]) -> None:
        """One process."""
        self.xo.open_instance("process")
        used = 0
        for i, (c, text) in enumerate(zip(self.columns, texts, strict=True)):
            final = i == len(texts) - 1
            least = 0 if self.xo.encoding or (final and c.key.left) else c.width
            if final and self.width != UNLIMITED and not self.xo.encoding and 0 < self.width - used < len(text):
                text = text[: self.width - used]
            width = f"{'-' if c.key.left else ''}{least}" if least else ""
            self.xo.emit(f"{{:{c.key.field}/%{width}hs}}" + ("" if final else "{P: }"), text)
            used += least + 1
        self.xo.emit("\n")
        self.xo.close_instance("process")


@checks_stdout(1)
@program("/bin/ps")
def main(p: Program) -> int:
    """ps [--libxo] [-aCcdeHhjlmrSTuvwXxZ] [-O fmt | -o fmt] [-p pid,...] ..."""
    ps = Ps(p)
    argv = ps.xo.parse_args(list(p.argv))
    ps.options(argv)
    if ps.selection.fatal:
        return 1
    ps.finish_columns()
    return ps.run()
