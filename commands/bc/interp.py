"""Running bc (contrib/bc/src/program.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError
from vshell.commands.bc import library, number
from vshell.commands.bc.number import ONE, ZERO, MathError, Num
from vshell.commands.bc.parser import Incomplete, Node, ParseError, Parser
from vshell.userland.program import Program
from vshell.userland.stdio import decode

LIBRARY = {"s": library.sin, "c": library.cos, "a": library.atan, "l": library.log, "e": library.exp}
ESCAPES = {"a": "\a", "b": "\b", "\\": "\\", "e": "\\", "f": "\f", "n": "\n", "q": '"', "r": "\r", "t": "\t"}
LIMITS = """\
BC_LONG_BIT      = 64
BC_BASE_DIGS     = 9
BC_BASE_POW      = 1000000000
BC_OVERFLOW_MAX  = 18446744073709551615

BC_BASE_MAX      = 999999999
BC_DIM_MAX       = 18446744073709551614
BC_SCALE_MAX     = 18446744073709551614
BC_STRING_MAX    = 18446744073709551614
BC_NAME_MAX      = 18446744073709551614
BC_NUM_MAX       = 18446744073709551614
BC_RAND_MAX      = 18446744073709551615
MAX Exponent     = 18446744073709551615
Number of vars   = 18446744073709551614
"""
SCALE_MAX = (1 << 64) - 2
SPECIAL = {"scale": (0, SCALE_MAX), "ibase": (2, 16), "obase": (2, 999_999_999)}
"""What the special variables may be."""
OFFER = 0x3FF
"""Every so many steps others get the processor."""


class Failure(Exception):
    """A runtime error: "Math error" or "Runtime error"."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


class Jump(Exception):
    """break, continue, return."""

    def __init__(self, kind: str, value: Num | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.value = value


class Function:
    """What define made."""

    __slots__ = ("autos", "body", "name", "params", "void")

    def __init__(self, name: str, params: Any, autos: Any, body: Node, void: bool) -> None:
        self.name = name
        self.params = params
        self.autos = autos
        self.body = body
        self.void = void


def line_length(env: dict[str, str], name: str) -> int:
    """bc_vm_envLen: from BC_LINE_LENGTH or DC_LINE_LENGTH."""
    text = env.get(name)
    if text is None or not (text.isascii() and text.isdigit()):
        return 69
    value = int(text)
    return 0 if not value else value - 1 if 3 <= value < 65536 else 69


class Calculator:
    """What bc and dc share: the bases, the scale, and output with its line length."""

    def __init__(self, p: Program, width: int) -> None:
        self.p = p
        self.ibase = self.obase = 10
        self.scale = 0
        self.width = width
        self.column = 0
        self.leading = False

    def put(self, text: str) -> None:
        """Print text as it is."""
        self.p.stdout.write(text)
        at = text.rfind("\n")
        self.column = len(text) - at - 1 if at >= 0 else self.column + len(text)

    def put_number(self, value: Num, newline: bool) -> None:
        """Print a number, broken into lines."""
        text = number.text_of(value, self.obase, self.leading)
        self.put(number.wrapped(text, self.width, self.column, not newline) + ("\n" if newline else ""))


class Bc(Calculator):
    """One run of bc."""

    def __init__(self, p: Program) -> None:
        super().__init__(p, line_length(p.env, "BC_LINE_LENGTH"))
        self.vars: dict[str, Num] = {}
        self.arrays: dict[str, dict[int, Num]] = {}
        self.functions: dict[str, Function] = {}
        self.last: Num = ZERO
        self.mathlib = False
        self.calls: list[str] = []
        self.steps = 0
        self.reading = False
        self.file = "<stdin>"

    # values ------------------------------------------------------------------------------------------------------
    async def eval(self, n: Node) -> Num:
        """The value of an expression."""
        kind = n[0]
        if kind == "number":
            return number.parse(n[1], self.ibase if len(n) == 2 else n[2])
        if kind == "var":
            return self.vars.get(n[1], ZERO)
        if kind == "binary":
            return self.operate(n[1], await self.eval(n[2]), await self.eval(n[3]))
        return await getattr(self, f"eval_{kind}")(n)  # type: ignore[no-any-return]

    def operate(self, op: str, a: Num, b: Num) -> Num:
        """a op b."""
        if op == "+":
            return number.add(a, b)
        if op == "-":
            return number.sub(a, b)
        if op == "*":
            return number.mul(a, b, self.scale)
        if op == "/":
            return number.div(a, b, self.scale)
        if op == "%":
            return number.divmod_(a, b, self.scale)[1]
        if op == "^":
            return number.power(a, b, self.scale)
        if op in ("@", "<<", ">>"):
            return self.places(op, a, number.integer(b))
        if op in ("&&", "||"):
            return (int(bool(a[0]) and bool(b[0])) if op == "&&" else int(bool(a[0]) or bool(b[0]))), 0
        c = number.compare(a, b)
        return int({"<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0, "==": not c, "!=": bool(c)}[op]), 0

    def places(self, op: str, a: Num, n: int) -> Num:
        """@ sets the scale, << and >> move the point."""
        if n < 0:
            raise MathError("negative number")
        if op == "@":
            return number.rescale(a, n)
        if op == ">>":
            return a[0], a[1] + n
        return (a[0], a[1] - n) if a[1] >= n else (a[0] * number.power_of_ten(n - a[1]), 0)

    async def eval_parens(self, n: Node) -> Num:
        """( ... )"""
        return await self.eval(n[1])

    async def eval_unary(self, n: Node) -> Num:
        """- and !."""
        value = await self.eval(n[2])
        return number.neg(value) if n[1] == "-" else (int(not value[0]), 0)

    async def eval_truncate(self, n: Node) -> Num:
        """x$"""
        return number.rescale(await self.eval(n[1]), 0)

    async def eval_special(self, n: Node) -> Num:
        """scale, ibase, obase, last."""
        return self.last if n[1] == "last" else (getattr(self, n[1]), 0)

    async def eval_element(self, n: Node) -> Num:
        """a[i]"""
        return self.arrays.get(n[1], {}).get(await self.index(n[2]), ZERO)

    async def eval_array(self, n: Node) -> Num:
        """a[] where a number should be."""
        raise Failure("Runtime", "variable or array element is the wrong type")

    async def index(self, n: Node) -> int:
        """The number of an array element."""
        value = number.rescale(await self.eval(n), 0)[0]
        if value < 0:
            raise MathError("negative number")
        return value

    async def eval_assign(self, n: Node) -> Num:
        """a = b, a += b ..."""
        _, op, target, expression = n
        index = await self.index(target[2]) if target[0] == "element" else 0
        value = await self.eval(expression)
        if op:
            value = self.operate(op, await self.fetch(target, index), value)
        return self.store(target, index, value)

    async def eval_before(self, n: Node) -> Num:
        """++a"""
        index = await self.index(n[2][2]) if n[2][0] == "element" else 0
        return self.store(n[2], index, self.operate(n[1], await self.fetch(n[2], index), ONE))

    async def eval_after(self, n: Node) -> Num:
        """a++"""
        index = await self.index(n[2][2]) if n[2][0] == "element" else 0
        value = await self.fetch(n[2], index)
        self.store(n[2], index, self.operate(n[1], value, ONE))
        return value

    async def fetch(self, target: Node, index: int) -> Num:
        """The value of something that can be assigned to."""
        return self.arrays.get(target[1], {}).get(index, ZERO) if target[0] == "element" else await self.eval(target)

    def store(self, target: Node, index: int, value: Num) -> Num:
        """Assign."""
        kind, name = target[0], target[1]
        if kind == "var":
            self.vars[name] = value
        elif kind == "element":
            self.arrays.setdefault(name, {})[index] = value
        elif name == "last":
            self.last = value
        else:
            set_special(self, name, value)
        return value

    async def eval_function(self, n: Node) -> Num:
        """length and its like."""
        _, name, arguments = n
        first = arguments[0]
        if name == "length" and first[0] == "array":
            return max(self.arrays.get(first[1], {0: ZERO}), default=-1) + 1, 0
        value = await self.eval(first)
        if name == "length":
            return number.length(value), 0
        if name == "scale":
            return value[1], 0
        if name == "sqrt":
            return number.sqrt(value, self.scale)
        if name == "abs":
            return abs(value[0]), value[1]
        if name in ("is_number", "is_string"):
            return int(name == "is_number"), 0
        if name == "divmod":
            quotient, rest = number.divmod_(value, await self.eval(arguments[1]), self.scale)
            if arguments[2][0] != "array":
                raise Failure("Runtime", "variable or array element is the wrong type")
            self.arrays.setdefault(arguments[2][1], {})[0] = rest
            return quotient
        return modexp(value, await self.eval(arguments[1]), await self.eval(arguments[2]))

    async def eval_read(self, n: Node) -> Num:
        """read(): an expression from standard input."""
        if self.reading:
            raise Failure("Runtime", "read() call inside of a read() call")
        await self.p.stdout.drain()
        line = decode(await self.p.stdin.readline())
        if not line:
            raise Failure("Runtime", "bad read() expression")
        parser = Parser()
        parser.text, parser.final = line, True
        try:
            node = parser.next()
        except (ParseError, Incomplete):
            node = None
        if node is None or node[0] not in ("show", "do"):
            raise Failure("Runtime", "bad read() expression")
        self.reading = True
        try:
            return await self.eval(node[1])
        finally:
            self.reading = False

    async def eval_call(self, n: Node) -> Num:
        """f(a, b[])"""
        _, name, arguments = n
        function = self.functions.get(name)
        if function is None:
            return await self.library(name, arguments)
        if len(arguments) != len(function.params):
            text = f"wrong number of parameters; need {len(function.params)}, have {len(arguments)}"
            raise Failure("Runtime", text)
        given: list[Any] = []
        for argument, (_, array, reference) in zip(arguments, function.params, strict=True):
            if array:
                if argument[0] not in ("array", "var"):
                    raise Failure("Runtime", "variable or array element is the wrong type")
                elements = self.arrays.setdefault(argument[1], {})
                given.append(elements if reference else dict(elements))
            else:
                given.append(await self.eval(argument))
        value = await self.run_function(function, given)
        if function.void:
            raise Failure("Runtime", "cannot use a void value in an expression")
        return value

    async def run_function(self, function: Function, given: list[Any]) -> Num:
        """Call with values; names are put back afterwards."""
        if len(self.calls) > 120:
            raise RecursionError
        saved: list[tuple[dict[str, Any], str, Any]] = []
        fresh: list[Any] = [None] * len(function.autos)
        for (name, array, _), value in zip([*function.params, *function.autos], [*given, *fresh], strict=True):
            table: dict[str, Any] = self.arrays if array else self.vars
            saved.append((table, name, table.get(name)))
            table[name] = value if value is not None else {} if array else ZERO
        self.calls.append(function.name)
        try:
            await self.exec(function.body)
            result = ZERO
        except Jump as jump:
            result = jump.value or ZERO
        for table, name, value in reversed(saved):
            if value is None:
                table.pop(name, None)
            else:
                table[name] = value
        self.calls.pop()
        return result

    async def library(self, name: str, arguments: list[Node]) -> Num:
        """The functions of -l."""
        need = 2 if name == "j" else 1
        if not self.mathlib or (name not in LIBRARY and name != "j"):
            raise Failure("Runtime", f"undefined function: {name}()")
        if len(arguments) != need:
            raise Failure("Runtime", f"wrong number of parameters; need {need}, have {len(arguments)}")
        values = [await self.eval(a) for a in arguments]
        if name == "j":
            return library.bessel(values[0], values[1], self.scale)
        return LIBRARY[name](values[0], self.scale)

    # statements --------------------------------------------------------------------------------------------------
    async def exec(self, n: Node) -> None:
        """Run a statement."""
        self.steps += 1
        if not self.steps & OFFER:
            await self.p.sys.sched_yield()
        kind = n[0]
        if kind == "show":
            await self.show(n[1])
        elif kind == "do":
            await self.eval(n[1])
        elif kind == "block":
            for item in n[1]:
                await self.exec(item)
        elif kind == "if":
            if (await self.eval(n[1]))[0]:
                await self.exec(n[2])
            elif n[3] is not None:
                await self.exec(n[3])
        elif kind == "loop":
            await self.loop(n)
        elif kind == "string":
            self.put(n[1])
        elif kind == "print":
            for item in n[1]:
                if item[0] == "string":
                    self.put(unescape(item[1]))
                else:
                    self.last = await self.eval(item)
                    self.put_number(self.last, False)
        elif kind == "return":
            raise Jump("return", ZERO if n[1] is None else await self.eval(n[1]))
        elif kind == "define":
            self.functions[n[1]] = Function(*n[1:])
        elif kind == "limits":
            self.put(LIMITS)
        elif kind in ("halt", "quit"):
            self.p.exit(0)
        else:
            raise Jump(kind)

    async def show(self, n: Node) -> None:
        """An expression that is a statement: its value is printed."""
        function = self.functions.get(n[1]) if n[0] == "call" else None
        if function is not None and function.void:
            try:
                await self.eval(n)
            except Failure as e:
                if e.text != "cannot use a void value in an expression":
                    raise
            return
        self.last = await self.eval(n)
        self.put_number(self.last, True)

    async def loop(self, n: Node) -> None:
        """while and for."""
        _, init, test, step, body = n
        if init is not None:
            await self.eval(init)
        while test is None or (await self.eval(test))[0]:
            try:
                await self.exec(body)
            except Jump as jump:
                if jump.kind == "break":
                    return
                if jump.kind == "return":
                    raise
            if step is not None:
                await self.eval(step)

    # programs ----------------------------------------------------------------------------------------------------
    async def run(self, parser: Parser) -> int:
        """Run what is complete in a text; 0, or the status of the error that was reported."""
        while True:
            try:
                node = parser.next()
                if node is None:
                    return 0
                if node == ("quit",):
                    self.p.exit(0)
                await self.exec(node)
            except ParseError as e:
                self.p.stdout.flush()
                self.p.stderr.write(f"\nParse error: {e.text}\n    {self.file}:{e.line}\n\n")
                return 2
            except MathError as e:
                return self.failed("Math", str(e))
            except Failure as e:
                return self.failed(e.kind, e.text)
            except RecursionError:
                self.p.stderr.write("\nFatal error: memory allocation failed\n\n")
                self.p.exit(4)

    def failed(self, kind: str, text: str) -> int:
        """Report a runtime error and where it was."""
        self.p.stdout.flush()
        names = [*(f"{name}()" for name in reversed(self.calls)), "(main)"]
        digits = len(str(len(names) - 1))
        trace = "".join([f"    {i:{digits}}: {name}\n" for i, name in enumerate(names)])
        self.p.stderr.write(f"\n{kind} error: {text}\n{trace}\n")
        self.calls.clear()
        return 1 if kind == "Math" else 3

    async def stdin(self, interactive: bool) -> int:
        """Run what is typed or piped."""
        parser = Parser()
        self.file = "<stdin>"
        while True:
            if self.p.stdout.pending and self.p.sys.isatty(0):
                await self.p.stdout.drain()
            try:
                line = await self.p.stdin.readline()
            except KError:
                line = b""
            parser.final = not line
            parser.text = parser.text[parser.pos :] + decode(line)
            parser.pos = 0
            try:
                status = await self.run(parser)
            except Incomplete:
                continue
            if status:
                if not interactive:
                    return status
                parser.text, parser.pos = "", 0
                parser.tokens.clear()
            if not line:
                return 0


def unescape(text: str) -> str:
    """The escapes of print."""
    out = []
    at = 0
    while at < len(text):
        c = text[at]
        if c == "\\" and at + 1 < len(text):
            at += 1
            c = ESCAPES.get(text[at], "\\" + text[at])
        out.append(c)
        at += 1
    return "".join(out)


def set_special(c: Calculator, name: str, value: Num) -> None:
    """Set scale, ibase or obase."""
    n = number.rescale(value, 0)[0]
    low, high = SPECIAL[name]
    if n < 0:
        raise MathError("negative number")
    if not low <= n <= high:
        raise Failure("Runtime", f"bad {name}: must be [{low}, {high}]")
    setattr(c, name, n)


def modexp(a: Num, b: Num, m: Num) -> Num:
    """a ^ b modulo m, of integers."""
    base, exponent, modulus = number.integer(a), number.integer(b), number.integer(m)
    if not modulus:
        raise MathError("divide by 0")
    if exponent < 0:
        raise MathError("negative number")
    value = pow(abs(base), exponent, abs(modulus))
    return (-value if base < 0 and exponent % 2 else value), 0
