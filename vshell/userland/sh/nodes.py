"""The syntax tree of sh: words and commands (bin/sh/nodetypes).

A word is compiled when it is parsed: a constant is known as such, and a word made of literals and plain variables gets a
flat list of pieces, so that running a command does not walk a tree.  In raw text a character that was quoted and would be
special in a pattern, a tilde prefix or an assignment is preceded by ESC (the CTLESC of bin/sh/expand.c).
"""

from __future__ import annotations

ESC = "\ud800"
"""Marks the next character as quoted.  No decoded text contains a lone high surrogate."""

VSNORMAL, VSMINUS, VSPLUS, VSQUESTION, VSASSIGN, VSTRIMLEFT, VSTRIMLEFTMAX, VSTRIMRIGHT, VSTRIMRIGHTMAX, VSLENGTH, VSERROR = (
    range(1, 12)
)


class Lit:
    """Literal text: `raw` with ESC before quoted special characters, `plain` without."""

    __slots__ = ("plain", "raw")

    def __init__(self, raw: str, plain: str) -> None:
        self.raw = raw
        self.plain = plain


class Mark:
    """A place where quoting starts or ends."""

    __slots__ = ("end",)

    def __init__(self, end: bool) -> None:
        self.end = end


QUOTEMARK = Mark(False)
QUOTEEND = Mark(True)


class Var:
    """A parameter expansion ${name:op word}."""

    __slots__ = ("lineno", "name", "nul", "quoted", "special", "subtype", "word")

    def __init__(self, name: str, subtype: int, nul: bool, quoted: bool, lineno: bool) -> None:
        self.name = name
        self.subtype = subtype
        self.nul = nul
        self.quoted = quoted
        self.lineno = lineno
        self.special = not (name[:1].isalpha() or name[:1] == "_") or not name.isascii()
        self.word: list[Part] = []


class Backq:
    """A command substitution."""

    __slots__ = ("node", "quoted")

    def __init__(self, node: Node | None, quoted: bool) -> None:
        self.node = node
        self.quoted = quoted


class Arith:
    """An arithmetic expansion."""

    __slots__ = ("quoted", "word")

    def __init__(self, quoted: bool) -> None:
        self.quoted = quoted
        self.word: list[Part] = []


Part = Lit | Mark | Var | Backq | Arith

_GLOB = frozenset("*?[")


def glob_active(raw: str) -> bool:
    """True if raw text has an unquoted character that starts a pattern."""
    if "*" not in raw and "?" not in raw and "[" not in raw:
        return False
    if ESC not in raw:
        return True
    skip = False
    for c in raw:
        if skip:
            skip = False
        elif c == ESC:
            skip = True
        elif c in _GLOB:
            return True
    return False


def may_glob(part: Part) -> bool:
    """True if a part can put an active pattern character into a word."""
    if isinstance(part, Lit):
        return glob_active(part.raw)
    if isinstance(part, Mark):
        return False
    if not part.quoted:
        return True
    return isinstance(part, Var) and part.subtype in (VSMINUS, VSPLUS) and any(may_glob(p) for p in part.word)


def isassignment(raw: str) -> int:
    """The position of "=" if the text begins with name=, else 0."""
    at = raw.find("=")
    if at <= 0:
        return 0
    name = raw[:at]
    return at if name.isidentifier() and name.isascii() else 0


def _expression(parts: list[Part]) -> str | None:
    found: Arith | None = None
    for p in parts:
        if isinstance(p, Arith) and found is None:
            found = p
        elif not isinstance(p, Mark):
            return None
    # The parser fills the expression in after the word was begun, but before it is complete.
    if found is None or not all(isinstance(p, Lit) for p in found.word):
        return None
    return "".join(p.plain for p in found.word if isinstance(p, Lit))


class Word:
    """A word; `const`, `pieces` and `field` are what the parser could find out in advance.

    const: the only field it can become, or None.  pieces: literals and plain variables when it has nothing else.
    field: the pieces always give exactly one field (everything that varies is quoted).  glob: patterns may match
    files.  assign: position of "=" if the word looks like an assignment.  pattern: its raw text when nothing is expanded.
    """

    __slots__ = ("_value", "arith", "assign", "const", "field", "glob", "parts", "pattern", "pieces", "quoted", "text")

    def __init__(self, parts: list[Part], quoted: bool) -> None:
        self.parts = parts
        self.quoted = quoted
        self.glob = False
        self.field = True
        self._value: Word | None = None
        if len(parts) == 1 and type(parts[0]) is Lit:
            self._literal(parts[0])
            return
        pieces: list[str | Var] | None = []
        tilde = glob = varies = arith = False
        for p in parts:
            kind = type(p)
            if kind is Lit:
                raw = p.raw  # type: ignore[union-attr]
                if pieces is not None:
                    pieces.append(p.plain)  # type: ignore[union-attr]
                glob = glob or glob_active(raw)
                tilde = tilde or "~" in raw
            elif kind is Var:
                varies = True
                if not p.quoted:  # type: ignore[union-attr]
                    self.field = False
                    glob = True
                else:
                    glob = glob or may_glob(p)
                if pieces is not None and p.subtype == VSNORMAL and p.name not in "@*" and not p.lineno:  # type: ignore[union-attr]
                    pieces.append(p)  # type: ignore[arg-type]
                else:
                    pieces = None
                    self.field = False
            elif kind is not Mark:
                varies = True
                arith = arith or kind is Arith
                pieces = None
                self.field = False
                if not p.quoted:  # type: ignore[union-attr]
                    glob = True
        first = parts[0] if parts else None
        self.text = ""
        """Raw text when the word is one literal: what keywords, aliases and function names are compared with."""
        self.assign = isassignment(first.raw) if isinstance(first, Lit) else 0
        if tilde:
            pieces = None
        self.pieces = pieces
        self.const: str | None = None
        if pieces is not None and not varies and not glob:
            self.const = "".join(pieces)  # type: ignore[arg-type]
        self.glob = glob
        if glob:
            self.field = False
        self.arith = _expression(parts) if arith else None
        """The expression if the word is nothing but an arithmetic expansion of constant text."""
        self.pattern: str | None = None
        if not tilde and not varies:
            self.pattern = "".join([p.raw for p in parts if type(p) is Lit])

    def _literal(self, part: Lit) -> None:
        """What can be found out about a word that is one literal."""
        raw = part.raw
        tilde = "~" in raw
        self.text = raw
        self.assign = isassignment(raw) if "=" in raw else 0
        self.glob = glob_active(raw)
        self.field = not self.glob
        self.pieces = None if tilde else [part.plain]
        self.const = None if tilde or self.glob else part.plain
        self.arith = None
        self.pattern = None if tilde else raw

    @property
    def value(self) -> Word:
        """The part behind "=" of an assignment."""
        if self._value is None:
            first = self.parts[0]
            assert isinstance(first, Lit)
            raw = first.raw[self.assign + 1 :]
            rest = [Lit(raw, raw.replace(ESC, "")), *self.parts[1:]] if raw else self.parts[1:]
            self._value = Word(rest, self.quoted)
        return self._value

    @property
    def name(self) -> str:
        """The name of an assignment."""
        first = self.parts[0]
        assert isinstance(first, Lit)
        return first.raw[: self.assign]


# Commands ------------------------------------------------------------------------------------------------------------

NSEMI, NCMD, NPIPE, NREDIR, NBACKGND, NSUBSHELL, NAND, NOR, NIF, NWHILE, NFOR, NCASE, NDEFUN, NNOT = range(14)


class Redir:
    """One redirection.  `op` is its operator; `word` the file name; `fd2` a descriptor, -1 to close, None if not constant."""

    __slots__ = ("doc", "fd", "fd2", "op", "quoted", "word")

    def __init__(self, fd: int, op: str) -> None:
        self.fd = fd
        self.op = op
        self.word: Word | None = None
        self.fd2: int | None = None
        self.doc: Word | None = None
        self.quoted = False


class Semi:
    """Commands one after another."""

    __slots__ = ("items",)
    kind = NSEMI

    def __init__(self, items: list[Node | None]) -> None:
        self.items = items


class Cmd:
    """A simple command."""

    __slots__ = ("assigns", "consts", "redirs", "words")
    kind = NCMD

    def __init__(self, words: list[Word], redirs: list[Redir]) -> None:
        at = 0
        while at < len(words) and words[at].assign:
            at += 1
        self.assigns = words[:at]
        self.words = words[at:]
        self.redirs = redirs
        consts = [w.const for w in self.words]
        self.consts: list[str] | None = None if None in consts else consts  # type: ignore[assignment]
        """The arguments when all of them are constant."""


class Pipe:
    """A pipeline of two or more commands."""

    __slots__ = ("background", "items")
    kind = NPIPE

    def __init__(self, items: list[Node | None]) -> None:
        self.items = items
        self.background = False


class Redirected:
    """A compound command with redirections, a subshell or a background command, as `kind` says."""

    __slots__ = ("kind", "node", "redirs")

    def __init__(self, kind: int, node: Node | None, redirs: list[Redir]) -> None:
        self.kind = kind
        self.node = node
        self.redirs = redirs


class Binary:
    """a && b, a || b."""

    __slots__ = ("kind", "left", "right")

    def __init__(self, kind: int, left: Node | None, right: Node | None) -> None:
        self.kind = kind
        self.left = left
        self.right = right


class If:
    """if test; then body; else orelse; fi (elif is an If in orelse)."""

    __slots__ = ("body", "orelse", "test")
    kind = NIF

    def __init__(self, test: Node | None, body: Node | None) -> None:
        self.test = test
        self.body = body
        self.orelse: Node | None = None


class Loop:
    """while or until."""

    __slots__ = ("body", "test", "until")
    kind = NWHILE

    def __init__(self, until: bool, test: Node | None, body: Node | None) -> None:
        self.until = until
        self.test = test
        self.body = body


class For:
    """for var in words; do body; done; `words` is None for "$@"."""

    __slots__ = ("body", "var", "words")
    kind = NFOR

    def __init__(self, var: str, words: list[Word] | None) -> None:
        self.var = var
        self.words = words
        self.body: Node | None = None


class Clause:
    """One clause of a case."""

    __slots__ = ("body", "fallthru", "patterns")

    def __init__(self, patterns: list[Word], body: Node | None, fallthru: bool) -> None:
        self.patterns = patterns
        self.body = body
        self.fallthru = fallthru


class Case:
    """case word in clauses esac."""

    __slots__ = ("clauses", "word")
    kind = NCASE

    def __init__(self, word: Word, clauses: list[Clause]) -> None:
        self.word = word
        self.clauses = clauses


class Defun:
    """A function definition."""

    __slots__ = ("body", "name")
    kind = NDEFUN

    def __init__(self, name: str, body: Node | None) -> None:
        self.name = name
        self.body = body


class Not:
    """! command."""

    __slots__ = ("node",)
    kind = NNOT

    def __init__(self, node: Node | None) -> None:
        self.node = node


Node = Semi | Cmd | Pipe | Redirected | Binary | If | Loop | For | Case | Defun | Not
