"""The words of jail.conf(5) (usr.sbin/jail/jaillex.l).

The longest match wins, as lex has it.  In a double-quoted string with a variable the scanner returns the piece before
it, then the variable, then goes on with the rest of the string; pieces that touch are one string for the parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable

STR, STR1, VAR, VAR1, PLEQ, EOF = "STR", "STR1", "VAR", "VAR1", "+=", "EOF"

_ATOM = r"[A-Za-z0-9_!%&()\-.:<>?@\[\]^`|~]+|\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{1,2}|[\s\S])|[$*+/\\]"
_PLAIN = [
    ("skip", r"[ \t\r\n]+"), ("skip", r"#.*"), ("skip", r"//.*"), ("skip", r"/\*(?:[^*]|\*+[^*/])*\*+/"), (PLEQ, r"\+="),
    ("char", r"[,;={}]"), ("atom", _ATOM), ("single", r"'(?:[^'\\]|\\[\s\S])*'"), ("double", r'"(?:[^"\\]|\\[\s\S])*"'),
    ("var", r"\$[A-Za-z_][A-Za-z_0-9]*"), ("braces", r"\$\{(?:[^\n{}\\]|\\[\s\S])*\}"),
    ("comment?", r"/\*(?:[^*]|\*+[^*/])*\**"), ("string?", r"'(?:[^\n'\\]|\\.)*"), ("string?", r'"(?:[^\n"\\]|\\.)*'),
    ("variable?", r"\$\{(?:[^\n{}\\]|\\.)*"), ("char", r"."),
]  # fmt: skip
_QUOTED = [
    ("atom", _ATOM), ("rest", r'[^"$\\](?:[^"\\]|\\[\s\S])*"'), ("end", r'"'), ("var", r"\$[A-Za-z_][A-Za-z_0-9]*"),
    ("braces", r'\$\{(?:[^\n"{}\\]|\\[\s\S])*\}'), ("variable?", r'\$\{(?:[^\n"{}\\]|\\.)*'),
]  # fmt: skip
PLAIN = [(kind, re.compile(pattern)) for kind, pattern in _PLAIN]
QUOTED = [(kind, re.compile(pattern)) for kind, pattern in _QUOTED]

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Token:
    """A word: its kind, its value and the text it was."""

    __slots__ = ("kind", "text", "value")

    def __init__(self, kind: str, value: str, text: str) -> None:
        self.kind = kind
        self.value = value
        self.text = text


class Lexer:
    """A scanner; `warn` reports pieces that are not finished."""

    def __init__(self, text: str, warn: Callable[[int, str], None]) -> None:
        self.text = text
        self.warn = warn
        self.pos = 0
        self.quoted = False
        self.instr = False
        """True while the next string would continue the last one."""

    @property
    def line(self) -> int:
        """The line the scanner is in."""
        return self.text.count("\n", 0, self.pos) + 1

    def next(self) -> Token:
        """The next word."""
        while self.pos < len(self.text):
            kind, word = self._match(QUOTED if self.quoted else PLAIN)
            if not word:
                self.quoted = False
                continue
            token = self._token(kind, word)
            if token is not None:
                return token
        return Token(EOF, "", "")

    def _match(self, rules: list[tuple[str, re.Pattern[str]]]) -> tuple[str, str]:
        best, longest = "", ""
        for kind, pattern in rules:
            m = pattern.match(self.text, self.pos)
            if m is not None and len(m[0]) > len(longest):
                best, longest = kind, m[0]
        return best, longest

    def _token(self, kind: str, word: str) -> Token | None:
        start = self.pos
        self.pos += len(word)
        if kind == "skip":
            self.instr = False
        elif kind in ("char", PLEQ):
            self.instr = False
            return Token(PLEQ if kind == PLEQ else word, word, word)
        elif kind == "end":
            self.quoted = False
        elif kind.endswith("?"):
            self.warn(self.line, f"unterminated {kind[:-1]}")
        elif kind in ("var", "braces"):
            name = word[1:] if kind == "var" else word[2:-1]
            return self._piece(VAR, unescape(name)[0], word)
        elif kind == "atom":
            return self._piece(STR, unescape(word)[0], word)
        elif kind == "single":
            return self._piece(STR, unescape(word[1:-1])[0], word)
        else:
            skip = 1 if word[0] == '"' else 0
            value, used = unescape(word[skip:-1], True)
            self.quoted = used is not None
            if used is not None:
                self.pos = start + skip + used
                word = self.text[start : self.pos]
            return self._piece(STR, value, word)
        return None

    def _piece(self, kind: str, value: str, word: str) -> Token:
        token = Token(kind + ("1" if self.instr else ""), value, word)
        self.instr = True
        return token


def unescape(text: str, to_var: bool = False) -> tuple[str, int | None]:
    """The string a text stands for; with `to_var` up to a variable, and where that is (text2lval)."""
    out = ""
    i = 0
    while i < len(text):
        c = text[i]
        if c == "$" and to_var:
            return out, i
        if c != "\\":
            out += c
            i += 1
            continue
        m = re.compile(r"\\([0-7]{1,3})|\\x([0-9A-Fa-f]{0,2})|\\([\s\S]?)").match(text, i)
        assert m is not None
        i = m.end()
        if m[1]:
            out += chr(int(m[1], 8) & 0xFF)
        elif m[2] is not None:
            out += chr(int(m[2] or "0", 16))
        elif m[3] != "\n":
            out += _ESCAPES.get(m[3], m[3])
    return out, None
