"""setmode(3) and strmode(3): file modes as people write and read them."""

from __future__ import annotations

from vshell.abi.fcntl import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFSOCK

WHO = {"u": 0o4700, "g": 0o2070, "o": 0o0007, "a": 0o7777}
"""Bits each letter of "who" stands for, set-id bits included."""
PERM = {"r": 0o444, "w": 0o222, "x": 0o111, "X": 0o111, "s": 0o6000, "t": 0o1000}
COPY = "ugo"

Clause = tuple[int, str, str, bool]
"""(who bits, operator, permission letters, was a "who" given)."""


class Mode:
    """A parsed mode: octal, or symbolic clauses to apply to an old mode."""

    __slots__ = ("clauses", "octal")

    def __init__(self, octal: int | None, clauses: list[Clause]) -> None:
        self.octal = octal
        self.clauses = clauses

    def apply(self, mode: int, umask: int) -> int:
        """getmode(3): the permission bits that `mode` (with its file type) changes to."""
        if self.octal is not None:
            return self.octal
        isdir = mode & S_IFMT == S_IFDIR
        new = mode & 0o7777
        for who, op, perms, named in self.clauses:
            bits = _bits(perms, new, isdir, mode)
            mask = who if named else 0o7777 & ~umask
            if perms in ("u", "g", "o"):
                bits &= 0o777
            if "t" in perms and (not named or who & 0o7 or who == WHO["a"]):
                mask |= 0o1000
            if op == "+":
                new |= bits & mask
            elif op == "-":
                new &= ~(bits & mask)
            else:
                clear = who if named else 0o7777
                if isdir and "s" not in perms:
                    clear &= ~0o6000
                if "t" not in perms:
                    clear &= ~0o1000
                new = new & ~clear | bits & mask
        return new


def _bits(perms: str, new: int, isdir: bool, old: int) -> int:
    """The bits the letters of one clause name, for all three classes."""
    bits = 0
    for letter in perms:
        if letter in COPY:
            shift = {"u": 6, "g": 3, "o": 0}[letter]
            bits |= (new >> shift & 7) * 0o111
        elif letter == "X":
            if isdir or old & 0o111:
                bits |= 0o111
        else:
            bits |= PERM[letter]
    return bits


def setmode(text: str) -> Mode | None:
    """Parse a mode; None if it is not one."""
    if not text:
        return None
    if text[0].isdecimal():
        if not all(c in "01234567" for c in text) or int(text, 8) > 0o7777:
            return None
        return Mode(int(text, 8), [])
    clauses: list[Clause] = []
    for part in text.split(","):
        at = 0
        who = 0
        while at < len(part) and part[at] in WHO:
            who |= WHO[part[at]]
            at += 1
        named = at > 0
        if at == len(part):
            return None
        while at < len(part):
            op = part[at]
            if op not in "+-=":
                return None
            at += 1
            start = at
            while at < len(part) and part[at] not in "+-=":
                if part[at] not in PERM and (part[at] not in COPY or at > start):
                    return None
                at += 1
                if part[start] in COPY and at < len(part) and part[at] not in "+-=":
                    return None
            clauses.append((who or WHO["a"], op, part[start:at], named))
    return Mode(None, clauses)


_TYPES = {S_IFDIR: "d", S_IFCHR: "c", S_IFBLK: "b", S_IFLNK: "l", S_IFSOCK: "s", S_IFIFO: "p", 0o100000: "-"}


def strmode(mode: int) -> str:
    """strmode(3): eleven characters, the last a blank."""
    out = [_TYPES.get(mode & S_IFMT, "?")]
    for shift, special, letters in ((6, 0o4000, "sS"), (3, 0o2000, "sS"), (0, 0o1000, "tT")):
        bits = mode >> shift
        out.append("r" if bits & 4 else "-")
        out.append("w" if bits & 2 else "-")
        if mode & special:
            out.append(letters[0] if bits & 1 else letters[1])
        else:
            out.append("x" if bits & 1 else "-")
    return "".join(out) + " "
