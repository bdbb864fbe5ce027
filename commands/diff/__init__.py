"""diff(1): differential file and directory comparator (usr.bin/diff).

lines.py finds the changes, output.py and sides.py print them.
DIFFERS: -l does not paginate.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from vshell.abi.errno import ENOENT, KError
from vshell.abi.fcntl import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, Stat
from vshell.commands.diff import output
from vshell.commands.diff.lines import Change, changes
from vshell.commands.diff.sides import WIDTH, Sides, side_by_side
from vshell.userland.getopt_long import NO, OPTIONAL, REQUIRED, GetoptLong
from vshell.userland.humanize import strtonum
from vshell.userland.program import Program, checks_stdout, program
from vshell.userland.regex import EXTENDED, Regex, RegexError, regcomp
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_file

OPTSTRING = "0123456789A:aBbC:cdD:efF:HhI:iL:lnNPpqrS:sTtU:uwW:X:x:y"
LONGS = {
    "algorithm": (REQUIRED, "A"), "text": (NO, "a"), "ignore-space-change": (NO, "b"), "context": (OPTIONAL, "C"),
    "ifdef": (REQUIRED, "D"), "minimal": (NO, "d"), "ed": (NO, "e"), "forward-ed": (NO, "f"),
    "show-function-line": (REQUIRED, "F"), "speed-large-files": (NO, "H"), "ignore-blank-lines": (NO, "B"),
    "ignore-matching-lines": (REQUIRED, "I"), "ignore-case": (NO, "i"), "paginate": (NO, "l"), "label": (REQUIRED, "L"),
    "new-file": (NO, "N"), "rcs": (NO, "n"), "unidirectional-new-file": (NO, "P"), "show-c-function": (NO, "p"),
    "brief": (NO, "q"), "recursive": (NO, "r"), "report-identical-files": (NO, "s"), "starting-file": (REQUIRED, "S"),
    "expand-tabs": (NO, "t"), "initial-tab": (NO, "T"), "unified": (OPTIONAL, "U"), "ignore-all-space": (NO, "w"),
    "width": (REQUIRED, "W"), "exclude": (REQUIRED, "x"), "exclude-from": (REQUIRED, "X"), "side-by-side": (NO, "y"),
    "ignore-file-name-case": (NO, "fcase"), "help": (NO, "help"), "horizon-lines": (REQUIRED, "none"),
    "no-dereference": (NO, "noderef"), "no-ignore-file-name-case": (NO, "nofcase"), "normal": (NO, "normal"),
    "strip-trailing-cr": (NO, "cr"), "tabsize": (REQUIRED, "tabsize"), "changed-group-format": (REQUIRED, "group"),
    "suppress-common-lines": (NO, "suppress"), "color": (OPTIONAL, "color"), "version": (NO, "version"),
}  # fmt: skip
USAGE = """\
usage: diff [-aBbdilpTtw] [-c | -e | -f | -n | -q | -u] [--ignore-case]
            [--no-ignore-case] [--normal] [--strip-trailing-cr] [--tabsize]
            [-I pattern] [-F pattern] [-L label] file1 file2
       diff [-aBbdilpTtw] [-I pattern] [-L label] [--ignore-case]
            [--no-ignore-case] [--normal] [--strip-trailing-cr] [--tabsize]
            [-F pattern] -C number file1 file2
       diff [-aBbdiltw] [-I pattern] [--ignore-case] [--no-ignore-case]
            [--normal] [--strip-trailing-cr] [--tabsize] -D string file1 file2
       diff [-aBbdilpTtw] [-I pattern] [-L label] [--ignore-case]
            [--no-ignore-case] [--normal] [--tabsize] [--strip-trailing-cr]
            [-F pattern] -U number file1 file2
       diff [-aBbdilNPprsTtw] [-c | -e | -f | -n | -q | -u] [--ignore-case]
            [--no-ignore-case] [--normal] [--tabsize] [-I pattern] [-L label]
            [-F pattern] [-S name] [-X file] [-x pattern] dir1 dir2
       diff [-aBbditwW] [--expand-tabs] [--ignore-all-space]
            [--ignore-blank-lines] [--ignore-case] [--minimal]
            [--no-ignore-file-name-case] [--strip-trailing-cr]
            [--suppress-common-lines] [--tabsize] [--text] [--width]
            -y | --side-by-side file1 file2
       diff [--help] [--version]
"""
FORMATS = {"C": "context", "c": "context", "U": "unified", "u": "unified", "e": "ed", "f": "forward", "n": "rcs", "q": "brief"}
FORMATS |= {"D": "ifdef", "group": "group", "y": "sides", "normal": "normal"}
NEW_ALGORITHM = {"a", "p", "w", "N", "P", "r", "s", "T", "none", "color", "noderef", "fcase", "nofcase", "suppress"}
"""With no other options than these plain and unified output uses the new algorithm."""
INT_MAX = 0x7FFFFFFF


class Diff:
    """Options, and the status so far."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.format = ""
        self.context = 3
        self.labels: list[str] = []
        self.ignore: list[str] = []
        self.exclude: list[str] = []
        self.start = ""
        self.status = 0
        self.header = ""
        self.color = "never"
        self.ignore_regex: Regex | None = None
        self.function: str | None = None
        self.function_regex: Regex | None = None
        self.pattern = ""
        """The word of -D, the pattern of --changed-group-format."""
        self.width, self.tab = WIDTH, 8
        self.algorithm = ""
        self.inside: set[tuple[int, int, int]] = set()
        """Directories being compared: (which side, device, inode)."""

    def usage(self) -> None:
        """The usage text; exit 2."""
        self.p.usage(USAGE, 2)

    def set_format(self, name: str) -> None:
        if self.format not in ("", name):
            self.p.stderr.write("error: conflicting output format options.\n")
            self.usage()
        self.format = name

    async def parse(self) -> list[str]:
        """Options; returns the operands."""
        p = self.p
        getopt = GetoptLong(p, OPTSTRING, LONGS)
        last, last_word = "", 0
        for key, value in getopt:
            if key.isdecimal():
                if getopt.word != last_word or not (last in "cu" or last.isdecimal()):
                    self.usage()
                self.context = int(key) if last in "cu" else self.context * 10 + int(key)
            elif key == "X":
                await self.read_excludes(value)
            else:
                self.option(key, value)
            last, last_word = key, getopt.word
        args = getopt.args
        words = [w for w in p.argv[1 : len(p.argv) - len(args)] if w != "--"]
        self.header = " ".join(["diff", *words])
        return args

    def option(self, key: str, value: str) -> None:
        p = self.p
        if key in FORMATS:
            self.set_format(FORMATS[key])
            if key in ("D", "group"):
                self.pattern = value
            elif value:
                self.context = self.number(value, "context size", 0 if key in "Uu" else 1)
        elif key == "W":
            self.width = self.number(value, "width", 1)
        elif key == "tabsize":
            self.tab = self.number(value, "tabsize", 1)
        elif key == "F":
            self.function = value
        elif key == "L":
            self.labels.append(value)
            if len(self.labels) > 2:
                self.usage()
        elif key == "I":
            self.ignore.append(value)
        elif key == "x":
            self.exclude.append(value)
        elif key == "S":
            self.start = value
        elif key == "version":
            p.stdout.write("FreeBSD diff 20260206\n")
            p.exit(0)
        elif key == "help":
            p.stdout.write(USAGE)
            p.exit(0)
        elif key == "color":
            self.color = next((w for w in ("auto", "always", "never") if (value or "auto").startswith(w)), "")
            if not self.color:
                p.warnx(f"unsupported --color value (must be always, auto, or never): {value}")
                self.usage()
        elif key == "A":
            if value.lower() not in ("stone", "myers", "patience"):
                p.warnx(f"unknown algorithm: {value}")
                self.usage()
            self.algorithm = value.lower()
        elif key == "?":
            self.usage()
        else:
            self.flags.add(key)

    def number(self, text: str, what: str, least: int) -> int:
        value, error = strtonum(text, least, INT_MAX)
        if error:
            self.p.warnx(f"{what} is {error}: {text}")
            self.usage()
        return value

    async def read_excludes(self, path: str) -> None:
        """-X."""
        try:
            data = await (self.p.stdin.read() if path == "-" else read_file(self.p, path))
        except KError as e:
            self.p.err(2, e, path)
        self.exclude += [line for line in decode(data).split("\n") if line]

    def prepare(self) -> None:
        """Settle what depends on several options."""
        if not self.format:
            self.format = "context" if "p" in self.flags else "normal"
        if "F" in self.flags and "p" in self.flags:
            self.p.stderr.write("error: conflicting output format options.\n")
            self.usage()
        if self.ignore:
            self.ignore_regex = self.regex("|".join(self.ignore))
        if self.function is not None:
            self.function_regex = self.regex(self.function)

    def regex(self, pattern: str) -> Regex:
        try:
            return regcomp(pattern, EXTENDED)
        except RegexError as e:
            self.p.errx(2, f"{pattern}: {e}" if pattern else str(e))

    # comparing -------------------------------------------------------------------------------------------------
    def key(self) -> Callable[[str], str]:
        """What lines are compared by."""
        steps: list[Callable[[str], str]] = []
        if "cr" in self.flags:
            steps.append(lambda s: s.removesuffix("\r"))
        if "i" in self.flags:
            steps.append(str.lower)
        if "w" in self.flags:
            steps.append(lambda s: re.sub(r"\s+", "", s))
        elif "b" in self.flags:
            steps.append(lambda s: re.sub(r"\s+", " ", s).rstrip())

        def key(line: str) -> str:
            for step in steps:
                line = step(line)
            return line

        return key

    def wanted(self, change: Change, old: output.File, new: output.File) -> bool:
        """-B and -I: changes of nothing but such lines do not count."""
        lines = old.lines[change[0] : change[1]] + new.lines[change[2] : change[3]]
        if "B" in self.flags and all(not line for line in lines):
            return False
        regex = self.ignore_regex
        return regex is None or not all(regex.test(line) for line in lines)

    async def contents(self, path: str) -> bytes | None:
        """A file's bytes; None after a complaint."""
        try:
            return await (self.p.stdin.read() if path == "-" else read_file(self.p, path))
        except KError as e:
            if e.errno == ENOENT and "N" in self.flags:
                return b""
            self.p.stdout.flush()
            self.p.warn(e, path)
            self.status |= 2
            return None

    def label(self, index: int, path: str, st: Stat | None) -> str:
        """What stands behind --- and +++."""
        from vshell.userland.strftime import gmtime, strftime

        if index < len(self.labels):
            return self.labels[index]
        ns = st.st_mtime if st is not None else self.p.sys.clock_gettime()
        tm = gmtime(ns // 1_000_000_000)
        if self.format == "context":
            return f"{path}\t{strftime('%c', tm)}"
        return f"{path}\t{strftime('%Y-%m-%d %H:%M:%S', tm)}.{ns % 1_000_000_000:09d} {strftime('%z', tm)}"

    async def files(self, path1: str, path2: str, stats: tuple[Stat | None, Stat | None], header: bool) -> None:
        """diffreg and print_status of two files."""
        p = self.p
        data1 = await self.contents(path1)
        data2 = await self.contents(path2) if data1 is not None else None
        if data1 is None or data2 is None:
            return
        if data1 == data2:
            self.identical(path1, path2)
            return
        if "a" not in self.flags and (b"\0" in data1 or b"\0" in data2):
            p.stdout.write(f"Binary files {self.name(0, path1)} and {self.name(1, path2)} differ\n")
            self.status |= 1
            return
        old = output.File(decode(data1), self.label(0, path1, stats[0]))
        new = output.File(decode(data2), self.label(1, path2, stats[1]))
        regular = all(st is not None and st.st_mode & S_IFMT == S_IFREG for st in stats)
        stone = header or not regular or self.stone()
        found = [c for c in self.compare(old, new, stone) if self.wanted(c, old, new)]
        if not found:
            self.identical(path1, path2)
            return
        self.status |= 1
        if self.format == "brief":
            p.stdout.write(f"Files {self.name(0, path1)} and {self.name(1, path2)} differ\n")
            return
        if header:
            p.stdout.write(f"{self.header} {path1} {path2}\n")
        p.stdout.write(self.render(old, new, found, stone))
        if self.format in ("ed", "forward", "rcs") and any(new.unended(c, d) for _, _, c, d in found):
            p.warnx("No newline at end of file")

    def name(self, index: int, path: str) -> str:
        """What messages call a file."""
        return self.labels[index] if index < len(self.labels) else path

    def identical(self, path1: str, path2: str) -> None:
        if "s" in self.flags:
            self.p.stdout.write(f"Files {self.name(0, path1)} and {self.name(1, path2)} are identical\n")

    def stone(self) -> bool:
        """Is the old algorithm needed?"""
        new = self.format in ("normal", "unified") and self.flags <= NEW_ALGORITHM and not self.ignore
        return not new or self.function is not None or self.algorithm == "stone"

    def compare(self, old: output.File, new: output.File, stone: bool) -> list[Change]:
        """The changes; a missing last newline is one too."""
        key = self.key()
        a, b = list(old.lines), list(new.lines)
        if old.newline != new.newline and not self.flags & {"b", "w"}:
            # A mark no line can contain keeps the last lines apart.
            for file, lines in ((old, a), (new, b)):
                if not file.newline and lines:
                    lines[-1] += "\n"
        return changes(a, b, key, stone, "d" in self.flags)

    def colors(self) -> dict[str, str]:
        """--color: what added and deleted lines are marked with."""
        env = self.p.env
        if self.color == "auto" and not (env.get("CLICOLOR") or env.get("COLORTERM")):
            return {}
        if self.color == "never" or (self.color == "auto" and not self.p.sys.isatty(1)):
            return {}
        add, colon, gone = (env.get("DIFFCOLORS") or "32").partition(":")
        gone = gone if colon else "31"
        return {"+": add, ">": add, "-": gone, "<": gone}

    def render(self, old: output.File, new: output.File, found: list[Change], stone: bool) -> str:
        old.colors = new.colors = self.colors()
        old.once = new.once = not stone
        if self.format == "sides":
            sides = Sides(self.width, self.tab, "t" in self.flags)
            return side_by_side(old, new, found, sides, "suppress" in self.flags)
        if stone:
            for file in (old, new):
                file.style("cr" in self.flags, self.tab if "t" in self.flags else 0, "T" in self.flags)
        if self.format == "ifdef":
            return output.ifdef(old, new, found, self.pattern)
        if self.format == "group":
            return output.group(old, new, found, self.pattern)
        names = None
        if "p" in self.flags or self.function_regex is not None:
            names = output.Functions(old, self.function_regex.test if self.function_regex is not None else None)
        if self.format == "unified":
            return output.unified(old, new, found, self.context, names)
        if self.format == "context":
            return output.contexts(old, new, found, self.context, names)
        how = {"ed": output.ed, "forward": output.forward, "rcs": output.rcs}.get(self.format, output.normal)
        return how(old, new, found)

    # directories -----------------------------------------------------------------------------------------------
    def names(self, path: str, side: int) -> list[str] | None:
        """The entries to compare, sorted."""
        from fnmatch import fnmatchcase

        try:
            names = sorted(self.p.sys.listdir(path))
        except KError as e:
            if e.errno == ENOENT and self.flags & ({"N", "P"} if side == 0 else {"N"}):
                return []
            self.p.stdout.flush()
            self.p.warn(e, path)
            return None
        return [n for n in names if n >= self.start and not any(fnmatchcase(n, x) for x in self.exclude)]

    async def directories(self, path1: str, path2: str) -> None:
        """diffdir."""
        path1, path2 = path1.rstrip("/") or "/", path2.rstrip("/") or "/"
        entered = []
        lists: list[list[str]] = []
        for side, path in enumerate((path1, path2)):
            place = self.place(side, path)
            if place is not None and place in self.inside:
                self.p.stdout.flush()
                self.p.warnx(f"{path}: Directory loop detected")
                lists.append([])
                continue
            names = self.names(path, side)
            if names is None:
                break
            lists.append(names)
            if place is not None:
                self.inside.add(place)
                entered.append(place)
        if len(lists) == 2:
            await self.entries(path1.removesuffix("/"), path2.removesuffix("/"), lists[0], lists[1])
        self.inside.difference_update(entered)

    def place(self, side: int, path: str) -> tuple[int, int, int] | None:
        """What tells a directory from all others."""
        try:
            st = self.p.sys.stat(path)
        except KError:
            return None
        return side, st.st_dev, st.st_ino

    async def entries(self, path1: str, path2: str, names1: list[str], names2: list[str]) -> None:
        """Two sorted lists of names."""
        fold = str.lower if "fcase" in self.flags else str
        i = j = 0
        while i < len(names1) or j < len(names2):
            one, two = names1[i : i + 1], names2[j : j + 1]
            if one and two and fold(one[0]) == fold(two[0]):
                await self.pair(f"{path1}/{one[0]}", f"{path2}/{two[0]}")
                i, j = i + 1, j + 1
            elif one and (not two or fold(one[0]) < fold(two[0])):
                if "N" in self.flags:
                    await self.pair(f"{path1}/{one[0]}", f"{path2}/{one[0]}")
                else:
                    self.only(path1 or "/", one[0])
                i += 1
            else:
                if self.flags & {"N", "P"}:
                    await self.pair(f"{path1}/{two[0]}", f"{path2}/{two[0]}")
                else:
                    self.only(path2 or "/", two[0])
                j += 1

    def only(self, path: str, name: str) -> None:
        self.p.stdout.write(f"Only in {path}: {name}\n")
        self.status |= 1

    def stat(self, path: str, missing: bool) -> Stat | None:
        """stat or lstat; None if the entry is not there and that is allowed."""
        try:
            return self.p.sys.lstat(path) if "noderef" in self.flags else self.p.sys.stat(path)
        except KError as e:
            if missing and e.errno == ENOENT:
                return None
            self.p.stdout.flush()
            self.p.warn(e, path)
            raise

    async def pair(self, path1: str, path2: str) -> None:
        """diffit: two entries of the same name."""
        try:
            st1, st2 = self.stat(path1, bool(self.flags & {"N", "P"})), self.stat(path2, "N" in self.flags)
        except KError:
            return
        if st1 is not None and st2 is not None:
            if (st1.st_dev, st1.st_ino) == (st2.st_dev, st2.st_ino):
                return
            if S_IFLNK in (st1.st_mode & S_IFMT, st2.st_mode & S_IFMT):
                self.links(path1, path2, st1, st2)
                return
        kinds = [st.st_mode & S_IFMT if st is not None else 0 for st in (st1, st2)]
        kind1, kind2 = kinds[0] or kinds[1], kinds[1] or kinds[0]
        out = self.p.stdout
        if kind1 == S_IFDIR and kind2 == S_IFDIR:
            if "r" in self.flags:
                await self.directories(path1, path2)
            else:
                out.write(f"Common subdirectories: {path1} and {path2}\n")
        elif S_IFDIR in (kind1, kind2):
            one, two = ("directory", "regular file") if kind1 == S_IFDIR else ("regular file", "directory")
            out.write(f"File {path1} is a {one} while file {path2} is a {two}\n")
            self.status |= 1
        elif kind1 != S_IFREG or kind2 != S_IFREG:
            path = path1 if kind1 != S_IFREG else path2
            out.write(f"File {path} is not a regular file or directory and was skipped\n")
        else:
            await self.files(path1, path2, (st1, st2), True)

    def links(self, path1: str, path2: str, st1: Stat, st2: Stat) -> None:
        """--no-dereference: one of the two is a symbolic link."""
        sys, names = self.p.sys, {S_IFLNK: "symbolic link", S_IFDIR: "directory", S_IFREG: "file"}
        one, two = (names.get(st.st_mode & S_IFMT, "error") for st in (st1, st2))
        if one == two:
            if sys.readlink(path1) == sys.readlink(path2):
                return
            self.p.stdout.write(f"Symbolic links {path1} and {path2} differ\n")
        else:
            self.p.stdout.write(f"File {path1} is a {one} while file {path2} is a {two}\n")
        self.status |= 1


def is_directory(st: Stat | None) -> bool:
    """Does stat(2) say directory?"""
    return st is not None and st.st_mode & S_IFMT == S_IFDIR


@checks_stdout(2)
@program("/usr/bin/diff")
async def main(p: Program) -> int:
    """diff [options] file1 file2"""
    d = Diff(p)
    args = await d.parse()
    if len(args) != 2:
        d.usage()
    d.prepare()
    stats: list[Stat | None] = []
    for path in args:
        try:
            stats.append(p.sys.fstat(0) if path == "-" else p.sys.stat(path))
        except KError as e:
            if "N" not in d.flags or e.errno != ENOENT:
                p.err(2, e, path)
            stats.append(None)
    if stats == [None, None]:
        for path in args:
            p.warn(ENOENT, path)
        return 2
    if "-" in args and any(map(is_directory, stats)):
        p.errx(2, "can't compare - to a directory")
    if all(map(is_directory, stats)):
        if d.format == "ifdef":
            p.errx(2, "-D option not supported with directories")
        await d.directories(args[0], args[1])
        return d.status
    for i in (0, 1):
        if is_directory(stats[i]):
            args[i] = args[i].rstrip("/") + "/" + args[1 - i].rpartition("/")[2]
            try:
                stats[i] = p.sys.stat(args[i])
            except KError as e:
                p.err(2, e, args[i])
    if args != ["-", "-"]:
        await d.files(args[0], args[1], (stats[0], stats[1]), False)
    return d.status
