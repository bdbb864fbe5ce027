"""Words of sh: characters, quoting, substitutions (readtoken1 of bin/sh/parser.c).

Input is a string that may still grow: when it is used up and more may come, NeedMore is raised and the caller parses the
command again from its start with a longer text.  Runs of ordinary characters are taken with one match of a regular
expression, so the state machine only sees the characters that mean something.
"""

from __future__ import annotations

import re

from vshell.userland.sh.nodes import (
    ESC,
    QUOTEEND,
    QUOTEMARK,
    VSASSIGN,
    VSERROR,
    VSLENGTH,
    VSMINUS,
    VSNORMAL,
    VSPLUS,
    VSQUESTION,
    VSTRIMLEFT,
    VSTRIMRIGHT,
    Arith,
    Backq,
    Lit,
    Node,
    Part,
    Redir,
    Var,
    Word,
)
from vshell.userland.sh.tokens import CHKALIAS, TEOF, TREDIR, TRP, TWORD

BASE, DQ, SQ, ARI = 0, 1, 2, 3
TOP, VAR_OLD, VAR_NEW, ARITH = 0, 1, 2, 3

_RUN = (
    re.compile(r"[^\n\\'\"`$}<>();&| \t]+"),
    re.compile(r"[^\n\\\"`$}]+"),
    re.compile(r"[^\n\\']+"),
    re.compile(r"[^\n\\`\"$}()]+"),
)
_SPECIAL = re.compile(r"[!*?\[\]=~:/\-^]")
_SIMPLE_ESC = {
    "\\": "\\",
    "'": "'",
    '"': '"',
    "a": "\a",
    "b": "\b",
    "e": "\033",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_HEX = "0123456789abcdefABCDEF"


def quote(text: str) -> str:
    """Raw text of quoted text: ESC before what could be special."""
    return _SPECIAL.sub(ESC + r"\g<0>", text) if _SPECIAL.search(text) else text


class NeedMore(Exception):
    """The text ends within a command and more may come."""


class SyntaxFailure(Exception):
    """A syntax error: its text and line, and `before`, errors to be reported first."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.text = text
        self.line = line
        self.before: SyntaxFailure | None = None


class _Level:
    """State of one nesting level in a word: quoting, what opened it, and the parts so far."""

    __slots__ = ("category", "lit", "parens", "parts", "raw", "syntax")

    def __init__(self, syntax: int, category: int) -> None:
        self.syntax = syntax
        self.category = category
        self.parens = 0
        self.parts: list[Part] = []
        self.raw: list[str] = []
        self.lit: list[str] = []

    def add(self, part: Part) -> None:
        if self.lit:
            self.flush()
        self.parts.append(part)

    def flush(self) -> None:
        if self.lit:
            self.parts.append(Lit("".join(self.raw), "".join(self.lit)))
            self.raw = []
            self.lit = []

    def put(self, text: str) -> None:
        self.raw.append(text)
        self.lit.append(text)

    def put_quoted(self, text: str) -> None:
        self.raw.append(quote(text))
        self.lit.append(text)


class HereDoc:
    """A here document that is announced but not yet read."""

    __slots__ = ("mark", "redir", "strip")

    def __init__(self, redir: Redir, strip: bool) -> None:
        self.redir = redir
        self.strip = strip
        self.mark = ""


class WordLexer:
    """Words of one text."""

    def __init__(self, text: str, pos: int = 0, line: int = 1, eof: bool = True) -> None:
        self.s = text
        self.n = len(text)
        self.i = pos
        self.eof = eof
        self.line = line
        self.aliases: dict[str, str] = {}
        self.inuse: list[tuple[str, str]] = []
        self.pushed: list[tuple[str, int, str]] = []
        self.startline = line
        self.funcline = 0
        self.lasttoken = TEOF
        self.pushback = False
        self.check = 0
        self.word: Word = _EMPTY
        self.quoteflag = False
        self.redir: Redir = Redir(0, "")
        self.newdoc: HereDoc | None = None
        self.docs: list[HereDoc] = []
        self.commands = 0
        self.newlines = 0
        """Newlines read so far within a command: where an interactive shell shows PS2."""

    # characters --------------------------------------------------------------------------------------------------
    def getc(self) -> str:
        """The next character, "" at the end."""
        i = self.i
        if i < self.n:
            self.i = i + 1
            return self.s[i]
        return self._refill()

    def ungetc(self) -> None:
        """Put back what getc gave last."""
        self.i -= 1

    def _refill(self) -> str:
        while self.pushed:
            self._pop()
            if self.i < self.n:
                self.i += 1
                return self.s[self.i - 1]
        if not self.eof:
            raise NeedMore
        self.i += 1
        return ""

    def _pop(self) -> None:
        value = self.s
        self.s, self.i, _ = self.pushed.pop()
        self.n = len(self.s)
        self.inuse.pop()
        # An alias that ends in a blank makes the next word subject to aliases too (the last blank is ours).
        if value[-2:-1] in (" ", "\t"):
            self.check |= CHKALIAS

    def _push_alias(self, name: str, value: str) -> None:
        self.pushed.append((self.s, self.i, name))
        self.inuse.append((name, value))
        self.s = value + " "
        self.n = len(self.s)
        self.i = 0

    def getc_cont(self) -> str:
        """The next character behind line continuations."""
        while True:
            c = self.getc()
            if c != "\\":
                return c
            if self.getc() != "\n":
                self.ungetc()
                return c
            self._newline()

    def _newline(self) -> None:
        self.line += 1
        self.newlines += 1

    # errors ------------------------------------------------------------------------------------------------------
    def fail(self, text: str) -> SyntaxFailure:
        """A syntax error at the token that was read last."""
        return SyntaxFailure(text, self.startline)

    # words -------------------------------------------------------------------------------------------------------
    def readword(self, c: str, syntax: int = BASE, mark: str | None = None, strip: bool = False) -> int:
        """Read a word, a redirection operator or (with `mark`) a here document, whose first character is `c`."""
        self.startline = self.line
        levels = [_Level(syntax, TOP)]
        state = _WordState(mark, syntax)
        if mark or (mark is not None and c == "\n"):
            c = self._checkend(c, mark, strip)
        while True:
            top = levels[-1]
            if c and c not in _STOP[top.syntax]:
                self._run(top, state)
            elif c == "\n":
                if top.syntax == BASE and len(levels) == 1:
                    break
                top.put(c)
                self._newline()
                c = self.getc()
                if mark is not None:
                    c = self._checkend(c, mark, strip)
                continue
            elif c == "" or not self._special(c, levels, state):
                break
            c = self.getc()
        return self._endword(c, levels, state)

    def _run(self, top: _Level, state: _WordState) -> None:
        m = _RUN[top.syntax].match(self.s, self.i - 1)
        assert m is not None
        self.i = m.end()
        text = m.group()
        if top.syntax == DQ or (top.syntax == SQ):
            top.put_quoted(text)
        else:
            top.put(text)

    def _special(self, c: str, levels: list[_Level], state: _WordState) -> bool:
        """A character that means something; False if it ends the word."""
        top = levels[-1]
        syntax = top.syntax
        if c == "\\":
            self._backslash(levels, state)
        elif c == "'" and syntax == BASE:
            top.add(QUOTEMARK)
            top.syntax = SQ
            state.cstyle = False
        elif (c == "'" and syntax == SQ) or (c == '"' and syntax == DQ):
            self._endquote(c, top, state)
        elif c == '"' and syntax == BASE:
            top.add(QUOTEMARK)
            top.syntax = DQ
        elif c == '"' and syntax == ARI:
            pass
        elif c == "$":
            self._dollar(levels, state)
        elif c == "}":
            self._endvar(levels, state)
        elif c == "`":
            self._backquote(levels, state)
        elif syntax == ARI:
            self._paren(c, levels)
        elif len(levels) == 1:
            return False
        else:
            top.put(c)
        return True

    def _backslash(self, levels: list[_Level], state: _WordState) -> None:
        top = levels[-1]
        if top.syntax == SQ:
            if state.cstyle:
                self._cstyle(top)
            else:
                top.put("\\")
            return
        c = self.getc()
        if c == "":
            top.put("\\")
            self.ungetc()
            return
        if c == "\n":
            self._newline()
            return
        doc = state.mark is not None
        if (
            top.syntax == DQ
            and c not in "\\`$"
            and (c != '"' or (doc and state.newvarnest == 0))
            and (c != "}" or top.category != VAR_OLD)
        ):
            top.put("\\")
        marked = (not doc or state.newvarnest > 0) and top.syntax == BASE
        if marked:
            top.add(QUOTEMARK)
        top.put_quoted(c)
        if marked and top.category == VAR_OLD:
            top.add(QUOTEEND)
        state.quoted = True

    def _endquote(self, c: str, top: _Level, state: _WordState) -> None:
        if state.mark is not None and state.newvarnest == 0:
            top.put(c)
            return
        if top.category == VAR_OLD:
            top.add(QUOTEEND)
        else:
            top.flush()
        top.syntax = BASE
        state.quoted = True

    def _endvar(self, levels: list[_Level], state: _WordState) -> None:
        top = levels[-1]
        if len(levels) > 1 and (
            (top.category == VAR_OLD and top.syntax == levels[-2].syntax) or (top.category == VAR_NEW and top.syntax == BASE)
        ):
            if top.category == VAR_NEW:
                state.newvarnest -= 1
            top.flush()
            levels.pop()
        else:
            top.put("}")

    def _paren(self, c: str, levels: list[_Level]) -> None:
        top = levels[-1]
        if c == "(":
            top.parens += 1
            top.put(c)
        elif top.parens > 0:
            top.parens -= 1
            top.put(c)
        elif self.getc_cont() == ")":
            if len(levels) > 1 and top.category == ARITH:
                top.flush()
                levels.pop()
            else:
                top.put(")")
        else:
            self.ungetc()
            top.put(")")

    def _endword(self, c: str, levels: list[_Level], state: _WordState) -> int:
        top = levels[-1]
        if top.syntax == ARI:
            raise self.fail("Missing '))'")
        if top.syntax != BASE and state.mark is None:
            raise self.fail("Unterminated quoted string")
        if top.category in (VAR_OLD, VAR_NEW):
            self.startline = self.line
            raise self.fail("Missing '}'")
        top.flush()
        parts = levels[0].parts
        if state.mark is None:
            if (c == ">" or c == "<") and not state.quoted and len(parts) <= 1:
                text = parts[0].plain if parts and isinstance(parts[0], Lit) else "" if not parts else "x"
                if not text or (len(text) == 1 and text in "0123456789"):
                    self._redirection(text, c)
                    self.lasttoken = TREDIR
                    return TREDIR
            self.ungetc()
        self.quoteflag = state.quoted
        self.word = Word(parts, state.quoted)
        self.lasttoken = TWORD
        return TWORD

    def _redirection(self, fd: str, c: str) -> None:
        if c == ">":
            c = self.getc_cont()
            redir = Redir(1, ">" + c if c and c in ">&|" else ">")
            if redir.op == ">":
                self.ungetc()
        else:
            c = self.getc_cont()
            redir = Redir(0, "<" + c if c and c in "<&>" else "<")
            if redir.op == "<":
                self.ungetc()
            elif redir.op == "<<":
                strip = self.getc_cont() == "-"
                if not strip:
                    self.ungetc()
                self.newdoc = HereDoc(redir, strip)
        if fd:
            redir.fd = int(fd)
        self.redir = redir

    def _checkend(self, c: str, mark: str, strip: bool) -> str:
        """At the start of a line of a here document: "" if it is the end mark."""
        if strip:
            while c == "\t":
                c = self.getc()
        if c == mark[:1] and c:
            end = self.i - 1 + len(mark)
            if self.s.startswith(mark, self.i - 1) or self.n < end:
                if end >= self.n and not self.eof and not self.pushed:
                    raise NeedMore
                if self.s.startswith(mark, self.i - 1) and (end >= self.n or self.s[end] == "\n"):
                    self.i = end + 1
                    if end < self.n:
                        self._newline()
                    return ""
        elif c == "\n" and not mark:
            self._newline()
            return ""
        return c

    # substitutions -----------------------------------------------------------------------------------------------
    def _dollar(self, levels: list[_Level], state: _WordState) -> None:
        top = levels[-1]
        c = self.getc_cont()
        if c == "(":
            if self.getc_cont() == "(":
                ari = Arith(top.syntax in (DQ, ARI))
                ari.quoted = top.syntax == DQ
                top.add(ari)
                level = _Level(ARI, ARITH)
                level.parts = ari.word
                levels.append(level)
                return
            self.ungetc()
            top.add(Backq(self._command(), top.syntax in (DQ, ARI)))
        elif c == "{" or (c and (c in "#?$!-*@" or (c.isascii() and (c.isalnum() or c == "_")))):
            self._parameter(c, levels, state)
        elif c == "'" and top.syntax == BASE:
            top.add(QUOTEMARK)
            top.syntax = SQ
            state.cstyle = True
        else:
            top.put("$")
            self.ungetc()

    def _parameter(self, c: str, levels: list[_Level], state: _WordState) -> None:
        top = levels[-1]
        braces = c == "{"
        quoted = top.syntax in (DQ, ARI)
        if not braces:
            name, lineno = self._plain_name(c)
            top.add(Var(name, VSNORMAL, False, quoted, lineno))
            return
        name, subtype, nul, lineno = self._braced(self.getc_cont())
        var = Var(name, subtype, nul, quoted, lineno)
        top.add(var)
        if subtype == VSNORMAL:
            return
        if subtype in (VSMINUS, VSPLUS, VSQUESTION, VSASSIGN):
            # Operators of the Bourne shell inherit the double quotes.
            level = _Level(top.syntax, VAR_OLD)
        else:
            level = _Level(BASE, VAR_NEW)
            state.newvarnest += 1
        level.parts = var.word
        if self._spilt:
            level.put(self._spilt)
            self._spilt = ""
        levels.append(level)

    def _plain_name(self, c: str) -> tuple[str, bool]:
        if c.isdecimal() or not (c.isalpha() or c == "_"):
            return c, False
        name = self._name(c)
        self.ungetc()
        return self._lineno(name)

    def _name(self, c: str) -> str:
        """A name that starts with `c`; the character behind it is read too."""
        out = [c]
        while True:
            m = _NAMERUN.match(self.s, self.i) if self.i < self.n else None
            if m is not None:
                out.append(m.group())
                self.i = m.end()
            c = self.getc_cont()
            if not c or not (c.isascii() and (c.isalnum() or c == "_")):
                self._last = c
                return "".join(out)
            out.append(c)

    _last = ""

    def _lineno(self, name: str) -> tuple[str, bool]:
        if name != "LINENO":
            return name, False
        line = self.line
        if self.funcline:
            line -= self.funcline - 1
        return str(line), True

    def _braced(self, c: str) -> tuple[str, int, bool, bool]:
        """What is between "${" and the word: name, operator, colon, is it LINENO."""
        subtype = 0
        lineno = False
        name = ""
        while True:
            if c and c.isascii() and (c.isalpha() or c == "_"):
                name, lineno = self._lineno(self._name(c))
                c = self._last
            elif c and c in "0123456789":
                while c and c in "0123456789":
                    name += c
                    c = self.getc_cont()
            elif c and c in "#?$!-*@":
                c1 = c
                c = self.getc_cont()
                if subtype == 0 and c1 == "#":
                    subtype = VSLENGTH
                    if not c or c not in "}-+?=:#%":
                        continue
                    c1 = c
                    c = self.getc_cont()
                    if c1 != "}" and c == "}":
                        self.ungetc()
                        c = c1
                        continue
                    self.ungetc()
                    c = c1
                    c1 = "#"
                    subtype = 0
                name = c1
            else:
                subtype = VSERROR
                if c == "}":
                    self.ungetc()
                elif c == "\n" or c == "":
                    raise self.fail("Unexpected end of line in substitution")
                else:
                    name += self._first_byte(c)
            break
        return self._suboperator(c, name, subtype, lineno)

    def _first_byte(self, c: str) -> str:
        """What names a bad substitution is a byte; the rest of its character stays in the word."""
        if c.isascii():
            return c
        data = c.encode("utf-8", "surrogateescape")
        self._spilt = data[1:].decode("utf-8", "surrogateescape")
        return chr(0xDC00 + data[0])

    _spilt = ""

    def _suboperator(self, c: str, name: str, subtype: int, lineno: bool) -> tuple[str, int, bool, bool]:
        nul = False
        if subtype == 0:
            if c in ("%", "#"):
                subtype = VSTRIMLEFT if c == "#" else VSTRIMRIGHT
                if self.getc_cont() == c:
                    subtype += 1
                else:
                    self.ungetc()
                return name, subtype, False, lineno
            if c == ":":
                nul = True
                c = self.getc_cont()
            at = "}-+?=".find(c) if c else -1
            if at < 0:
                if c == "\n" or c == "":
                    raise self.fail("Unexpected end of line in substitution")
                name += (":" if nul else "") + self._first_byte(c)
                subtype = VSERROR
            else:
                subtype = VSNORMAL + at
        elif subtype != VSERROR:
            if c != "}":
                subtype = VSERROR
            self.ungetc()
        return name, subtype, nul, lineno

    def _backquote(self, levels: list[_Level], state: _WordState) -> None:
        top = levels[-1]
        dq = top.syntax == DQ and (state.mark is None or state.newvarnest > 0)
        top.add(Backq(self._oldstyle(dq), top.syntax in (DQ, ARI)))

    def _command(self) -> Node | None:
        """The command of $(...)."""
        start = self.line
        docs, self.docs = self.docs, []
        try:
            node = self.commands_until(TRP)
        except SyntaxFailure as e:
            raise self._in_substitution(e, start) from None
        self.docs = docs + self.docs
        return node

    def _in_substitution(self, e: SyntaxFailure, line: int) -> SyntaxFailure:
        outer = SyntaxFailure("Error in command substitution", line)
        outer.before = e
        return outer

    def _oldstyle(self, dq: bool) -> Node | None:
        start = self.line
        docs, self.docs = self.docs, []
        saved = None
        try:
            text = self._backquoted(dq)
            saved = self.s, self.n, self.i, self.eof, self.line, self.pushed
            self.s, self.n, self.i, self.eof, self.line, self.pushed = text, len(text), 0, True, 1, []
            node = self.commands_until(TEOF)
        except SyntaxFailure as e:
            if saved:
                self.s, self.n, self.i, self.eof, self.line, self.pushed = saved
            raise self._in_substitution(e, start) from None
        self.s, self.n, self.i, self.eof, self.line, self.pushed = saved
        self.pushback = False
        self.docs = docs + self.docs
        return node

    def _backquoted(self, dq: bool) -> str:
        """The text up to the closing backquote."""
        out: list[str] = []
        while True:
            c = self.getc_cont()
            if c == "`":
                return "".join(out)
            if c == "\\":
                c = self.getc()
                if c not in ("\\", "`", "$") and (not dq or c != '"'):
                    out.append("\\")
                if c == "\n":
                    self._newline()
            elif c == "\n":
                self._newline()
            elif c == "":
                self.startline = self.line
                raise self.fail("EOF in backquote substitution")
            out.append(c)

    # $'...' ------------------------------------------------------------------------------------------------------
    def _cstyle(self, top: _Level) -> None:
        """A backslash sequence of $'...'; the backslash is read."""
        c = self.getc()
        if c == "":
            raise self.fail("Unterminated quoted string")
        if c == "\n":
            self._newline()
            return
        if c in _SIMPLE_ESC:
            top.put_quoted(_SIMPLE_ESC[c])
            return
        if c in "uU":
            top.put_quoted(self._unicode(8 if c == "U" else 4))
            return
        if c == "x":
            value = self._digits(_HEX, 16, 1 << 30, "")
        elif c in "01234567":
            value = self._digits("01234567", 8, 2, c)
        elif c == "c":
            value = self._control()
        else:
            raise self.fail("Bad escape sequence")
        value &= 0xFF
        if value == 0:
            self._skip_cstyle()
        elif value < 0x80:
            top.put_quoted(chr(value))
        else:
            self._put_byte(top, value)

    @staticmethod
    def _put_byte(top: _Level, value: int) -> None:
        """A byte above 127; bytes that make up a character are joined to it."""
        top.put(chr(0xDC00 + value))
        top.flush()
        last = top.parts[-1]
        assert isinstance(last, Lit)
        joined = last.plain.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
        if joined != last.plain:
            top.parts[-1] = Lit(quote(joined), joined)
        # Keep the literal open, so that the next byte meets this one.
        lit = top.parts.pop()
        assert isinstance(lit, Lit)
        top.raw.append(lit.raw)
        top.lit.append(lit.plain)

    def _digits(self, allowed: str, base: int, count: int, first: str) -> int:
        text = first
        while len(text) < count + len(first):
            c = self.getc()
            if not c or c not in allowed:
                self.ungetc()
                break
            text += c
        return int(text, base) if text else 0

    def _control(self) -> int:
        c = self.getc()
        if not c or not 0x3F <= ord(c) <= 0x7A or c == "`":
            raise self.fail("Bad escape sequence")
        if c == "\\" and self.getc() != "\\":
            raise self.fail("Bad escape sequence")
        return 127 if c == "?" else ord(c) & 0x1F

    def _unicode(self, count: int) -> str:
        text = ""
        for _ in range(count):
            c = self.getc()
            if not c or c not in _HEX:
                raise self.fail("Bad escape sequence")
            text += c
        value = int(text, 16)
        if value == 0 or 0xD800 <= value <= 0xDFFF:
            raise self.fail("Bad escape sequence")
        return chr(value) if value <= 0x10FFFF else "?"

    def _skip_cstyle(self) -> None:
        # A NUL cannot be kept: the rest up to the closing quote goes too.
        while (c := self.getc()) != "'":
            if c == "\\":
                c = self.getc()
            if c == "":
                raise self.fail("Unterminated quoted string")
            if c == "\n":
                self._newline()
        self.ungetc()

    # the grammar -------------------------------------------------------------------------------------------------
    def commands_until(self, token: int) -> Node | None:
        """Commands up to a token, which is read too (parser.py)."""
        raise NotImplementedError


class _WordState:
    """What concerns a whole word while it is read."""

    __slots__ = ("cstyle", "mark", "newvarnest", "quoted", "syntax")

    def __init__(self, mark: str | None, syntax: int) -> None:
        self.mark = mark
        self.syntax = syntax
        self.newvarnest = 0
        self.quoted = False
        self.cstyle = False


_STOP = (
    frozenset("\n\\'\"`$}<>();&| \t"),
    frozenset('\n\\"`$}'),
    frozenset("\n\\'"),
    frozenset('\n\\`"$}()'),
)
_NAMERUN = re.compile(r"[A-Za-z0-9_]+")
_EMPTY = Word([], False)
_WORDS: dict[str, Word] = {}


def plain_word(text: str) -> Word:
    """The word of a text without quotes or substitutions; common ones are shared."""
    word = _WORDS.get(text)
    if word is None:
        if len(_WORDS) >= 4096:
            _WORDS.clear()
        word = _WORDS[text] = Word([Lit(text, text)], False)
    return word
