"""m4's eval: integers of 32 bits with C's operators (usr.bin/m4/parser.y, tokenizer.l)."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_TOKEN = re.compile(r"[ \t\n]*(?:(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)|(<=|>=|<<|>>|==|!=|&&|\|\||\*\*|.)|$)", re.DOTALL)

_LEVELS = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, "<=": 7, ">": 7, ">=": 7, "<<": 8, ">>": 8,
    "+": 9, "-": 9, "*": 10, "/": 10, "%": 10, "**": 11,
}  # fmt: skip
_UNARY = 12


class Bad(Exception):
    """An expression that is none; `fatal` ends m4."""

    def __init__(self, text: str, fatal: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.fatal = fatal


def wrap(value: int) -> int:
    """An int32_t."""
    return (value + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def _divide(a: int, b: int) -> int:
    if not b:
        raise Bad("division by zero", True)
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _modulo(a: int, b: int) -> int:
    if not b:
        raise Bad("modulo zero", True)
    return a - b * _divide(a, b)


def _power(a: int, b: int) -> int:
    if b < 0:
        return int(a**b) if a else 0
    value = 1
    for _ in range(min(b, 64)):
        value *= a
    return value if abs(value) < 1 << 31 else -(1 << 31)


_APPLY: dict[str, Callable[[int, int], int]] = {
    "||": lambda a, b: int(bool(a) or bool(b)), "&&": lambda a, b: int(bool(a) and bool(b)), "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b, "&": lambda a, b: a & b, "==": lambda a, b: int(a == b), "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b), "<=": lambda a, b: int(a <= b), ">": lambda a, b: int(a > b), ">=": lambda a, b: int(a >= b),
    "<<": lambda a, b: a << (b & 31), ">>": lambda a, b: a >> (b & 31), "+": lambda a, b: a + b, "-": lambda a, b: a - b,
    "*": lambda a, b: a * b, "/": _divide, "%": _modulo, "**": _power,
}  # fmt: skip


class Expression:
    """One expression."""

    def __init__(self, text: str, gnu: bool, warn: Callable[[str], None]) -> None:
        self.tokens: list[str | int] = []
        at = 0
        while at < len(text):
            m = _TOKEN.match(text, at)
            assert m is not None
            at = m.end()
            if m[1]:
                value = int(m[1], 16 if m[1][1:2] in ("x", "X") else 8 if m[1][0] == "0" else 10)
                if value > 0x7FFFFFFF:
                    warn(f"numeric overflow in expr: {m[1]}")
                self.tokens.append(wrap(min(value, (1 << 63) - 1)))
            elif m[2] and (m[2] != "**" or gnu):
                self.tokens.append(m[2])
        self.tokens.append("")
        self.at = 0

    def value(self) -> int:
        """Its value; Bad."""
        value = self._binary(1, 0)
        if self.tokens[self.at] != "":
            raise Bad("syntax error")
        return value

    def _binary(self, least: int, depth: int) -> int:
        value = self._unary(depth)
        while True:
            operator = self.tokens[self.at]
            level = _LEVELS.get(operator, 0) if isinstance(operator, str) else 0
            if level < least:
                return value
            self.at += 1
            assert isinstance(operator, str)
            # ** groups from the right.
            right = self._binary(level, depth + 1) if operator == "**" else self._binary(level + 1, depth)
            value = wrap(_APPLY[operator](value, right))

    def _unary(self, depth: int) -> int:
        if depth > 200:
            raise Bad("memory exhausted")
        token = self.tokens[self.at]
        self.at += 1
        if isinstance(token, int):
            return token
        if token == "(":
            value = self._binary(1, depth + 1)
            if self.tokens[self.at] != ")":
                raise Bad("syntax error")
            self.at += 1
            return value
        if token in ("-", "+", "!", "~") and token:
            value = self._unary(depth + 1)
            return wrap(-value if token == "-" else value if token == "+" else int(not value) if token == "!" else ~value)
        raise Bad("syntax error")
