"""The lexer of sh: characters to tokens, and here documents (the lower half of bin/sh/parser.c)."""

from __future__ import annotations

import re

from vshell.userland.sh.nodes import Lit, Word
from vshell.userland.sh.tokens import (
    CHKALIAS,
    CHKKWD,
    CHKNL,
    KEYWORDS,
    TAND,
    TBACKGND,
    TENDCASE,
    TEOF,
    TFALLTHRU,
    TLP,
    TNL,
    TNOT,
    TOKNAME,
    TOR,
    TPIPE,
    TRP,
    TSEMI,
    TWORD,
)
from vshell.userland.sh.words import DQ, HereDoc, SyntaxFailure, WordLexer, plain_word

_PLAIN = re.compile(r"[^\s'\"`$\\<>();&|\x00]+")
_BLANKS = re.compile(r"[ \t]*")
_ENDWORD = frozenset(" \t\n;&|()")


class Lexer(WordLexer):
    """Tokens of one text."""

    # tokens ------------------------------------------------------------------------------------------------------
    def readtoken(self) -> int:
        """The next token, keywords and aliases recognised as `check` says."""
        while True:
            t = self._token()
            if self.check & CHKNL:
                while t == TNL:
                    if self.docs:
                        self.parseheredoc()
                    t = self._token()
            if t == TWORD and not self.quoteflag and self.check:
                text = self.word.text
                if self.check & CHKKWD and text in KEYWORDS:
                    self.lasttoken = t = KEYWORDS[text]
                elif self.check & CHKALIAS and text in self.aliases and (text, self.aliases[text]) not in self.inuse:
                    self._push_alias(text, self.aliases[text])
                    continue
            if t != TNOT:
                self.check = 0
            return t

    def peektoken(self) -> int:
        """The next token, left in place."""
        t = self.readtoken()
        self.pushback = True
        return t

    def _token(self) -> int:
        if self.pushback:
            self.pushback = False
            return self.lasttoken
        self.startline = self.line
        while True:
            i = self.i
            if i < self.n:
                s = self.s
                m = _PLAIN.match(s, i)
                if m is not None and s[i] != "#":
                    end = m.end()
                    if end < self.n and s[end] in _ENDWORD:
                        self.i = end
                        self.quoteflag = False
                        self.word = plain_word(m.group())
                        self.lasttoken = TWORD
                        return TWORD
            c = self.getc()
            if c == " " or c == "\t":
                i = self.i
                if i < self.n:
                    m = _BLANKS.match(self.s, i)
                    assert m is not None
                    self.i = m.end()
                continue
            if c == "#":
                self._comment()
                continue
            if c == "\\":
                if self.getc() == "\n":
                    self._newline()
                    self.startline = self.line
                    continue
                self.ungetc()
            t = self._operator(c)
            if t >= 0:
                self.lasttoken = t
                return t
            return self.readword(c)

    def _comment(self) -> None:
        while True:
            end = self.s.find("\n", self.i)
            if end >= 0:
                self.i = end
                return
            self.i = self.n
            c = self.getc()
            self.ungetc()
            if c == "" or c == "\n":
                return

    def _operator(self, c: str) -> int:
        if c == "\n":
            self._newline()
            return TNL
        if c == "":
            return TEOF
        if c == "&":
            if self.getc_cont() == "&":
                return TAND
            self.ungetc()
            return TBACKGND
        if c == "|":
            if self.getc_cont() == "|":
                return TOR
            self.ungetc()
            return TPIPE
        if c == ";":
            c = self.getc_cont()
            if c == ";":
                return TENDCASE
            if c == "&":
                return TFALLTHRU
            self.ungetc()
            return TSEMI
        if c == "(":
            return TLP
        return TRP if c == ")" else -1

    # here documents ----------------------------------------------------------------------------------------------
    def parseheredoc(self) -> None:
        """Read the here documents that the line announced."""
        while self.docs:
            doc = self.docs.pop(0)
            if doc.redir.quoted:
                doc.redir.doc = self._literal_doc(doc)
            else:
                self.readword(self.getc(), DQ, doc.mark, doc.strip)
                doc.redir.doc = self.word

    def _literal_doc(self, doc: HereDoc) -> Word:
        out: list[str] = []
        while True:
            line = self._line()
            body = line.lstrip("\t") if doc.strip else line
            if not line or (body.rstrip("\n") == doc.mark and body.count("\n") < 2):
                break
            out.append(body)
        text = "".join(out)
        word = Word([Lit(text, text)] if text else [], True)
        word.const = text
        return word

    def _line(self) -> str:
        out = []
        while True:
            c = self.getc()
            if c == "":
                break
            end = self.s.find("\n", self.i - 1)
            if end >= 0:
                out.append(self.s[self.i - 1 : end + 1])
                self.i = end + 1
                self._newline()
                break
            out.append(self.s[self.i - 1 :])
            self.i = self.n
        return "".join(out)

    # what the grammar uses ---------------------------------------------------------------------------------------
    def consume(self, token: int) -> None:
        """Read a token that must be `token`."""
        if self.readtoken() != token:
            raise self.unexpected(token)

    def unexpected(self, token: int) -> SyntaxFailure:
        """The error about the last token; `token` is the expected one or -1."""
        text = f"{TOKNAME[self.lasttoken]} unexpected"
        return self.fail(f"{text} (expecting {TOKNAME[token]})" if token >= 0 else text)
