"""grep(1), egrep, fgrep, rgrep: print the lines that match (usr.bin/grep).

A line is matched by `Grep.procline` as the C function of that name does when the places of the matches matter (-o,
-w, --color); otherwise a plain test per pattern decides.  Output goes out after each block of input, which is what
fflush after every line looks like from outside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from vshell.abi.errno import EINVAL, EISDIR, KError
from vshell.abi.fcntl import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFSOCK
from vshell.userland.getopt_long import NO, OPTIONAL, REQUIRED, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.regex import EXTENDED, GNU, ICASE, LITERAL, RegexError, regcomp
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_file

OPTSTRING = "0123456789A:B:C:D:EFGHILOSRUVabcd:e:f:hilm:nopqrsuvwxyz"
LONGS = {
    "binary-files": (REQUIRED, "binary-files"),
    "help": (NO, "?"),
    "mmap": (NO, "u"),
    "line-buffered": (NO, "line-buffered"),
    "label": (REQUIRED, "label"),
    "null": (NO, "null"),
    "color": (OPTIONAL, "color"),
    "colour": (OPTIONAL, "color"),
    "exclude": (REQUIRED, "exclude"),
    "include": (REQUIRED, "include"),
    "exclude-dir": (REQUIRED, "exclude-dir"),
    "include-dir": (REQUIRED, "include-dir"),
    "after-context": (REQUIRED, "A"),
    "text": (NO, "a"),
    "before-context": (REQUIRED, "B"),
    "byte-offset": (NO, "b"),
    "context": (OPTIONAL, "C"),
    "count": (NO, "c"),
    "devices": (REQUIRED, "D"),
    "directories": (REQUIRED, "d"),
    "extended-regexp": (NO, "E"),
    "regexp": (REQUIRED, "e"),
    "fixed-strings": (NO, "F"),
    "file": (REQUIRED, "f"),
    "basic-regexp": (NO, "G"),
    "no-filename": (NO, "h"),
    "with-filename": (NO, "H"),
    "ignore-case": (NO, "i"),
    "files-with-matches": (NO, "l"),
    "files-without-match": (NO, "L"),
    "max-count": (REQUIRED, "m"),
    "line-number": (NO, "n"),
    "only-matching": (NO, "o"),
    "quiet": (NO, "q"),
    "silent": (NO, "q"),
    "recursive": (NO, "r"),
    "no-messages": (NO, "s"),
    "binary": (NO, "U"),
    "unix-byte-offsets": (NO, "u"),
    "invert-match": (NO, "v"),
    "version": (NO, "V"),
    "word-regexp": (NO, "w"),
    "line-regexp": (NO, "x"),
    "null-data": (NO, "z"),
}
COLORS = {
    "auto": "auto", "tty": "auto", "if-tty": "auto", "always": "always", "yes": "always", "force": "always",
    "never": "never", "none": "never", "no": "never",
}  # fmt: skip
BLOCK = 32768


class Options:
    """What the command line asks for."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        """Letters of the simple flags."""
        self.behave = {"e": EXTENDED, "f": LITERAL}.get(p.name[:1], 0)
        self.after = self.before = 0
        self.limit: int | None = None
        self.binary = "binary"
        self.devices = "read"
        self.directories = "read"
        self.links = "p"
        self.header = False
        self.no_header = False
        self.color = ""
        self.label = "(standard input)"
        self.eol = "\n"
        self.null = False
        self.files: list[tuple[str, bool]] = []
        self.dirs: list[tuple[str, bool]] = []
        self.matchall = False
        self.patterns: list[str] = []
        self.need_pattern = True
        if p.name.startswith("r"):
            self.recurse()

    def recurse(self) -> None:
        self.directories = "recurse"
        self.header = True

    def add_pattern(self, text: str) -> None:
        if text:
            self.patterns.append(text)
        else:
            self.matchall = True

    def add_patterns(self, text: str) -> None:
        for one in text.split("\n"):
            self.add_pattern(one)


def usage(p: Program) -> None:
    """The usage text; exit 2."""
    p.usage(
        f"usage: {p.name} [-abcDEFGHhIiLlmnOopqRSsUVvwxz] [-A num] [-B num] [-C num]\n"
        "\t[-e pattern] [-f file] [--binary-files=value] [--color=when]\n"
        "\t[--context=num] [--directories=action] [--label] [--line-buffered]\n"
        "\t[--null] [pattern] [file ...]\n",
        2,
    )


def number(p: Program, text: str) -> int:
    """strtoll(3) of a whole word."""
    try:
        return int(text.strip())
    except ValueError:
        p.err(2, EINVAL)


def choice(p: Program, text: str, option: str, choices: dict[str, str]) -> str:
    """A keyword argument, whatever its case."""
    if text.lower() not in choices:
        p.errx(2, f"unknown {option} option")
    return choices[text.lower()]


async def read_patterns(o: Options, path: str) -> None:
    """-f file."""
    try:
        text = decode(await (o.p.stdin.read() if path == "-" else read_file(o.p, path)))
    except KError as e:
        if e.errno == EISDIR:
            return
        o.p.err(2, e, path)
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    for line in lines:
        if not line.startswith("\0"):
            o.add_pattern(line)


async def parse(p: Program) -> tuple[Options, list[str]]:
    """Options and operands."""
    o = Options(p)
    extra = [w for w in p.env.get("GREP_OPTIONS", "").split(" ") if w]
    getopt = GetoptLong(p, OPTSTRING, LONGS, [p.argv[0], *extra, *p.argv[1:]] if extra else p.argv)
    last, last_word = "", 0
    for key, value in getopt:
        if key.isdecimal():
            start = 0 if getopt.word != last_word or not last.isdecimal() else o.after
            o.after = o.before = start * 10 + int(key)
        elif key == "f":
            await read_patterns(o, value)
            o.need_pattern = False
        else:
            option(o, key, value)
        last, last_word = key, getopt.word
    return o, getopt.args


def option(o: Options, key: str, value: str) -> None:
    """One option but -f and digits."""
    p = o.p
    if key in "ABC":
        n = number(p, value) if value or key != "C" else 2
        if n < 0:
            p.err(2, EINVAL, "context argument must be non-negative")
        o.after = n if key in "AC" else o.after
        o.before = n if key in "BC" else o.before
    elif key == "D":
        o.devices = choice(p, value, "--devices", {"skip": "skip", "read": "read"})
    elif key == "d":
        o.directories = choice(p, value, "--directories", {"recurse": "recurse", "skip": "skip", "read": "read"})
        o.header = o.header or o.directories == "recurse"
    elif key in "EFG":
        o.behave = {"E": EXTENDED, "F": LITERAL, "G": 0}[key]
    elif key == "e":
        o.add_patterns(value)
        o.need_pattern = False
    elif key == "H":
        o.header = True
    elif key == "h":
        o.header, o.no_header = False, True
    elif key in "aIU":
        o.binary = {"a": "text", "I": "skip", "U": "binary"}[key]
    elif key == "m":
        o.limit = number(p, value)
    elif key in "OpS":
        o.links = key
    elif key in "Rr":
        o.recurse()
    elif key in "lL":
        o.flags -= {"l", "L"}
        o.flags.add(key)
    elif key == "z":
        o.eol = "\0"
    elif key in "bcinoqsvwxy":
        o.flags.add("i" if key == "y" else key)
    else:
        long_option(o, key, value)


def long_option(o: Options, key: str, value: str) -> None:
    """Options without a letter, -V and the wrong ones."""
    p = o.p
    if key == "V":
        p.stdout.write(f"{p.name} (BSD grep, GNU compatible) 2.6.0-FreeBSD\n")
        p.exit(0)
    elif key == "binary-files":
        kinds = {"binary": "binary", "without-match": "skip", "text": "text"}
        o.binary = choice(p, value, "--binary-files", kinds)
    elif key == "color":
        when = choice(p, value or "auto", "--color", COLORS)
        tty = when == "auto" and p.stdout.isatty() and p.env.get("TERM", "dumb") != "dumb"
        o.color = (p.env.get("GREP_COLOR") or "01;31") if when == "always" or tty else ""
    elif key == "label":
        o.label = value
    elif key == "line-buffered":
        p.stdout.setvbuf("line")
    elif key == "null":
        o.null = True
    elif key in ("include", "exclude"):
        o.files.append((value, key == "include"))
    elif key in ("include-dir", "exclude-dir"):
        o.dirs.append((value, key == "include-dir"))
    elif key != "u":
        usage(p)


def allowed(rules: list[tuple[str, bool]], names: tuple[str, ...]) -> bool:
    """The last matching --include or --exclude decides."""
    from fnmatch import fnmatchcase

    verdict = not any(include for _, include in rules)
    for pattern, include in rules:
        if any(fnmatchcase(name, pattern) for name in names):
            verdict = include
    return verdict


Span = tuple[int, int]


class Grep:
    """The search: patterns compiled, files read one after the other."""

    def __init__(self, o: Options) -> None:
        self.o = o
        self.p = o.p
        f = o.flags
        flags = o.behave | GNU | (ICASE if "i" in f else 0)
        try:
            self.regexes = [regcomp(text, flags) for text in o.patterns]
        except RegexError as e:
            self.p.errx(2, str(e))
        if "x" in f:
            f.discard("w")
        self.invert = "v" in f
        self.recording = bool(o.color) or "o" in f
        self.silent = bool(f & {"q", "l"})
        self.file_error = False
        self.first_match = True
        self.test = self.tester()

    def tester(self) -> Callable[[str], object]:
        """The quickest way to tell whether a line matches; "" for procline."""
        o, f = self.o, self.o.flags
        if o.matchall and not f & {"w", "x"}:
            return lambda line: True
        if not o.patterns:
            return (lambda line: not line) if o.matchall and "x" in f else (lambda line: False)
        if "w" in f:
            return lambda line: self.procline(line)[0]
        tests = [r.prog.fullmatch if "x" in f else r.test for r in self.regexes]
        if o.matchall:
            return lambda line: not line or any(t(line) for t in tests)
        return tests[0] if len(tests) == 1 else lambda line: any(t(line) for t in tests)

    def procline(self, line: str) -> tuple[bool, list[Span]]:
        """util.c: procline; whether the line matches, and where."""
        if self.o.matchall and not self.o.flags & {"w", "x"}:
            return True, []
        words, whole = "w" in self.o.flags, "x" in self.o.flags
        spans: list[Span] = []
        matched, st, done, nst, last = False, 0, 0, 0, (0, 0)
        while st <= len(line):
            found, start, retry = False, len(spans), 0
            for regex in self.regexes:
                span = regex.find(line, st)
                if span is None or (whole and span != (0, len(line))):
                    continue
                if words and not self.is_word(line, span):
                    if retry == done or span[0] + 1 < retry:
                        retry = span[0] + 1
                    continue
                found = matched = True
                last = span
                if len(spans) == start:
                    spans.append(span)
                    nst = span[1]
                elif self.better(span, spans[-1]):
                    spans[-1] = span
                    nst = span[1]
                if not self.recording or self.silent:
                    done, found = nst, False
                    break
            if not found and retry > done:
                st = retry
                continue
            if not found or self.silent:
                break
            if st == nst and last[0] == last[1]:
                nst += 1
            st = done = nst
        return matched, spans

    @staticmethod
    def is_word(line: str, span: Span) -> bool:
        before = line[span[0] - 1 : span[0]] if span[0] else " "
        after = line[span[1] : span[1] + 1] or " "
        return not any(c.isalnum() or c == "_" for c in before + after)

    @staticmethod
    def better(new: Span, old: Span) -> bool:
        return new[0] < old[0] or (new[0] == old[0] and new[1] > old[1])

    # files -----------------------------------------------------------------------------------------------------
    async def procfile(self, path: str) -> bool:
        """Search one file; True if something matched."""
        o = self.o
        scan = Scan(self, o.label if path == "-" else path)
        fd = 0
        try:
            if path != "-":
                if self.skipped(path):
                    return False
                fd = self.p.sys.open(path, 0)
            await scan.read(fd)
        except KError as e:
            self.file_error = True
            if "s" not in o.flags:
                self.p.warn(e, scan.name)
            return False
        finally:
            if fd:
                self.p.sys.close(fd)
        return scan.finish(path)

    def skipped(self, path: str) -> bool:
        """-d skip and -D skip."""
        if self.o.directories != "skip" and self.o.devices != "skip":
            return False
        try:
            kind = self.p.sys.stat(path).st_mode & S_IFMT
        except KError:
            return False
        if kind == S_IFDIR:
            return self.o.directories == "skip"
        return self.o.devices == "skip" and kind in (S_IFIFO, S_IFCHR, S_IFBLK, S_IFSOCK)

    def walk(self, path: str, above: tuple[tuple[int, int], ...] | None = None) -> Iterator[str]:
        """grep_tree: the files below `path`; `above` are the directories that it is in."""
        sys, o = self.p.sys, self.o
        follow = o.links == "S" or (o.links == "O" and above is None)
        try:
            st = sys.stat(path) if follow else sys.lstat(path)
        except KError as e:
            self.walk_error(e, path)
            return
        kind = st.st_mode & S_IFMT
        if kind == S_IFLNK:
            return
        name = path.rstrip("/").rpartition("/")[2] or path
        if kind != S_IFDIR:
            if not o.files or allowed(o.files, (path, name)):
                yield path
            return
        if o.dirs and not (allowed(o.dirs, (name,)) and allowed(o.dirs, (path,))):
            return
        place = (st.st_dev, st.st_ino)
        if above is not None and place in above:
            self.p.warnx(f"warning: {path}: recursive directory loop")
            return
        try:
            names = sys.listdir(path)
        except KError as e:
            self.walk_error(e, path)
            return
        for name in names:
            yield from self.walk(path.removesuffix("/") + "/" + name, (*(above or ()), place))

    def walk_error(self, error: KError, path: str) -> None:
        self.file_error = True
        if "s" not in self.o.flags:
            self.p.warn(error, path)

    async def run(self, operands: list[str]) -> int:
        """Search everything; the exit status."""
        o = self.o
        if len(operands) < 2 and not o.header:
            o.no_header = True
        if not operands and o.directories != "recurse":
            return int(not await self.procfile("-"))
        matched = False
        if o.directories == "recurse":
            for operand in operands or ["."]:
                for path in self.walk(operand):
                    matched |= await self.procfile(path)
        else:
            for operand in operands:
                if o.files and not allowed(o.files, (operand, operand.rpartition("/")[2])):
                    continue
                matched |= await self.procfile(operand)
        if "L" in o.flags:
            matched = not matched
        if matched:
            return 2 if self.file_error and "q" not in o.flags else 0
        return 2 if self.file_error else 1


class Scan:
    """One file being searched: line numbers, context lines, counts (util.c: procfile, procmatches)."""

    def __init__(self, grep: Grep, name: str) -> None:
        self.g = grep
        self.o = grep.o
        self.name = name
        self.out = grep.p.stdout
        self.line_no = 0
        self.offset = 0
        self.lines = 0
        self.binary = False
        self.left = self.o.limit
        self.tail = 0
        self.gap = 0
        self.same_file = False
        self.queue: deque[tuple[str, int, int]] = deque()
        self.quiet = bool(self.o.flags & {"c", "q", "l", "L"})
        self.context = False
        self.stop = bool(self.o.flags & {"l", "q"})
        self.printed = False

    async def read(self, fd: int) -> None:
        """Read and match until the end, or until nothing more can change the answer."""
        eol = self.o.eol.encode()
        rest, first = b"", True
        while True:
            try:
                data = await self.g.p.sys.read(fd, BLOCK)
            except KError as e:
                if e.errno != EISDIR:
                    raise
                data = b""
            if first:
                first = False
                self.begin(data)
                if self.binary and self.o.binary == "skip":
                    return
            if not data:
                break
            lines = (rest + data).split(eol)
            rest = lines.pop()
            going = self.feed(decode(self.o.eol.encode().join(lines)).split(self.o.eol)) if lines else True
            await self.flush()
            if not going:
                return
        if rest:
            self.feed([decode(rest)])
            await self.flush()

    async def flush(self) -> None:
        """A printed line goes out at once; counts and names may wait."""
        if self.printed:
            self.printed = False
            await self.out.drain()

    def begin(self, data: bytes) -> None:
        self.binary = self.o.binary != "text" and self.o.eol == "\n" and b"\0" in data
        if self.binary and self.o.binary == "binary":
            self.quiet = True
        self.context = not self.quiet and (self.o.after != 0 or self.o.before != 0)

    def feed(self, lines: list[str]) -> bool:
        """Match some lines; False when the rest of the file does not matter."""
        test, invert = self.g.test, self.g.invert
        plain = not self.context and self.left is None and not self.g.recording and "b" not in self.o.flags
        if plain and not self.stop:
            self.feed_plain(lines)
            return True
        for line in lines:
            self.line_no += 1
            if self.left is not None and self.left <= 0:
                self.print(line, "-")
                self.tail -= 1
                if self.tail == 0:
                    return False
            else:
                matched = (not test(line)) if invert else bool(test(line))
                self.lines += matched
                if not self.handle(line, matched) or (self.stop and self.lines):
                    return False
            if "b" in self.o.flags:
                self.offset += len(line.encode("utf-8", "surrogateescape")) + 1
        return True

    def feed_plain(self, lines: list[str]) -> None:
        """Without context, limits and marked matches there is nothing to remember between lines."""
        test, o = self.g.test, self.o
        if self.quiet or ("n" not in o.flags and o.no_header):
            hits = [line for line in lines if not test(line)] if self.g.invert else list(filter(test, lines))
            self.lines += len(hits)
            self.line_no += len(lines)
            if hits and not self.quiet:
                self.out.write(o.eol.join(hits) + o.eol)
                self.printed = True
                self.g.first_match = False
            return
        invert = self.g.invert
        for line in lines:
            self.line_no += 1
            if bool(test(line)) != invert:
                self.lines += 1
                self.print(line, ":")

    def handle(self, line: str, matched: bool) -> bool:
        """procmatches."""
        if matched:
            self.match(line)
            if self.left is not None:
                self.left -= 1
                if self.left <= 0:
                    return self.tail != 0
        elif self.context:
            self.no_match(line)
        return True

    def match(self, line: str) -> None:
        o, g = self.o, self.g
        if self.context:
            if not g.first_match and (not self.same_file or self.gap > 0):
                self.out.write("--\n")
            for text, line_no, offset in self.queue:
                self.print(text, "-", line_no, offset)
            self.queue.clear()
            self.tail = o.after
        if not self.quiet:
            self.print_match(line)
            g.first_match = False
            self.same_file = True
            self.gap = 0

    def no_match(self, line: str) -> None:
        before = self.o.before
        if self.tail > 0:
            self.print(line, "-")
            self.tail -= 1
            self.queue.clear()
            return
        if before > 0:
            self.queue.append((line, self.line_no, self.offset))
            if len(self.queue) <= before:
                return
            self.queue.popleft()
        self.gap += 1

    def head(self, sep: str, line_no: int, offset: int) -> str:
        """printline_metadata."""
        o = self.o
        fields = []
        null = ""
        if not o.no_header:
            if o.null:
                null = self.name + "\0"
            else:
                fields.append(self.name)
        if "n" in o.flags:
            fields.append(str(line_no))
        if "b" in o.flags:
            fields.append(str(offset))
        return null + "".join(f + sep for f in fields)

    def print(self, line: str, sep: str, line_no: int | None = None, offset: int | None = None) -> None:
        """A whole line."""
        self.printed = True
        no = self.line_no if line_no is None else line_no
        self.out.write(self.head(sep, no, self.offset if offset is None else offset) + line + self.o.eol)

    def print_match(self, line: str) -> None:
        """printline: the line, or its matching parts."""
        o = self.o
        only = "o" in o.flags
        if only and o.matchall:
            return
        spans = self.g.procline(line)[1] if self.g.recording else []
        if not spans:
            self.print(line, ":")
            return
        self.printed = True
        before, after = (f"\33[{o.color}m\33[K", "\33[m\33[K") if o.color else ("", "")
        parts = [] if only else [self.head(":", self.line_no, self.offset)]
        at = 0
        for start, end in spans:
            if start == end:
                continue
            text = f"{before}{line[start:end]}{after}"
            if only:
                shift = len(line[:start].encode("utf-8", "surrogateescape"))
                parts.append(self.head(":", self.line_no, self.offset + shift) + text + "\n")
            else:
                parts.append(line[at:start] + text)
            at = end
        self.out.write("".join(parts) + ("" if only else line[at:] + "\n"))

    def finish(self, path: str) -> bool:
        """The lines printed at the end of a file; True if it matched."""
        o, f = self.o, self.o.flags
        shown = self.name
        if "c" in f and "q" not in f:
            self.out.write(("" if o.no_header else f"{self.name}:") + f"{self.lines}\n")
        hit = self.lines != 0
        if "q" not in f and (("l" in f and hit) or ("L" in f and not hit)):
            self.out.write(shown + ("\0" if o.null else "\n"))
        if hit and self.binary and o.binary == "binary" and not f & {"c", "l", "L", "q"}:
            self.out.write(f"Binary file {shown} matches\n")
        return hit


@program("/usr/bin/grep", "/usr/bin/egrep", "/usr/bin/fgrep", "/usr/bin/rgrep")
async def main(p: Program) -> int:
    """grep [options] pattern [file ...]"""
    o, operands = await parse(p)
    if o.need_pattern:
        if not operands:
            usage(p)
        o.add_patterns(operands[0])
        operands = operands[1:]
    return await Grep(o).run(operands)
