"""Expansion of words: parameters, command substitution, arithmetic, field splitting, file names (bin/sh/expand.c).

`Dest` is the place where fields grow: the field so far, the finished fields, and what the field splitter must remember.
Words that the parser found simple do not come to the general walker (`argstr`).
"""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.userland.sh import pattern
from vshell.userland.sh.arith import ArithError, Arithmetic
from vshell.userland.sh.nodes import (
    ESC,
    VSASSIGN,
    VSERROR,
    VSLENGTH,
    VSMINUS,
    VSNORMAL,
    VSPLUS,
    VSQUESTION,
    VSTRIMLEFT,
    VSTRIMLEFTMAX,
    VSTRIMRIGHT,
    VSTRIMRIGHTMAX,
    Arith,
    Backq,
    Lit,
    Mark,
    Part,
    Var,
    Word,
    glob_active,
)
from vshell.userland.sh.state import OPTNAMES, Shell
from vshell.userland.sh.words import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls

SPLIT, GLOB, TILDE, VARTILDE, CASE, SPLIT_LIT, LIT_QUOTED = 1, 2, 4, 8, 16, 32, 64
FULL = SPLIT | GLOB

IDLE, WS_DELIMITED, QUOTED = 0, 1, 2

_TRIMS = (VSTRIMLEFT, VSTRIMLEFTMAX, VSTRIMRIGHT, VSTRIMRIGHTMAX)
_LETTERS = tuple(name[:-4] for name in OPTNAMES[:19])
_WS = " \t\n"
_CLEAN = re.compile(r"[^ \t\n*?\[]+")


class Dest:
    """Where an expansion goes."""

    __slots__ = ("buf", "fields", "state")

    def __init__(self, fields: list[str]) -> None:
        self.fields = fields
        self.buf: list[str] = []
        self.state = IDLE


# simple words --------------------------------------------------------------------------------------------------------


def special(sh: Shell, name: str) -> str | None:
    """The value of a special or positional parameter other than @ and *; None if it is not set."""
    if name.isdecimal():
        number = int(name)
        if number == 0:
            return sh.arg0
        args = sh.params.args
        return args[number - 1] if number <= len(args) else None
    if name == "?":
        return str(sh.oexitstatus)
    if name == "#":
        return str(len(sh.params.args))
    if name == "$":
        return str(sh.rootpid)
    if name == "!":
        if sh.bgpid == -1:
            return None
        if sh.bgjob is not None and not sh.forcelocal:
            sh.bgjob.remembered = True
        return str(sh.bgpid)
    if name == "-":
        return "".join(c for c, n in zip(_LETTERS, OPTNAMES, strict=False) if getattr(sh, n))
    return ""


def simple(sh: Shell, v: Var) -> str:
    """The value of a plain parameter."""
    if v.special:
        value = special(sh, v.name)
    elif sh.cmdenv is None:
        value = sh.values.get(v.name)
    else:
        value = sh.lookup(v.name)
    if value is None:
        if sh.uflag:
            sh.error(f"{v.name}: parameter not set")
        return ""
    return value


def joined(sh: Shell, pieces: list[str | Var]) -> str:
    """Literals and plain parameters as one text."""
    if len(pieces) == 1:
        p = pieces[0]
        return p if type(p) is str else simple(sh, p)  # type: ignore[arg-type]
    return "".join([p if type(p) is str else simple(sh, p) for p in pieces])  # type: ignore[arg-type]


async def expand_args(sh: Shell, words: list[Word], args: list[str]) -> None:
    """The arguments that words become."""
    for w in words:
        const = w.const
        if const is not None:
            args.append(const)
            continue
        pieces = w.pieces
        if pieces is not None:
            if w.field:
                args.append(joined(sh, pieces))
                continue
            if len(w.parts) == 1 and type(pieces[0]) is Var and not sh.fflag:
                value = simple(sh, pieces[0])
                if sh.values.get("IFS") == _WS:
                    if not value:
                        continue
                    if value.isalnum() or _CLEAN.fullmatch(value):
                        args.append(value)
                        continue
        elif w.arith is not None and sh.values.get("IFS") == _WS:
            args.append(str(arith(sh, w.arith)))
            continue
        await expand_word(sh, w, args, FULL | TILDE)


async def expand_value(sh: Shell, w: Word, flag: int = TILDE) -> str:
    """A word that is not split: an assignment, a file name, the subject of case."""
    if w.const is not None:
        return w.const
    if w.pieces is not None:
        return joined(sh, w.pieces)
    if w.arith is not None:
        return str(arith(sh, w.arith))
    return await string(sh, w.parts, flag)


async def expand_word(sh: Shell, w: Word, fields: list[str], flag: int) -> None:
    """Split and match a word."""
    if sh.fflag or not w.glob:
        flag &= ~GLOB
    dst = Dest(fields)
    await argstr(sh, w.parts, flag, dst)
    if dst.buf or dst.state == QUOTED:
        finish(sh, dst, flag)


async def string(sh: Shell, parts: list[Part], flag: int) -> str:
    """Parts as one text, raw if `flag` has CASE."""
    dst = Dest([])
    await argstr(sh, parts, flag, dst)
    return "".join(dst.buf)


async def pattern_of(sh: Shell, w: Word) -> str:
    """A word as a pattern."""
    if w.pattern is not None:
        return w.pattern
    return await string(sh, w.parts, TILDE | CASE)


# fields --------------------------------------------------------------------------------------------------------------


def finish(sh: Shell, dst: Dest, flag: int) -> None:
    """End the current field."""
    text = "".join(dst.buf)
    dst.buf.clear()
    if not flag & GLOB:
        dst.fields.append(text)
        return
    if "*" in text or "?" in text or "[" in text:
        found = pattern.glob(sh.sys, text, sh.collate)
        if found:
            dst.fields.extend(found)
            return
    dst.fields.append(text.replace(ESC, "") if ESC in text else text)


def nextword(sh: Shell, c: str, flag: int, dst: Dest) -> None:
    """A separator was met ("\\0": an unconditional one)."""
    blank = c in _WS
    if dst.buf or c == "\0" or (dst.state == QUOTED if blank else dst.state != WS_DELIMITED):
        finish(sh, dst, flag)
        dst.state = WS_DELIMITED if blank else IDLE
    elif not blank and dst.state == WS_DELIMITED:
        dst.state = IDLE


_splitters: dict[str, re.Pattern[str]] = {}


def split(sh: Shell, text: str, flag: int, dst: Dest) -> None:
    """Add text that is subject to field splitting."""
    ifs = sh.ifs()
    if not ifs:
        if text:
            dst.buf.append(text)
        return
    rx = _splitters.get(ifs)
    if rx is None:
        rx = _splitters[ifs] = re.compile(f"([{re.escape(ifs)}])")
    pieces = rx.split(text)
    if pieces[0]:
        dst.buf.append(pieces[0])
    for i in range(1, len(pieces), 2):
        nextword(sh, pieces[i], flag, dst)
        if pieces[i + 1]:
            dst.buf.append(pieces[i + 1])


def put(sh: Shell, text: str, flag: int, quoted: bool, dst: Dest) -> None:
    """Add the value of a parameter or a substitution (strtodest)."""
    if flag & SPLIT and not quoted:
        split(sh, text, flag, dst)
    elif text:
        dst.buf.append(quote(text) if quoted and flag & (GLOB | CASE) else text)


# the general walker --------------------------------------------------------------------------------------------------


async def argstr(sh: Shell, parts: list[Part], flag: int, dst: Dest) -> None:
    """Expand parts into `dst`."""
    split_lit = flag & SPLIT_LIT
    lit_quoted = bool(flag & LIT_QUOTED)
    flag &= ~(SPLIT_LIT | LIT_QUOTED)
    raw = flag & (GLOB | CASE)
    last = len(parts) - 1
    for at, p in enumerate(parts):
        if type(p) is Lit:
            text = p.raw
            if flag & (TILDE | VARTILDE) and "~" in text:
                text = await _tildes(sh, text, at == 0, at == last, flag, dst if split_lit else None)
            if split_lit and not lit_quoted:
                _split_literal(sh, text, flag, dst)
            elif text:
                dst.buf.append(text if raw else text.replace(ESC, ""))
        elif type(p) is Mark:
            lit_quoted = not p.end
            if p.end or not flag & SPLIT or dst.buf:
                continue
            nxt = parts[at + 1] if at < last else None
            if not (type(nxt) is Var and nxt.quoted and nxt.name == "@"):
                dst.state = QUOTED
        elif type(p) is Var:
            await evalvar(sh, p, flag, dst)
        elif type(p) is Backq:
            text = await sh.evalbackcmd(p.node)
            put(sh, text, flag, p.quoted, dst)
        else:
            assert isinstance(p, Arith)
            await _arith(sh, p, flag, dst)


def _split_literal(sh: Shell, text: str, flag: int, dst: Dest) -> None:
    """Literal text in ${x+text}: split, but what ESC protects stays protected in patterns."""
    ifs = sh.ifs()
    escaped = False
    for c in text:
        if c == ESC:
            escaped = True
            continue
        if c in ifs:
            nextword(sh, c, flag, dst)
        else:
            if escaped and flag & (GLOB | CASE):
                dst.buf.append(ESC)
            dst.buf.append(c)
        escaped = False


async def _tildes(sh: Shell, text: str, first: bool, last: bool, flag: int, dst: Dest | None) -> str:
    """Expand the tilde prefixes of a literal: at the start of the word, in an assignment behind = and : too.

    Where literals are split, `dst` is given: a home directory is not subject to it.
    """
    out = ""
    firsteq = True
    if first and text.startswith("~"):
        firsteq = False
        out, text = await _tilde(sh, text, last, flag)
        if dst is not None and out:
            dst.buf.append(out if flag & (GLOB | CASE) else out.replace(ESC, ""))
            out = ""
    if not flag & VARTILDE:
        return out + text
    i = 0
    while i < len(text):
        c = text[i]
        i += 1
        out += c
        if c == ESC and i < len(text):
            out += text[i]
            i += 1
        elif c in ":=" and text[i : i + 1] == "~" and (c == ":" or firsteq):
            if c == "=":
                firsteq = False
            home, text = await _tilde(sh, text[i:], last, flag)
            out += home
            i = 0
            if not home:
                out += "~"
                i = 1
    return out


async def _tilde(sh: Shell, text: str, last: bool, flag: int) -> tuple[str, str]:
    """(home directory, the rest) for text that starts with ~; ("", text) if it is not a tilde prefix."""
    end = 1
    while end < len(text):
        c = text[end]
        if c == ESC:
            return "", text
        if c == "/" or (c == ":" and flag & VARTILDE):
            break
        end += 1
    else:
        if not last:
            return "", text
    user = text[1:end]
    home = await _home(sh.sys, user) if user else sh.values.get("HOME")
    if not home:
        return "", text
    return quote(home), text[end:]


async def _home(sys: Syscalls, user: str) -> str | None:
    try:
        fd = sys.open("/etc/passwd")
    except KError:
        return None
    data = b""
    while chunk := await sys.read(fd, 65536):
        data += chunk
    sys.close(fd)
    for line in data.decode("utf-8", "surrogateescape").splitlines():
        row = line.split(":")
        if row[0] == user and len(row) > 5:
            return row[5]
    return None


def arith(sh: Shell, text: str) -> int:
    """The value of an arithmetic expression."""
    try:
        return Arithmetic(text, sh.values.get, sh.assign, sh.uflag).evaluate()
    except ArithError as e:
        sh.error(f'arithmetic expression: {e}: "{text}"')


async def _arith(sh: Shell, p: Arith, flag: int, dst: Dest) -> None:
    text = await string(sh, p.word, 0)
    result = str(arith(sh, text))
    if p.quoted:
        # A "-" must not make a range in a bracket expression.
        quoted = result[0] == "-" and bool(dst.buf)
        dst.buf.append(quote(result) if quoted and flag & (GLOB | CASE) else result)
    elif flag & SPLIT:
        put(sh, result, flag, False, dst)
    else:
        dst.buf.append(result)


# parameters ----------------------------------------------------------------------------------------------------------


def _isset(sh: Shell, v: Var) -> bool:
    """True if a special parameter is set (and not empty, if the operator asks)."""
    name = v.name
    if name == "!":
        return sh.bgpid != -1
    if name in ("@", "*"):
        args = sh.params.args
        return any(args) if v.nul else bool(args)
    if name[:1].isdecimal():
        value = special(sh, name)
        return value is not None and not (v.nul and not value)
    return True


async def evalvar(sh: Shell, v: Var, flag: int, dst: Dest) -> None:
    """Expand a parameter with its operator."""
    subtype = v.subtype
    name = v.name
    value: str | None = None
    if v.lineno:
        isset = True
        value = name
    elif v.special:
        isset = _isset(sh, v)
    else:
        value = sh.lookup(name)
        isset = not (value is None or (v.nul and not value))
    if not isset and sh.uflag and name not in ("@", "*") and subtype in _UNSET_IS_ERROR:
        sh.error(f"{name}: parameter not set")
    if subtype == VSERROR:
        shown = name.partition("=")[0]
        dots = "..." if shown and (v.word or shown != name) else ""
        sh.error(f"${{{shown}{dots}}}: Bad substitution")
    if subtype == VSLENGTH:
        put(sh, str(_length(sh, _whole(sh, v, value, False)) if isset else 0), flag, v.quoted, dst)
    elif subtype in _TRIMS:
        if isset:
            await _trim(sh, v, value, flag, dst)
    elif subtype == VSPLUS:
        if isset:
            await _alternative(sh, v, flag, dst)
    elif isset:
        _insert(sh, v, value, flag, dst)
    elif subtype == VSMINUS:
        await _alternative(sh, v, flag, dst)
    elif subtype in (VSASSIGN, VSQUESTION):
        await _assign_or_fail(sh, v, flag, dst)


_UNSET_IS_ERROR = (VSNORMAL, VSLENGTH, *_TRIMS)


def _length(sh: Shell, text: str) -> int:
    """The number of characters; continuation bytes of broken UTF-8 do not count."""
    if text.isascii():
        return len(text)
    if not sh.utf8:
        return len(text.encode("utf-8", "surrogateescape"))
    return len(text) - sum("\udc80" <= c <= "\udcbf" for c in text)


def matches(sh: Shell, raw: str, text: str) -> bool:
    """True if a pattern matches, in the locale of the shell."""
    if not sh.utf8 and not text.isascii():
        return pattern.match(pattern.as_bytes(raw), pattern.as_bytes(text))
    return pattern.match(raw, text)


async def _alternative(sh: Shell, v: Var, flag: int, dst: Dest) -> None:
    flag |= (SPLIT_LIT if flag & SPLIT else 0) | (LIT_QUOTED if v.quoted else 0)
    await argstr(sh, v.word, flag, dst)


async def _assign_or_fail(sh: Shell, v: Var, flag: int, dst: Dest) -> None:
    text = await string(sh, v.word, TILDE)
    if v.subtype == VSASSIGN:
        sh.setvar(v.name, text)
        put(sh, sh.values.get(v.name) or "", flag, v.quoted, dst)
        return
    if v.word:
        sh.out2(text + "\n")
        sh.error(None)
    sh.error(f"{v.name}: parameter {'null or ' if v.nul else ''}not set")


def _insert(sh: Shell, v: Var, value: str | None, flag: int, dst: Dest) -> None:
    """The value itself."""
    if v.special and not v.lineno:
        if v.name in ("@", "*"):
            _params(sh, v, flag, dst)
            return
        value = special(sh, v.name)
    put(sh, value or "", flag, v.quoted, dst)


def _params(sh: Shell, v: Var, flag: int, dst: Dest) -> None:
    args = sh.params.args
    if v.name == "@" and flag & SPLIT and v.quoted:
        for i, arg in enumerate(args):
            put(sh, arg, flag, True, dst)
            if i < len(args) - 1:
                nextword(sh, "\0", flag, dst)
        if args:
            dst.state = QUOTED
        return
    sep = sh.ifs()[:1]
    for i, arg in enumerate(args):
        put(sh, arg, flag, v.quoted, dst)
        if i == len(args) - 1:
            break
        if sep:
            put(sh, sep, flag, v.quoted, dst)
        elif flag & SPLIT and not v.quoted and args[i + 1]:
            nextword(sh, "\0", flag, dst)


def _whole(sh: Shell, v: Var, value: str | None, split_later: bool, flag: int = 0) -> str:
    """The value as one text, for operators that work on it; NUL stands between fields to be."""
    if not v.special or v.lineno:
        return value or ""
    if v.name not in ("@", "*"):
        return special(sh, v.name) or ""
    args = sh.params.args
    if split_later and v.name == "@" and flag & SPLIT and v.quoted:
        return "\0".join(args)
    sep = sh.ifs()[:1]
    if sep or not (split_later and flag & SPLIT and not v.quoted):
        return sep.join(args)
    out = ""
    for i, arg in enumerate(args):
        out += arg
        if i < len(args) - 1 and args[i + 1]:
            out += "\0"
    return out


async def _trim(sh: Shell, v: Var, value: str | None, flag: int, dst: Dest) -> None:
    text = _whole(sh, v, value, True, flag)
    raw = await string(sh, v.word, CASE | TILDE)
    if sh.utf8 or text.isascii():
        text = trim(v.subtype, text, raw)
    else:
        text = pattern.as_text(trim(v.subtype, pattern.as_bytes(text), pattern.as_bytes(raw)))
    pieces = text.split("\0")
    for i, piece in enumerate(pieces):
        put(sh, piece, flag, v.quoted, dst)
        if i < len(pieces) - 1 and flag & SPLIT and (v.quoted or piece):
            nextword(sh, "\0", flag, dst)
    if flag & SPLIT and v.name == "@" and v.quoted:
        dst.state = QUOTED


def trim(subtype: int, text: str, raw: str) -> str:
    """Remove the smallest or largest part at the start or end that matches."""
    if "\0" not in text and not glob_active(raw):
        plain = pattern.unescape(raw)
        if subtype in (VSTRIMLEFT, VSTRIMLEFTMAX):
            return text[len(plain) :] if text.startswith(plain) else text
        return text[: len(text) - len(plain)] if text.endswith(plain) else text
    match = pattern.compiled(raw).fullmatch
    n = len(text)
    if subtype in (VSTRIMLEFT, VSTRIMLEFTMAX):
        stop = text.find("\0")
        stop = n if stop < 0 else stop
        ends = range(n + 1) if subtype == VSTRIMLEFT else range(n, -1, -1)
        for end in ends:
            if match(text, 0, min(end, stop)):
                return text[end:]
        return text
    starts = range(n, -1, -1) if subtype == VSTRIMRIGHT else range(n)
    for start in starts:
        stop = text.find("\0", start)
        if match(text, start, n if stop < 0 else stop):
            return text[:start]
    return text
