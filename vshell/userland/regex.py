"""regex(3): POSIX basic and extended regular expressions on Python's `re` (re_format(7), lib/libc/regex).

`regcomp` parses the pattern as FreeBSD does (same errors, same extensions with `GNU`), builds a tree, and writes it
down again for `re`.  Python takes the first alternative that works where POSIX wants the longest match; for patterns
where that can matter `Regex.find` and `Regex.groups` look for the longest end with the small automaton of
userland/regex_nfa.py.  `Regex.test` does not care and is the fast path.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

ICASE, EXTENDED, GNU, LITERAL = 1, 2, 4, 8
DUPMAX = 255
INFINITY = -1

NOMATCH, BADPAT, ECOLLATE, ECTYPE, EESCAPE, ESUBREG, EBRACK, EPAREN = range(1, 9)
EBRACE, BADBR, ERANGE, ESPACE, BADRPT, EMPTY = range(9, 15)

_TEXTS = {
    BADPAT: "invalid regular expression",
    ECOLLATE: "invalid collating element",
    ECTYPE: "invalid character class",
    EESCAPE: "trailing backslash (\\)",
    ESUBREG: "invalid backreference number",
    EBRACK: "brackets ([ ]) not balanced",
    EPAREN: "parentheses not balanced",
    EBRACE: "braces not balanced",
    BADBR: "invalid repetition count(s)",
    ERANGE: "invalid character range",
    ESPACE: "out of memory",
    BADRPT: "repetition-operator operand invalid",
    EMPTY: "empty (sub)expression",
}

Node = tuple[Any, ...]
"""("lit", c) ("set", CharSet) ("any",) ("bol",) ("eol",) ("bow",) ("eow",) ("wb",) ("nwb",) ("back", n)
("group", n, node) ("cat", [nodes]) ("alt", [nodes]) ("rep", node, least, most)."""


class RegexError(Exception):
    """regcomp(3) failed; str() is regerror(3)'s text."""

    def __init__(self, code: int) -> None:
        super().__init__(_TEXTS[code])
        self.code = code


# Non-ASCII members of the classes in C.UTF-8, roughly: letters of the scripts one meets.
_LETTERS = "\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u1fff\u2c00-\u2fef\u3040-\ud7ff\uf900-\ufdff\U00010000-\U0001ffff"
_PRINTING = "\xa1-\u167f\u1681-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff\ue000-\uffef\U00010000-\U0010ffff"
_UPPER = "\xc0-\xd6\xd8-\xde\u0391-\u03a9\u0400-\u042f"
_LOWER = "\xdf-\xf6\xf8-\xff\u03b1-\u03c9\u0430-\u045f"
CLASSES = {
    "alpha": "A-Za-z" + _LETTERS,
    "digit": "0-9",
    "alnum": "0-9A-Za-z" + _LETTERS,
    "upper": "A-Z" + _UPPER,
    "lower": "a-z" + _LOWER,
    "space": "\\t-\\r \x85\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000",
    "blank": " \\t\u2000-\u2006\u2008-\u200a\u205f\u3000",
    "punct": "!-/:-@\\[-`{-~\xa1-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u2010-\u2027\u2030-\u205e",
    "print": " -~\xa0" + _PRINTING,
    "graph": "!-~" + _PRINTING,
    "cntrl": "\\x00-\\x1f\\x7f\x80-\x9f",
    "xdigit": "0-9A-Fa-f",
}
"""Character classes as the inside of a Python bracket expression."""

_NAMES = """\
NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC IS4 IS3 IS2 IS1 space
exclamation-mark quotation-mark number-sign dollar-sign percent-sign ampersand apostrophe left-parenthesis right-parenthesis
asterisk plus-sign comma hyphen period slash zero one two three four five six seven eight nine colon semicolon
less-than-sign equals-sign greater-than-sign question-mark commercial-at"""
_SYMBOLS = {name: chr(code) for code, name in enumerate(_NAMES.split())}
_SYMBOLS |= {
    "alert": "\a", "backspace": "\b", "tab": "\t", "newline": "\n", "vertical-tab": "\v", "form-feed": "\f",
    "carriage-return": "\r", "FS": "\x1c", "GS": "\x1d", "RS": "\x1e", "US": "\x1f", "hyphen-minus": "-", "full-stop": ".",
    "solidus": "/", "left-square-bracket": "[", "backslash": "\\", "reverse-solidus": "\\", "right-square-bracket": "]",
    "circumflex": "^", "circumflex-accent": "^", "underscore": "_", "low-line": "_", "grave-accent": "`",
    "left-brace": "{", "left-curly-bracket": "{", "vertical-line": "|", "right-brace": "}", "right-curly-bracket": "}",
    "tilde": "~", "DEL": "\x7f",
}  # fmt: skip


def class_escape(c: str) -> str:
    """A character inside a Python bracket expression."""
    return "\\" + c if c in "\\]^-[&~|" else c


class CharSet:
    """A bracket expression: `body` is the inside for `re` (classes and ranges), `negated` its sense."""

    __slots__ = ("_test", "body", "icase", "members", "negated")

    def __init__(self, negated: bool, body: str, members: frozenset[str] | None, icase: bool = False) -> None:
        self.negated = negated
        self.body = body
        self.members = members
        """The single characters, when there is nothing else in a positive set."""
        self.icase = icase
        self._test: Callable[[str], Any] | None = None

    def source(self) -> str:
        """For `re`."""
        if not self.body:
            return "(?s:.)" if self.negated else "(?!)"
        return f"[{'^' if self.negated else ''}{self.body}]"

    def matches(self, c: str) -> bool:
        """Is the character in the set?"""
        if self._test is None:
            self._test = re.compile(self.source(), re.DOTALL | (re.IGNORECASE if self.icase else 0)).match
        return self._test(c) is not None


class Parser:
    """regcomp(3)'s parser (lib/libc/regex/regcomp.c: p_re, p_ere_exp, p_simp_re, p_bracket)."""

    def __init__(self, pattern: str, flags: int) -> None:
        self.s = pattern
        self.i = 0
        self.bre = not flags & EXTENDED
        self.gnu = bool(flags & GNU)
        self.icase = bool(flags & ICASE)
        self.nsub = 0
        self.closed: set[int] = set()
        self.backrefs = False
        self._dollar = False

    # characters ------------------------------------------------------------------------------------------------
    def more(self) -> bool:
        return self.i < len(self.s)

    def see(self, text: str) -> bool:
        return self.s.startswith(text, self.i)

    def eat(self, text: str) -> bool:
        if self.s.startswith(text, self.i):
            self.i += len(text)
            return True
        return False

    def get(self) -> str:
        self.i += 1
        return self.s[self.i - 1]

    # structure -------------------------------------------------------------------------------------------------
    def parse(self) -> Node:
        """The whole pattern."""
        return self.branches("")

    def branches(self, end: str) -> Node:
        bar = "\\|" if self.bre else "|"
        may_branch = self.gnu or not self.bre
        found: list[Node] = []
        while True:
            found.append(self.branch(end, bar if may_branch else ""))
            if not may_branch or not self.eat(bar):
                break
            if self.see(bar) or (not end and not self.more()):
                raise RegexError(EMPTY)
        return found[0] if len(found) == 1 else ("alt", found)

    def branch(self, end: str, bar: str) -> Node:
        items: list[Node] = []
        if self.bre and self.eat("^"):
            items.append(("bol",))
        anchors = len(items)
        self._dollar = False
        while self.more() and not (bar and self.see(bar)) and not (end and self.see(end)):
            items.append(self.basic(len(items) == anchors) if self.bre else self.extended())
        if not items:
            raise RegexError(EMPTY)
        if self.bre and self._dollar:
            items[-1] = ("eol",)
            self._dollar = False
        return items[0] if len(items) == 1 else ("cat", items)

    def group(self, close: str) -> Node:
        self.nsub += 1
        n = self.nsub
        inside: Node = ("cat", []) if self.see(close) or not self.more() else self.branches(close)
        if not self.eat(close):
            raise RegexError(EPAREN)
        self.closed.add(n)
        self._dollar = False
        return ("group", n, inside)

    def extended(self) -> Node:
        """One piece of an ERE with its repetition."""
        c = self.get()
        caret = c == "^"
        if c == "(":
            if not self.more():
                raise RegexError(EPAREN)
            node = self.group(")")
        elif caret:
            node = ("bol",)
        elif c == "$":
            node = ("eol",)
        elif c in "*+?{":
            raise RegexError(BADRPT)
        elif c == ".":
            node = ("any",)
        elif c == "[":
            node = self.bracket()
        elif c == "\\":
            node = self.escape()
        else:
            node = ("lit", c)
        repeated = self.repetition()
        if repeated is None:
            return node
        if caret:
            raise RegexError(BADRPT)
        rest = self.s[self.i : self.i + 2]
        if rest[:1] in ("*", "+", "?") or (rest[:1] == "{" and rest[1:].isdecimal()):
            raise RegexError(BADRPT)
        return ("rep", node, *repeated)

    def repetition(self) -> tuple[int, int] | None:
        if self.eat("*"):
            return 0, INFINITY
        if self.eat("+"):
            return 1, INFINITY
        if self.eat("?"):
            return 0, 1
        if not self.see("{"):
            return None
        follow = self.s[self.i + 1 : self.i + 2]
        if not (follow.isdecimal() or follow == ","):
            raise RegexError(BADRPT)
        self.i += 1
        return self.bounds("}")

    def bounds(self, close: str) -> tuple[int, int]:
        least = most = self.count()
        if self.eat(","):
            if self.more() and self.s[self.i].isdecimal():
                most = self.count()
                if least > most:
                    raise RegexError(BADBR)
            else:
                most = INFINITY
        if not self.eat(close):
            raise RegexError(BADBR if close in self.s[self.i :] else EBRACE)
        return least, most

    def count(self) -> int:
        start = self.i
        while self.more() and self.s[self.i] in "0123456789":
            self.i += 1
        text = self.s[start : self.i]
        if not text or int(text[:6]) > DUPMAX:
            raise RegexError(BADBR)
        return int(text)

    def basic(self, first: bool) -> Node:
        """One piece of a BRE with its repetition."""
        self._dollar = False
        c = self.get()
        if c == "\\":
            node = self.basic_escape()
        elif c == ".":
            node = ("any",)
        elif c == "[":
            node = self.bracket()
        elif c == "*" and not first:
            raise RegexError(BADRPT)
        else:
            node = ("lit", c)
        if self.eat("*"):
            return ("rep", node, 0, INFINITY)
        if self.gnu and self.eat("\\?"):
            return ("rep", node, 0, 1)
        if self.gnu and self.eat("\\+"):
            return ("rep", node, 1, INFINITY)
        if self.eat("\\{"):
            return ("rep", node, *self.bounds("\\}"))
        self._dollar = c == "$"
        return node

    def basic_escape(self) -> Node:
        if not self.more():
            raise RegexError(EESCAPE)
        c = self.s[self.i]
        if c == "(":
            self.i += 1
            return self.group("\\)")
        if c == "{":
            raise RegexError(BADRPT)
        if c == ")":
            raise RegexError(EPAREN)
        if c in "123456789":
            self.i += 1
            return self.backref(int(c))
        return self.escape()

    def backref(self, n: int) -> Node:
        if n not in self.closed:
            raise RegexError(ESUBREG)
        self.backrefs = True
        return ("back", n)

    def escape(self) -> Node:
        if not self.more():
            raise RegexError(EESCAPE)
        c = self.get()
        if c == "<":
            return ("bow",)
        if c == ">":
            return ("eow",)
        if self.gnu:
            if c in "wWsS":
                body = CLASSES["alnum"] + "_" if c in "wW" else CLASSES["space"]
                return ("set", CharSet(c in "WS", body, None))
            simple = {"`": "bos", "'": "eos", "b": "wb", "B": "nwb"}.get(c)
            if simple:
                return ("bol",) if simple == "bos" else ("eol",) if simple == "eos" else (simple,)
            if c in "123456789" and not self.bre:
                return self.backref(int(c))
        if c.isalpha() or c in "'`":
            raise RegexError(EESCAPE)
        return ("lit", c)

    # bracket expressions ---------------------------------------------------------------------------------------
    def bracket(self) -> Node:
        if self.eat("[:<:]]"):
            return ("bow",)
        if self.eat("[:>:]]"):
            return ("eow",)
        negated = self.eat("^")
        body: list[str] = []
        singles: set[str] | None = set()
        if self.eat("]"):
            singles.add("]")  # type: ignore[union-attr]
            body.append("\\]")
        elif self.eat("-"):
            singles.add("-")  # type: ignore[union-attr]
            body.append("\\-")
        while self.more() and not self.see("]") and not self.see("-]"):
            text, single = self.bracket_term()
            body.append(text)
            if singles is not None and single is not None:
                singles.add(single)
            else:
                singles = None
        if self.eat("-"):
            body.append("\\-")
            if singles is not None:
                singles.add("-")
        if not self.eat("]"):
            raise RegexError(EBRACK)
        if singles is not None and len(singles) == 1 and not negated:
            return ("lit", singles.pop())
        members = frozenset(singles) if singles is not None and not negated else None
        return ("set", CharSet(negated, "".join(body), members, self.icase))

    def bracket_term(self) -> tuple[str, str | None]:
        if self.see("-"):
            raise RegexError(ERANGE)
        if self.eat("[:"):
            return self.char_class(), None
        if self.eat("[="):
            if not self.more():
                raise RegexError(EBRACK)
            if self.s[self.i] in "-]":
                raise RegexError(ECOLLATE)
            c = self.collating("=")
            return class_escape(c), c
        start = self.symbol()
        if not (self.see("-") and self.i + 1 < len(self.s) and self.s[self.i + 1] != "]"):
            return class_escape(start), start
        self.i += 1
        finish = "-" if self.eat("-") else self.symbol()
        if start > finish:
            raise RegexError(ERANGE)
        return f"{class_escape(start)}-{class_escape(finish)}", None

    def char_class(self) -> str:
        if not self.more():
            raise RegexError(EBRACK)
        if self.s[self.i] in "-]":
            raise RegexError(ECTYPE)
        start = self.i
        while self.more() and self.s[self.i].isalpha():
            self.i += 1
        name = self.s[start : self.i]
        if name not in CLASSES:
            raise RegexError(ECTYPE)
        if not self.more():
            raise RegexError(EBRACK)
        if not self.eat(":]"):
            raise RegexError(ECTYPE)
        return CLASSES[name]

    def symbol(self) -> str:
        if not self.more():
            raise RegexError(EBRACK)
        return self.collating(".") if self.eat("[.") else self.get()

    def collating(self, end: str) -> str:
        at = self.s.find(end + "]", self.i)
        if at < 0:
            raise RegexError(EBRACK)
        name = self.s[self.i : at]
        self.i = at + 2
        if len(name) == 1:
            return name
        if name not in _SYMBOLS:
            raise RegexError(ECOLLATE)
        return _SYMBOLS[name]


_SIMPLE: dict[str, str] = {
    "any": "(?s:.)",
    "bol": "\\A",
    "eol": "\\Z",
    "bow": "\\b(?=\\w)",
    "eow": "\\b(?<=\\w)",
    "wb": "\\b",
    "nwb": "\\B",
}


def to_python(node: Node) -> str:
    """A tree as a pattern for `re`."""
    kind: str = node[0]
    if kind == "lit":
        return re.escape(str(node[1]))
    if kind == "set":
        return str(node[1].source())
    if kind == "cat":
        return "".join(to_python(n) if n[0] != "alt" else f"(?:{to_python(n)})" for n in node[1])
    if kind == "alt":
        return "|".join(to_python(n) for n in node[1])
    if kind == "group":
        return f"({to_python(node[2])})"
    if kind == "back":
        return f"(?:\\{node[1]})"
    if kind == "rep":
        return _repeat(node)
    return _SIMPLE[kind]


def _repeat(node: Node) -> str:
    _, inner, least, most = node
    text = to_python(inner)
    if inner[0] not in ("lit", "set", "any", "group"):
        text = f"(?:{text})"
    if most == INFINITY:
        return text + ("*" if least == 0 else "+" if least == 1 else f"{{{least},}}")
    return text + ("?" if (least, most) == (0, 1) else f"{{{least},{most}}}")


def _firsts(node: Node) -> frozenset[str] | None:
    """The characters a match can begin with; None if that is not a short list or it can be empty."""
    kind = node[0]
    if kind == "lit":
        return frozenset(node[1])
    if kind == "set":
        return node[1].members  # type: ignore[no-any-return]
    if kind == "group":
        return _firsts(node[2])
    if kind == "rep":
        return _firsts(node[1]) if node[2] > 0 else None
    if kind == "cat":
        for part in node[1]:
            if part[0] not in ("bol", "bow", "wb", "nwb"):
                return _firsts(part)
        return None
    if kind == "alt":
        all_firsts = [_firsts(n) for n in node[1]]
        return None if None in all_firsts else frozenset().union(*all_firsts)  # type: ignore[arg-type]
    return None


def is_hard(node: Node) -> bool:
    """Can the first match Python finds be shorter than the longest one?  (May say yes where it cannot.)"""
    kind = node[0]
    if kind == "group":
        return is_hard(node[2])
    if kind == "cat":
        return any(is_hard(n) for n in node[1])
    if kind == "rep":
        return node[1][0] not in ("lit", "set", "any") and (node[2] != node[3] or is_hard(node[1]))
    if kind == "alt":
        seen: set[str] = set()
        for part in node[1]:
            first = _firsts(part)
            if first is None or seen & first or is_hard(part):
                return True
            seen |= first
    return False


def is_explosive(node: Node, repeated: bool = False) -> bool:
    """Can one string be divided among its repetitions in more ways than anybody can try, as with (a+)+b?"""
    kind = node[0]
    if kind == "group":
        return is_explosive(node[2], repeated)
    if kind == "rep":
        variable = node[2] != node[3]
        return (repeated and variable) or is_explosive(node[1], repeated or node[3] == INFINITY or node[3] > 8)
    if kind == "alt":
        return (repeated and is_hard(node)) or any(is_explosive(n, repeated) for n in node[1])
    return kind == "cat" and any(is_explosive(n, repeated) for n in node[1])


class Regex:
    """A compiled expression.  Spans are (start, end) pairs; a group that took no part is (-1, -1)."""

    __slots__ = ("_anywhere", "_longest", "_prog", "explosive", "flags", "hard", "literal", "nsub", "test", "tree")

    def __init__(self, tree: Node, nsub: int, icase: bool = False, backrefs: bool = False) -> None:
        self.tree = tree
        self.nsub = nsub
        self.flags = re.DOTALL | (re.IGNORECASE if icase else 0)
        self.hard = not backrefs and is_hard(tree)
        self.explosive = self.hard and is_explosive(tree)
        """`re` must not look for it, since that may never end: the automaton does, in steady time."""
        self.literal = "" if icase else _literal(tree)
        """The pattern if it is nothing but characters."""
        self._prog: re.Pattern[str] | None = None
        self._longest: Callable[[str, int], int] | None = None
        self._anywhere: Callable[[str, int], int] | None = None
        self.test: Callable[[str], Any]
        """Does the expression match somewhere in a string?"""
        if self.literal:
            literal = self.literal
            self.test = lambda s: literal in s
        elif self.explosive:
            self.test = self._search
        else:
            self.test = self.prog.search

    @property
    def prog(self) -> re.Pattern[str]:
        """The pattern compiled by `re`."""
        if self._prog is None:
            self._prog = re.compile(to_python(self.tree), self.flags)
        return self._prog

    def find(self, s: str, start: int = 0) -> tuple[int, int] | None:
        """Leftmost-longest match from `start` on (what stands before is seen by ^ and \\<)."""
        if self.literal:
            at = s.find(self.literal, start)
            return (at, at + len(self.literal)) if at >= 0 else None
        if self.explosive:
            return self._search(s, start)
        m = self.prog.search(s, start)
        if m is None:
            return None
        if not self.hard:
            return m.span()
        return m.start(), max(m.end(), self.longest(s, m.start()))

    def groups(self, s: str, start: int = 0) -> list[tuple[int, int]] | None:
        """The spans of the match and of its subexpressions."""
        span = self._search(s, start) if self.explosive else (start, len(s))
        m = self.prog.search(s, span[0]) if span is not None else None
        if m is None:
            return None
        if self.hard:
            end = self.longest(s, m.start())
            if end > m.end():
                whole = (m.start(), end)
                m = self.prog.fullmatch(s, m.start(), end) or m
                return [whole, *(m.span(n) for n in range(1, self.nsub + 1))]
        return [m.span(n) for n in range(self.nsub + 1)]

    def _search(self, s: str, start: int = 0) -> tuple[int, int] | None:
        """The leftmost longest match by the automaton alone."""
        if self._never(s, start):
            return None
        for at in range(start, len(s) + 1):
            end = self.longest(s, at)
            if end >= 0:
                return at, end
        return None

    def _never(self, s: str, start: int) -> bool:
        """True if no match can begin from `start` on: one run for all places at once."""
        if self._anywhere is None:
            from vshell.userland.regex_nfa import matcher

            ahead = ("cat", [("rep", ("any",), 0, INFINITY), self.tree])
            self._anywhere = matcher(ahead, bool(self.flags & re.IGNORECASE))
        return self._anywhere(s, start) < 0

    def longest(self, s: str, start: int) -> int:
        """Where the longest match that begins at `start` ends."""
        if self._longest is None:
            from vshell.userland.regex_nfa import matcher

            self._longest = matcher(self.tree, bool(self.flags & re.IGNORECASE))
        return self._longest(s, start)


def _literal(tree: Node) -> str:
    if tree[0] == "lit":
        return str(tree[1])
    if tree[0] == "cat" and all(n[0] == "lit" for n in tree[1]):
        return "".join(n[1] for n in tree[1])
    return ""


_cache: dict[tuple[str, int], Regex] = {}


def regcomp(pattern: str, flags: int = 0) -> Regex:
    """Compile a pattern; `flags` of ICASE, EXTENDED, GNU (libregex instead of libc) and LITERAL."""
    key = (pattern, flags)
    found = _cache.get(key)
    if found is None:
        found = _compile(pattern, flags)
        if len(_cache) > 500:
            _cache.clear()
        _cache[key] = found
    return found


def _compile(pattern: str, flags: int) -> Regex:
    icase = bool(flags & ICASE)
    if flags & LITERAL:
        if not pattern:
            raise RegexError(EMPTY)
        return Regex(("cat", [("lit", c) for c in pattern]), 0, icase)
    parser = Parser(pattern, flags)
    try:
        tree = parser.parse()
        return Regex(tree, parser.nsub, icase, parser.backrefs)
    except (RecursionError, OverflowError, re.error):
        raise RegexError(ESPACE) from None
