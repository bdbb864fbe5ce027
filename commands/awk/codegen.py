"""From the tree of an awk program to a Python module: one function per BEGIN, main loop, END and user function.

Every expression can be asked for as a value, a string, a number or a truth, and is written in the cheapest way that
gives it.  What must wait (getline, system, close, output to a pipe) is awaited, and only functions that contain such a
thing are coroutines.  `lines` maps the lines of the module to those of the awk program, for error messages.
"""

from __future__ import annotations

from collections.abc import Iterator

from vshell.commands.awk.lexer import Syntax
from vshell.commands.awk.parser import Function, Node, Parser

SPECIAL = frozenset(["NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "SUBSEP", "RSTART", "RLENGTH", "FILENAME", "CONVFMT", "OFMT"])
NUMERIC = frozenset({"NF", "NR", "FNR", "RSTART", "RLENGTH"})
TEXT = SPECIAL - NUMERIC
AWAITED = frozenset({"system", "close", "fflush"})
STRINGS = frozenset({"substr", "sprintf", "tolower", "toupper", "strftime", "gensub"})
TWO_ARGUMENTS = frozenset({"atan2", "and", "or", "xor", "lshift", "rshift"})
COMPARE = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def walk(node: object) -> Iterator[Node]:
    """All tuples in a tree."""
    if isinstance(node, tuple):
        if node and isinstance(node[0], str):
            yield node
        for part in node:
            if isinstance(part, (tuple, list)):
                yield from walk(part)
    elif isinstance(node, list):
        for part in node:
            yield from walk(part)


class Names:
    """Which names are arrays and which functions wait, found before any code is written."""

    def __init__(self, parser: Parser) -> None:
        self.functions = parser.functions
        self.bodies: list[tuple[Function | None, object]] = [(None, [parser.begin, parser.items, parser.end])]
        self.bodies += [(f, f.body) for f in parser.functions.values()]
        self.arrays: set[str] = {"ENVIRON", "ARGV"}
        """Global arrays."""
        self.array_params: set[tuple[str, str]] = set()
        self.waiting: set[str] = set()
        self.find_arrays()
        self.find_waiting()

    def mark(self, function: Function | None, name: str) -> bool:
        """Note that a name is an array; True if that is news."""
        if function is not None and name in function.params:
            key = (function.name, name)
            if key in self.array_params:
                return False
            self.array_params.add(key)
            return True
        if name in self.arrays:
            return False
        self.arrays.add(name)
        return True

    def is_array(self, function: Function | None, name: str) -> bool:
        if function is not None and name in function.params:
            return (function.name, name) in self.array_params
        return name in self.arrays

    def find_arrays(self) -> None:
        for function, body in self.bodies:
            for node in walk(body):
                name = direct_array(node)
                if name is not None:
                    self.mark(function, name)
        while self.spread():
            pass

    def spread(self) -> bool:
        """Through calls, both ways."""
        news = False
        for function, body in self.bodies:
            for node in walk(body):
                if node[0] != "call" or node[1] not in self.functions:
                    continue
                called = self.functions[node[1]]
                for arg, param in zip(node[2], called.params, strict=False):
                    if arg[0] != "var":
                        continue
                    if (called.name, param) in self.array_params:
                        news |= self.mark(function, arg[1])
                    elif self.is_array(function, arg[1]):
                        news |= self.mark(called, param)
        return news

    def find_waiting(self) -> None:
        calls = {f.name: {n[1] for n in walk(f.body) if n[0] == "call"} for f in self.functions.values()}
        self.waiting = {f.name for f in self.functions.values() if waits(f.body)}
        while True:
            more = {n for n, called in calls.items() if n not in self.waiting and called & self.waiting}
            if not more:
                return
            self.waiting |= more


def direct_array(node: Node) -> str | None:
    """The name a node uses as an array."""
    kind = node[0]
    if kind == "index":
        return str(node[1])
    if kind == "in" and isinstance(node[1], list):
        return str(node[2])
    if kind == "forin":
        return str(node[3])
    if kind == "delete" and len(node) == 4:
        return str(node[2])
    if kind == "builtin" and node[1] == "split" and node[2][1][0] == "var":
        return str(node[2][1][1])
    return None


def waits(body: object) -> bool:
    """Does it contain something that must be awaited, calls of functions aside?"""
    for node in walk(body):
        if node[0] == "getline" or (node[0] == "builtin" and node[1] in AWAITED):
            return True
        if node[0] in ("print", "printf") and len(node) == 5 and node[3]:
            return True
    return False


def seen(e: Node) -> bool:
    """Can the evaluation of an expression be told from its surroundings: may it fail or print?"""
    for node in walk(e):
        if node[0] in ("call", "getline"):
            return True
        if node[0] in ("bin", "assign") and node[1] in ("/", "%", "/=", "%=") and not (node[3][0] == "num" and node[3][1]):
            return True
        if node[0] == "builtin" and node[1] in AWAITED:
            return True
    return False


class Coder:
    """Writes the module."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser
        self.names = Names(parser)
        self.out: list[str] = []
        self.lines: list[int] = []
        self.constants: dict[str, object] = {}
        self.patterns: dict[str, str] = {}
        self.function: Function | None = None
        self.indent = 0
        self.temps = 0
        self.line = 1
        self.globals: set[str] = set()
        self.ranges = 0
        self.in_main = False
        self.steps: list[list[Node]] = []
        """For `continue` in a for loop: what must be done before the next round."""

    # module ----------------------------------------------------------------------------------------------------
    def module(self) -> str:
        """The source."""
        self.find_globals()
        for function in self.parser.functions.values():
            self.write_function(function)
        self.write_part("begin", self.parser.begin)
        self.write_main()
        self.write_part("end", self.parser.end)
        return "\n".join(self.out) + "\n"

    def find_globals(self) -> None:
        for function, body in self.names.bodies:
            for node in walk(body):
                name = node[1] if node[0] == "var" else direct_array(node)
                if name is None or name in SPECIAL or (function is not None and name in function.params):
                    continue
                if name in self.parser.functions:
                    raise Syntax(f"can't use function {name} as a variable")
                self.globals.add(str(name))

    def emit(self, text: str) -> None:
        self.out.append("    " * self.indent + text)
        self.lines.append(self.line)

    def start(self, header: str) -> None:
        self.emit(header)
        self.indent += 1
        if self.globals:
            self.emit("global " + ", ".join(f"g_{n}" for n in sorted(self.globals)))

    def write_function(self, f: Function) -> None:
        self.function = f
        self.line = f.line
        how = "async def" if f.name in self.names.waiting else "def"
        params = ", ".join(f"l_{n}=None" for n in f.params)
        self.start(f"{how} f_{f.name}({params}):")
        for n in f.params:
            new = "Array()" if (f.name, n) in self.names.array_params else "UNINIT"
            self.emit(f"if l_{n} is None: l_{n} = {new}")
        self.block(f.body)
        self.emit("return UNINIT")
        self.indent -= 1
        self.function = None

    def is_async(self, body: object) -> bool:
        return waits(body) or any(n[0] == "call" and n[1] in self.names.waiting for n in walk(body))

    def write_part(self, name: str, body: list[Node]) -> None:
        self.start(f"async def {name}():")
        self.block(body)
        self.emit("pass")
        self.indent -= 1

    def write_main(self) -> None:
        """The pattern-action items on one record."""
        items = self.parser.items
        how = "async def" if self.is_async([list(i) for i in items]) else "def"
        self.in_main = True
        self.start(f"{how} main():")
        for line, pattern, second, action in items:
            self.line = line
            body = action if action is not None else [("print", line, [("field", ("num", 0.0))], "", None)]
            if pattern is None:
                self.block(body)
                continue
            if second is None:
                self.emit(f"if {self.truth(pattern)}:")
            else:
                self.range(pattern, second)
            self.indent += 1
            self.block(body)
            self.emit("pass")
            self.indent -= 1
        self.emit("pass")
        self.indent -= 1
        self.in_main = False

    def range(self, pattern: Node, second: Node) -> None:
        """first, second { ... }"""
        n = self.ranges
        self.ranges += 1
        self.emit(f"inside = rt.ranges.get({n}, False)")
        self.emit("if not inside:")
        self.emit(f"    inside = {self.truth(pattern)}")
        self.emit("if inside:")
        self.emit(f"    rt.ranges[{n}] = not ({self.truth(second)})")
        self.emit("if inside:")

    # statements ------------------------------------------------------------------------------------------------
    def block(self, body: list[Node]) -> None:
        for node in body:
            self.statement(node)

    def sub(self, node: Node | None) -> None:
        """A nested statement."""
        self.indent += 1
        if node is not None:
            self.statement(node)
        self.emit("pass")
        self.indent -= 1

    def statement(self, node: Node) -> None:
        self.line = node[1]
        getattr(self, "do_" + node[0])(node)

    def do_block(self, node: Node) -> None:
        self.block(node[2])

    def do_expr(self, node: Node) -> None:
        e = node[2]
        simple = e[0] in ("post", "pre", "assign") and e[2][0] == "var" and e[2][1] not in SPECIAL
        simple = simple and not self.names.is_array(self.function, e[2][1])
        if simple and e[0] != "assign":
            name = self.var(e[2][1])
            self.emit(f"{name} = ({name} if type({name}) is float else num({name})) + {e[1]!r}")
        elif simple and e[1] == "=":
            self.emit(f"{self.var(e[2][1])} = {self.value(e[3])}")
        else:
            self.emit(self.value(e))

    def do_print(self, node: Node) -> None:
        parts: list[str] = []
        for arg in node[2]:
            if parts and not node[3] and seen(arg):
                # What stands before is printed even if this fails, and before anything that it prints itself.
                self.output(node, " + ".join(parts))
                parts = []
            parts += [self.printed(arg), "rt.OFS"]
        self.output(node, " + ".join([*parts[:-1], "rt.ORS"]))

    def printed(self, e: Node) -> str:
        """A value as print shows it: numbers with OFMT."""
        if self.is_string(e):
            return self.string(e)
        if self.is_number(e):
            return f"rt.ofmt({self.number(e)})"
        return f"rt.shown({self.value(e)})"

    def do_printf(self, node: Node) -> None:
        self.output(node, self.format(node[2]))

    def output(self, node: Node, text: str) -> None:
        if node[3]:
            self.emit(f"await rt.print_to({node[3]!r}, {self.string(node[4])}, {text})")
        else:
            self.emit(f"out({text})")

    def format(self, args: list[Node], name: str = "sprintf") -> str:
        values = "".join(", " + self.value(a) for a in args[1:])
        return f"rt.{name}({self.string(args[0])}{values})"

    def do_if(self, node: Node) -> None:
        self.emit(f"if {self.truth(node[2])}:")
        self.sub(node[3])
        if node[4] is not None:
            self.emit("else:")
            self.sub(node[4])

    def do_while(self, node: Node) -> None:
        self.emit(f"while {self.truth(node[2])}:")
        self.steps.append([])
        self.sub(node[3])
        self.steps.pop()

    def do_do(self, node: Node) -> None:
        first = self.temp()
        self.emit(f"{first} = True")
        self.emit(f"while {first} or {self.truth(node[3])}:")
        self.emit(f"    {first} = False")
        self.steps.append([])
        self.sub(node[2])
        self.steps.pop()

    def do_for(self, node: Node) -> None:
        _, _, first, condition, step, body = node
        if first is not None:
            self.statement(first)
        self.emit(f"while {self.truth(condition) if condition is not None else 'True'}:")
        self.indent += 1
        self.steps.append([step] if step is not None else [])
        if body is not None:
            self.statement(body)
        self.steps.pop()
        if step is not None:
            self.statement(step)
        self.emit("pass")
        self.indent -= 1

    def do_forin(self, node: Node) -> None:
        _, _, var, array, body = node
        name, key = self.array(array), self.temp()
        self.emit(f"for {key} in {name}.order():")
        self.indent += 1
        self.emit(f"if {key} not in {name}: continue")
        self.emit(self.store(var, key))
        self.steps.append([])
        if body is not None:
            self.statement(body)
        self.steps.pop()
        self.emit("pass")
        self.indent -= 1

    def do_break(self, node: Node) -> None:
        self.emit("break")

    def do_continue(self, node: Node) -> None:
        for step in self.steps[-1] if self.steps else []:
            self.statement(step)
        self.emit("continue")

    def do_next(self, node: Node) -> None:
        self.emit("return" if self.in_main else "rt.illegal_next()")

    def do_nextfile(self, node: Node) -> None:
        self.emit("rt.nextfile()" if self.in_main else "rt.illegal_next()")
        self.emit("return")

    def do_exit(self, node: Node) -> None:
        self.emit(f"rt.exit({self.number(node[2]) if node[2] is not None else ''})")

    def do_return(self, node: Node) -> None:
        self.emit(f"return {self.value(node[2]) if node[2] is not None else 'UNINIT'}")

    def do_delete(self, node: Node) -> None:
        name = self.array(node[2])
        self.emit(f"{name}.empty()" if node[3] is None else f"{name}.delete({self.key(node[3])})")

    # names -----------------------------------------------------------------------------------------------------
    def temp(self) -> str:
        self.temps += 1
        return f"t{self.temps}"

    def var(self, name: str) -> str:
        """The Python name of a scalar that is not special."""
        if self.function is not None and name in self.function.params:
            return f"l_{name}"
        return f"g_{name}"

    def array(self, name: str) -> str:
        if name in SPECIAL or name in self.parser.functions:
            raise Syntax(f"{name} is a {'function' if name in self.parser.functions else 'variable'}, not an array")
        return self.var(name)

    def key(self, subs: list[Node]) -> str:
        if len(subs) == 1:
            return self.string(subs[0])
        return " + rt.SUBSEP + ".join(self.string(s) for s in subs)

    def constant(self, value: object) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def pattern(self, text: str) -> str:
        """A constant expression, compiled when the program starts."""
        if text not in self.patterns:
            self.patterns[text] = f"p{len(self.patterns)}"
        return self.patterns[text]

    def regex(self, e: Node) -> str:
        """An expression used as a regular expression."""
        if e[0] in ("regex", "str"):
            return self.pattern(e[1])
        return f"rt.regex({self.string(e)})"

    # types -----------------------------------------------------------------------------------------------------
    def is_number(self, e: Node) -> bool:
        """Is the value a number and nothing else?"""
        kind = e[0]
        if kind in ("num", "regex", "and", "or", "not", "cmp", "match", "in", "bin", "neg", "pos", "pre", "post", "getline"):
            return True
        if kind == "builtin":
            return e[1] not in STRINGS
        if kind == "group":
            return self.is_number(e[1])
        if kind == "assign":
            return e[1] != "=" or self.is_number(e[3])
        if kind == "cond":
            return self.is_number(e[2]) and self.is_number(e[3])
        return kind == "var" and e[1] in NUMERIC

    def is_string(self, e: Node) -> bool:
        """Is the value a string and never a number?"""
        kind = e[0]
        if kind in ("str", "cat"):
            return True
        if kind == "builtin":
            return e[1] in STRINGS
        if kind == "group":
            return self.is_string(e[1])
        if kind == "cond":
            return self.is_string(e[2]) and self.is_string(e[3])
        return kind == "var" and e[1] in TEXT and e[1] != "FILENAME"

    # four ways to write an expression --------------------------------------------------------------------------
    def value(self, e: Node) -> str:
        return str(getattr(self, "x_" + e[0])(e))

    def string(self, e: Node) -> str:
        kind = e[0]
        if kind == "group":
            return self.string(e[1])
        if kind == "num" and e[1] == int(e[1] if abs(e[1]) < 1e15 else 0):
            return repr(str(int(e[1])))
        if kind == "field":
            return f"rt.text({self.field_number(e[1])})"
        if self.is_string(e):
            return self.value(e)
        if self.is_number(e):
            return f"rt.num_text({self.number(e)})"
        return f"rt.string({self.value(e)})"

    def number(self, e: Node) -> str:
        if e[0] == "group":
            return self.number(e[1])
        if e[0] in ("cmp", "match", "in", "and", "or", "not", "regex"):
            return f"(1.0 if {self.truth(e)} else 0.0)"
        if self.is_number(e):
            return self.value(e)
        if e[0] == "field":
            return f"rt.field_number({self.field_number(e[1])})"
        if e[0] == "index":
            return f"num_at({self.array(e[1])}, {self.key(e[2])})"
        if e[0] == "var" and e[1] not in SPECIAL and not self.names.is_array(self.function, e[1]):
            name = self.var(e[1])
            return f"({name} if type({name}) is float else num({name} := promote({name})))"
        return f"num({self.value(e)})"

    def truth(self, e: Node) -> str:
        kind = e[0]
        if kind == "group":
            return self.truth(e[1])
        if kind in ("and", "or"):
            return f"({self.truth(e[1])} {kind} {self.truth(e[2])})"
        if kind == "not":
            return f"(not {self.truth(e[1])})"
        if kind == "cmp":
            return self.comparison(e)
        if kind == "regex":
            return f"{self.pattern(e[1])}.test(rt.text(0))"
        if kind == "match":
            test = f"{self.regex(e[3])}.test({self.string(e[2])})"
            return f"(not {test})" if e[1] else f"({test})"
        if kind == "in":
            return f"({self.key(e[1])} in {self.array(e[2])})"
        if self.is_number(e):
            return f"({self.value(e)} != 0)"
        if self.is_string(e):
            return f"({self.value(e)} != '')"
        return f"truth({self.value(e)})"

    def comparison(self, e: Node) -> str:
        _, op, a, b = e
        if self.is_number(a) and self.is_number(b):
            return f"({self.number(a)} {op} {self.number(b)})"
        if self.is_string(a) or self.is_string(b):
            return f"({self.string(a)} {op} {self.string(b)})"
        return f"rt.{COMPARE[op]}({self.value(a)}, {self.value(b)})"

    # expressions by kind ---------------------------------------------------------------------------------------
    def x_num(self, e: Node) -> str:
        return "INF" if e[1] == float("inf") else repr(e[1])

    def x_str(self, e: Node) -> str:
        return repr(e[1])

    def x_group(self, e: Node) -> str:
        return f"({self.value(e[1])})"

    def x_regex(self, e: Node) -> str:
        return self.number(e)

    x_and = x_or = x_not = x_cmp = x_match = x_in = x_regex

    def x_var(self, e: Node) -> str:
        name = e[1]
        if name == "NF":
            return "rt.get_nf()"
        if name in SPECIAL:
            return f"rt.{name}"
        if self.names.is_array(self.function, name):
            return f"rt.array_value({name!r})"
        return self.var(name)

    def x_index(self, e: Node) -> str:
        return f"{self.array(e[1])}[{self.key(e[2])}]"

    def field_number(self, e: Node) -> str:
        if e[0] == "num":
            return str(int(e[1]))
        return f"rt.index({self.number(e)})"

    def x_field(self, e: Node) -> str:
        return f"rt.field({self.field_number(e[1])})"

    def x_cat(self, e: Node) -> str:
        parts: list[Node] = []
        node = e
        while node[0] == "cat":
            parts.append(node[2])
            node = node[1]
        parts.append(node)
        parts.reverse()
        return "(" + " + ".join(self.string(n) for n in parts) + ")"

    def x_cond(self, e: Node) -> str:
        return f"({self.value(e[2])} if {self.truth(e[1])} else {self.value(e[3])})"

    def x_bin(self, e: Node) -> str:
        return self.arithmetic(e[1], self.number(e[2]), self.number(e[3]), e[3])

    def arithmetic(self, op: str, a: str, b: str, divisor: Node) -> str:
        if op in "+-*":
            return f"({a} {op} {b})"
        if op == "/":
            return f"({a} / {b})" if divisor[0] == "num" and divisor[1] else f"rt.divide({a}, {b})"
        return f"rt.{'modulo' if op == '%' else 'power'}({a}, {b})"

    def x_neg(self, e: Node) -> str:
        return f"(-{self.number(e[1])} + 0.0)"

    def x_pos(self, e: Node) -> str:
        return f"({self.number(e[1])} + 0.0)"

    # assignments -----------------------------------------------------------------------------------------------
    def store(self, lv: Node, value: str) -> str:
        """An expression that assigns and gives the value back."""
        kind = lv[0]
        if kind == "field":
            return f"rt.set_field({self.field_number(lv[1])}, {value})"
        if kind == "index":
            return f"put({self.array(lv[1])}, {self.key(lv[2])}, {value})"
        name = lv[1]
        if name in SPECIAL:
            return f"rt.set_special({name!r}, {value})"
        if self.names.is_array(self.function, name):
            return f"rt.array_assigned({name!r}, {value})"
        return f"({self.var(name)} := {value})"

    def x_assign(self, e: Node) -> str:
        _, op, lv, rhs = e
        if lv[0] == "group" or lv[0] not in ("var", "index", "field"):
            raise Syntax("syntax error")
        if op == "=":
            return self.store(lv, self.value(rhs))
        if lv[0] == "index":
            return f"put_with({self.array(lv[1])}, {self.key(lv[2])}, {op[0]!r}, {self.number(rhs)}, rt)"
        if op[0] in "/%":
            where = "/=" if op == "/=" else "%="
            name = "divide" if op == "/=" else "modulo"
            return self.store(lv, f"rt.{name}({self.number(lv)}, {self.number(rhs)}, {where!r})")
        return self.store(lv, self.arithmetic(op[0], self.number(lv), self.number(rhs), rhs))

    def x_pre(self, e: Node) -> str:
        _, step, lv = e
        if lv[0] == "index":
            return f"put_with({self.array(lv[1])}, {self.key(lv[2])}, '+', {step!r}, rt)"
        return self.store(lv, f"{self.number(lv)} + {step!r}")

    def x_post(self, e: Node) -> str:
        _, step, lv = e
        if lv[0] == "index":
            return f"(put_with({self.array(lv[1])}, {self.key(lv[2])}, '+', {step!r}, rt) - {step!r})"
        old = self.temp()
        return f"(({old} := {self.number(lv)}), {self.store(lv, f'{old} + {step!r}')})[0]"

    # functions -------------------------------------------------------------------------------------------------
    def x_call(self, e: Node) -> str:
        _, name, args = e
        f = self.parser.functions.get(name)
        if f is None:
            return f"rt.undefined({name!r})"
        values = []
        for i, arg in enumerate(args):
            if i < len(f.params) and (name, f.params[i]) in self.names.array_params:
                values.append(self.array(arg[1]) if arg[0] == "var" else "Array()")
            elif i < len(f.params):
                values.append(self.value(arg))
        call = f"f_{name}({', '.join(values)})"
        if name in self.names.waiting:
            call = f"(await {call})"
        extra = [self.value(arg) for arg in args[len(f.params) :]]
        if extra:
            text = f"function {name} called with {len(args)} args, uses only {len(f.params)}"
            call = f"(rt.warning({text!r}), {', '.join(extra)}, {call})[-1]"
        return call

    def x_getline(self, e: Node) -> str:
        _, kind, lv, source = e
        if kind == "main":
            read = f"await rt.getline_main({lv is not None})"
        else:
            read = f"await rt.getline_{kind}({self.string(source)}, {lv is None})"
        if lv is None:
            return f"({read})"
        return f"(({self.store(lv, 'rt.got')}, 1.0)[1] if ({read}) > 0 else rt.read_status)"

    def x_builtin(self, e: Node) -> str:
        _, name, args = e
        special = getattr(self, "b_" + name, None)
        if special is not None:
            return str(special(args))
        if name in TWO_ARGUMENTS:
            if len(args) < 2:
                return f"rt.two_arguments({name!r})"
            return self.surplus(f"rt.{name}_({self.number(args[0])}, {self.number(args[1])})", args[2:])
        first = self.number(args[0]) if args else "num(rt.field(0))"
        return self.surplus(f"rt.{name}_({first})", args[1:])

    def surplus(self, call: str, extra: list[Node]) -> str:
        """Too many arguments are worth a warning."""
        if not extra:
            return call
        text = "warning: function has too many arguments"
        return f"({call}, rt.warning({text!r}), {', '.join(self.value(a) for a in extra)})[0]"

    def b_length(self, args: list[Node]) -> str:
        if args and args[0][0] == "var" and self.names.is_array(self.function, args[0][1]):
            return f"float(len({self.array(args[0][1])}))"
        text = self.string(args[0]) if args else "rt.text(0)"
        return self.surplus(f"float(len({text}))", args[1:])

    def b_rand(self, args: list[Node]) -> str:
        return "rt.rand_()"

    def b_srand(self, args: list[Node]) -> str:
        return f"rt.srand_({self.number(args[0]) if args else ''})"

    def b_systime(self, args: list[Node]) -> str:
        return "rt.systime_()"

    def b_mktime(self, args: list[Node]) -> str:
        return f"rt.mktime_({self.string(args[0]) if args else 'rt.text(0)'})"

    def b_strftime(self, args: list[Node]) -> str:
        text = self.string(args[0]) if args else "'%a %b %d %H:%M:%S %Z %Y'"
        return f"rt.strftime_({text}{', ' + self.number(args[1]) if len(args) > 1 else ''})"

    def b_system(self, args: list[Node]) -> str:
        return f"(await rt.system_({self.string(args[0]) if args else 'rt.text(0)'}))"

    def b_close(self, args: list[Node]) -> str:
        return f"(await rt.close_({self.string(args[0])}))"

    def b_fflush(self, args: list[Node]) -> str:
        return f"(await rt.fflush_({self.string(args[0]) if args else repr('')}))"

    def b_tolower(self, args: list[Node]) -> str:
        return f"{self.string(args[0]) if args else 'rt.text(0)'}.lower()"

    def b_toupper(self, args: list[Node]) -> str:
        return f"{self.string(args[0]) if args else 'rt.text(0)'}.upper()"

    def b_index(self, args: list[Node]) -> str:
        return f"index_of({self.string(args[0])}, {self.string(args[1])})"

    def b_substr(self, args: list[Node]) -> str:
        return f"substr({', '.join([self.string(args[0]), *(self.number(a) for a in args[1:])])})"

    def b_sprintf(self, args: list[Node]) -> str:
        return self.format(args, "sprintf_value")

    def b_match(self, args: list[Node]) -> str:
        return f"rt.match_({self.string(args[0])}, {self.regex(args[1])})"

    def b_split(self, args: list[Node]) -> str:
        array = self.array(args[1][1]) if args[1][0] == "var" else "Array()"
        call = f"rt.split_({self.string(args[0])}, {array}"
        if len(args) < 3:
            return call + ")"
        if args[2][0] == "regex":
            return f"{call}, {args[2][1]!r}, {self.pattern(args[2][1])})"
        return f"{call}, {self.string(args[2])})"

    def b_sub(self, args: list[Node]) -> str:
        return self.substitution(args, 1)

    def b_gsub(self, args: list[Node]) -> str:
        return self.substitution(args, 0)

    def substitution(self, args: list[Node], which: int) -> str:
        target = args[2] if len(args) > 2 else ("field", ("num", 0.0))
        while target[0] == "group":
            target = target[1]
        call = f"rt.substitute({self.regex(args[0])}, {self.string(args[1])}, {self.string(target)}, {which})"
        if target[0] not in ("var", "index", "field"):
            return f"({call} or 0.0, rt.sub_count)[1]"
        return f"(({self.store(target, 'rt.got')}, rt.sub_count)[1] if {call} else 0.0)"

    def b_gensub(self, args: list[Node]) -> str:
        target = self.string(args[3]) if len(args) > 3 else "rt.text(0)"
        return f"rt.gensub_({self.regex(args[0])}, {self.string(args[1])}, {self.value(args[2])}, {target})"
