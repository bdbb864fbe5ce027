"""awk's grammar (contrib/one-true-awk/awkgram.y) as a recursive descent parser that builds tuples.

Expressions: ("num", x) ("str", s) ("regex", s) ("var", name) ("index", name, subs) ("field", e) ("assign", op, lv, e)
("cond", c, a, b) ("or", a, b) ("and", a, b) ("not", e) ("cmp", op, a, b) ("match", negated, e, re) ("in", subs, name)
("cat", a, b) ("bin", op, a, b) ("neg", e) ("pos", e) ("pre", step, lv) ("post", step, lv) ("call", name, args)
("builtin", name, args) ("getline", kind, lv, source) ("group", e).
Statements begin with their kind and line.
"""

from __future__ import annotations

from typing import Any, NoReturn

from vshell.commands.awk.lexer import Lexer, Syntax

Node = tuple[Any, ...]

ASSIGN = frozenset({"=", "+=", "-=", "*=", "%=", "^="})
COMPARE = frozenset({"==", "!=", "<", "<=", ">", ">="})
TERM_START = frozenset(
    {
        "number", "string", "name", "call", "builtin", "close", "gensub", "getline", "gsub", "index", "match", "split",
        "sprintf", "sub", "substr", "++", "--", "$", "(", "!", "-", "+",
    }
)  # fmt: skip
LVALUES = frozenset({"var", "index", "field"})


class Function:
    """A user's function."""

    def __init__(self, name: str, params: list[str], body: list[Node], line: int) -> None:
        self.name = name
        self.params = params
        self.body = body
        self.line = line


class Parser:
    """Parses a program into `begin`, `items`, `end` and `functions`."""

    def __init__(self, source: str, safe: bool = False) -> None:
        self.lex = Lexer(source)
        self.safe = safe
        self.begin: list[Node] = []
        self.items: list[tuple[int, Node | None, Node | None, list[Node] | None]] = []
        """(line, pattern, second pattern of a range, action)."""
        self.end: list[Node] = []
        self.functions: dict[str, Function] = {}
        self.has_end = False
        self.depth = 0
        """How deep in braces."""
        self.plain = False
        """In the arguments of print, where > is a redirection and comparisons are not allowed."""
        self.function: str | None = None
        self.loops = 0

    # tokens ----------------------------------------------------------------------------------------------------
    @property
    def tok(self) -> str:
        return self.lex.tok

    def fail(self, text: str = "syntax error") -> NoReturn:
        raise Syntax(text)

    def accept(self, tok: str) -> bool:
        if self.lex.tok == tok:
            self.lex.next()
            return True
        return False

    def expect(self, tok: str) -> None:
        if self.lex.tok != tok:
            self.fail()
        self.lex.next()

    def newlines(self) -> None:
        while self.lex.tok == "newline":
            self.lex.next()

    def terminators(self) -> None:
        while self.lex.tok in ("newline", ";"):
            self.lex.next()

    # program ---------------------------------------------------------------------------------------------------
    def parse(self) -> None:
        """The whole program."""
        self.lex.next()
        self.terminators()
        while self.tok:
            self.item()
            self.terminators()

    def item(self) -> None:
        line = self.lex.line
        if self.tok in ("BEGIN", "END"):
            kind = self.tok
            self.lex.next()
            if self.tok != "{":
                self.fail()
            body = self.action()
            if kind == "BEGIN":
                self.begin += body
            else:
                self.end += body
                self.has_end = True
        elif self.tok == "function":
            self.define()
        elif self.tok == "{":
            self.items.append((line, None, None, self.action()))
        else:
            pattern = self.expr()
            second = None
            if self.accept(","):
                self.newlines()
                second = self.expr()
            self.items.append((line, pattern, second, self.action() if self.tok == "{" else None))

    def action(self) -> list[Node]:
        """{ statements }"""
        self.depth += 1
        self.lex.next()
        self.newlines()
        body = self.statements()
        if self.tok != "}":
            self.fail()
        self.depth -= 1
        self.lex.next()
        return body

    def statements(self) -> list[Node]:
        body = []
        while self.tok not in ("}", ""):
            node = self.statement()
            if node is not None:
                body.append(node)
        return body

    def define(self) -> None:
        line = self.lex.line
        self.lex.next()
        if self.tok not in ("name", "call"):
            self.fail()
        self.function = name = str(self.lex.val)
        if name in self.functions:
            self.fail(f"you can't define function {name} more than once")
        self.lex.next()
        self.expect("(")
        params: list[str] = []
        while self.tok != ")":
            if self.tok != "name":
                self.fail()
            if self.lex.val in params:
                self.fail(f"duplicate argument {self.lex.val}")
            if self.lex.val == name:
                self.lex.next()
                self.lex.next()
                self.function = None
                self.fail(f"`{name}' is both function name and argument name")
            params.append(str(self.lex.val))
            self.lex.next()
            if self.tok != ")":
                self.expect(",")
                self.newlines()
        self.lex.next()
        self.newlines()
        if self.tok != "{":
            self.fail()
        function = self.functions[name] = Function(name, params, [], line)
        function.body = self.action()
        self.function = None

    # statements ------------------------------------------------------------------------------------------------
    def statement(self) -> Node | None:
        line, tok = self.lex.line, self.tok
        if tok == "{":
            body = self.action()
            self.newlines()
            return ("block", line, body)
        if tok == ";":
            self.lex.next()
            self.newlines()
            return None
        if tok == "if":
            return self.if_statement(line)
        if tok == "while":
            self.lex.next()
            condition = self.condition()
            if self.accept(";"):
                self.newlines()
                return ("while", line, condition, None)
            return ("while", line, condition, self.body())
        if tok == "do":
            return self.do_statement(line)
        if tok == "for":
            return self.for_statement(line)
        if tok == "}":
            return None  # a closing brace stands for ";" as well
        node = self.jump(line, tok) if tok in JUMPS else self.simple(line)
        if self.tok in (";", "newline", "}") and tok in ("break", "continue") and not self.loops:
            self.fail(f"{tok} illegal outside of loops")
        self.end_simple()
        return node

    def end_simple(self) -> None:
        """st: what must follow a simple statement."""
        if self.tok in (";", "newline"):
            self.lex.next()
            self.newlines()
        elif self.tok != "}":
            self.fail()

    def body(self) -> Node | None:
        """The statement of a loop."""
        self.loops += 1
        self.newlines()
        node = self.statement()
        self.loops -= 1
        return node

    def condition(self) -> Node:
        self.expect("(")
        node = self.expr()
        self.expect(")")
        self.newlines()
        return node

    def if_statement(self, line: int) -> Node:
        self.lex.next()
        condition = self.condition()
        then = self.statement()
        state = self.lex.state()
        self.terminators()
        if not self.accept("else"):
            self.lex.restore(state)
            return ("if", line, condition, then, None)
        self.newlines()
        return ("if", line, condition, then, self.statement())

    def do_statement(self, line: int) -> Node:
        self.lex.next()
        self.newlines()
        body = self.body()
        self.terminators()
        self.expect("while")
        self.expect("(")
        condition = self.expr()
        self.expect(")")
        self.end_simple()
        return ("do", line, body, condition)

    def for_statement(self, line: int) -> Node:
        self.lex.next()
        self.expect("(")
        state = self.lex.state()
        if self.tok == "name":
            name = str(self.lex.val)
            self.lex.next()
            if self.accept("in") and self.tok == "name":
                array = str(self.lex.val)
                self.lex.next()
                if self.accept(")"):
                    self.newlines()
                    return ("forin", line, ("var", name), array, self.body())
            self.lex.restore(state)
        first = None if self.tok == ";" else self.simple(line)
        self.expect(";")
        self.newlines()
        condition = None if self.tok == ";" else self.expr()
        self.expect(";")
        self.newlines()
        step = None if self.tok == ")" else self.simple(line)
        self.expect(")")
        self.newlines()
        if self.accept(";"):
            self.newlines()
            return ("for", line, first, condition, step, None)
        return ("for", line, first, condition, step, self.body())

    def jump(self, line: int, tok: str) -> Node:
        if tok in ("next", "nextfile") and self.function is not None:
            self.fail(f"{tok} is illegal inside a function")
        if tok == "return" and self.function is None:
            self.fail("return not in function")
        self.lex.next()
        if tok in ("exit", "return"):
            value = None if self.tok in (";", "newline", "}") else self.expr()
            return (tok, line, value)
        return (tok, line)

    def simple(self, line: int) -> Node:
        """simple_stmt: print, delete or an expression."""
        if self.tok in ("print", "printf"):
            return self.print_statement(line)
        if self.tok == "delete":
            self.lex.next()
            if self.tok != "name":
                self.fail()
            name = str(self.lex.val)
            self.lex.next()
            subs = self.subscripts() if self.tok == "[" else None
            return ("delete", line, name, subs)
        return ("expr", line, self.expr())

    def print_statement(self, line: int) -> Node:
        kind = self.tok
        self.lex.next()
        args = self.print_arguments()
        if self.tok in (">", ">>", "|"):
            if self.safe:
                self.fail(f"print {self.tok} is unsafe")
            op = self.tok
            self.lex.next()
            plain, self.plain = self.plain, True
            target = self.additive()
            self.plain = plain
            return (kind, line, args, op, target)
        return (kind, line, args, "", None)

    def print_arguments(self) -> list[Node]:
        if self.tok in (";", "newline", "}", ">", ">>", "|", ""):
            return [("field", ("num", 0.0))]
        if self.tok == "(":
            state = self.lex.state()
            self.lex.next()
            args = self.expr_list(")")
            if self.tok in (";", "newline", "}", ">", ">>", "|", "") and args:
                return args
            self.lex.restore(state)
        plain, self.plain = self.plain, True
        args = [self.expr()]
        while self.accept(","):
            self.newlines()
            args.append(self.expr())
        self.plain = plain
        return args

    def expr_list(self, close: str, least: int = 0, most: int = 1 << 20) -> list[Node]:
        """Expressions up to a closing bracket, which is read too."""
        plain, self.plain = self.plain, False
        args: list[Node] = []
        while self.tok != close or args:
            args.append(self.expr())
            if self.tok == close:
                break
            if len(args) == most:
                self.fail()
            self.expect(",")
            self.newlines()
        if len(args) < least:
            self.fail()
        self.plain = plain
        self.lex.next()
        return args

    # expressions -----------------------------------------------------------------------------------------------
    def expr(self) -> Node:
        """pattern, ppattern."""
        node = self.alternative()
        if self.tok != "?":
            return node
        self.lex.next()
        then = self.expr()
        self.expect(":")
        return ("cond", node, then, self.expr())

    def alternative(self) -> Node:
        node = self.conjunction()
        while self.accept("||"):
            self.newlines()
            node = ("or", node, self.conjunction())
        return node

    def conjunction(self) -> Node:
        node = self.comparison()
        while self.accept("&&"):
            self.newlines()
            node = ("and", node, self.comparison())
        return node

    def comparison(self) -> Node:
        node = self.concatenation()
        while True:
            tok = self.tok
            if tok in ("~", "!~"):
                self.lex.next()
                pattern = ("regex", self.lex.regex()) if self.tok == "/" else self.concatenation()
                node = ("match", tok == "!~", node, pattern)
            elif tok == "in":
                self.lex.next()
                node = ("in", [node], self.array_name())
            elif tok in COMPARE and not self.plain:
                self.lex.next()
                node = ("cmp", tok, node, self.concatenation())
            elif tok == "|" and not self.plain:
                self.lex.next()
                if self.tok != "getline":
                    self.fail()
                if self.safe:
                    self.fail("cmd | getline is unsafe")
                self.lex.next()
                node = ("getline", "cmd", self.optional_var(), node)
            else:
                return node

    def array_name(self) -> str:
        if self.tok != "name":
            self.fail()
        name = str(self.lex.val)
        self.lex.next()
        return name

    def concatenation(self) -> Node:
        node = self.additive()
        while self.tok in TERM_START and self.tok not in ("!", "-", "+") and self.tok != "in":
            node = ("cat", node, self.additive())
        return node

    def additive(self) -> Node:
        node = self.multiplicative()
        while self.tok in ("+", "-"):
            op = self.tok
            self.lex.next()
            node = ("bin", op, node, self.multiplicative())
        return node

    def multiplicative(self) -> Node:
        node = self.unary()
        while self.tok in ("*", "/", "%"):
            op = self.tok
            self.lex.next()
            if op == "/" and self.tok == "=":
                self.lex.next()
                node = ("assign", "/=", node, self.expr())
                continue
            node = ("bin", op, node, self.unary())
        return node

    def unary(self) -> Node:
        tok = self.tok
        if tok == "!":
            self.lex.next()
            if self.tok == "/":
                return ("not", ("regex", self.lex.regex()))
            return ("not", self.unary())
        if tok in ("-", "+"):
            self.lex.next()
            return ("neg" if tok == "-" else "pos", self.unary())
        return self.power()

    def power(self) -> Node:
        node = self.postfix()
        if self.tok == "^":
            self.lex.next()
            operand = self.unary() if self.tok in ("-", "+", "!") else self.power()
            return ("bin", "^", node, operand)
        return node

    def postfix(self) -> Node:
        node = self.primary()
        if node[0] in LVALUES:
            if self.tok in ("++", "--"):
                step = 1.0 if self.tok == "++" else -1.0
                self.lex.next()
                return ("post", step, node)
            if self.tok in ASSIGN:
                op = self.tok
                self.lex.next()
                self.newlines()
                return ("assign", op, node, self.expr())
        return node

    def primary(self) -> Node:
        tok, val = self.tok, self.lex.val
        if tok in ("number", "string"):
            self.lex.next()
            if tok == "string":
                while self.tok == "string":  # neighbours are one constant
                    val = str(val) + str(self.lex.val)
                    self.lex.next()
            return ("num" if tok == "number" else "str", val)
        if tok == "name":
            return self.variable()
        if tok == "$":
            self.lex.next()
            return ("field", self.field_operand())
        if tok in ("++", "--"):
            self.lex.next()
            node = self.primary()
            if node[0] not in LVALUES:
                self.fail()
            return ("pre", 1.0 if tok == "++" else -1.0, node)
        if tok == "(":
            return self.parenthesis()
        if tok == "/":
            return ("regex", self.lex.regex())
        if tok == "call":
            self.lex.next()
            self.lex.next()
            return ("call", val, self.expr_list(")"))
        if tok == "builtin":
            if self.safe and val == "system":
                self.fail("system is unsafe")
            self.lex.next()
            return ("builtin", val, self.expr_list(")") if self.accept("(") else [])
        if tok == "getline":
            return self.getline()
        return self.special_function(tok)

    def variable(self) -> Node:
        name = str(self.lex.val)
        self.lex.next()
        if self.tok == "[":
            return ("index", name, self.subscripts())
        return ("var", name)

    def subscripts(self) -> list[Node]:
        self.lex.next()
        subs = self.expr_list("]")
        if not subs:
            self.fail()
        return subs

    def field_operand(self) -> Node:
        """What $ applies to: $NF-1 is ($NF)-1, $i++ is ($i)++."""
        if self.tok in ("-", "+", "!"):
            return self.unary()
        return self.primary()

    def parenthesis(self) -> Node:
        self.lex.next()
        args = self.expr_list(")")
        if not args:
            self.fail()
        if len(args) == 1:
            return ("group", args[0])
        if self.tok != "in":
            self.fail()
        self.lex.next()
        return ("in", args, self.array_name())

    def optional_var(self) -> Node | None:
        """The variable of a getline."""
        if self.tok == "name":
            return self.variable()
        if self.tok == "$":
            self.lex.next()
            return ("field", self.field_operand())
        return None

    def getline(self) -> Node:
        self.lex.next()
        target = self.optional_var()
        if self.accept("<"):
            return ("getline", "file", target, self.additive_in_file())
        return ("getline", "main", target, None)

    def additive_in_file(self) -> Node:
        """The file of getline < file: a term, so no concatenation."""
        return self.postfix()

    def special_function(self, tok: str) -> Node:
        """Functions with a grammar of their own."""
        if tok == "close":
            self.lex.next()
            return ("builtin", "close", [self.additive()])
        least_most = {"index": (2, 2), "match": (2, 2), "split": (2, 3), "substr": (2, 3), "sub": (2, 3), "gsub": (2, 3)}
        least_most |= {"gensub": (3, 4), "sprintf": (1, 1 << 20)}
        if tok not in least_most:
            self.fail()
        self.lex.next()
        self.expect("(")
        least, most = least_most[tok]
        args = self.expr_list(")", least, most)
        if tok == "index" and args[1][0] == "regex":
            self.fail("index() doesn't permit regular expressions")
        return ("builtin", tok, args)


JUMPS = frozenset({"next", "nextfile", "exit", "return", "break", "continue"})
