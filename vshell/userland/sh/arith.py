"""Arithmetic expansion: the C expressions of $((...)) on 64-bit integers (bin/sh/arith_yacc.c, arith_yylex.c).

The expression is evaluated while it is parsed, as the original does it, so that of two mistakes the same one is reported.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Patterns as text: re compiles them when they are first used and keeps them; most shells never need these.
_TOKEN = (
    r"(?P<space>[ \t\n]+)|(?P<num>0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<bad>\+\+|--)|(?P<op><<=?|>>=?|<=|>=|==|!=|\|\||&&|[-+*/%^|&]=|[-+*/%^|&=<>!()~?:])"
)
_NUMBER = r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)"

_PREC = {
    "*": 0, "/": 0, "%": 0, "+": 1, "-": 1, "<<": 2, ">>": 2, "<": 3, "<=": 3, ">": 3, ">=": 3, "==": 4, "!=": 4,
    "&": 5, "^": 6, "|": 7,
}  # fmt: skip
_MAXPREC = 8
_ASSIGN = frozenset(("=", "*=", "/=", "%=", "+=", "-=", "<<=", ">>=", "&=", "^=", "|="))

MAX = (1 << 63) - 1
MIN = -(1 << 63)
_UMAX = (1 << 64) - 1

Token = tuple[str, object]


def wrap(n: int) -> int:
    """`n` as a signed 64-bit number."""
    return (n + (1 << 63) & _UMAX) - (1 << 63)


def _parse(digits: str) -> int:
    """A number without sign, in base 8, 10, 16 or 2."""
    if digits[:2] in ("0x", "0X"):
        return int(digits, 16)
    if digits[:2] in ("0b", "0B"):
        return int(digits, 2)
    return int(digits, 8) if digits[0] == "0" else int(digits)


def _literal(digits: str) -> int:
    value = min(_parse(digits), _UMAX)
    if value <= MAX:
        return value
    if digits[0] == "0":
        return wrap(value)
    return MIN if value == MAX + 1 else MAX


def strtoarith(text: str) -> int | None:
    """The value of a variable, None if it is not a number or out of range."""
    m = re.fullmatch(_NUMBER, text)
    if m is None:
        return None
    sign, digits = m.groups()
    value = _parse(digits)
    if sign == "-":
        return -value if value <= MAX + 1 else None
    if value <= MAX:
        return value
    return wrap(value) if not sign and digits[0] == "0" and value <= _UMAX else None


def tokens(text: str) -> list[Token]:
    """The tokens of an expression; ("bad", "") ends the list where nothing fits."""
    out: list[Token] = []
    match = re.compile(_TOKEN).match
    at = 0
    while at < len(text):
        m = match(text, at)
        if m is None or m.lastgroup == "bad":
            out.append(("bad", ""))
            break
        at = m.end()
        if m.lastgroup == "num":
            out.append(("num", _literal(m.group())))
        elif m.lastgroup == "name":
            out.append(("var", m.group()))
        elif m.lastgroup == "op":
            out.append((m.group(), ""))
    out.append(("", ""))
    return out


class ArithError(Exception):
    """The expression is wrong; the text says why."""


_cache: dict[str, list[Token]] = {}


class Arithmetic:
    """One evaluation.  `get` gives a variable (None: not set), `put` sets one."""

    def __init__(self, text: str, get: Callable[[str], str | None], put: Callable[[str, str], None], nounset: bool) -> None:
        toks = _cache.get(text)
        if toks is None:
            toks = tokens(text)
            if len(_cache) < 4096:
                _cache[text] = toks
        self._tokens = toks
        self._at = 0
        self._get = get
        self._put = put
        self._nounset = nounset
        self._last: Token = ("", "")

    def evaluate(self) -> int:
        """The value of the whole expression."""
        value = self._assignment(self._lex(), False)
        if self._last[0]:
            raise ArithError("expecting EOF")
        return value

    def _lex(self) -> Token:
        tok = self._tokens[self._at]
        if self._at < len(self._tokens) - 1 and tok[0] != "bad":
            self._at += 1
        return tok

    def _variable(self, name: str) -> int:
        text = self._get(name)
        if text is None and self._nounset:
            raise ArithError("variable not set")
        if not text:
            return 0
        value = strtoarith(text)
        if value is None:
            raise ArithError("variable conversion error")
        return value

    def _assignment(self, tok: Token, noeval: bool) -> int:
        op = self._lex()
        if tok[0] != "var" or op[0] not in _ASSIGN:
            return self._cond(tok, op, noeval)
        value = self._assignment(self._lex(), noeval)
        if noeval:
            return value
        name = str(tok[1])
        if op[0] != "=":
            value = _binary(op[0][:-1], self._variable(name), value)
        self._put(name, str(value))
        return value

    def _cond(self, tok: Token, op: Token, noeval: bool) -> int:
        a = self._or(tok, op, noeval)
        if self._last[0] != "?":
            return a
        b = self._assignment(self._lex(), noeval or not a)
        if self._last[0] != ":":
            raise ArithError("expecting ':'")
        tok = self._lex()
        c = self._cond(tok, self._lex(), noeval or bool(a))
        return b if a else c

    def _or(self, tok: Token, op: Token, noeval: bool) -> int:
        a = self._and(tok, op, noeval)
        if self._last[0] != "||":
            return a
        tok = self._lex()
        b = self._or(tok, self._lex(), noeval or bool(a))
        return int(bool(a or b))

    def _and(self, tok: Token, op: Token, noeval: bool) -> int:
        a = self._binop(tok, op, noeval)
        if self._last[0] != "&&":
            return a
        tok = self._lex()
        b = self._and(tok, self._lex(), noeval or not a)
        return int(bool(a and b))

    def _binop(self, tok: Token, op: Token, noeval: bool) -> int:
        a = self._primary(tok, op, noeval)
        last = self._last[0]
        return self._binop2(a, last, _MAXPREC, noeval) if last in _PREC else a

    def _binop2(self, a: int, op: str, precedence: int, noeval: bool) -> int:
        while True:
            tok = self._lex()
            b = self._primary(tok, self._lex(), noeval)
            op2 = self._last[0]
            if op2 in _PREC and _PREC[op2] < _PREC[op]:
                b = self._binop2(b, op2, _PREC[op], noeval)
                op2 = self._last[0]
            a = b if noeval else _binary(op, a, b)
            if op2 not in _PREC or _PREC[op2] >= precedence:
                return a
            op = op2

    def _primary(self, tok: Token, op: Token, noeval: bool) -> int:
        kind = tok[0]
        while kind == "+":
            tok, op = op, self._lex()
            kind = tok[0]
        if kind == "num":
            self._last = op
            return int(tok[1])  # type: ignore[call-overload, no-any-return]
        if kind == "var":
            self._last = op
            return 0 if noeval else self._variable(str(tok[1]))
        if kind == "(":
            value = self._assignment(op, noeval)
            if self._last[0] != ")":
                raise ArithError("expecting ')'")
            self._last = self._lex()
            return value
        if kind == "-":
            return wrap(-self._primary(op, self._lex(), noeval))
        if kind == "!":
            return int(not self._primary(op, self._lex(), noeval))
        if kind == "~":
            return ~self._primary(op, self._lex(), noeval)
        raise ArithError("expecting primary")


def _binary(op: str, a: int, b: int) -> int:
    if op == "+":
        return wrap(a + b)
    if op == "-":
        return wrap(a - b)
    if op == "*":
        return wrap(a * b)
    if op in "/%":
        if not b:
            raise ArithError("division by zero")
        if a == MIN and b == -1:
            raise ArithError("divide error")
        q = abs(a) // abs(b)
        q = q if (a < 0) == (b < 0) else -q
        return q if op == "/" else a - q * b
    return _OPS[op](a, b)


_OPS: dict[str, Callable[[int, int], int]] = {
    "<<": lambda a, b: wrap(a << (b & 63)),
    ">>": lambda a, b: a >> (b & 63),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "&": lambda a, b: a & b,
    "^": lambda a, b: a ^ b,
    "|": lambda a, b: a | b,
}
