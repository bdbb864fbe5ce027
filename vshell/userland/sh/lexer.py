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

_TOKEN = re.compile(r"[ \t]*(?:([^\s'\"`$\\<>();&|#\x00][^\s'\"`$\\<>();&|\x00]*)(?=[ \t\n;&|()])|(\n)|(;)(?=[^;&\\])|())")
"""Blanks, and behind them a plain word, a newline, a single semicolon, or something that needs a closer look."""
_QUOTES = frozenset("\"'$")

_WHOLE: list[re.Pattern[str]] = []
"""Compiled when a script has use for them: whole_words and simple_lines."""
_PARAMETER = r"\$(?:[A-Za-z_][A-Za-z0-9_]*+|[0-9@#?*!$-]|\{[^'\"`$\\{}\n]*+\}|\(\((?:[^'\"`$\\()\n]|\$[A-Za-z_])*+\)\))"
_MADE: dict[str, Word | None] = {}


def whole_words() -> re.Pattern[str]:
    """A word whose quotes and substitutions are simple enough to see its end."""
    if not _WHOLE:
        piece = rf"(?:[^\s'\"`$\\<>();&|\x00]|'[^'\n]*+'|\"(?:[^\"`$\\\n]|{_PARAMETER})*+\"|{_PARAMETER})"
        word = f"(?!#){piece}++"
        _WHOLE.append(re.compile(rf"{word}(?=[ \t\n;&|()])"))
        _WHOLE.append(re.compile(rf"[ \t]*+{word}(?:[ \t]++{word})*+[ \t]*+\n"))
    return _WHOLE[0]


def simple_line(line: str) -> list[Word] | None:
    """The words of a line that has nothing but such words."""
    whole = whole_words()
    if _WHOLE[1].fullmatch(line) is None:
        return None
    words = []
    for text in whole.findall(line):
        word = cached_word(text)
        if word is None:
            return None
        words.append(word)
    return words


def cached_word(text: str) -> Word | None:
    """The word of such a text, the same one each time; None if its meaning depends on where it stands."""
    try:
        return _MADE[text]
    except KeyError:
        pass
    if len(_MADE) >= 8192:
        return None
    word = None
    if "LINENO" not in text:
        lexer = Lexer(text + "\n")
        try:
            if lexer.readword(lexer.getc()) == TWORD and lexer.i == len(text):
                word = lexer.word
        except SyntaxFailure:
            pass  # it will be found again, in its line
    _MADE[text] = word
    return word


class Lexer(WordLexer):
    """Tokens of one text."""

    # tokens ------------------------------------------------------------------------------------------------------
    def readtoken(self) -> int:
        """The next token, keywords and aliases recognised as `check` says."""
        while True:
            if self.pushback:
                self.pushback = False
                t = self.lasttoken
            else:
                t = self._token()
            if not self.check:
                return t
            if self.check & CHKNL:
                while t == TNL:
                    if self.docs:
                        self.parseheredoc()
                    t = self._token()
            if t == TWORD and not self.quoteflag:
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
        self.startline = self.line
        while True:
            if self.i < self.n:
                m = _TOKEN.match(self.s, self.i)
                assert m is not None
                self.i = m.end()
                kind = m.lastindex
                if kind == 1:
                    self.quoteflag = False
                    self.word = plain_word(m[1])
                    self.lasttoken = TWORD
                    return TWORD
                if kind == 2:
                    self.line += 1
                    self.newlines += 1
                    self.lasttoken = TNL
                    return TNL
                if kind == 3:
                    self.lasttoken = TSEMI
                    return TSEMI
                if self.s[self.i : self.i + 1] in _QUOTES and self._whole_word():
                    return TWORD
            c = self.getc()
            if c == " " or c == "\t":
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

    def _whole_word(self) -> bool:
        """A word with quotes and parameters that stands alone, like words of that text before it."""
        m = whole_words().match(self.s, self.i)
        word = cached_word(m.group()) if m is not None else None
        if m is None or word is None:
            return False
        self.i = m.end()
        self.quoteflag = word.quoted
        self.word = word
        self.lasttoken = TWORD
        return True

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
