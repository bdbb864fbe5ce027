"""The grammar of sh: tokens to a syntax tree, one complete command at a time (the upper half of bin/sh/parser.c)."""

from __future__ import annotations

import re

from vshell.userland.sh.lexer import Lexer
from vshell.userland.sh.nodes import (
    ESC,
    NAND,
    NBACKGND,
    NOR,
    NREDIR,
    NSUBSHELL,
    Binary,
    Case,
    Clause,
    Cmd,
    Defun,
    For,
    If,
    Lit,
    Loop,
    Mark,
    Node,
    Not,
    Pipe,
    Redir,
    Redirected,
    Semi,
    Word,
)
from vshell.userland.sh.tokens import (
    CHKALIAS,
    CHKKWD,
    CHKNL,
    KEYWORDS,
    TAND,
    TBACKGND,
    TBEGIN,
    TCASE,
    TDO,
    TDONE,
    TELIF,
    TELSE,
    TEND,
    TENDCASE,
    TEOF,
    TESAC,
    TFALLTHRU,
    TFI,
    TFOR,
    TIF,
    TLP,
    TNL,
    TNOT,
    TOKENDLIST,
    TOR,
    TPIPE,
    TREDIR,
    TRP,
    TSEMI,
    TTHEN,
    TUNTIL,
    TWHILE,
    TWORD,
)
from vshell.userland.sh.words import NeedMore, SyntaxFailure, plain_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_ALL = CHKNL | CHKKWD | CHKALIAS

_LINE = re.compile(r"[ \t]*[^\s'\"`$\\<>();&|#\x00]+(?:[ \t]+[^\s'\"`$\\<>();&|#\x00]+)*[ \t]*\n")
_LINES: dict[str, Cmd | None] = {}
"""What lines mean wherever they stand; None: that depends."""
_SHORT = 16
"""Commands after which a script is long enough to look closer at its lines."""

SPECIAL_BUILTINS = frozenset((
    ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times", "trap",
    "unset",
))  # fmt: skip


class EndOfInput(Exception):
    """Nothing is left to parse."""


def fixed_fd(text: str) -> int | None:
    """The descriptor a duplicating redirection names: a digit, -1 for "-", None for anything else."""
    if len(text) == 1 and text in "0123456789":
        return int(text)
    return -1 if text == "-" else None


def plain_text(word: Word) -> str | None:
    """The text of a word without its quotes, None if something in it would be expanded."""
    out = []
    for p in word.parts:
        if isinstance(p, Lit):
            out.append(p.plain)
        elif not isinstance(p, Mark):
            return None
    return "".join(out)


class Parser(Lexer):
    """A parser of one text."""

    def command(self) -> Node | None:
        """The next complete command; None for an empty line.  Raises EndOfInput, NeedMore or SyntaxFailure."""
        if not self.pushed:
            end = self.s.find("\n", self.i) + 1
            node = self._line_of_words(self.s[self.i : end], end) if end else None
            if node is not None:
                self.i = end
                self.startline = self.line
                self.line += 1
                self.newlines = 1
                return node
        self.docs = []
        self.pushback = False
        self.check = 0
        t = self.readtoken()
        if t == TEOF:
            raise EndOfInput
        if t == TNL:
            return None
        self.pushback = True
        return self.parse_list(True)

    def _line_of_words(self, text: str, end: int) -> Node | None:
        """A line that is nothing but one simple command without redirections; the same line gives the same tree."""
        try:
            node = _LINES[text]
        except KeyError:
            self.commands += 1
            words = None
            if _LINE.fullmatch(text) is not None:
                words = [plain_word(w) for w in text.split()]
            elif self.commands > _SHORT:
                words = self.simple_line(end)
            node = Cmd(words, []) if words and (words[0].quoted or words[0].text not in KEYWORDS) else None
            if node is not None or self.commands > _SHORT:
                if len(_LINES) >= 4096:
                    _LINES.clear()
                _LINES[text] = node
        if node is None:
            return None
        if self.aliases and any(w.text in self.aliases for w in (*node.assigns, *node.words)):
            return None
        return node

    def parse_list(self, nlflag: bool) -> Node | None:
        """Commands separated by ; & and newlines; with `nlflag` up to the end of the line."""
        self.check = _ALL
        if not nlflag and self.peektoken() in TOKENDLIST:
            return None
        items: list[Node | None] = []
        while True:
            node = self._andor()
            tok = self.readtoken()
            if tok == TBACKGND:
                node = self._background(node)
            items.append(node)
            if tok in (TBACKGND, TSEMI):
                tok = self.readtoken()
            elif tok == TEOF:
                if self.docs:
                    self.parseheredoc()
                else:
                    self.ungetc()
                return _semi(items)
            elif tok != TNL:
                if nlflag:
                    raise self.unexpected(-1)
                self.pushback = True
                return _semi(items)
            if tok == TNL:
                if self.docs:
                    self.parseheredoc()
                if nlflag:
                    return _semi(items)
            elif tok == TEOF and nlflag:
                if self.docs:
                    self.parseheredoc()
                return _semi(items)
            else:
                self.pushback = True
            self.check = _ALL
            if not nlflag and self.peektoken() in TOKENDLIST:
                return _semi(items)

    def commands_until(self, token: int) -> Node | None:
        """Commands up to a closing token, or the end of the text."""
        node = self.parse_list(False)
        if token != TEOF:
            self.consume(token)
        elif self.peektoken() != TEOF:
            raise self.unexpected(-1)
        return node

    def _background(self, node: Node | None) -> Node:
        if isinstance(node, Pipe):
            node.background = True
            return node
        if isinstance(node, Redirected) and node.kind == NREDIR:
            node.kind = NBACKGND
            return node
        return Redirected(NBACKGND, node, [])

    def _andor(self) -> Node | None:
        node = self._pipeline()
        while True:
            t = self.readtoken()
            if t == TAND:
                node = Binary(NAND, node, self._pipeline())
            elif t == TOR:
                node = Binary(NOR, node, self._pipeline())
            else:
                self.pushback = True
                return node

    def _pipeline(self) -> Node | None:
        negate = False
        self.check = _ALL
        while self.readtoken() == TNOT:
            negate = not negate
        self.pushback = True
        node = self._command_node()
        if self.readtoken() == TPIPE:
            items = [node]
            while True:
                self.check = _ALL
                t = self.readtoken()
                self.pushback = True
                items.append(self._pipeline() if t == TNOT else self._command_node())
                if self.readtoken() != TPIPE:
                    break
            node = Pipe(items)
        self.pushback = True
        return Not(node) if negate else node

    def _command_node(self) -> Node | None:
        self.check = _ALL
        redirs: list[Redir] = []
        while self.readtoken() == TREDIR:
            redirs.append(self._redirect())
        t = self.lasttoken
        if t == TWORD or (redirs and t in _ENDS):
            self.pushback = True
            return self._simple(redirs)
        parse = _COMPOUND.get(t)
        if parse is None:
            raise self.unexpected(-1)
        node = parse(self)
        self.check = CHKKWD | CHKALIAS
        while self.readtoken() == TREDIR:
            redirs.append(self._redirect())
        self.pushback = True
        if redirs:
            if isinstance(node, Redirected) and node.kind == NSUBSHELL and t == TLP:
                node.redirs = redirs
            else:
                node = Redirected(NREDIR, node, redirs)
        return node

    def _subshell(self) -> Node:
        node = Redirected(NSUBSHELL, self.parse_list(False), [])
        self.consume(TRP)
        return node

    def _group(self) -> Node | None:
        node = self.parse_list(False)
        self.consume(TEND)
        return node

    def _condition(self) -> Node:
        node = self.parse_list(False)
        if node is None:
            raise self.unexpected(-1)
        return node

    def _if(self) -> Node:
        test = self._condition()
        self.consume(TTHEN)
        top = last = If(test, self.parse_list(False))
        while self.readtoken() == TELIF:
            test = self._condition()
            self.consume(TTHEN)
            new = If(test, self.parse_list(False))
            last.orelse = new
            last = new
        if self.lasttoken == TELSE:
            last.orelse = self.parse_list(False)
        else:
            self.pushback = True
        self.consume(TFI)
        return top

    def _loop(self) -> Node:
        until = self.lasttoken == TUNTIL
        test = self._condition()
        self.consume(TDO)
        node = Loop(until, test, self.parse_list(False))
        self.consume(TDONE)
        return node

    def _for(self) -> Node:
        if self.readtoken() != TWORD or self.quoteflag or not _goodname(self.word.text):
            raise self.fail("Bad for loop variable")
        name = self.word.text
        words: list[Word] | None = None
        self.check = CHKNL
        if self.readtoken() == TWORD and not self.quoteflag and self.word.text == "in":
            words = []
            while self.readtoken() == TWORD:
                words.append(self.word)
            if self.lasttoken == TNL:
                self.pushback = True
            elif self.lasttoken != TSEMI:
                raise self.unexpected(-1)
        elif self.lasttoken != TSEMI:
            self.pushback = True
        self.check = _ALL
        t = self.readtoken()
        if t not in (TDO, TBEGIN):
            raise self.unexpected(-1)
        node = For(name, words)
        node.body = self.parse_list(False)
        self.consume(TDONE if t == TDO else TEND)
        return node

    def _case(self) -> Node:
        self.consume(TWORD)
        word = self.word
        self.check = CHKNL
        if self.readtoken() != TWORD or self.word.text != "in":
            raise self.fail('expecting "in"')
        clauses: list[Clause] = []
        self.check = CHKNL | CHKKWD
        self.readtoken()
        while self.lasttoken != TESAC:
            patterns: list[Word] = []
            if self.lasttoken == TLP:
                self.readtoken()
            while True:
                patterns.append(self.word)
                self.check = CHKNL | CHKKWD
                if self.readtoken() != TPIPE:
                    break
                self.readtoken()
            if self.lasttoken != TRP:
                raise self.unexpected(TRP)
            body = self.parse_list(False)
            self.check = _ALL
            t = self.readtoken()
            clauses.append(Clause(patterns, body, t == TFALLTHRU))
            if t != TESAC:
                if t not in (TENDCASE, TFALLTHRU):
                    raise self.unexpected(TENDCASE)
                self.check = CHKNL | CHKKWD
                self.readtoken()
        return Case(word, clauses)

    def _simple(self, redirs: list[Redir]) -> Node:
        words: list[Word] = []
        before = len(redirs)
        check = CHKALIAS
        while True:
            self.check = check
            t = self.readtoken()
            if t == TWORD:
                word = self.word
                words.append(word)
                if check and not word.assign:
                    check = 0
            elif t == TREDIR:
                redirs.append(self._redirect())
            elif t == TLP and len(words) == 1 and len(redirs) == before:
                return self._function(words[0])
            else:
                self.pushback = True
                return Cmd(words, redirs)

    def _function(self, word: Word) -> Node:
        self.consume(TRP)
        self.funcline = self.line
        name = plain_text(word)
        if name is None or self.quoteflag or "/" in name or name[-1:] in tuple("!%*+-=?@}~"):
            raise self.fail("Bad function name")
        if name in SPECIAL_BUILTINS:
            raise self.fail("Cannot override a special builtin with a function")
        node = Defun(name, self._command_node())
        self.funcline = 0
        return node

    def _redirect(self) -> Redir:
        """The word of a redirection whose operator is read."""
        redir = self.redir
        doc = self.newdoc
        self.consume(TWORD)
        word = self.word
        if redir.op == "<<":
            assert doc is not None
            redir.quoted = self.quoteflag
            mark = plain_text(word)
            if mark is None:
                raise self.fail("Illegal eof marker for << redirection")
            doc.mark = mark.lstrip("\t") if doc.strip else mark
            self.docs.append(doc)
        elif redir.op in (">&", "<&"):
            redir.fd2 = fixed_fd(word.text)
            if redir.fd2 is None:
                redir.word = word
        else:
            redir.word = word
        return redir


_ENDS = frozenset((TBACKGND, TSEMI, TAND, TOR, TPIPE, TENDCASE, TFALLTHRU, TEOF, TNL, TRP))
_COMPOUND: dict[int, Callable[[Parser], Node | None]] = {
    TIF: Parser._if,
    TWHILE: Parser._loop,
    TUNTIL: Parser._loop,
    TFOR: Parser._for,
    TCASE: Parser._case,
    TLP: Parser._subshell,
    TBEGIN: Parser._group,
}


def _semi(items: list[Node | None]) -> Node | None:
    return items[0] if len(items) == 1 else Semi(items)


def _goodname(text: str) -> bool:
    return text.isidentifier() and text.isascii()


def complete(text: str, aliases: dict[str, str] | None = None) -> bool:
    """True if `text` holds only complete commands: what an interactive line editor asks.  An error is complete too."""
    parser = Parser(text, eof=False)
    if aliases:
        parser.aliases = aliases
    try:
        while parser.i < parser.n:
            parser.command()
    except NeedMore:
        return False
    except (SyntaxFailure, EndOfInput):
        pass
    return True


__all__ = ["ESC", "EndOfInput", "NeedMore", "Parser", "SyntaxFailure", "complete", "fixed_fd", "plain_text"]
