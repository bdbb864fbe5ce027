"""echo, as a builtin and as /bin/echo, which differ (bin/sh/bltin/echo.c, bin/echo/echo.c)."""

from __future__ import annotations

_ESCAPES = {"a": "\a", "b": "\b", "e": "\033", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def builtin(args: list[str]) -> str:
    """What the builtin prints: -n leaves the newline out, -e makes backslashes special."""
    if not args:
        return "\n"
    first = args[0]
    if first == "-e":
        return _escaped(args[1:])
    if first == "-n":
        return " ".join(args[1:])
    return " ".join(args) + "\n"


def _escaped(args: list[str]) -> str:
    out: list[str] = []
    for i, text in enumerate(args):
        if i:
            out.append(" ")
        if "\\" not in text:
            out.append(text)
        elif not _escape(text, out):
            return "".join(out)
    return "".join(out) + "\n"


def _escape(text: str, out: list[str]) -> bool:
    """Append text with its backslash sequences done; False after \\c."""
    i = 0
    while i < len(text):
        c = text[i]
        i += 1
        if c != "\\":
            out.append(c)
            continue
        n = text[i : i + 1]
        i += 1
        if n == "c":
            return False
        if n == "0":
            value = 0
            end = i
            while end < i + 3 and text[end : end + 1] in tuple("01234567"):
                value = value * 8 + int(text[end])
                end += 1
            i = end
            value &= 0xFF
            out.append(chr(value) if value < 128 else chr(0xDC00 + value))
        elif n in _ESCAPES and n:
            out.append(_ESCAPES[n])
        else:
            out.append("\\" + n)
    return True


def program(args: list[str]) -> str:
    """What /bin/echo prints: only -n, and \\c at the very end."""
    newline = "\n"
    if args and args[0] == "-n":
        newline = ""
        args = args[1:]
    text = " ".join(args)
    if args and args[-1].endswith("\\c"):
        return text[:-2]
    return text + newline
