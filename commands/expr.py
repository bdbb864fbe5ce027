"""expr(1) (bin/expr)."""

from __future__ import annotations

from vshell.userland.program import Program, program
from vshell.userland.sh.number import IMAX, IMIN

ERR_EXIT = 2
_PREC = {"|": 1, "&": 2, "=": 3, ">": 3, "<": 3, ">=": 3, "<=": 3, "!=": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, ":": 6}

Value = int | str
"""Integers that were computed are int; words stay str, numeric or not."""


def _is_integer(text: str, nonposix: bool) -> bool:
    if nonposix:
        if not text:
            return True
        text = text.lstrip(" \t\n\v\f\r")
    digits = text[1:] if text.startswith("-") or (nonposix and text.startswith("+")) else text
    return not digits if not text[:1].isdigit() and not digits else digits.isdigit() and digits.isascii()


class Expr:
    """A parser that evaluates on the way."""

    def __init__(self, p: Program, words: list[str], nonposix: bool) -> None:
        self.p = p
        self.words = words
        self.at = 0
        self.nonposix = nonposix

    def evaluate(self) -> Value:
        """The value of the whole expression."""
        value = self._expr(1)
        if self.at < len(self.words):
            self._syntax()
        return value

    def _syntax(self) -> None:
        self.p.errx(ERR_EXIT, "syntax error")

    def _expr(self, level: int) -> Value:
        left = self._primary()
        while self.at < len(self.words):
            op = self.words[self.at]
            prec = _PREC.get(op, 0)
            if prec < level:
                if prec == 0 and op != ")":
                    self._syntax()
                break
            self.at += 1
            left = self._apply(op, left, self._expr(prec + 1))
        return left

    def _primary(self) -> Value:
        if self.at >= len(self.words):
            self._syntax()
        word = self.words[self.at]
        self.at += 1
        if word == "(":
            value = self._expr(1)
            if self.at >= len(self.words) or self.words[self.at] != ")":
                self._syntax()
            self.at += 1
            return value
        if word == ")" or word in _PREC:
            self._syntax()
        return word

    # values ------------------------------------------------------------------------------------------------------
    def _numeric(self, v: Value) -> bool:
        return isinstance(v, int) or (bool(v) and v != "-" and _is_integer(v, self.nonposix)) or (v == "" and self.nonposix)

    def _integer(self, v: Value) -> int:
        if isinstance(v, int):
            return v
        if not self._numeric(v):
            self.p.errx(ERR_EXIT, f"not a decimal number: '{v}'")
        number = int(v.strip() or "0")
        if not IMIN <= number <= IMAX:
            self.p.errx(ERR_EXIT, f"operand too large: '{v}'")
        return number

    def is_null(self, v: Value) -> bool:
        """True for the empty string and for zero."""
        if isinstance(v, int):
            return v == 0
        return v == "" or (self._numeric(v) and IMIN <= int(v) <= IMAX and int(v) == 0)

    def _apply(self, op: str, a: Value, b: Value) -> Value:
        if op == "|":
            return a if not self.is_null(a) else b if not self.is_null(b) else 0
        if op == "&":
            return 0 if self.is_null(a) or self.is_null(b) else a
        if op == ":":
            return self._match(str(a), str(b))
        if op in ("=", ">", "<", ">=", "<=", "!="):
            return self._compare(op, a, b)
        return self._arithmetic(op, self._integer(a), self._integer(b))

    def _compare(self, op: str, a: Value, b: Value) -> int:
        x: int | bytes
        y: int | bytes
        if self._numeric(a) and self._numeric(b):
            x, y = self._integer(a), self._integer(b)
            order = (x > y) - (x < y)
        else:
            x, y = str(a).encode("utf-8", "surrogateescape"), str(b).encode("utf-8", "surrogateescape")
            order = (x > y) - (x < y)
        return int({"=": order == 0, ">": order > 0, "<": order < 0, ">=": order >= 0, "<=": order <= 0, "!=": order != 0}[op])

    def _arithmetic(self, op: str, a: int, b: int) -> int:
        if op in "/%":
            if b == 0:
                self.p.errx(ERR_EXIT, "division by zero")
            quotient = abs(a) // abs(b)
            if (a < 0) != (b < 0):
                quotient = -quotient
            value = quotient if op == "/" else a - quotient * b
        else:
            value = a + b if op == "+" else a - b if op == "-" else a * b
        if not IMIN <= value <= IMAX:
            self.p.errx(ERR_EXIT, "overflow")
        return value

    def _match(self, text: str, pattern: str) -> Value:
        from vshell.userland.regex import RegexError, regcomp

        try:
            rx = regcomp(pattern)
        except RegexError as e:
            self.p.errx(ERR_EXIT, str(e))
        found = rx.groups(text)
        if not found or found[0][0] != 0:
            return "" if rx.nsub else 0
        if rx.nsub and found[1][0] >= 0:
            return text[found[1][0] : found[1][1]]
        return found[0][1]


@program("/bin/expr")
def main(p: Program) -> int:
    """Evaluate an expression."""
    words = p.argv[1:]
    nonposix = "EXPR_COMPAT" in p.env
    if not nonposix:
        while words and words[0].startswith("-") and words[0] != "-":
            option = words.pop(0)
            if option == "--":
                break
            for letter in option[1:]:
                if letter != "e":
                    p.warnx(f"illegal option -- {letter}")
                    p.errx(ERR_EXIT, "usage: expr [-e] expression\n")
                nonposix = True
    e = Expr(p, words, nonposix)
    value = e.evaluate()
    p.stdout.write(f"{value}\n")
    return int(e.is_null(value))
