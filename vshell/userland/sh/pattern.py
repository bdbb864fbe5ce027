"""Shell patterns: matching with * ? [...] and file name generation (the lower half of bin/sh/expand.c).

Patterns are raw text: ESC before a character makes it literal.  A pattern is translated to a regular expression once.
"""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.abi.fcntl import S_IFDIR, S_IFMT
from vshell.userland.sh.nodes import ESC, glob_active

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.abi.syscalls import Syscalls

_CLASSES: dict[str, Callable[[str], bool]] = {
    "alpha": str.isalpha,
    "digit": lambda c: c in "0123456789",
    "alnum": lambda c: c.isalnum(),
    "upper": str.isupper,
    "lower": str.islower,
    "space": lambda c: c in " \t\n\v\f\r",
    "blank": lambda c: c in " \t",
    "punct": lambda c: c.isprintable() and not c.isalnum() and c != " ",
    "print": str.isprintable,
    "graph": lambda c: c.isprintable() and c != " ",
    "cntrl": lambda c: ord(c) < 32 or ord(c) == 127,
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}

_compiled: dict[str, re.Pattern[str]] = {}


def unescape(raw: str) -> str:
    """Raw text as it stands for itself."""
    return raw.replace(ESC, "")


def _class_regex(name: str) -> str:
    test = _CLASSES.get(name)
    if test is None:
        return ""
    if name == "alpha":
        return r"^\W\d_"
    return "".join(re.escape(chr(i)) for i in range(1, 256) if test(chr(i)))


def _bracket(raw: str, at: int) -> tuple[str, int] | None:
    """The regular expression of a bracket expression that starts behind `at`, and where it ends; None if it is not one."""
    i = at
    negate = raw[i : i + 1] in ("!", "^")
    if negate:
        i += 1
    alternatives: list[str] = []
    chars: list[str] = []
    first = True
    while True:
        if i >= len(raw):
            return None
        c = raw[i]
        if c == "]" and not first:
            break
        first = False
        i += 1
        if c == "[" and raw[i : i + 1] == ":":
            end = raw.find(":]", i + 1)
            name = raw[i + 1 : end] if end > 0 else ""
            if 0 < len(name) < 20 and ESC not in name:
                cls = _class_regex(name)
                if cls.startswith("^"):
                    alternatives.append(f"[{cls}]")
                else:
                    chars.append(cls)
                i = end + 2
                continue
        if c == ESC:
            if i >= len(raw):
                return None
            c = raw[i]
            i += 1
        if raw[i : i + 1] == "-" and raw[i + 1 : i + 2] not in ("]", ""):
            i += 1
            if raw[i] == ESC:
                i += 1
            if i >= len(raw):
                return None
            last = raw[i]
            i += 1
            if c <= last:
                chars.append(f"{re.escape(c)}-{re.escape(last)}")
        else:
            chars.append(re.escape(c))
    body = "".join(chars)
    if body:
        alternatives.append(f"[{body}]")
    union = "|".join(alternatives) or "(?!)"
    if negate:
        return f"(?:(?!{union})[^\udc80-\udcff])", i + 1
    return f"(?:{union})", i + 1


def translate(raw: str) -> str:
    """The regular expression of a pattern.

    All between two stars has a fixed length, so where it first occurs is as good as any later place: each star but the
    last is atomic together with what follows it, and a match never goes back to an earlier star.
    """
    pieces = _pieces(raw)
    if len(pieces) < 3:
        return ".*".join(pieces)
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1])
    return f"{pieces[0]}{middle}.*{pieces[-1]}"


def _pieces(raw: str) -> list[str]:
    """The regular expressions of what stands before, between and behind the stars."""
    pieces: list[str] = []
    out: list[str] = []
    i = 0
    while i < len(raw):
        c = raw[i]
        i += 1
        if c == ESC:
            out.append(re.escape(raw[i : i + 1]))
            i += 1
        elif c == "*":
            if out or not pieces:
                pieces.append("".join(out))
                out = []
        elif c == "?":
            out.append("[^\udc80-\udcff]")
        elif c == "[":
            found = _bracket(raw, i)
            if found is None:
                out.append(r"\[")
            else:
                out.append(found[0])
                i = found[1]
        else:
            out.append(re.escape(c))
    pieces.append("".join(out))
    return pieces


def compiled(raw: str) -> re.Pattern[str]:
    """The compiled pattern; fullmatch it."""
    rx = _compiled.get(raw)
    if rx is None:
        rx = re.compile(translate(raw), re.S)
        if len(_compiled) > 2000:
            _compiled.clear()
        _compiled[raw] = rx
    return rx


def match(raw: str, text: str) -> bool:
    """True if the pattern matches the whole text."""
    if not glob_active(raw):
        return raw.replace(ESC, "") == text
    if raw == "*":
        return True
    return compiled(raw).fullmatch(text) is not None


def as_bytes(raw: str) -> str:
    """Text with each byte of its UTF-8 form as a character: how a locale that is not UTF-8 sees it."""
    return ESC.join(p.encode("utf-8", "surrogateescape").decode("latin-1") for p in raw.split(ESC))


def as_text(view: str) -> str:
    """The reverse of as_bytes."""
    return view.encode("latin-1").decode("utf-8", "surrogateescape")


# file names ----------------------------------------------------------------------------------------------------------


def _components(raw: str) -> list[str]:
    """The pattern cut at its slashes; ESC before a slash goes."""
    return raw.replace(ESC + "/", "/").split("/")


def _has_meta(raw: str) -> bool:
    """True for * and ?, and for [ that is closed in this component."""
    i = 0
    while i < len(raw):
        c = raw[i]
        if c == ESC:
            i += 2
            continue
        if c in "*?":
            return True
        if c == "[" and _bracket(raw, i + 1) is not None:
            return True
        i += 1
    return False


def glob(sys: Syscalls, raw: str, collate: bool = False) -> list[str]:
    """The files a pattern matches, sorted; `collate`: as a dictionary does it."""
    if not glob_active(raw):
        return []
    parts = _components(raw)
    if not any(_has_meta(p) for p in parts):
        return []
    found: list[str] = []
    _expand(sys, "", parts, False, found)
    if collate:
        return sorted(found, key=lambda name: (name.casefold(), name.swapcase()))
    return sorted(found, key=_order)


def _order(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _expand(sys: Syscalls, prefix: str, parts: list[str], meta: bool, found: list[str]) -> None:
    at = 0
    while at < len(parts) and not _has_meta(parts[at]):
        at += 1
    literal = [unescape(p) for p in parts[:at]]
    if at == len(parts):
        path = prefix + "/".join(literal)
        try:
            sys.lstat(path)
        except KError:
            return
        found.append(path)
        return
    prefix += "".join(p + "/" for p in literal)
    for name in _matches(sys, prefix, parts[at]):
        if at == len(parts) - 1:
            found.append(prefix + name)
        elif _may_hold(sys, prefix + name):
            _expand(sys, prefix + name + "/", parts[at + 1 :], True, found)


def _matches(sys: Syscalls, prefix: str, pattern: str) -> list[str]:
    try:
        names = sys.listdir(prefix.rstrip("/") or "/" if prefix else ".")
    except KError:
        return []
    rx = compiled(pattern).fullmatch
    if pattern.lstrip(ESC)[:1] == ".":
        names = [".", "..", *names]
        return [n for n in names if rx(n)]
    return [n for n in names if n[:1] != "." and rx(n)]


def _may_hold(sys: Syscalls, path: str) -> bool:
    try:
        return sys.stat(path).st_mode & S_IFMT == S_IFDIR
    except KError:
        return False
