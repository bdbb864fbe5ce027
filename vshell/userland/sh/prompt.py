"""Prompts: the backslash sequences of PS1 and PS2 (getprompt of bin/sh/parser.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.sh.state import Shell

_PLAIN = {"\\": "\\", "a": "\a", "e": "\033", "r": "\r", "n": "\r\n", "[": "\001", "]": "\001"}


async def user_name(sh: Shell) -> str:
    """The name of the effective user."""
    uid = str(sh.sys.geteuid())
    try:
        fd = sh.sys.open("/etc/passwd")
        data = b""
        while chunk := await sh.sys.read(fd, 65536):
            data += chunk
        sh.sys.close(fd)
    except KError:
        return uid
    for line in data.decode("utf-8", "replace").splitlines():
        row = line.split(":")
        if len(row) > 2 and row[2] == uid:
            return row[0]
    return uid


def _directory(sh: Shell, letter: str) -> str:
    pwd = sh.values.get("PWD") or "?"
    if letter == "W" and pwd.startswith("/") and pwd != "/":
        return pwd.rpartition("/")[2]
    home = sh.values.get("HOME")
    if home and home != "/" and (pwd == home or pwd.startswith(home + "/")):
        return "~" + pwd[len(home) :]
    return pwd


def _time(sh: Shell, fmt: str) -> str:
    from time import gmtime, strftime

    return strftime(fmt or "%X", gmtime(sh.sys.clock_gettime() // 1_000_000_000))


def format_prompt(sh: Shell, text: str, user: str) -> str:
    """A prompt with its backslash sequences replaced."""
    if "\\" not in text:
        return text
    out = ""
    i = 0
    while i < len(text):
        c = text[i]
        i += 1
        if c != "\\" or i >= len(text):
            out += c
            continue
        c = text[i]
        i += 1
        if c in _PLAIN:
            out += _PLAIN[c]
        elif c in "hH":
            name = sh.sys.gethostname()
            out += name.partition(".")[0] if c == "h" else name
        elif c == "u":
            out += user
        elif c in "wW":
            out += _directory(sh, c)
        elif c == "$":
            out += "#" if sh.sys.geteuid() == 0 else "$"
        elif c == "D" and text[i : i + 1] == "{" and "}" in text[i:]:
            end = text.index("}", i)
            out += _time(sh, text[i + 1 : end])
            i = end + 1
        else:
            out += "\\" + c
    return out
