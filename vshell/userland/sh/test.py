"""test(1) and [, shared by the builtin and the program (bin/test/test.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import (
    F_OK,
    R_OK,
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    S_ISGID,
    S_ISTXT,
    S_ISUID,
    W_OK,
    X_OK,
    Stat,
)
from vshell.userland.sh import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls

_UNARY = {f"-{c}" for c in "rwxefdcbpugkstznhOGLS"}
_BINARY = {"=", "==", "!=", "<", ">", "-eq", "-ne", "-ge", "-gt", "-le", "-lt", "-nt", "-ot", "-ef"}
_TYPES = {"-f": S_IFREG, "-d": S_IFDIR, "-c": S_IFCHR, "-b": S_IFBLK, "-p": S_IFIFO, "-S": S_IFSOCK, "-h": S_IFLNK, "-L": S_IFLNK}
_BITS = {"-u": S_ISUID, "-g": S_ISGID, "-k": S_ISTXT}
_ACCESS = {"-r": R_OK, "-w": W_OK, "-e": F_OK}


class TestError(Exception):
    """The expression is wrong; ends with status 2."""


class Test:
    """One evaluation over the words of an expression."""

    def __init__(self, sys: Syscalls, words: list[str]) -> None:
        self.sys = sys
        self.words: list[str | None] = [*words, None]
        self.left = len(words)
        self.at = 0
        self.parens = 0

    # words -------------------------------------------------------------------------------------------------------
    def _word(self) -> str | None:
        return self.words[self.at] if self.at < len(self.words) else None

    def _advance(self) -> str:
        """Go to the next word and say what it is."""
        if self.left <= 0:
            return self._lex(None)
        self.left -= 1
        self.at += 1
        return self._lex(self._word())

    def _back(self) -> None:
        self.at -= 1
        self.left += 1

    def _peek(self, n: int) -> str:
        at = self.at + n
        return (self.words[at] if at < len(self.words) else None) or ""

    def _lex(self, word: str | None) -> str:
        """The class of a word: "" at the end, "operand", or the operator itself."""
        if word is None:
            return ""
        if word == "-a" or word == "-o" or word in _BINARY:
            return word
        if word in _UNARY or word == "!":
            return "operand" if self._unary_is_operand() else word
        if word == "(":
            return "operand" if self._lparen_is_operand() else word
        if word == ")":
            return "operand" if self._rparen_is_operand() else word
        return "operand"

    def _closes(self) -> bool:
        return self.parens == 1 and self._peek(1) == ")"

    def _unary_is_operand(self) -> bool:
        if self.left == 1:
            return True
        if self.left == 2:
            return self._closes()
        return self._peek(1) in _BINARY and (self.parens == 0 or self._peek(2) != ")")

    def _lparen_is_operand(self) -> bool:
        if self.left == 1:
            return True
        if self.left == 2:
            return self._closes()
        return self.left == 3 and self._peek(1) in _BINARY

    def _rparen_is_operand(self) -> bool:
        return self.left == 2 and self._closes()

    # grammar -----------------------------------------------------------------------------------------------------
    def evaluate(self) -> int:
        """The exit status: 0 for true, 1 for false."""
        if self.left == 4 and self.words[0] == "!":
            self.left -= 1
            self.at += 1
            status = int(self._oexpr(self._lex(self._word())))
        else:
            status = int(not self._oexpr(self._lex(self._word())))
        self.left -= 1
        if self.left > 0:
            self._syntax(self._word(), "unexpected operator")
        return status

    @staticmethod
    def _syntax(op: str | None, text: str) -> None:
        raise TestError(f"{op}: {text}" if op else text)

    def _oexpr(self, token: str) -> bool:
        value = self._aexpr(token)
        if self._advance() == "-o":
            right = self._oexpr(self._advance())
            return right or value
        self._back()
        return value

    def _aexpr(self, token: str) -> bool:
        value = self._nexpr(token)
        if self._advance() == "-a":
            right = self._aexpr(self._advance())
            return right and value
        self._back()
        return value

    def _nexpr(self, token: str) -> bool:
        negate = False
        while token == "!":
            token = self._advance()
            negate = not negate
        return self._primary(token) != negate

    def _primary(self, token: str) -> bool:
        if token == "":
            return False
        if token == "(":
            return self._parenthesised()
        if token in _UNARY:
            self.left -= 1
            if self.left == 0:
                self._syntax(None, "argument expected")
            self.at += 1
            return self.unary(token, self._word() or "")
        op = self._lex_next()
        if op in _BINARY:
            return self._binary(op)
        return bool(self._word())

    def _lex_next(self) -> str:
        """The class of the next word, without going there."""
        return self._lex(self.words[self.at + 1] if self.left > 0 and self.at + 1 < len(self.words) else None)

    def _parenthesised(self) -> bool:
        self.parens += 1
        token = self._advance()
        if token == ")":
            self.parens -= 1
            return False
        value = self._oexpr(token)
        if self._advance() != ")":
            self._syntax(None, "closing paren expected")
        self.parens -= 1
        return value

    def _binary(self, op: str) -> bool:
        first = self._word() or ""
        self.left -= 1
        self.at += 1
        if self.left > 0:
            self.left -= 1
            self.at += 1
        else:
            self.at += 1
        second = self._word()
        if second is None:
            self._syntax(op, "argument expected")
        return self.compare(op, first, second or "")

    def compare(self, op: str, a: str, b: str) -> bool:
        """A binary operator."""
        if op in ("=", "=="):
            return a == b
        if op == "!=":
            return a != b
        if op in ("<", ">"):
            x, y = a.encode("utf-8", "surrogateescape"), b.encode("utf-8", "surrogateescape")
            return x < y if op == "<" else x > y
        if op in ("-nt", "-ot", "-ef"):
            return self._files(op, a, b)
        m, n = integer(a), integer(b)
        return {"-eq": m == n, "-ne": m != n, "-ge": m >= n, "-gt": m > n, "-le": m <= n, "-lt": m < n}[op]

    # files -------------------------------------------------------------------------------------------------------
    def _stat(self, name: str, follow: bool = True) -> Stat | None:
        try:
            return self.sys.stat(name) if follow else self.sys.lstat(name)
        except KError:
            return None

    def _files(self, op: str, a: str, b: str) -> bool:
        s, t = self._stat(a), self._stat(b)
        if s is None or t is None:
            return False
        if op == "-ef":
            return (s.st_dev, s.st_ino) == (t.st_dev, t.st_ino)
        return s.st_mtime > t.st_mtime if op == "-nt" else s.st_mtime < t.st_mtime

    def unary(self, op: str, word: str) -> bool:
        """A unary operator."""
        if op == "-z":
            return not word
        if op == "-n":
            return bool(word)
        if op == "-t":
            return self._isatty(integer(word))
        st = self._stat(word, op not in ("-h", "-L"))
        if st is None:
            return False
        if op in _TYPES:
            return st.st_mode & S_IFMT == _TYPES[op]
        if op in _BITS:
            return bool(st.st_mode & _BITS[op])
        if op == "-s":
            return st.st_size > 0
        if op == "-O":
            return st.st_uid == self.sys.geteuid()
        if op == "-G":
            return st.st_gid == self.sys.getegid()
        return self._access(op, word, st)

    def _isatty(self, fd: int) -> bool:
        try:
            return self.sys.isatty(fd)
        except KError:
            return False

    def _access(self, op: str, word: str, st: Stat) -> bool:
        try:
            self.sys.access(word, X_OK if op == "-x" else _ACCESS[op])
        except KError:
            return False
        if op != "-x" or st.st_mode & S_IFMT == S_IFDIR or self.sys.geteuid() != 0:
            return True
        return bool(st.st_mode & 0o111)


def integer(text: str) -> int:
    """A decimal number with blanks around it."""
    value, used = number.parse(text, base10=True)
    if not used:
        raise TestError(f"{text}: bad number")
    if not number.IMIN <= value <= number.IMAX:
        raise TestError(f"{text}: out of range")
    if text[used:].strip(" \t\n\v\f\r"):
        raise TestError(f"{text}: bad number")
    return value


def test(sys: Syscalls, argv: list[str]) -> int:
    """Run test with its argument vector; TestError for a wrong expression."""
    words = argv[1:]
    if argv[0].rpartition("/")[2] == "[":
        if not words or words[-1] != "]":
            raise TestError("missing ']'")
        words = words[:-1]
    if not words:
        return 1
    # The most common forms; the grammar would give the same.
    count = len(words)
    if count == 3 and words[1] in _BINARY:
        return int(not Test(sys, []).compare(words[1], words[0], words[2]))
    if count == 2 and words[0] in _UNARY:
        return int(not Test(sys, []).unary(words[0], words[1]))
    if count == 1:
        return int(not words[0])
    return Test(sys, words).evaluate()
