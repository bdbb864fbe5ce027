"""The sed script as a list of commands: the parser (usr.bin/sed/compile.c).

Blocks are flattened: a `{` that does not apply jumps behind its `}`.
"""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_TRUNC, O_WRONLY
from vshell.userland.program import Program
from vshell.userland.regex import EXTENDED, ICASE, Regex, RegexError, regcomp

WRITE = O_WRONLY | O_APPEND | O_CREAT | O_TRUNC
SPACES = " \t\n\v\f\r"
ADDRESSES = {
    "{": 2, "}": 0, "a": 1, "b": 2, "c": 2, "d": 2, "D": 2, "g": 2, "G": 2, "h": 2, "H": 2, "i": 1, "l": 2, "n": 2,
    "N": 2, "p": 2, "P": 2, "q": 1, "r": 1, "s": 2, "t": 2, "w": 2, "x": 2, "y": 2, "!": 2, ":": 0, "#": 0, "=": 1,
}  # fmt: skip
"""How many addresses each command takes."""


class Address:
    """`kind` is "re", "last", "line" or "relative"."""

    __slots__ = ("kind", "line", "regex")

    def __init__(self, kind: str, line: int = 0, regex: Regex | None = None) -> None:
        self.kind = kind
        self.line = line
        self.regex = regex


class Substitution:
    """The s command: `parts` are literals and group numbers; `count` 0 is the flag g."""

    __slots__ = ("count", "fd", "line", "maxref", "parts", "path", "print", "regex")

    def __init__(self) -> None:
        self.regex: Regex | None = None
        self.parts: list[str | int] = []
        self.count = 1
        self.print = False
        self.path = ""
        self.fd = -1
        self.maxref = 0
        self.line = 0


class Command:
    """One command of the script."""

    __slots__ = ("a1", "a2", "code", "fd", "negate", "startline", "subst", "table", "target", "text")

    def __init__(self, code: str, a1: Address | None, a2: Address | None) -> None:
        self.code = code
        self.a1 = a1
        self.a2 = a2
        self.negate = False
        self.startline = 0
        self.text = ""
        self.fd = -1
        self.target = -1
        """Where `{`, b and t jump to; -1 is the end of the script."""
        self.subst: Substitution | None = None
        self.table: dict[int, str] = {}


class Source:
    """The script's lines, over all -e and -f parts (main.c: cu_fgets)."""

    def __init__(self, units: list[tuple[str, str, bool]]) -> None:
        """`units` are (name for messages, text, whether it is a -e string)."""
        self.units = units
        self.at = 0
        self.rest = ""
        self.open = self.string = False
        self.name = ""
        self.line = 0
        self.silent = False
        """The script began with #n."""

    def next(self) -> tuple[str, bool] | None:
        """(a line with its newline, whether more of the same unit can follow a missing newline)."""
        while True:
            if not self.open:
                if self.at >= len(self.units):
                    return None
                self.name, self.rest, self.string = self.units[self.at]
                self.string = self.string and bool(self.rest)
                self.at += 1
                self.line = 0
                self.open = True
                if self.rest.startswith("#n"):
                    self.silent = True
            if self.rest:
                end = self.rest.find("\n") + 1 or len(self.rest)
                text, self.rest = self.rest[:end], self.rest[end:]
                self.line += 1
                return text, bool(self.rest) and not self.string
            self.open = False
            if self.string:
                # The end of a string counts as one more, empty, line.
                self.line += 1
                return "", False


class Compiler:
    """Parses the whole script into `commands`."""

    def __init__(self, p: Program, source: Source, extended: bool, late_files: bool) -> None:
        self.p = p
        self.source = source
        self.flags = EXTENDED if extended else 0
        self.late_files = late_files
        """-a: files are opened when first written to."""
        self.commands: list[Command] = []
        self.labels: dict[str, tuple[int, int]] = {}
        self.jumps: list[tuple[Command, str]] = []
        self.s = ""
        self.i = 0

    def fail(self, text: str) -> NoReturn:
        """An error in the script."""
        self.p.errx(1, f"{self.source.line}: {self.source.name}: {text}")

    def peek(self, ahead: int = 0) -> str:
        """The next character, "" at the end of the line."""
        return self.s[self.i + ahead : self.i + ahead + 1]

    def eat_space(self) -> None:
        while self.i < len(self.s) and self.s[self.i] in SPACES:
            self.i += 1

    # the script ------------------------------------------------------------------------------------------------
    def compile(self) -> list[Command]:
        """Parse everything."""
        stack: list[Command] = []
        while (line := self.source.next()) is not None:
            self.s, self.i = line[0], 0
            while self.statement(stack):
                pass
        if stack:
            self.fail("unexpected EOF (pending }'s)")
        self.resolve()
        return self.commands

    def statement(self, stack: list[Command]) -> bool:
        """One command; True if another may follow on the line."""
        self.eat_space()
        while self.peek() == ";":
            self.i += 1
            self.eat_space()
        if self.peek() in ("#", ""):
            return False
        a1, a2, count = self.addresses()
        negate = False
        while True:
            code = self.peek()
            if not code:
                self.fail("command expected")
            if code not in ADDRESSES:
                self.fail(f"invalid command code {code}")
            if count > ADDRESSES[code]:
                self.fail(f"command {code} expects up to {ADDRESSES[code]} address(es), found {count}")
            self.i += 1
            if code != "!":
                break
            negate = True
            self.eat_space()
        command = Command(code, a1, a2)
        command.negate = negate
        if code == "#":
            return False
        if code != ":":
            self.commands.append(command)
        if code == "{":
            stack.append(command)
            self.eat_space()
            return bool(self.peek())
        if code == "}":
            if not stack:
                self.fail("unexpected }")
            stack.pop().target = len(self.commands)
        return self.arguments(command)

    def arguments(self, command: Command) -> bool:
        code = command.code
        if code in "aci":
            self.text_command(command)
            return False
        if code in "wr":
            self.file_command(command)
            return False
        if code in "bt":
            self.eat_space()
            label = self.to_eol("branch") if self.peek() else ""
            if label:
                self.jumps.append((command, label))
            return False
        if code == ":":
            self.label()
            return False
        if code == "s":
            self.substitution(command)
            self.eat_space()
            if self.peek() == ";":
                self.i += 1
                return True
            return False
        if code == "y":
            self.transform(command)
        self.eat_space()
        if self.peek() == ";":
            self.i += 1
            return True
        if self.peek():
            if code == "y":
                self.fail("extra text at the end of a transform command")
            self.fail(f"extra characters at the end of {code} command")
        return False

    def to_eol(self, what: str) -> str:
        """The rest of the line."""
        text = self.s[self.i :].split("\n", 1)[0]
        if text and text[-1] in SPACES:
            self.p.warnx(f"{self.source.line}: {self.source.name}: whitespace after {what}")
        self.i = len(self.s)
        return text

    def label(self) -> None:
        self.eat_space()
        name = self.to_eol("label")
        if not name:
            self.fail("empty label")
        if name in self.labels:
            self.fail(f"duplicate label '{name}'")
        self.labels[name] = (len(self.commands), self.source.line)

    def resolve(self) -> None:
        """Labels to places; unused ones are worth a warning."""
        used = set()
        for command, name in self.jumps:
            if name not in self.labels:
                self.fail(f"undefined label '{name}'")
            command.target = self.labels[name][0]
            used.add(name)
        for name in sorted(self.labels, key=label_hash):
            if name not in used:
                self.p.warnx(f"{self.source.line}: {self.source.name}: unused label '{name}'")

    def file_command(self, command: Command) -> None:
        self.eat_space()
        if not self.peek():
            self.fail("filename expected")
        command.text = self.to_eol("w command" if command.code == "w" else "read command")
        if command.code == "w" and not self.late_files:
            command.fd = self.open(command.text)

    def open(self, path: str) -> int:
        """Open a w file."""
        try:
            return self.p.sys.open(path, WRITE, 0o666)
        except KError as e:
            self.p.err(1, e, path)

    def text_command(self, command: Command) -> None:
        """a, c, i: the lines that follow a backslash."""
        code = command.code
        self.eat_space()
        if self.peek() != "\\":
            self.fail(f"command {code} expects \\ followed by text")
        self.i += 1
        self.eat_space()
        if self.peek():
            self.fail(f"extra characters after \\ at the end of {code} command")
        out = []
        while (line := self.source.next()) is not None:
            text, i, escaped = line[0], 0, False
            while i < len(text):
                if text[i] == "\\" and i + 1 < len(text):
                    i += 1
                    escaped = escaped or text[i] == "\n"
                out.append(text[i])
                i += 1
            if not escaped:
                break
        command.text = "".join(out)

    # addresses and expressions ---------------------------------------------------------------------------------
    def addresses(self) -> tuple[Address | None, Address | None, int]:
        if self.peek() not in tuple("0123456789/\\$"):
            return None, None, 0
        a1 = self.address()
        self.eat_space()
        if self.peek() != ",":
            return a1, None, 1
        self.i += 1
        self.eat_space()
        a2 = self.address()
        self.eat_space()
        return a1, a2, 2

    def address(self) -> Address:
        c = self.peek()
        if c in ("\\", "/"):
            self.i += c == "\\"
            text = self.delimited(False)
            if text is None:
                self.fail("unterminated regular expression")
            icase = self.peek() == "I"
            self.i += icase
            return Address("re", 0, self.regex(text, icase) if text else None)
        if c == "$":
            self.i += 1
            return Address("last")
        relative = c == "+"
        self.i += relative
        if not relative and not c.isdecimal():
            self.fail("expected context address")
        return Address("relative" if relative else "line", self.number())

    def number(self) -> int:
        start = self.i
        while self.peek() in tuple("0123456789"):
            self.i += 1
        return int(self.s[start : self.i] or 0)

    def regex(self, text: str, icase: bool) -> Regex:
        try:
            return regcomp(text, self.flags | (ICASE if icase else 0))
        except RegexError as e:
            self.fail(f"RE error: {e}")

    def delimited(self, transform: bool) -> str | None:
        """A string up to its delimiter, with newline and delimiter escapes done (compile_delimited)."""
        delim = self.peek()
        self.i += 1
        if not delim:
            return None
        if delim == "\\":
            self.fail("\\ can not be used as a string delimiter")
        if delim == "\n":
            self.fail("newline can not be used as a string delimiter")
        out: list[str] = []
        while c := self.peek():
            after = self.peek(1)
            if c == "[" and c != delim and not transform:
                out.append(self.bracket())
                continue
            if c == "\\" and after == "[":
                if not transform:
                    out.append(c)
                self.i += 1
            elif c == "\\" and after == delim:
                self.i += 1
            elif c == "\\" and after in ("n", "r", "t"):
                out.append({"n": "\n", "r": "\r", "t": "\t"}[after])
                self.i += 2
                continue
            elif c == "\\" and after == "x" and self.hex_digits(2):
                out.append(self.hex(2))
                continue
            elif c == "\\" and after == "\\":
                if not transform:
                    out.append(c)
                self.i += 1
            elif c == delim:
                self.i += 1
                return "".join(out)
            out.append(self.peek())
            self.i += 1
        return None

    def hex_digits(self, ahead: int) -> int:
        """How many (at most two) hexadecimal digits stand `ahead` characters on."""
        n = 0
        while n < 2 and self.peek(ahead + n) in tuple("0123456789abcdefABCDEF"):
            n += 1
        return n

    def hex(self, ahead: int) -> str:
        n = self.hex_digits(ahead)
        value = int(self.s[self.i + ahead : self.i + ahead + n], 16)
        self.i += ahead + n
        return bytes([value]).decode("utf-8", "surrogateescape")

    def bracket(self) -> str:
        """A bracket expression (compile_ccl)."""
        out = [self.peek()]
        self.i += 1
        for first in ("^", "]"):
            if self.peek() == first:
                out.append(first)
                self.i += 1
        while True:
            c = self.peek()
            after = self.peek(1)
            if not c:
                self.fail("unbalanced brackets ([])")
            if c == "]":
                self.i += 1
                return "".join(out) + "]"
            if c == "[" and after in (".", ":", "="):
                end = self.s.find(after + "]", self.i + 2)
                if end < 0:
                    self.fail("unbalanced brackets ([])")
                out.append(self.s[self.i : end + 2])
                self.i = end + 2
            elif c == "\\" and after in ("n", "r", "t"):
                out.append({"n": "\n", "r": "\r", "t": "\t"}[after])
                self.i += 2
            elif c == "\\" and after == "x" and self.hex_digits(2):
                out.append(self.hex(2))
            else:
                out.append(c)
                self.i += 1

    # s and y ---------------------------------------------------------------------------------------------------
    def substitution(self, command: Command) -> None:
        if self.peek() in ("", "\\"):
            self.fail("substitute pattern can not be delimited by newline or backslash")
        text = self.delimited(False)
        if text is None:
            self.fail("unterminated substitute pattern")
        subst = Substitution()
        command.subst = subst
        # First without the flag I, which is not yet known, for the errors.
        subst.regex = self.regex(text, False) if text else None
        self.i -= 1
        self.replacement(subst)
        icase = self.subst_flags(subst)
        if icase and text:
            subst.regex = self.regex(text, True)

    def replacement(self, subst: Substitution) -> None:
        """The new text, over several lines if need be (compile_subst)."""
        delim = self.peek()
        self.i += 1
        subst.line = self.source.line
        out: list[str | int] = []
        more, escape = True, False
        while True:
            while c := self.peek():
                if c == "\\" or escape:
                    if escape:
                        escape = False
                    else:
                        self.i += 1
                    if not self.peek():
                        escape = True
                        continue
                    self.escaped(subst, out)
                    continue
                if c == delim:
                    self.i += 1
                    if not self.peek() and more:
                        line = self.source.next()
                        if line is not None:
                            self.s, self.i = line[0], 0
                    subst.parts = merge(out)
                    return
                if c == "\n":
                    self.fail("unescaped newline inside substitute pattern")
                out.append(0 if c == "&" else c)
                self.i += 1
            line = self.source.next()
            if line is None:
                self.fail("unterminated substitute in regular expression")
            self.s, self.i = line[0], 0
            more = line[1]

    def escaped(self, subst: Substitution, out: list[str | int]) -> None:
        """What follows a backslash in the new text."""
        c = self.peek()
        if c in tuple("123456789"):
            ref = int(c)
            if subst.regex is not None and ref > subst.regex.nsub:
                self.fail(f"\\{c} not defined in the RE")
            subst.maxref = max(subst.maxref, ref)
            out.append(ref)
        elif c in ("n", "r", "t"):
            out.append({"n": "\n", "r": "\r", "t": "\t"}[c])
        elif c == "x" and self.hex_digits(1):
            out.append(self.hex(1))
            return
        else:
            out.append(c)
        self.i += 1

    def subst_flags(self, subst: Substitution) -> bool:
        """Flags; True with I."""
        counted = icase = False
        while True:
            self.eat_space()
            c = self.peek()
            if c in ("", ";"):
                return icase
            if c == "p":
                subst.print = True
            elif c in ("i", "I"):
                icase = True
            elif c == "g" or c in tuple("123456789"):
                if counted:
                    self.fail("more than one number or 'g' in substitute flags")
                counted = True
                subst.count = 0 if c == "g" else self.number()
                self.i -= c != "g"
                if subst.count > 0x7FFFFFFF:
                    self.fail("overflow in the 'N' substitute flag")
            elif c == "w":
                self.i += 1
                self.eat_space()
                subst.path = self.s[self.i :].split("\n", 1)[0]
                self.i += len(subst.path)
                if not subst.path:
                    self.fail("no wfile specified")
                if not self.late_files:
                    subst.fd = self.open(subst.path)
                return icase
            else:
                self.fail(f"bad flag in substitute command: '{c}'")
            self.i += 1

    def transform(self, command: Command) -> None:
        if self.peek() in ("", "\\"):
            self.fail("transform pattern can not be delimited by newline or backslash")
        old = self.delimited(True)
        if old is None:
            self.fail("unterminated transform source string")
        self.i -= 1
        new = self.delimited(True)
        if new is None:
            self.fail("unterminated transform target string")
        if len(old) != len(new):
            self.fail("transform strings are not the same length")
        command.table = {ord(a): b for a, b in zip(old, new, strict=True)}


def merge(parts: list[str | int]) -> list[str | int]:
    """Join neighbouring literals."""
    out: list[str | int] = []
    for part in parts:
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] += part
        else:
            out.append(part)
    return out


def label_hash(name: str) -> int:
    """The bucket a label is kept in (compile.c: enterlabel), which decides the order of warnings."""
    h = 0
    for byte in name.encode("utf-8", "surrogateescape"):
        h = (h * 33 + byte) & 0xFFFFFFFF
    return h & 127
