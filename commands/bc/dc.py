"""dc: the desk calculator with a stack (contrib/bc/src/dc_lex.c, dc_parse.c, program.c)."""

from __future__ import annotations

from vshell.commands.bc import number
from vshell.commands.bc.interp import OFFER, Calculator, Failure, line_length, modexp, set_special
from vshell.commands.bc.number import ZERO, MathError, Num
from vshell.userland.program import Program
from vshell.userland.stdio import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.commands.bc import Options

Value = Num | str
_BLANK = " \t\n\v\f\r"
DEPTH = 150


class Quit(Exception):
    """q, Q: leave so many levels of execution."""

    def __init__(self, levels: int) -> None:
        super().__init__(levels)
        self.levels = levels


class Bad(Exception):
    """A character that is no command."""


class Text:
    """Commands that are being read."""

    __slots__ = ("at", "line", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1

    def take(self) -> str:
        """The next character, "" at the end."""
        c = self.text[self.at : self.at + 1]
        self.at += 1
        if c == "\n":
            self.line += 1
        return c


class Dc(Calculator):
    """One run of dc."""

    def __init__(self, p: Program) -> None:
        super().__init__(p, line_length(p.env, "DC_LINE_LENGTH"))
        self.stack: list[Value] = []
        self.registers: dict[str, list[Value]] = {}
        self.arrays: dict[str, list[dict[int, Value]]] = {}
        self.extended = False
        self.steps = self.depth = 0

    # the stack ---------------------------------------------------------------------------------------------------
    def need(self, count: int) -> None:
        """The stack has to have so many elements."""
        if len(self.stack) < count:
            raise Failure("Runtime", "stack has too few elements")

    def pop(self) -> Num:
        """A number off the stack."""
        self.need(1)
        value = self.stack[-1]
        if isinstance(value, str):
            raise Failure("Runtime", "variable or array element is the wrong type")
        self.stack.pop()
        return value

    def pop_any(self) -> Value:
        """Whatever is on top."""
        self.need(1)
        return self.stack.pop()

    def pop_int(self) -> int:
        """A number of something."""
        value = number.rescale(self.pop(), 0)[0]
        if value < 0:
            raise MathError("negative number")
        return value

    def register(self, t: Text) -> str:
        """The name of a register."""
        c = t.take()
        if c == "":
            raise Bad("end of file")
        if self.extended and c in _BLANK:
            name = ""
            while (c := t.take()) and (c.isalnum() or c == "_"):
                name += c
            t.at -= 1
            return name
        return c

    # running -----------------------------------------------------------------------------------------------------
    async def run(self, text: str) -> Text:
        """Execute commands."""
        t = Text(text)
        self.depth += 1
        try:
            if self.depth > DEPTH:
                raise RecursionError
            while c := t.take():
                self.steps += 1
                if not self.steps & OFFER:
                    await self.p.sys.sched_yield()
                if await self.command(c, t):
                    break
        except Bad as e:
            self.p.stdout.flush()
            self.p.stderr.write(f"\nParse error: {e}\n    {self.file}:{t.line}\n\n")
            raise Failure("Parse", "") from None
        finally:
            self.depth -= 1
        return t

    file = "<stdin>"

    async def command(self, c: str, t: Text) -> bool:
        """One command; True if a macro in last place took over."""
        if c in _BLANK:
            return False
        if c in "0123456789ABCDEF._":
            self.number(c, t)
        elif c in "+-*/%^":
            self.arithmetic(c)
        elif c == "[":
            self.string(t)
        elif c == "#":
            while t.text[t.at : t.at + 1] not in ("", "\n"):
                t.at += 1
        elif c in "<>=!":
            return await self.compare(c, t)
        elif c == "x":
            value = self.pop_any()
            if isinstance(value, str):
                return await self.execute(value, t)
            self.stack.append(value)
        elif c == "?":
            await self.p.stdout.drain()
            await self.run(decode(await self.p.stdin.readline()))
        elif c in "qQ":
            levels = self.pop_int() if c == "Q" else 2
            raise Quit(levels)
        elif c in _REGISTERS:
            _REGISTERS[c](self, self.register(t))
        elif c in _COMMANDS:
            _COMMANDS[c](self)
        else:
            raise Bad(f"bad character '{c}'")
        return False

    async def execute(self, text: str, t: Text) -> bool:
        """Run a macro; one that is the last thing to do takes the place of what called it."""
        if self.depth > 1 and not t.text[t.at :].strip():
            t.text, t.at = text, 0
            return False
        try:
            await self.run(text)
        except Quit as q:
            if q.levels > 1:
                raise Quit(q.levels - 1) from None
        return False

    def number(self, c: str, t: Text) -> None:
        """Read a number."""
        negative = c == "_"
        digits = "" if negative else c
        while True:
            c = t.text[t.at : t.at + 1]
            if (c and c in "0123456789ABCDEF") or (c == "." and "." not in digits):
                digits += c
                t.at += 1
            elif c == "\\" and t.text[t.at + 1 : t.at + 2] == "\n":
                t.at += 2
            else:
                break
        value = number.parse(digits, self.ibase) if digits.strip(".") else ZERO
        self.stack.append(number.neg(value) if negative else value)

    def string(self, t: Text) -> None:
        """Read [text]."""
        depth, out = 1, []
        while True:
            c = t.take()
            if c == "":
                raise Bad("string end cannot be found")
            if c == "\\":
                c = t.take()
                out.append(c if c in ("[", "]") else "\\" + c)
                continue
            depth += (c == "[") - (c == "]")
            if not depth:
                break
            out.append(c)
        self.stack.append("".join(out))

    def arithmetic(self, c: str) -> None:
        """Two numbers become one."""
        self.need(2)
        b, a = self.stack[-1], self.stack[-2]
        if isinstance(a, str) or isinstance(b, str):
            raise Failure("Runtime", "variable or array element is the wrong type")
        s = self.scale
        if c == "+":
            value = number.add(a, b)
        elif c == "-":
            value = number.sub(a, b)
        elif c == "*":
            value = number.mul(a, b, s)
        elif c == "/":
            value = number.div(a, b, s)
        elif c == "%":
            value = number.divmod_(a, b, s)[1]
        else:
            value = number.power(a, b, s)
        self.stack[-2:] = [value]

    async def compare(self, c: str, t: Text) -> bool:
        """Run a register if two numbers compare so."""
        negate = c == "!"
        if negate:
            c = t.take()
            if c not in ("<", ">", "="):
                raise Bad("bad character '!'")
        name = self.register(t)
        other = ""
        if t.text[t.at : t.at + 1] == "e":
            t.at += 1
            other = self.register(t)
        self.need(2)
        a, b = self.pop(), self.pop()
        order = number.compare(a, b)
        true = {"<": order < 0, ">": order > 0, "=": not order}[c] != negate
        if not true and not other:
            return False
        value = self.top(name if true else other)
        if isinstance(value, str):
            return await self.execute(value, t)
        self.stack.append(value)
        return False

    # registers ---------------------------------------------------------------------------------------------------
    def top(self, name: str) -> Value:
        """What is in a register."""
        stack = self.registers.get(name)
        return stack[-1] if stack else ZERO

    def save(self, name: str) -> None:
        """s"""
        value = self.pop_any()
        stack = self.registers.setdefault(name, [])
        if stack:
            stack[-1] = value
        else:
            stack.append(value)

    def push(self, name: str) -> None:
        """S"""
        value = self.pop_any()
        self.registers.setdefault(name, [ZERO]).append(value)

    def load(self, name: str) -> None:
        """l"""
        self.stack.append(self.top(name))

    def pull(self, name: str) -> None:
        """L"""
        stack = self.registers.get(name, [])
        if not stack:
            raise Failure("Runtime", f'stack for register "{name}" has too few elements')
        self.stack.append(stack.pop())

    def set_element(self, name: str) -> None:
        """: sets an element of an array."""
        index = self.pop_int()
        value = self.pop_any()
        self.arrays.setdefault(name, [{}])[-1][index] = value

    def get_element(self, name: str) -> None:
        """; fetches one."""
        index = self.pop_int()
        self.stack.append(self.arrays.get(name, [{}])[-1].get(index, ZERO))

    # the rest ----------------------------------------------------------------------------------------------------
    def show(self, value: Value, newline: bool) -> None:
        """Print a value."""
        if isinstance(value, str):
            self.put(value + ("\n" if newline else ""))
        else:
            self.put_number(value, newline)

    def print_top(self) -> None:
        """p"""
        self.need(1)
        self.show(self.stack[-1], True)

    def print_pop(self) -> None:
        """n"""
        self.show(self.pop_any(), False)

    def print_all(self) -> None:
        """f"""
        for value in reversed(self.stack):
            self.show(value, True)

    def stream(self) -> None:
        """P: text, or a number as bytes."""
        value = self.pop_any()
        if isinstance(value, str):
            self.put(value)
            return
        n = abs(number.rescale(value, 0)[0])
        self.p.stdout.write(n.to_bytes(max(1, (n.bit_length() + 7) // 8), "big"))

    def swap(self) -> None:
        """r"""
        self.need(2)
        self.stack[-1], self.stack[-2] = self.stack[-2], self.stack[-1]

    def duplicate(self) -> None:
        """d"""
        self.need(1)
        self.stack.append(self.stack[-1])

    def length(self) -> None:
        """Z"""
        value = self.pop_any()
        self.stack.append((len(value) if isinstance(value, str) else number.length(value), 0))

    def digits(self) -> None:
        """X"""
        value = self.pop_any()
        self.stack.append((0 if isinstance(value, str) else value[1], 0))

    def divide(self) -> None:
        """~"""
        self.need(2)
        b, a = self.pop(), self.pop()
        self.stack += list(number.divmod_(a, b, self.scale))

    def modexp(self) -> None:
        """|"""
        self.need(3)
        m, b, a = self.pop(), self.pop(), self.pop()
        self.stack.append(modexp(a, b, m))

    def character(self) -> None:
        """a"""
        value = self.pop_any()
        self.stack.append(value[:1] if isinstance(value, str) else chr(number.rescale(value, 0)[0] & 0x7F))

    def comparison(self, test: Callable[[int], bool]) -> None:
        """( { G: how two numbers compare, as a number."""
        self.need(2)
        a, b = self.pop(), self.pop()
        self.stack.append((int(test(number.compare(a, b))), 0))

    def rotate(self) -> None:
        """R: drop the top."""
        self.pop_any()


_REGISTERS: dict[str, Callable[[Dc, str], None]] = {
    "s": Dc.save,
    "S": Dc.push,
    "l": Dc.load,
    "L": Dc.pull,
    ":": Dc.set_element,
    ";": Dc.get_element,
}
_COMMANDS: dict[str, Callable[[Dc], object]] = {
    "p": Dc.print_top,
    "n": Dc.print_pop,
    "f": Dc.print_all,
    "P": Dc.stream,
    "c": lambda d: d.stack.clear(),
    "d": Dc.duplicate,
    "r": Dc.swap,
    "R": Dc.rotate,
    "z": lambda d: d.stack.append((len(d.stack), 0)),
    "Z": Dc.length,
    "X": Dc.digits,
    "v": lambda d: d.stack.append(number.sqrt(d.pop(), d.scale)),
    "b": lambda d: d.stack.append((lambda v: (abs(v[0]), v[1]))(d.pop())),
    "$": lambda d: d.stack.append(number.rescale(d.pop(), 0)),
    "N": lambda d: d.stack.append((int(not d.pop()[0]), 0)),
    "~": Dc.divide,
    "|": Dc.modexp,
    "a": Dc.character,
    "k": lambda d: set_special(d, "scale", d.pop()),
    "i": lambda d: set_special(d, "ibase", d.pop()),
    "o": lambda d: set_special(d, "obase", d.pop()),
    "K": lambda d: d.stack.append((d.scale, 0)),
    "I": lambda d: d.stack.append((d.ibase, 0)),
    "O": lambda d: d.stack.append((d.obase, 0)),
    "(": lambda d: d.comparison(lambda c: c < 0),
    "{": lambda d: d.comparison(lambda c: c <= 0),
    "G": lambda d: d.comparison(lambda c: c == 0),
}


async def dc(o: Options) -> int:
    """dc [-hiPRvx] [-e expr] [-f file] [file ...]"""
    d = Dc(o.p)
    d.extended = o.extended
    for name, value in o.start.items():
        setattr(d, name, value)
    if o.one_line:
        d.width = 0
    for name, text in o.texts:
        d.file = name
        status = await guarded(d, text)
        if status >= 0:
            return status
    interactive = o.interactive or (o.p.sys.isatty(0) and o.p.sys.isatty(1))
    d.file = "<stdin>"
    while not o.expressions and (line := decode(await o.p.stdin.readline())):
        while line.count("[") > line.count("]") and (more := decode(await o.p.stdin.readline())):
            line += more
        status = await guarded(d, line)
        if status == 0 or (status > 0 and not interactive):
            return status
        if o.p.sys.isatty(1):
            await o.p.stdout.drain()
    return 0


async def guarded(d: Dc, text: str) -> int:
    """Run some text; -1 to go on, else the status to end with."""
    depth = d.depth
    try:
        await d.run(text)
        return -1
    except Quit as q:
        return 0 if q.levels >= 1 else -1
    except MathError as e:
        kind, reason = "Math", str(e)
    except Failure as e:
        if e.kind == "Parse":
            return 2
        kind, reason = e.kind, e.text
    except RecursionError:
        d.p.stderr.write("\nFatal error: memory allocation failed\n\n")
        return 4
    finally:
        d.depth = depth
    d.p.stdout.flush()
    d.p.stderr.write(f"\n{kind} error: {reason}\n    0: (main)\n\n")
    return 1 if kind == "Math" else 3
