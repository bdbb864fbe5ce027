"""awk's own regular expressions (contrib/one-true-awk/b.c: reparse, relex) as trees for userland/regex.py."""

from __future__ import annotations

from vshell.userland.regex import CLASSES, INFINITY, CharSet, Node, Regex, class_escape

ESCAPES = {"t": "\t", "n": "\n", "f": "\f", "r": "\r", "b": "\b", "v": "\v", "a": "\a", "\\": "\\"}
HEX = "0123456789abcdefABCDEF"


class PatternError(Exception):
    """The text of the FATAL message."""


class Reparser:
    """A recursive descent over the expression; `tok` is the kind of the current token."""

    def __init__(self, text: str) -> None:
        self.s = text
        self.i = 0
        self.tok = ""
        self.node: Node = ("cat", [])
        self.counts = (0, 0)
        self.parens = 0

    def fail(self, what: str) -> PatternError:
        return PatternError(f"{what} in regular expression {self.s} at {self.s[self.i :]}")

    def parse(self) -> Node:
        """The whole expression; an empty one matches anything."""
        self.lex()
        if not self.tok:
            return ("cat", [])
        tree = self.regexp()
        if self.tok:
            raise self.fail("syntax error")
        return tree

    def regexp(self) -> Node:
        parts = [self.concat()]
        while self.tok == "|":
            self.lex()
            parts.append(self.concat())
        return parts[0] if len(parts) == 1 else ("alt", parts)

    def concat(self) -> Node:
        parts = [self.primary()]
        while self.tok in ("char", "$", "("):
            parts.append(self.primary())
        return parts[0] if len(parts) == 1 else ("cat", parts)

    def primary(self) -> Node:
        if self.tok == "char":
            node = self.node
            self.lex()
        elif self.tok in ("^", "$"):
            node = ("bol",) if self.tok == "^" else ("eol",)
            self.lex()
        elif self.tok == "(":
            self.lex()
            if self.tok == ")":
                node = ("cat", [])
            else:
                node = self.regexp()
                if self.tok != ")":
                    raise self.fail("syntax error")
            node = ("cat", [node])
            self.lex()
        else:
            raise self.fail("illegal primary")
        while self.tok in ("*", "+", "?", "{"):
            least, most = {"*": (0, INFINITY), "+": (1, INFINITY), "?": (0, 1), "{": self.counts}[self.tok]
            node = ("rep", node, least, most)
            self.lex()
        return node

    # tokens ----------------------------------------------------------------------------------------------------
    def lex(self) -> None:
        """relex: the next token into `tok` (and `node` or `counts`)."""
        if self.i >= len(self.s):
            self.tok = ""
            return
        c = self.s[self.i]
        self.i += 1
        self.tok = c
        if c in "|*+?^$":
            return
        if c == "(":
            self.parens += 1
            return
        if c == ")" and self.parens:
            self.parens -= 1
            return
        if c == "{" and self.s[self.i : self.i + 1] in tuple("0123456789"):
            self.counts = self.repetition()
            return
        self.tok = "char"
        if c == ".":
            self.node = ("any",)
        elif c == "[":
            self.node = self.bracket()
        elif c == "\\":
            self.node = ("lit", self.quoted())
        else:
            self.node = ("lit", c)

    def repetition(self) -> tuple[int, int]:
        end = self.s.find("}", self.i)
        if end < 0:
            raise PatternError(f"nonterminated character class {self.s[:20]}")
        low, comma, high = self.s[self.i : end].partition(",")
        bad = PatternError(f"illegal repetition expression: class {self.s[:20]}")
        if not low.isdecimal() or (high and not high.isdecimal()):
            raise bad
        self.i = end + 1
        least = int(low)
        most = (int(high) if high else INFINITY) if comma else least
        if most not in (INFINITY,) and most < least:
            raise bad
        return least, most

    def quoted(self) -> str:
        """What follows a backslash."""
        if self.i >= len(self.s):
            return "\\"
        c = self.s[self.i]
        self.i += 1
        if c in ("x", "u"):
            start = self.i
            most = 2 if c == "x" else 8
            while self.i - start < most and self.s[self.i : self.i + 1] in tuple(HEX):
                self.i += 1
            code = int(self.s[start : self.i] or "0", 16)
            return chr(code) if code < 0x110000 else "\ufffd"
        if c in "01234567":
            start = self.i - 1
            while self.i - start < 3 and self.s[self.i : self.i + 1] in tuple("01234567"):
                self.i += 1
            return chr(int(self.s[start : self.i], 8))
        return ESCAPES.get(c, c)

    def bracket(self) -> Node:
        """[...]: backslashes work here; the first character is always itself."""
        negated = self.s[self.i : self.i + 1] == "^"
        self.i += negated
        body: list[str] = []
        members: set[str] | None = set()
        last = ""
        first = True
        while True:
            if self.i >= len(self.s):
                raise PatternError(f"nonterminated character class {self.s[:20]}")
            c = self.s[self.i]
            self.i += 1
            if c == "]" and not first:
                break
            first = False
            if c == "[" and (found := self.named_class()):
                body.append(found)
                members, last = None, ""
                continue
            if c == "\\":
                if self.i >= len(self.s):
                    raise PatternError(f"nonterminated character class {self.s[:20]}...")
                c = self.quoted()
            elif c == "-" and last and self.s[self.i : self.i + 1] not in ("]", ""):
                c = self.s[self.i]
                self.i += 1
                if c == "\\":
                    c = self.quoted()
                if last <= c:
                    body[-1] = f"{class_escape(last)}-{class_escape(c)}"
                else:
                    body.pop()
                members, last = None, ""
                continue
            body.append(class_escape(c))
            last = c
            if members is not None:
                members.add(c)
        only = frozenset(members) if members and not negated else None
        return ("set", CharSet(negated, "".join(body), only))

    def named_class(self) -> str:
        """The inside of [:name:] if it stands here."""
        if self.s[self.i : self.i + 1] != ":":
            return ""
        end = self.s.find(":]", self.i + 1)
        name = self.s[self.i + 1 : end] if end > 0 else ""
        if name not in CLASSES:
            return ""
        self.i = end + 2
        return CLASSES[name]


def compile_pattern(text: str) -> Regex:
    """makedfa: a compiled expression; PatternError."""
    return Regex(Reparser(text).parse(), 0)
