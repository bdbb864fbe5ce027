"""awk's tokens (contrib/one-true-awk/lex.c)."""

from __future__ import annotations

import re

from vshell.commands.awk.values import whole

KEYWORDS = frozenset(
    {
        "BEGIN", "END", "break", "close", "continue", "delete", "do", "else", "exit", "for", "func", "function", "gensub",
        "getline", "gsub", "if", "in", "index", "match", "next", "nextfile", "print", "printf", "return", "split", "sprintf",
        "sub", "substr", "while",
    }
)  # fmt: skip
BUILTINS = frozenset(
    {
        "and", "atan2", "compl", "cos", "exp", "fflush", "int", "length", "log", "lshift", "mktime", "or", "rand", "rshift",
        "sin", "sqrt", "srand", "strftime", "system", "systime", "tolower", "toupper", "xor",
    }
)  # fmt: skip
TWO = {
    "&&": "&&", "||": "||", "!=": "!=", "!~": "!~", "<=": "<=", "==": "==", ">=": ">=", ">>": ">>", "++": "++",
    "--": "--", "+=": "+=", "-=": "-=", "*=": "*=", "%=": "%=", "^=": "^=", "**": "^",
}  # fmt: skip
ESCAPES = {"n": "\n", "t": "\t", "f": "\f", "r": "\r", "b": "\b", "v": "\v", "a": "\a"}
RING = 300
NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Syntax(Exception):
    """A syntax error: `text` is the message, the place is the lexer's."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Lexer:
    """`tok` is the current token, `val` its value.

    Kinds: "number", "string", "name", "call" (a name with a parenthesis right behind it), "builtin", the keywords and
    operators themselves, "newline", and "" at the end.
    """

    def __init__(self, source: str) -> None:
        self.s = source
        self.i = 0
        self.line = 1
        self.tok = ""
        self.val: str | float = ""

    def state(self) -> tuple[int, int, str, str | float]:
        """For going back."""
        return self.i, self.line, self.tok, self.val

    def restore(self, state: tuple[int, int, str, str | float]) -> None:
        """Go back."""
        self.i, self.line, self.tok, self.val = state

    def next(self) -> None:
        """Read a token."""
        s = self.s
        while self.i < len(s):
            c = s[self.i]
            if c in " \t\r":
                self.i += 1
            elif c == "#":
                end = s.find("\n", self.i)
                self.i = len(s) if end < 0 else end
            elif c == "\\" and s[self.i + 1 : self.i + 2] in ("\n", "\r"):
                self.i += 2 if s[self.i + 1] == "\n" else 3
                self.line += 1
            else:
                break
        if self.i >= len(s) or s[self.i] == "\0":
            self.tok, self.val = "", ""
            return
        self.token(s[self.i])

    def token(self, c: str) -> None:
        s = self.s
        m = NAME.match(s, self.i)
        if m:
            self.i = m.end()
            self.word(m[0])
            return
        m = NUMBER.match(s, self.i)
        if m:
            self.i = m.end()
            self.tok, self.val = "number", float(m[0])
            return
        if c == '"':
            self.i += 1
            self.tok, self.val = "string", self.string()
            return
        if s.startswith("**=", self.i):
            self.i += 3
            self.tok = self.val = "^="
            return
        two = s[self.i : self.i + 2]
        if two in TWO:
            self.i += 2
            self.tok = self.val = TWO[two]
            return
        self.i += 1
        if c == "\n":
            self.line += 1
            self.tok = self.val = "newline"
        else:
            self.tok = self.val = c

    def word(self, name: str) -> None:
        self.val = name
        if name in KEYWORDS:
            self.tok = "function" if name == "func" else name
        elif name in BUILTINS:
            self.tok = "builtin"
        else:
            self.tok = "call" if self.s[self.i : self.i + 1] == "(" else "name"

    def string(self) -> str:
        """A string constant, after its opening quote."""
        s = self.s
        out: list[str] = []
        while True:
            c = s[self.i : self.i + 1]
            if c in ("\n", "\r", ""):
                raise Syntax(f"non-terminated string {''.join(out)[:10]}...")
            self.i += 1
            if c == '"':
                return whole("".join(out))
            out.append(self.escape() if c == "\\" else c)

    def escape(self) -> str:
        """What follows a backslash in a string."""
        s = self.s
        c = s[self.i : self.i + 1]
        self.i += 1
        if c == "\n":
            self.line += 1
            return ""
        if c in ("x", "u"):
            m = re.compile("[0-9a-fA-F]{1,2}" if c == "x" else "[0-9a-fA-F]{1,8}").match(s, self.i)
            if not m:
                return c if c == "x" else "\0"
            self.i = m.end()
            code = int(m[0], 16)
            if c == "x":
                return bytes([code]).decode("utf-8", "surrogateescape")
            return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
        if c and c in "01234567":
            m = re.compile("[0-7]{0,2}").match(s, self.i)
            assert m
            self.i = m.end()
            return bytes([int(c + m[0], 8) & 0xFF]).decode("utf-8", "surrogateescape")
        return ESCAPES.get(c, c)

    def regex(self) -> str:
        """The rest of a regular expression whose slash is the current token; reads the token behind it."""
        s, start = self.s, self.i
        while True:
            c = s[self.i : self.i + 1]
            if c == "\n":
                raise Syntax(f"newline in regular expression {s[start : self.i][:10]}...")
            if not c:
                raise Syntax(f"non-terminated regular expression {s[start : self.i][:10]}...")
            if c == "/":
                break
            self.i += 2 if c == "\\" else 1
        text = s[start : self.i]
        self.i += 1
        self.next()
        return text

    def context(self) -> str:
        """eprint: the line around the place of an error.

        The program passes through a ring of characters.  What follows the place is shown if the next slot of the ring
        is in use: the lexer has looked at the next character already, or the ring is full.
        """
        end = self.i
        base = (end - 1) // RING * RING if end else 0
        s = re.sub(r"[^\n]\$NF(?!\w)", "(NF)", self.s[:end]) + self.s[end:]  # $NF was pushed back as (NF)
        p = end - 1
        if p > base and s[p : p + 1] == "\n":
            p -= 1
        while p > base and s[p] != "\n":
            p -= 1
        p = max(p, 0)
        while s[p : p + 1] == "\n":
            p += 1
        q = end - 1
        while q >= p and s[q] not in " \t\n":
            q -= 1
        rest = s[end:].split("\n", 1)[0] if end >= RING or self.looked_ahead(s[:end]) else ""
        return f" context is\n\t{s[p : max(p, q)]} >>> {s[max(p, q) : end]} <<< {rest}\n"

    def looked_ahead(self, text: str) -> bool:
        """Did the last token need a look at the character behind it?"""
        if NAME.fullmatch(text[-1:]) or text[-1:].isdecimal() or text[-1:] == ".":
            return True
        return self.tok == text[-1:] and self.tok in ("&", "|", "!", "<", "=", ">", "+", "-", "*", "%", "^", "$")
