"""The tokens of pf.conf(5) (yylex and what it reads from, sbin/pfctl/parse.y)."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.fcntl import S_IFDIR, S_IFMT
from vshell.abi.pf import PF_OP_IRG, PF_OP_XRG
from vshell.commands.pfctl.words import KEYWORDS
from vshell.userland.slurp import slurp

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context

EOF = ""
STRING, NUMBER, ERROR = "STRING", "NUMBER", "ERROR"
PORTBINARY, ARROW, NE, LE, GE = "PORTBINARY", "->", "!=", "<=", ">="
BUFSIZE = 8096
START_EXPAND, DONE_EXPAND = "\x01", "\x02"
ALNUM = frozenset(string.ascii_letters + string.digits)
DIGITS = frozenset(string.digits)
ENDS_NUMBER = frozenset(" \t\n\v\f\r),/}=")
IN_STRING = (ALNUM | frozenset(string.punctuation)) - frozenset("(){}<>!=/#,")
LLONG_MAX = (1 << 63) - 1


class Source:
    """struct file: one of the files that include one another."""

    def __init__(self, name: str, text: str, lineno: int) -> None:
        self.name = name
        self.text = text
        self.pos = 0
        self.unget: list[str] = []
        self.eof_reached = False
        self.lineno = lineno
        self.errors = 0


class Lexer:
    """Characters and tokens; `value` belongs to the last token, `lineno` is its line."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.files: list[Source] = []
        self.value: str | int = ""
        self.lineno = 0
        self.errors = 0
        self.expanding = False

    @property
    def file(self) -> Source:
        """The file that is being read."""
        return self.files[-1]

    def yyerror(self, text: str) -> None:
        """Tell an error with the file and the line of the last token."""
        self.file.errors += 1
        self.ctx.note(f"{self.file.name}:{self.lineno}: {text}\n")

    def pushfile(self, name: str) -> bool:
        """pushfile; False if it cannot be opened, which was told."""
        p = self.ctx.p
        if not self.files and name == "-":
            data = self.ctx.stdin or b""
            self.ctx.stdin = b""
            self.files.append(Source("stdin", data.decode("latin-1"), 1))
            return True
        try:
            data = b"" if p.sys.stat(name).st_mode & S_IFMT == S_IFDIR else slurp(p, name)
        except KError as e:
            p.warn(e, f"pushfile: {name}")
            return False
        self.files.append(Source(name, data.decode("latin-1"), 0 if self.files else 1))
        return True

    def popfile(self) -> bool:
        """popfile; False at the end of the outermost file."""
        gone = self.files.pop()
        if not self.files:
            return False
        self.files[-1].errors += gone.errors
        return True

    # characters ------------------------------------------------------------------------------------------------
    def _igetc(self) -> str:
        file = self.file
        while True:
            if file.unget:
                c = file.unget.pop()
            elif file.pos < len(file.text):
                c = file.text[file.pos]
                file.pos += 1
            else:
                return EOF
            if c == START_EXPAND:
                self.expanding = True
            elif c == DONE_EXPAND:
                self.expanding = False
            else:
                return c

    def getc(self, quote: str = "") -> str:
        """lgetc: lines that end in a backslash are joined; every file ends in a newline."""
        if quote:
            c = self._igetc()
            if c == EOF:
                self.yyerror("reached end of file while parsing quoted string")
                if len(self.files) == 1:
                    return EOF
                self.popfile()
                return quote
            return c
        while (c := self._igetc()) == "\\":
            following = self._igetc()
            if following != "\n":
                c = following
                break
            self.lineno = self.file.lineno
            self.file.lineno += 1
        if c != EOF:
            return c
        if not self.file.eof_reached:
            self.file.eof_reached = True
            return "\n"
        while c == EOF:
            if len(self.files) == 1:
                return EOF
            self.popfile()
            c = self._igetc()
        return c

    def ungetc(self, c: str) -> None:
        """lungetc."""
        if c != EOF:
            self.file.unget.append(c)

    def _findeol(self) -> str:
        while True:
            c = self.getc()
            if c == "\n":
                self.file.lineno += 1
                break
            if c == EOF:
                break
        return ERROR

    # tokens ----------------------------------------------------------------------------------------------------
    def token(self) -> str:
        """yylex: a keyword, a character, or one of the kinds above."""
        while True:
            while (c := self.getc()) in (" ", "\t", "\f") and c:
                pass
            self.lineno = self.file.lineno
            if c == "#":
                while (c := self.getc()) not in ("\n", EOF):
                    pass
            if c != "$" or self.expanding:
                break
            failed = self._expand()
            if failed is not None:
                return failed
        if c in ("'", '"') and c:
            return self._quoted(c)
        found = self._operator(c)
        if found is not None:
            return found
        return self._word(c)

    def _expand(self) -> str | None:
        """A macro: its value is read next."""
        name = ""
        while True:
            c = self.getc()
            if c == EOF:
                return EOF
            if len(name) + 1 >= BUFSIZE - 1:
                self.yyerror("string too long")
                return self._findeol()
            if c in ALNUM or c == "_":
                name += c
                continue
            self.ungetc(c)
            break
        value = self.ctx.symbols.get(name)
        if value is None:
            self.yyerror(f"macro '{name}' not defined")
            return self._findeol()
        self.ungetc(DONE_EXPAND)
        self.file.unget.extend(reversed(value))
        self.ungetc(START_EXPAND)
        return None

    def _quoted(self, quote: str) -> str:
        text: list[str] = []
        while True:
            c = self.getc(quote)
            if c == EOF:
                return EOF
            if c == "\n":
                self.file.lineno += 1
                continue
            if c == "\\":
                following = self.getc(quote)
                if following == EOF:
                    return EOF
                if following in (quote, " ", "\t"):
                    c = following
                elif following == "\n":
                    self.file.lineno += 1
                    continue
                else:
                    self.ungetc(following)
            elif c == quote:
                break
            elif c == "\0":
                self.yyerror("syntax error")
                return self._findeol()
            if len(text) + 1 >= BUFSIZE - 1:
                self.yyerror("string too long")
                return self._findeol()
            text.append(c)
        self.value = "".join(text)
        return STRING

    def _operator(self, c: str) -> str | None:
        pairs = {
            "!": {"=": NE}, "<": {">": PORTBINARY, "=": LE}, ">": {"<": PORTBINARY, "=": GE}, "-": {">": ARROW},
        }.get(c)  # fmt: skip
        if pairs is None:
            return None
        following = self.getc()
        kind = pairs.get(following) if following else None
        if kind is None:
            self.ungetc(following)
            return None
        if kind == PORTBINARY:
            self.value = PF_OP_XRG if c == "<" else PF_OP_IRG
        return kind

    def _word(self, c: str) -> str:
        """Numbers, strings and keywords, or a single character."""
        if c == "-" or c in DIGITS:
            text = ""
            while True:
                text += c
                if len(text) >= BUFSIZE:
                    self.yyerror("string too long")
                    return self._findeol()
                c = self.getc()
                if c == EOF or c not in DIGITS:
                    break
            self.ungetc(c)
            if text != "-" and (c == EOF or c in ENDS_NUMBER):
                return self._number(text)
            for back in reversed(text[1:]):
                self.ungetc(back)
            c = text[0]
            if c == "-":
                return c
        if c and (c in ALNUM or c in ":_"):
            text = ""
            while True:
                text += c
                if len(text) >= BUFSIZE:
                    self.yyerror("string too long")
                    return self._findeol()
                c = self.getc()
                if c == EOF or c not in IN_STRING:
                    break
            self.ungetc(c)
            if text in KEYWORDS:
                return text
            self.value = text
            return STRING
        if c == "\n":
            self.lineno = self.file.lineno
            self.file.lineno += 1
        return c

    def _number(self, text: str) -> str:
        digits = text.lstrip("-").lstrip("0")
        value = int(digits[:40] or "0")
        if text[0] == "-":
            value = -value
        if not -LLONG_MAX - 1 <= value <= LLONG_MAX:
            self.yyerror(f'"{text}" invalid number: {"too small" if value < 0 else "too large"}')
            return self._findeol()
        self.value = value
        return NUMBER
