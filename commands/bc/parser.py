"""The language of bc (contrib/bc/src/bc_lex.c, bc_parse.c): text to nodes, tuples whose first element says what they are."""

from __future__ import annotations

import re
from typing import Any

Node = tuple[Any, ...]

_TOKEN = re.compile(
    r"(?P<blank>(?:[ \t\f\v\r]|\\\n)+)|(?P<newline>\n)|(?P<comment>/\*.*?\*/|\#[^\n]*)"
    r"|(?P<number>(?:[0-9A-Z](?:\\\n)?)+(?:\.(?:(?:\\\n)?[0-9A-Z])*)?|\.(?:(?:\\\n)?[0-9A-Z])+)"
    r'|(?P<name>[a-z][a-z0-9_]*)|(?P<string>"[^"]*")'
    r"|(?P<op>\+\+|--|<<=|>>=|<=|>=|==|!=|&&|\|\||<<|>>|[-+*%^@]=|/(?!\*)=?|[-+*%^=<>!(){}\[\],;.$@])",
    re.DOTALL,
)
KEYWORDS = frozenset((
    "abs", "auto", "break", "continue", "define", "divmod", "else", "for", "halt", "ibase", "if", "is_number",
    "is_string", "last", "length", "limits", "maxibase", "maxobase", "maxscale", "modexp", "obase", "print", "quit",
    "read", "return", "scale", "sqrt", "while",
))  # fmt: skip
ASSIGN = frozenset(("=", "+=", "-=", "*=", "/=", "%=", "^=", "@=", "<<=", ">>="))
LEVELS = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "<<": 5, ">>": 5, "+": 6, "-": 6, "*": 7, "/": 7,
    "%": 7, "^": 8, "@": 9,
}  # fmt: skip
FUNCTIONS = {"length": 1, "sqrt": 1, "abs": 1, "is_number": 1, "is_string": 1, "modexp": 3, "divmod": 3}
CONSTANTS = {"maxibase": 36, "maxobase": 999_999_999, "maxscale": (1 << 64) - 1}
DEPTH = 60


class ParseError(Exception):
    """Text that is not bc; `line` is where."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.text = text
        self.line = line


class Incomplete(Exception):
    """The text ends within something."""


class Parser:
    """A parser of a text that may still grow."""

    def __init__(self) -> None:
        self.text = ""
        self.pos = 0
        self.line = 1
        self.final = False
        """Nothing more will come."""
        self.tokens: list[tuple[str, str]] = []
        self.depth = 0
        self.loops = 0
        self.function = False

    # tokens ------------------------------------------------------------------------------------------------------
    def fail(self, text: str) -> ParseError:
        """An error here."""
        return ParseError(text, self.line)

    def peek(self) -> tuple[str, str]:
        """(kind, text) of the next token; ("end", "") at the end of the text."""
        while not self.tokens:
            m = _TOKEN.match(self.text, self.pos)
            if m is None:
                return self._odd()
            kind, text = m.lastgroup or "", m.group()
            if kind == "blank" and self.text[m.end() :] == "" and text.endswith("\\\n") and not self.final:
                raise Incomplete
            self.pos = m.end()
            if kind != "newline":
                self.line += text.count("\n")
            if kind in ("blank", "comment"):
                continue
            if kind == "number":
                text = text.replace("\\\n", "")
            elif kind == "name" and text in KEYWORDS:
                kind = "keyword"
            elif kind == "string":
                text = text[1:-1]
            self.tokens.append((kind, text))
        return self.tokens[0]

    def _odd(self) -> tuple[str, str]:
        if self.pos >= len(self.text):
            return "end", ""
        rest = self.text[self.pos :]
        if rest[0] == '"' or rest.startswith("/*"):
            if not self.final:
                raise Incomplete
            raise self.fail("string end cannot be found" if rest[0] == '"' else "comment end cannot be found")
        self.pos += 1
        raise self.fail(f"bad character '{rest[0]}'")

    def take(self) -> tuple[str, str]:
        """The next token, consumed."""
        token = self.peek()
        if self.tokens:
            self.tokens.pop(0)
        self.line += token[0] == "newline"
        return token

    def accept(self, *texts: str) -> str:
        """Consume an operator or keyword if it is the next token."""
        kind, text = self.peek()
        if kind in ("op", "keyword") and text in texts:
            self.tokens.pop(0)
            return text
        return ""

    def expect(self, text: str, error: str = "bad token") -> None:
        """An operator that has to come."""
        if not self.accept(text):
            if self.peek()[0] == "end" and not self.final:
                raise Incomplete
            raise self.fail(error)

    def newlines(self) -> None:
        """Skip ends of lines."""
        while self.peek()[0] == "newline":
            self.take()

    # statements --------------------------------------------------------------------------------------------------
    def next(self) -> Node | None:
        """The next statement or function of the program, None at the end of the text; ParseError, Incomplete.

        After Incomplete the position is where it was.
        """
        while True:
            start, line = self.pos, self.line
            kind, text = self.peek()
            if kind == "end":
                return None
            if kind == "newline" or (kind, text) == ("op", ";"):
                self.take()
                continue
            try:
                node = self.definition() if (kind, text) == ("keyword", "define") else self.statement()
                self.terminate()
                return node
            except Incomplete:
                self.pos, self.line = start, line
                self.tokens.clear()
                raise

    def terminate(self) -> None:
        """What may follow a statement."""
        kind, text = self.peek()
        if kind == "newline" or (kind, text) == ("op", ";"):
            self.take()
        elif kind != "end" and (kind, text) != ("op", "}") and not self.closed:
            raise self.fail("bad expression" if kind != "keyword" else "bad token")
        elif (kind, text) == ("op", "}"):
            raise self.fail("bad token")

    closed = False
    """The statement ended with a brace, behind which another may follow."""

    def definition(self) -> Node:
        """define name(parameters) { body }"""
        self.take()
        void = False
        kind, name = self.take()
        if (kind, name) == ("name", "void") and self.peek()[0] == "name":
            void = True
            kind, name = self.take()
        if kind != "name":
            raise self.fail("bad function definition")
        self.expect("(", "bad function definition")
        params = self.names(")")
        self.expect(")", "bad function definition")
        self.newlines()
        self.expect("{", "bad function definition")
        loops, self.loops, self.function = self.loops, 0, True
        autos: list[tuple[str, bool, bool]] = []
        try:
            self.newlines()
            while self.accept("auto"):
                autos += self.names("")
                while self.peek()[0] == "newline" or self.peek() == ("op", ";"):
                    self.take()
            body = self.block()
        finally:
            self.loops, self.function = loops, False
        self.closed = True
        return "define", name, params, autos, body, void

    def names(self, end: str) -> list[tuple[str, bool, bool]]:
        """Names of parameters or autos: (name, is an array, by reference)."""
        found: list[tuple[str, bool, bool]] = []
        while not (end and self.peek() == ("op", end)):
            reference = bool(end and self.accept("*"))
            kind, name = self.take()
            if kind == "end" and not self.final:
                raise Incomplete
            if kind != "name":
                raise self.fail("bad function definition")
            array = bool(self.accept("["))
            if array:
                self.expect("]", "bad function definition")
            if any(name == n and array == a for n, a, _ in found):
                raise self.fail(f'function parameter or auto "{name}{"[]" if array else ""}" already exists')
            found.append((name, array, reference))
            if not self.accept(","):
                break
        return found

    def block(self) -> Node:
        """What is between braces; the opening one is consumed."""
        nodes: list[Node] = []
        while True:
            kind, text = self.peek()
            if kind == "end":
                if not self.final:
                    raise Incomplete
                raise self.fail("block end cannot be found")
            if kind == "newline" or (kind, text) == ("op", ";"):
                self.take()
            elif self.accept("}"):
                self.closed = True
                return "block", nodes
            else:
                nodes.append(self.statement())
                kind, text = self.peek()
                if not self.closed and kind != "newline" and (kind, text) not in (("op", ";"), ("op", "}")) and kind != "end":
                    raise self.fail("bad expression")

    def body(self) -> Node:
        """The statement of an if or a loop."""
        self.newlines()
        if self.peek()[0] == "end":
            if not self.final:
                raise Incomplete
            raise self.fail("bad expression")
        return self.statement()

    def statement(self) -> Node:
        """One statement."""
        self.depth += 1
        try:
            if self.depth > DEPTH:
                raise self.fail("bad expression")
            return self._statement()
        finally:
            self.depth -= 1

    def _statement(self) -> Node:
        kind, text = self.peek()
        self.closed = False
        if kind == "string":
            self.take()
            return "string", text
        if (kind, text) == ("op", "{"):
            self.take()
            return self.block()
        if kind == "keyword":
            parse = _STATEMENTS.get(text)
            if parse is not None:
                self.take()
                return parse(self)  # type: ignore[no-any-return]
        expression = self.expression()
        return ("do" if expression[0] == "assign" else "show"), expression

    def _if(self) -> Node:
        self.expect("(")
        test = self.expression()
        self.expect(")")
        yes = self.body()
        pos, line, tokens = self.pos, self.line, self.tokens.copy()
        closed = self.closed
        while self.peek()[0] == "newline" or (self.peek() == ("op", ";") and not closed):
            self.take()
        if self.peek()[0] == "end" and not self.final:
            raise Incomplete  # an else may come
        if self.accept("else"):
            return "if", test, yes, self.body()
        self.pos, self.line, self.tokens, self.closed = pos, line, tokens, closed
        return "if", test, yes, None

    def _loop(self, test: Node | None, init: Node | None, step: Node | None) -> Node:
        self.loops += 1
        try:
            return "loop", init, test, step, self.body()
        finally:
            self.loops -= 1

    def _while(self) -> Node:
        self.expect("(")
        test = self.expression()
        self.expect(")")
        return self._loop(test, None, None)

    def _for(self) -> Node:
        parts: list[Node | None] = []
        self.expect("(")
        for end in (";", ";", ")"):
            parts.append(None if self.peek() == ("op", end) else self.expression())
            self.expect(end)
        return self._loop(parts[1], parts[0], parts[2])

    def _print(self) -> Node:
        items: list[Node] = []
        while True:
            kind, text = self.peek()
            if kind == "string":
                self.take()
                items.append(("string", text))
            elif kind in ("newline", "end") or text == ";":
                raise self.fail("bad print or stream statement")
            else:
                items.append(self.expression())
            if not self.accept(","):
                return "print", items

    def _return(self) -> Node:
        if not self.function:
            raise self.fail("bad token")
        kind, text = self.peek()
        if kind in ("newline", "end") or (kind == "op" and text in ";}"):
            return "return", None
        if text == "(":
            self.take()
            if self.accept(")"):
                return "return", None
            self.tokens.insert(0, ("op", "("))
        return "return", self.expression()

    def _jump(self, kind: str) -> Node:
        if not self.loops:
            raise self.fail("bad token")
        return (kind,)

    # expressions -------------------------------------------------------------------------------------------------
    def expression(self) -> Node:
        """An expression."""
        self.depth += 1
        if self.depth > DEPTH:
            raise self.fail("bad expression")
        try:
            return self.binary(1)
        finally:
            self.depth -= 1

    def binary(self, least: int) -> Node:
        """Operators of at least a level."""
        left = self.unary()
        while True:
            kind, text = self.peek()
            if kind != "op":
                return left
            if text in ASSIGN and least <= 4:
                if left[0] not in ("var", "element", "special"):
                    raise self.fail("bad assignment: left side must be scale, ibase, obase, seed, last, var, or array element")
                self.take()
                left = "assign", text[:-1], left, self.binary(4)
                continue
            level = LEVELS.get(text, 0)
            if level < least:
                return left
            self.take()
            left = "binary", text, left, self.binary(level if text == "^" else level + 1)

    def unary(self) -> Node:
        """Signs, and what stands behind an operand."""
        kind, text = self.peek()
        if kind == "op" and text in ("-", "!", "++", "--"):
            self.take()
            self.depth += 1
            if self.depth > DEPTH:
                raise self.fail("bad expression")
            operand = self.unary()
            self.depth -= 1
            if text in ("-", "!"):
                return "unary", text, operand
            if operand[0] not in ("var", "element", "special"):
                raise self.fail("bad assignment: left side must be scale, ibase, obase, seed, last, var, or array element")
            return "before", text[0], operand
        node = self.operand()
        while True:
            if self.peek() in (("op", "++"), ("op", "--")) and node[0] in ("var", "element", "special"):
                node = "after", self.take()[1][0], node
            elif self.accept("$"):
                node = "truncate", node
            else:
                return node

    def operand(self) -> Node:
        """A number, variable, call or something in parentheses."""
        kind, text = self.peek()
        if kind == "newline":
            raise self.fail("bad expression")
        self.take()
        if kind == "number":
            return "number", text
        if kind == "op" and text == ".":
            return "special", "last"
        if kind == "op" and text == "(":
            node = self.expression()
            self.expect(")", "bad expression")
            return "parens", node
        if kind == "name":
            return self.named(text)
        if kind == "keyword":
            return self.builtin(text)
        if kind == "end" and not self.final:
            raise self.fail("bad expression")
        raise self.fail("empty expression" if text == ")" else "bad expression")

    def named(self, name: str) -> Node:
        """A variable, an array element or a call."""
        if self.accept("["):
            if self.accept("]"):
                return "array", name
            index = self.expression()
            self.expect("]")
            return "element", name, index
        if self.accept("("):
            return "call", name, self.arguments()
        return "var", name

    def arguments(self) -> list[Node]:
        """What is given to a function, with the closing parenthesis."""
        found: list[Node] = []
        while not self.accept(")"):
            if found:
                self.expect(",", "bad expression")
            found.append(self.expression())
        return found

    def builtin(self, name: str) -> Node:
        """A keyword that is a value."""
        if name == "scale" and self.accept("("):
            node: Node = "function", "scale", [self.expression()]
            self.expect(")")
            return node
        if name in ("ibase", "obase", "scale", "last"):
            return "special", name
        if name == "read":
            self.expect("(")
            self.expect(")")
            return ("read",)
        if name in CONSTANTS:
            self.expect("(")
            self.expect(")")
            return "number", str(CONSTANTS[name]), 10
        if name in FUNCTIONS:
            self.expect("(")
            arguments = self.arguments()
            if len(arguments) != FUNCTIONS[name]:
                raise self.fail("bad expression")
            return "function", name, arguments
        raise self.fail("bad expression")


_STATEMENTS: dict[str, Any] = {
    "if": Parser._if,
    "while": Parser._while,
    "for": Parser._for,
    "print": Parser._print,
    "return": Parser._return,
    "break": lambda p: p._jump("break"),
    "continue": lambda p: p._jump("continue"),
    "halt": lambda p: ("halt",),
    "quit": lambda p: ("quit",),
    "limits": lambda p: ("limits",),
}
