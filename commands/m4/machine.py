"""m4's machine: input that can be pushed back, macro calls with their arguments, output and diversions (main.c, look.c, misc.c).

All text is bytes, one character each.
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.program import Program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Builtin = Callable[["M4", "Call"], "Awaitable[None] | None"]

MAXOUT = 10
MARKER = "__builtin_"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_NAMES = _NAME | frozenset("0123456789")
_SPACE = frozenset(" \t\n\v\f\r")


def narrow(text: str) -> str:
    """Text of the system as one character a byte."""
    return encode(text).decode("latin-1")


def widen(text: str) -> str:
    """The reverse, for names of files and for messages."""
    return decode(text.encode("latin-1"))


class Macro:
    """A definition: of the user's, or a builtin."""

    __slots__ = ("builtin", "defn", "recursive")

    def __init__(self, defn: str, builtin: str = "", recursive: bool = False) -> None:
        self.defn = defn
        self.builtin = builtin
        self.recursive = recursive


class Input:
    """A file that is being read."""

    __slots__ = ("back", "line", "name", "pos", "synched", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.pos = 0
        self.line = 1
        self.synched = 0
        self.back: list[str] = []


class Call:
    """A macro call whose arguments are collected."""

    __slots__ = ("args", "current", "macro", "name", "parens")

    def __init__(self, macro: Macro, name: str) -> None:
        self.macro = macro
        self.name = name
        self.args: list[str] = []
        self.current: list[str] = []
        self.parens = 0


class M4:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.macros: dict[str, list[Macro]] = {}
        self.builtins: dict[str, tuple[Builtin, bool]] = {}
        """What builtins do, and whether they are nothing without a parenthesis."""
        self.path: list[str] = []
        self.inputs: list[Input] = []
        self.calls: list[Call] = []
        self.lquote, self.rquote, self.scomment, self.ecomment = "`", "'", "#", "\n"
        self.diversions: dict[int, list[str]] = {}
        self.divnum = 0
        self.active = 0
        """The diversion that is written to: 0 is standard output, -1 nothing."""
        self.wraps: list[str] = []
        self.sysval = 0
        self.result = 0
        self.gnu = self.synch = False
        self.error_warns = 0
        self.status = 0
        self.paren_places: dict[int, tuple[str, int]] = {}

    # messages ----------------------------------------------------------------------------------------------------
    @property
    def place(self) -> str:
        """Where the input is."""
        f = self.inputs[-1]
        return f"{f.name} at line {f.line}"

    def errx(self, text: str) -> None:
        """m4errx: end with a message that says where."""
        self.p.errx(1, widen(f"{self.place}: {text}"))

    def warn(self, text: str) -> None:
        """m4_warnx."""
        self.p.warnx(widen(f"{self.place}: {text}"))
        if self.error_warns:
            self.status = 1
            if self.error_warns > 1:
                self.p.exit(1)

    # input -------------------------------------------------------------------------------------------------------
    def open(self, name: str) -> None:
        """Read from a file, found along the include path; KError."""
        tries = [name] if name.startswith("/") else [name, *(f"{d}/{name}" for d in self.path)]
        for i, path in enumerate(tries):
            try:
                data = slurp(self.p, widen(path))
            except KError:
                if i == len(tries) - 1:
                    raise
                continue
            self.push_input(path if not i else tries[i], data)
            return

    def push_input(self, name: str, data: bytes) -> None:
        """Read from some text."""
        self.inputs.append(Input(name, data.decode("latin-1")))
        self.synchronise()

    def getc(self) -> str:
        """gpbc: the next character, "" at the end of the file."""
        f = self.inputs[-1]
        if f.back:
            return f.back.pop()
        if f.pos >= len(f.text):
            return ""
        c = f.text[f.pos]
        f.pos += 1
        if c == "\n":
            f.line += 1
        return c

    def unget(self, text: str) -> None:
        """Push text back: it is read next."""
        self.inputs[-1].back.extend(reversed(text))

    def ahead(self, c: str, token: str) -> bool:
        """True if `token` is read, of which `c` is the first character."""
        if not token or c != token[0]:
            return False
        read = ""
        for want in token[1:]:
            t = self.getc()
            read += t
            if t != want:
                self.unget(read)
                return False
        return True

    # output ------------------------------------------------------------------------------------------------------
    def write(self, text: str) -> None:
        """To the active diversion."""
        if self.active < 0:
            return
        if self.active:
            self.diversions[self.active].append(text)
        else:
            self.p.stdout.write(text.encode("latin-1"))

    def out(self, text: str) -> None:
        """What is no macro: to the argument that is collected, or out."""
        if self.calls:
            self.calls[-1].current.append(text)
        elif not self.synch:
            self.write(text)
        else:
            for c in text:
                self.write(c)
                f = self.inputs[-1]
                if c == "\n":
                    f.synched += 1
                    if f.synched != f.line:
                        self.synchronise()

    def synchronise(self) -> None:
        """-s: say where the output comes from."""
        if self.synch:
            f = self.inputs[-1]
            f.synched = f.line
            self.write(f'#line {f.line} "{f.name}"\n')

    def undivert(self, n: int) -> None:
        """Write a diversion to the active one."""
        if self.active == n:
            self.errx("undivert: diversion still active.")
        self.write("".join(self.diversions.pop(n)))

    # macros ------------------------------------------------------------------------------------------------------
    def find(self, name: str) -> Macro | None:
        """The definition that counts."""
        stack = self.macros.get(name)
        return stack[-1] if stack else None

    def make(self, name: str, defn: str) -> Macro:
        """setup_definition: a definition; what defn gave stands for a builtin."""
        builtin = defn[len(MARKER) :] if defn.startswith(MARKER) else ""
        if builtin in self.builtins:
            return Macro(builtin, builtin)
        return Macro(defn, recursive=name == defn)

    def define(self, name: str, defn: str, push: bool = False) -> None:
        """define, pushdef."""
        if not name and not self.gnu:
            self.errx("null definition.")
        stack = self.macros.setdefault(name, [])
        if stack and not push:
            stack.pop()
        stack.append(self.make(name, defn))

    # the work horse ----------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """macro: read to the end of the input."""
        while True:
            t = self.getc()
            if t == "":
                if self.end():
                    return
            elif self.ahead(t, self.lquote):
                self.quoted()
            elif not self.calls and self.ahead(t, self.scomment):
                self.comment()
            elif t in _NAME:
                await self.name(t)
            elif not self.calls:
                self.out(t)
            else:
                await self.argument(t)

    def end(self) -> bool:
        """The end of a file; True if it was the last one."""
        if len(self.inputs) > 1:
            self.inputs.pop()
            self.synchronise()
            return False
        if self.calls and not self.gnu:
            self.p.warnx("unexpected end of input, unclosed parenthesis:")
            for level in range(self.calls[-1].parens):
                name, line = self.paren_places[level]
                self.p.stderr.write(f"   {widen(name)} at line {line}\n")
            self.p.exit(1)
        return True

    def quoted(self) -> None:
        """A quoted text, whose outer quotes go."""
        f = self.inputs[-1]
        places = [(f.name, f.line)]
        while places:
            c = self.getc()
            if self.ahead(c, self.rquote):
                places.pop()
                if places:
                    self.out(self.rquote)
            elif self.ahead(c, self.lquote):
                places.append((self.inputs[-1].name, self.inputs[-1].line))
                self.out(self.lquote)
            elif c == "":
                many = len(places)
                self.p.warnx("unclosed quote:" if many == 1 else f"{many} unclosed quotes:")
                for name, line in places:
                    self.p.stderr.write(f"   {widen(name)} at line {line}\n")
                self.p.exit(1)
            else:
                self.out(c)

    def comment(self) -> None:
        """A comment is copied."""
        text = [self.scomment]
        while True:
            c = self.getc()
            if self.ahead(c, self.ecomment):
                text.append(self.ecomment)
                break
            if c == "":
                break
            text.append(c)
        self.out("".join(text))

    async def name(self, c: str) -> None:
        """A word: text, or the start of a call."""
        word = [c]
        while (c := self.getc()) and c in _NAMES:
            word.append(c)
        self.unget(c)
        name = "".join(word)
        macro = self.find(name)
        if macro is None:
            self.out(name)
            return
        bare = c != "("
        if bare and macro.builtin and self.builtins[macro.builtin][1]:
            self.out(name)
            return
        call = Call(macro, name)
        if bare:
            await self.call(call)
        else:
            self.calls.append(call)

    async def argument(self, t: str) -> None:
        """A character within the parentheses of a call."""
        call = self.calls[-1]
        if t == "(":
            if call.parens:
                call.current.append(t)
            self.skip(call if call.parens else None)
            self.paren_places[call.parens] = (self.inputs[-1].name, self.inputs[-1].line)
            call.parens += 1
        elif t == ")":
            call.parens -= 1
            if call.parens:
                call.current.append(t)
            else:
                self.next_argument(call)
                self.calls.pop()
                await self.call(call)
        elif t == "," and call.parens == 1:
            self.next_argument(call)
            self.skip(None)
        elif self.ahead(t, self.scomment):
            self.comment()
        else:
            call.current.append(t)

    def next_argument(self, call: Call) -> None:
        """An argument is complete."""
        call.args.append("".join(call.current))
        call.current.clear()

    def skip(self, call: Call | None) -> None:
        """Blanks in front of an argument."""
        while (c := self.getc()) and c in _SPACE:
            if call is not None:
                call.current.append(c)
        self.unget(c)

    async def call(self, call: Call) -> None:
        """eval: expand a call."""
        macro = call.macro
        if macro.recursive:
            self.errx(f"expanding recursive definition for {call.name}.")
        if not macro.builtin:
            self.expand(macro.defn, call)
            return
        done = self.builtins[macro.builtin][0](self, call)
        if done is not None:
            await done

    def expand(self, defn: str, call: Call) -> None:
        """A macro of the user's: from the last character to the first."""
        out: list[str] = []
        at = len(defn) - 1
        while at > 0:
            if defn[at - 1] == "$":
                out.append(self.parameter(defn[at], call))
                at -= 1
            else:
                out.append(defn[at])
            at -= 1
        if at == 0:
            out.append(defn[0])
        out.reverse()
        self.unget("".join(out))

    def parameter(self, c: str, call: Call) -> str:
        """$c."""
        args = call.args
        if c == "#":
            return str(len(args))
        if c in "0123456789":
            number = int(c)
            return call.name if not number else args[number - 1] if number <= len(args) else ""
        if c == "*":
            return ",".join(args)
        if c == "@":
            return ",".join([self.lquote + a + self.rquote for a in args])
        return "$" + c
