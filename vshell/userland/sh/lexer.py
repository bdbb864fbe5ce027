"""The lexer of sh: characters to tokens, and here documents (the lower half of bin/sh/parser.c)."""

from __future__ import annotations

import re

from vshell.userland.sh.nodes import QUOTEMARK, VSNORMAL, Lit, Part, Var, Word
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
from vshell.userland.sh.words import DQ, HereDoc, SyntaxFailure, WordLexer, plain_word, quote

_TOKEN = re.compile(r"[ \t]*(?:([^\s'\"`$\\<>();&|#\x00][^\s'\"`$\\<>();&|\x00]*)(?=[ \t\n;&|()])|(\n)|(;)(?=[^;&\\])|())")
"""Blanks, and behind them a plain word, a newline, a single semicolon, or something that needs a closer look."""
_QUOTES = frozenset("\"'$")

_WHOLE: list[re.Pattern[str]] = []
"""Compiled when a script has use for them: such a word, a line of such words, their pieces, what is in double quotes."""
_PARAMETER = r"\$(?:[A-Za-z_][A-Za-z0-9_]*+|[0-9@#?*!$-]|\{[^'\"`$\\{}\n]*+\}|\(\((?:[^'\"`$\\()\n]|\$[A-Za-z_])*+\)\))"
_MADE: dict[str, Word | None] = {}


def whole_words() -> re.Pattern[str]:
    """A word whose quotes and substitutions are simple enough to see its end."""
    if not _WHOLE:
        piece = rf"(?:[^\s'\"`$\\<>();&|\x00]|'[^'\n]*+'|\"(?:[^\"`$\\\n]|{_PARAMETER})*+\"|{_PARAMETER})"
        word = f"(?!#){piece}++"
        plain = r"\$([A-Za-z_][A-Za-z0-9_]*|[0-9@#?*!$-])"
        _WHOLE.append(re.compile(rf"{word}(?=[ \t\n;&|()])"))
        _WHOLE.append(re.compile(rf"[ \t]*+{word}(?:[ \t]++{word})*+[ \t]*+\n"))
        _WHOLE.append(re.compile(rf"([^'\"$]+)|'([^']*)'|{plain}|\"([^\"]*)\""))
        _WHOLE.append(re.compile(rf"([^$]+)|{plain}"))
    return _WHOLE[0]


def plain_pieces(text: str) -> Word:
    """The word of a text whose only substitutions are names behind a dollar sign; what WordLexer makes of it, sooner."""
    parts: list[Part] = []
    quoted = False
    for m in _WHOLE[2].finditer(text):
        kind = m.lastindex
        if kind == 1:
            parts.append(Lit(m[1], m[1]))
        elif kind == 3:
            parts.append(Var(m[3], VSNORMAL, False, False, False))
        else:
            quoted = True
            parts.append(QUOTEMARK)
            if kind == 2:
                if m[2]:
                    parts.append(Lit(quote(m[2]), m[2]))
                continue
            for n in _WHOLE[3].finditer(m[4]):
                if n.lastindex == 1:
                    parts.append(Lit(quote(n[1]), n[1]))
                else:
                    parts.append(Var(n[2], VSNORMAL, False, True, False))
    return Word(parts, quoted)


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
        word = self.known_word(m.start(), m.end()) if m is not None else None
        if m is None or word is None:
            return False
        self.i = m.end()
        self.quoteflag = word.quoted
        self.word = word
        self.lasttoken = TWORD
        return True

    def known_word(self, start: int, end: int) -> Word | None:
        """The word of such a text, the same one each time; None if its meaning depends on where it stands."""
        text = self.s[start:end]
        try:
            return _MADE[text]
        except KeyError:
            pass
        if len(_MADE) >= 4096:
            _MADE.clear()
        word = None
        if "LINENO" in text:
            pass
        elif "${" not in text and "$(" not in text:
            word = plain_pieces(text)
        else:
            self.i = start + 1
            try:
                if self.readword(text[0]) == TWORD and self.i == end:
                    word = self.word
            except SyntaxFailure:
                pass  # it will be found again, in its line
            self.i = start
        _MADE[text] = word
        return word

    def simple_line(self, end: int) -> list[Word] | None:
        """The words of a line up to `end` that has nothing but such words."""
        whole = whole_words()
        start = self.i
        s = self.s
        if _WHOLE[1].fullmatch(s, start, end) is None:
            return None
        words = []
        for m in whole.finditer(s, start, end):
            text = m.group()
            if "$" in text or '"' in text or "'" in text:
                word = self.known_word(m.start(), m.end())
                if word is None:
                    self.i = start
                    return None
            else:
                word = plain_word(text)
            words.append(word)
        self.i = start
        return words

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
