"""Running a sed script over the input (usr.bin/sed/process.c, main.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY, S_IFMT, S_IFREG
from vshell.commands.sed.script import WRITE, Address, Command, Source, Substitution
from vshell.userland.program import Exit, Program
from vshell.userland.regex import Regex
from vshell.userland.stdio import Writer, decode, encode
from vshell.userland.textfile import read_file

ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


class Input:
    """The input files, joined, with a look at what is to come; in-place editing changes file by file."""

    def __init__(self, p: Program, paths: list[str], inplace: str | None, span: bool) -> None:
        self.p = p
        self.paths: list[str | None] = [*paths] or [None]
        self.inplace = inplace
        self.span = span
        self.at = 0
        self.fd = -1
        self.lines: list[bytes] = []
        """What was read ahead, last line first."""
        self.rest = b""
        self.eof = True
        self.opened = False
        self.out = p.stdout
        self.temporary = ""
        self.status = 0
        self.quit = False

    async def more(self) -> bool:
        """Is there another line in this file?"""
        while not self.lines and not self.eof:
            try:
                data = await self.p.sys.read(self.fd, 65536)
            except KError as e:
                self.p.err(1, e, self.name)
            if not data:
                self.eof = True
                if self.rest:
                    self.lines = [self.rest]
                    self.rest = b""
                break
            parts = (self.rest + data).split(b"\n")
            self.rest = parts.pop()
            self.lines = [part + b"\n" for part in reversed(parts)]
            if self.out.pending > 65536:
                await self.out.drain()
        return bool(self.lines)

    @property
    def name(self) -> str:
        """The current file, for messages."""
        return self.paths[self.at] or "stdin"

    async def next(self) -> tuple[bytes | None, bool]:
        """(the next line or None, True if it begins a file of its own)."""
        fresh = False
        while self.quit or not await self.more():
            if self.fd == 0:
                return None, False
            if self.opened:
                self.close()
                self.at += 1
            if self.at >= len(self.paths) or self.quit:
                return None, False
            fresh = self.open()
        return self.lines.pop(), fresh

    def open(self) -> bool:
        """The next file; True if line numbers begin anew."""
        p, path = self.p, self.paths[self.at]
        self.opened, self.eof, self.rest, self.fd = True, True, b"", -1
        if path is None:
            if self.inplace is not None:
                p.errx(1, "-I or -i may not be used with stdin")
            self.fd, self.eof = 0, False
            return False
        if self.inplace is not None:
            self.start_edit(path)
        try:
            self.fd = p.sys.open(path)
            self.eof = False
        except KError as e:
            p.stdout.flush()
            p.warn(e, path)
            self.status = 1
        return self.inplace is not None and not self.span

    def start_edit(self, path: str) -> None:
        p = self.p
        try:
            st = p.sys.lstat(path)
            if st.st_mode & S_IFMT != S_IFREG:
                p.errx(1, f"{path}: in-place editing only works for regular files")
            folder, _, name = path.rpartition("/")
            where = folder if folder else "/" if path.startswith("/") else "."
            self.temporary = f"{where}/.!{p.sys.getpid()}!{name}"
            fd = p.sys.open(self.temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            self.out = Writer(p.sys, fd)
            p.sys.chown(self.temporary, st.st_uid, st.st_gid)
            p.sys.chmod(self.temporary, st.st_mode & 0o7777)
        except KError as e:
            p.err(1, e, path)

    def close(self) -> None:
        """Done with a file: with -i the new one takes its place."""
        sys, path = self.p.sys, self.paths[self.at]
        if self.fd >= 0:
            sys.close(self.fd)
            self.fd = -1
        if not self.temporary or path is None:
            return
        self.out.flush()
        sys.close(self.out.fileno())
        self.out = self.p.stdout
        try:
            if self.inplace:
                backup = path + self.inplace
                try:
                    sys.unlink(backup)
                except KError:
                    pass
                try:
                    sys.link(path, backup)
                except KError:
                    sys.rename(path, backup)
            sys.rename(self.temporary, path)
        except KError as e:
            self.p.warn(e, "rename()")
            raise Exit(1) from None
        self.temporary = ""

    async def last(self) -> bool:
        """Is the current line the last one?"""
        if await self.more():
            return False
        if self.inplace is not None and not self.span:
            return True
        for path in self.paths[self.at + 1 :]:
            try:
                if path is not None and await read_file(self.p, path):
                    return False
            except KError:
                continue
        return True


class Editor:
    """Pattern space, hold space and the rest of the machine."""

    def __init__(self, p: Program, source: Source, commands: list[Command], files: Input, silent: bool) -> None:
        self.p = p
        self.source = source
        self.commands = commands
        self.input = files
        self.silent = silent
        self.space = ""
        self.newline = True
        self.hold = ""
        self.deleted = False
        self.line = 0
        self.appends: list[tuple[str, str]] = []
        self.substituted = False
        self.last_address = False
        self.regex: Regex | None = None
        """The expression used last, for the empty one."""

    # input and output ------------------------------------------------------------------------------------------
    async def read(self, append: bool = False) -> bool:
        """The next line into (or behind) the pattern space."""
        raw, fresh = await self.input.next()
        if raw is None:
            return False
        if fresh:
            self.line = 0
            self.hold = ""
            for command in self.commands:
                command.startline = 0
        self.newline = raw.endswith(b"\n") or not await self.input.last()
        text = decode(raw[:-1] if raw.endswith(b"\n") else raw)
        self.space = f"{self.space}\n{text}" if append else text
        self.line += 1
        return True

    def print(self, text: str, newline: bool = True) -> None:
        self.input.out.write(text + "\n" if newline else text)

    async def flush_appends(self) -> None:
        """What a and r left for the end of the cycle."""
        for kind, text in self.appends:
            if kind == "a":
                self.input.out.write(text)
                continue
            try:
                self.input.out.write(await read_file(self.p, text))
            except KError:
                continue
        self.appends.clear()
        self.substituted = False

    # addresses -------------------------------------------------------------------------------------------------
    def search(self, regex: Regex | None) -> Regex:
        """The expression to use: the last one for an empty one."""
        if regex is None:
            if self.regex is None:
                self.p.errx(1, "first RE may not be empty")
            return self.regex
        self.regex = regex
        return regex

    async def matches(self, a: Address) -> bool:
        if a.kind == "re":
            return bool(self.search(a.regex).test(self.space))
        if a.kind == "line":
            return self.line == a.line
        return await self.input.last()

    async def applies(self, c: Command) -> bool:
        self.last_address = False
        a1, a2 = c.a1, c.a2
        if a1 is None:
            result = True
        elif a2 is None:
            result = await self.matches(a1)
        elif c.startline > 0:
            result = await self.in_range(c, a2)
        elif await self.matches(a1):
            if (a2.kind == "line" and self.line >= a2.line) or (a2.kind == "relative" and a2.line == 0):
                self.last_address = True
            else:
                c.startline = self.line
            result = True
        else:
            result = False
        return result != c.negate

    async def in_range(self, c: Command, a2: Address) -> bool:
        if a2.kind == "relative":
            if self.line - c.startline <= a2.line:
                return True
            c.startline = 0
            return False
        if await self.matches(a2):
            c.startline = 0
            self.last_address = True
        elif a2.kind == "line" and self.line > a2.line:
            # The second address was jumped over.
            c.startline = 0
            return False
        return True

    # the cycle -------------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """All lines."""
        while await self.read():
            self.deleted = False
            while await self.cycle():
                pass
            if not self.silent and not self.deleted:
                self.print(self.space, self.newline)
            await self.flush_appends()

    async def cycle(self) -> bool:
        """The script once; True if D wants it again."""
        commands = self.commands
        pc, end = 0, len(commands)
        while pc < end:
            c = commands[pc]
            pc += 1
            if (c.a1 is not None or c.negate) and not await self.applies(c):
                if c.code == "{":
                    pc = c.target
                continue
            code = c.code
            if code == "s":
                assert c.subst is not None
                if self.substitute(c.subst):
                    self.substituted = True
            elif code == "b":
                pc = c.target if c.target >= 0 else end
            elif code == "t":
                if self.substituted:
                    self.substituted = False
                    pc = c.target if c.target >= 0 else end
            elif code == "D":
                if not self.deleted and "\n" in self.space:
                    self.space = self.space.partition("\n")[2]
                    return True
                self.deleted = True
                return False
            elif code == "d":
                self.deleted = True
                return False
            elif code == "c":
                self.deleted = True
                self.space = ""
                if c.a2 is None or self.last_address or await self.input.last():
                    self.input.out.write(c.text)
                return False
            elif code in "nNq":
                if not await self.line_command(code):
                    return False
            else:
                SIMPLE[code](self, c)
        return False

    async def line_command(self, code: str) -> bool:
        """n, N and q; False ends the script."""
        if code == "q":
            if self.input.inplace is not None:
                self.input.quit = True
                return True
            if not self.silent and not self.deleted:
                self.print(self.space, self.newline)
            await self.flush_appends()
            raise Exit(0)
        if code == "n":
            if not self.silent and not self.deleted:
                self.print(self.space, self.newline)
            await self.flush_appends()
            if not await self.read():
                raise Exit(0)
            self.deleted = False
            return True
        await self.flush_appends()
        if not await self.read(append=True):
            raise Exit(0)
        return True

    # commands --------------------------------------------------------------------------------------------------
    def do_print(self, c: Command) -> None:
        if not self.deleted:
            self.print(self.space, self.newline)

    def do_print_first(self, c: Command) -> None:
        if not self.deleted:
            first, newline, _ = self.space.partition("\n")
            self.print(first, bool(newline) or self.newline)

    def do_get(self, c: Command) -> None:
        self.space = self.hold

    def do_get_append(self, c: Command) -> None:
        self.space += "\n" + self.hold

    def do_hold(self, c: Command) -> None:
        self.hold = self.space

    def do_hold_append(self, c: Command) -> None:
        self.hold += "\n" + self.space

    def do_exchange(self, c: Command) -> None:
        self.space, self.hold = self.hold, self.space

    def do_insert(self, c: Command) -> None:
        self.input.out.write(c.text)

    def do_append(self, c: Command) -> None:
        self.appends.append((c.code, c.text))

    def do_transform(self, c: Command) -> None:
        if not self.deleted:
            self.space = self.space.translate(c.table)

    def do_number(self, c: Command) -> None:
        self.input.out.write(f"{self.line}\n")

    def do_write(self, c: Command) -> None:
        if not self.deleted:
            c.fd = self.write_file(c.text, c.fd)

    def do_list(self, c: Command) -> None:
        self.input.out.write(listing(self.space, self.width()))

    def do_nothing(self, c: Command) -> None:
        pass

    def write_file(self, path: str, fd: int) -> int:
        """Write the pattern space to a w file."""
        try:
            if fd < 0:
                fd = self.p.sys.open(path, WRITE, 0o666)
            self.p.sys.write_nowait(fd, encode(self.space) + b"\n")
        except KError as e:
            self.p.err(1, e, path)
        return fd

    def width(self) -> int:
        """The width of l's lines."""
        if self.input.out is not self.p.stdout:
            return 60
        columns = self.p.env.get("COLUMNS", "")
        if columns:
            return max(int(columns) if columns.isdecimal() else 0, 1)
        try:
            return self.p.sys.ttysize(1)[1] or 60
        except KError:
            return 60

    def substitute(self, s: Substitution) -> bool:
        """process.c: substitute."""
        regex = self.search(s.regex)
        if s.regex is None and s.maxref > regex.nsub:
            self.p.errx(1, f"{s.line}: {self.source.name}: \\{s.maxref} not defined in the RE")
        text = self.space
        if not regex.test(text):
            return False
        new = replace(regex, s, text)
        if new is None:
            return False
        self.space = new
        if s.print:
            self.print(new, self.newline)
        if s.path and not self.deleted:
            s.fd = self.write_file(s.path, s.fd)
        return True


SIMPLE = {
    "p": Editor.do_print,
    "P": Editor.do_print_first,
    "g": Editor.do_get,
    "G": Editor.do_get_append,
    "h": Editor.do_hold,
    "H": Editor.do_hold_append,
    "x": Editor.do_exchange,
    "i": Editor.do_insert,
    "a": Editor.do_append,
    "r": Editor.do_append,
    "y": Editor.do_transform,
    "=": Editor.do_number,
    "w": Editor.do_write,
    "l": Editor.do_list,
    "{": Editor.do_nothing,
    "}": Editor.do_nothing,
}


def replace(regex: Regex, s: Substitution, text: str) -> str | None:
    """The text after the substitution, None if there were too few matches."""
    out: list[str] = []
    n, after_empty, at = s.count, True, 0
    groups = regex.groups(text)
    left = len(text)
    while groups is not None:
        start, end = groups[0]
        if n <= 1 and start > at:
            out.append(text[at:start])
        if after_empty or start > at or start != end:
            # An empty match right behind another match does not count.
            if n <= 1:
                for part in s.parts:
                    if isinstance(part, str):
                        out.append(part)
                    else:
                        a, b = groups[part] if part < len(groups) else (-1, -1)
                        out.append(text[a:b] if a >= 0 else "")
                n = -1 if n == 1 else n
            else:
                out.append(text[at:end])
                n -= 1
        at, left = end, len(text) - end
        after_empty = start == end
        if after_empty:
            if left <= 0:
                break
            out.append(text[at])
            at, left = at + 1, left - 1
        if n < 0:
            break
        groups = regex.groups(text, at)
    if n > 0:
        return None
    out.append(text[at:])
    return "".join(out)


def listing(text: str, width: int) -> str:
    """The l command: unambiguous, folded to `width`."""
    out: list[str] = []
    column = 0

    def put(piece: str, size: int) -> None:
        nonlocal column
        if column + size >= width:
            out.append("\\\n")
            column = 0
        out.append(piece)
        column += size

    for c in text:
        if c == "\n":
            out.append("\\\n" if column + 1 >= width else "")
            out.append("$\n")
            column = 0
        elif c in ESCAPES:
            put(ESCAPES[c], 2)
        elif c.isprintable():
            put(c, 1)
        else:
            raw = "".join(f"\\{byte:03o}" for byte in encode(c))
            put(raw, len(raw))
    return "".join(out) + ("\\\n" if column + 1 >= width else "") + "$\n"
