"""rtadvd.conf(5): entries in the syntax of termcap(5) (usr.sbin/rtadvd/advcap.c).

An entry is names separated by |, then capabilities separated by colons: a flag, a number after #, a text after =.  A line
goes on behind a backslash at its end; tc= continues with another entry.
"""

from __future__ import annotations

MAXHOP = 32
_ESCAPES = {"E": "\033", "^": "^", "\\": "\\", ":": ":", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"'}


def entry(text: str, name: str) -> dict[str, str] | None:
    """The capabilities of an entry: name to "" (a flag), "#number", "=text" or "@" (cancelled); None if there is none."""
    caps: dict[str, str] = {}
    found = False
    for _ in range(MAXHOP):
        line = _find(text, name)
        if line is None:
            break
        found = True
        follow = ""
        for field in _fields(line)[1:]:
            key, sign, value = _split(field)
            if key == "tc" and sign == "=":
                follow = value
            elif key:
                caps.setdefault(key, sign + value)
        if not follow:
            break
        name = follow
    return caps if found else None


def _find(text: str, name: str) -> str | None:
    joined = text.replace("\\\n", "")
    for line in joined.split("\n"):
        if not line.startswith("#") and name in line.partition(":")[0].split("|"):
            return line
    return None


def _fields(line: str) -> list[str]:
    """Split at colons outside of quotes."""
    fields, quoted, at, start = [], False, 0, 0
    while at < len(line):
        if line[at] == "\\":
            at += 1
        elif line[at] == '"':
            quoted = not quoted
        elif line[at] == ":" and not quoted:
            fields.append(line[start:at])
            start = at + 1
        at += 1
    return [*fields, line[start:]]


def _split(field: str) -> tuple[str, str, str]:
    """(name, sign, value) of a capability."""
    field = field.lstrip()
    for at, char in enumerate(field):
        if char in "#=@":
            value = field[at + 1 :]
            return field[:at], char, _decode(value) if char == "=" else value
    return field, "", ""


def _decode(value: str) -> str:
    out, at = "", 0
    while at < len(value):
        char = value[at]
        at += 1
        if char == '"':
            continue
        if char == "^" and at < len(value):
            out += chr(ord(value[at]) & 0o37)
            at += 1
        elif char == "\\" and at < len(value):
            digits = ""
            while len(digits) < 3 and at < len(value) and value[at] in "01234567":
                digits += value[at]
                at += 1
            if digits:
                out += chr(int(digits, 8) & 0xFF)
            else:
                out += _ESCAPES.get(value[at], value[at])
                at += 1
        else:
            out += char
    return out


class Caps:
    """Questions about an entry (agetnum, agetstr, agetflag)."""

    def __init__(self, caps: dict[str, str]) -> None:
        self.caps = caps

    def num(self, name: str, default: int = -1) -> int:
        """A number."""
        value = self.caps.get(name, "")
        if not value.startswith("#"):
            return default
        digits = value[1:][: len(value) - 1 - len(value[1:].lstrip("0123456789"))]
        return int(digits, 8) if digits.startswith("0") and digits.strip("01234567") == "" else int(digits or "0")

    def text(self, name: str) -> str | None:
        """A text."""
        value = self.caps.get(name, "")
        return value[1:] if value.startswith("=") else None

    def flag(self, name: str) -> bool:
        """A flag."""
        return self.caps.get(name) == ""
