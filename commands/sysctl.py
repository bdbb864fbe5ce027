"""sysctl(8): show and set kernel state (sbin/sysctl/sysctl.c)."""

from __future__ import annotations

import struct
from typing import Any, NoReturn

from vshell.abi.errno import ENOMEM, ENOTDIR, EOPNOTSUPP, KError, strerror
from vshell.abi.sysctl import TYPES, SysctlInfo
from vshell.userland.cnumber import LONG_MAX, LONG_MIN, strtol
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import JailError, jail_getid
from vshell.userland.program import Program, program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

USAGE = (
    "usage: sysctl [-j jail] [-bdeFhiJlNnoqTtVWx] [ -B <bufsize> ] [-f filename] name[=value] ...\n"
    "       sysctl [-j jail] [-bdeFhJlNnoqTtVWx] [ -B <bufsize> ] -a"
)
EX_NOINPUT = 66
CTLTYPE_OPAQUE = 5
ULONG_MAX = (1 << 64) - 1
FILTERS = {"W": "w", "J": "p", "T": "t", "V": "v"}
"""Options that list only nodes with a flag."""


class Sysctl:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.bufsize = 0
        self.conffile: str | None = None
        self.jail: str | None = None

    def usage(self) -> NoReturn:
        """How to use it."""
        self.p.usage(USAGE)

    def options(self) -> list[str]:
        """Parse the options; the operands."""
        options = Getopt(self.p, "AaB:bdeFf:hiJj:lNnoqTtVWwXx")
        for letter, value in options:
            if letter == "?":
                self.usage()
            elif letter == "B":
                self.bufsize = strtol(value, 0)[0]
            elif letter == "f":
                self.conffile = value
            elif letter == "j":
                self.jail = value
            else:
                self.flags.update({"A": "ao", "X": "ax"}.get(letter, letter))
        if "N" in self.flags and self.flags & {"l", "n"}:
            self.usage()
        return options.args

    def attach_jail(self) -> None:
        """-j: look at things from inside a jail."""
        if self.jail is None:
            return
        try:
            jid = jail_getid(self.p.sys, self.jail)
        except JailError:
            self.p.errx(1, "jail not found")
        try:
            self.p.sys.jail_attach(jid)
        except KError:
            self.p.errx(1, "cannot attach to jail")

    def run(self) -> int:
        """Do what the command line says; the number of failures is the status."""
        args = self.options()
        if not args and "a" in self.flags:
            self.attach_jail()
            self.all("")
            return 0
        if not args and self.conffile is None:
            self.usage()
        text = b""
        if self.conffile is not None:
            try:
                text = slurp(self.p, self.conffile)
            except KError as e:
                self.p.err(EX_NOINPUT, e, self.conffile)
        self.attach_jail()
        failures = self.parsefile(decode(text))
        for word in args:
            failures += self.parse(word, "")
        return failures

    # parsing ---------------------------------------------------------------------------------------------------
    def parsefile(self, text: str) -> int:
        """sysctl.conf(5): one assignment a line; # starts a comment."""
        failures = 0
        for number, line in enumerate(text.split("\n"), 1):
            line = _uncomment(line).strip(" \t\r\v\f")
            if line:
                failures += self.parse(line, f" at line {number}")
        return failures

    def parse(self, word: str, where: str) -> int:
        """Show a node, or set it to a value; 1 on failure."""
        at = min((i for i in (word.find("="), word.find(":")) if i >= 0), default=-1)
        name, value = (word, None) if at < 0 else (word[:at], word[at + 1 :])
        if value is not None:
            if self.flags & {"T", "W"}:
                self.p.warnx("Can't set variables when using -T or -W")
                self.usage()
            value = _unquote(value.lstrip(" \t\n\v\f\r"))
        name = name.rstrip(" \t\n\v\f\r")
        try:
            info = self.info(name)
        except KError:
            if "i" in self.flags:
                return 0
            if "q" not in self.flags:
                self.p.warnx(f"unknown oid '{name}'{where}")
            return 1
        if value is None or "d" in self.flags:
            if info.type != "node" or "d" in self.flags:
                self.show_line(info)
            if info.type == "node":
                self.all(info.name)
            return 0
        return self.assign(word, name, info, value, where)

    def info(self, name: str) -> SysctlInfo:
        """The description of a node."""
        info = self.p.sys.sysctl_info(name)
        assert isinstance(info, SysctlInfo)
        return info

    def assign(self, word: str, name: str, info: SysctlInfo, text: str, where: str) -> int:
        """Set a node, showing the old value and the new one."""
        problem = self._unassignable(name, info, text, where)
        value: int | str | None = text
        if not problem and info.type in TYPES:
            value, problem = _numbers(info, text, where)
        if problem:
            for line in problem:
                self.p.warnx(line)
            return 1
        shown = self.show_var(info)
        try:
            if value is not None:
                self.p.sys.sysctl(info.name, value)
        except KError as e:
            if shown and "b" not in self.flags:
                self.put("\n")
            reasons = {
                EOPNOTSUPP: "value is not available", ENOTDIR: "specification is incomplete",
                ENOMEM: "type is unknown to this program",
            }  # fmt: skip
            reason = f": {reasons[e.errno]}{where}" if e.errno in reasons else f"{where}: {strerror(e.errno)}"
            self.p.warnx(word + reason)
            return 1
        if "b" not in self.flags:
            self.put(" -> ")
        had = "n" in self.flags
        self.flags.add("n")
        self.show_line(info)
        if not had:
            self.flags.discard("n")
        return 0

    def _unassignable(self, name: str, info: SysctlInfo, text: str, where: str) -> list[str]:
        if info.type == "node":
            return [f"oid '{name}' isn't a leaf node{where}"]
        if "w" not in info.flags:
            if "t" in info.flags:
                return [
                    f"oid '{name}' is a read only tunable{where}",
                    "Tunable values are set in /boot/loader.conf",
                ]
            return [f"oid '{name}' is read only{where}"]
        if info.type in TYPES and not text:
            return ["empty numeric value"]
        if info.type not in TYPES and info.type != "string":
            return [f"oid '{name}' is type {CTLTYPE_OPAQUE}, cannot set that{where}"]
        return []

    # printing --------------------------------------------------------------------------------------------------
    def put(self, text: str | bytes) -> None:
        """Standard output, unbuffered."""
        self.p.stdout.write(text)

    def all(self, prefix: str) -> None:
        """A node with everything below it, or the whole tree."""
        nodes = bool(prefix or self.flags & {"N", "d", "t"})
        for name in self.p.sys.sysctl_names(prefix, nodes):
            try:
                self.show_line(self.info(name))
            except KError:
                continue

    def show_line(self, info: SysctlInfo) -> None:
        """A node and, if that printed anything, the end of the line."""
        if self.show_var(info) and "b" not in self.flags:
            self.put("\n")

    def show_var(self, info: SysctlInfo) -> bool:
        """One node; False if there was nothing to print."""
        flags = self.flags
        if any(option in flags and flag not in info.flags for option, flag in FILTERS.items()):
            return False
        if "N" in flags:
            self.put(info.name)
            return True
        sep = "=" if "e" in flags else ": "
        if flags & {"t", "F", "d"}:
            self._show_info(info, sep)
            return True
        if info.type == "node" or (info.type == "opaque" and info.fmt not in STRUCTS and not flags & {"b", "o", "x"}):
            return False
        try:
            value = self.p.sys.sysctl(info.name)
        except KError:
            return False
        data = _octets(info, value)
        if (self.bufsize and len(data) > self.bufsize) or (not data and info.type != "string"):
            return False
        if "b" in flags:
            self.put(data)
            return True
        text = self._text(info, value, data)
        if text is None:
            return False
        head = "" if "n" in flags else info.name + sep
        self.put(head + (f"{len(data)}{sep}" if "l" in flags else "") + text)
        return True

    def _show_info(self, info: SysctlInfo, sep: str) -> None:
        flags = self.flags
        parts = [] if "n" in flags else [info.name]
        if "t" in flags:
            parts.append(info.type)
        if "F" in flags:
            parts.append(info.fmt)
        if "d" in flags:
            parts.append(info.text)
        self.put(sep.join(parts))

    def _text(self, info: SysctlInfo, value: Any, data: bytes) -> str | None:
        flags = self.flags
        if info.type == "string":
            return str(value)
        if info.type in TYPES:
            size, signed = TYPES[info.type]
            numbers = [int.from_bytes(data[i : i + size], "little", signed=signed) for i in range(0, len(data), size)]
            if "x" in flags:
                return " ".join(_hex(n & ((1 << 8 * size) - 1), 2 + 2 * size) for n in numbers)
            return " ".join(map(str, numbers))
        if info.fmt in STRUCTS:
            return STRUCTS[info.fmt](data)
        shown = data if "x" in flags else data[:16]
        more = "..." if "x" not in flags and len(data) > 32 else ""
        return f"Format:{info.fmt} Length:{len(data)} Dump:0x{shown.hex()}{more}"


def _hex(number: int, width: int) -> str:
    """%#0*jx: C puts no 0x in front of zero."""
    return f"{number:#0{width}x}" if number else "0" * width


XINPGEN = struct.pack("<IIQQ32x", 56, 0, 0, 0)
"""What stands at both ends of a list of sockets (struct xinpgen)."""


def _octets(info: SysctlInfo, value: Any) -> bytes:
    """The value as the bytes the kernel would hand out."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return encode(value) + b"\0"
    if isinstance(value, int) and info.type in TYPES:
        size, _ = TYPES[info.type]
        return (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
    if isinstance(value, tuple) and info.type in TYPES:
        return b"".join(_octets(info, item) for item in value)
    if isinstance(value, tuple) and info.name.endswith(".pcblist"):
        # DIFFERS: the list looks empty; netstat and sockstat read it in another form.
        return XINPGEN * 2
    return b""


def _uncomment(line: str) -> str:
    """A line without its comment; a # in quotes or behind a backslash starts none."""
    quoted = ""
    for i, c in enumerate(line):
        if quoted:
            if c == quoted:
                return line[: i + 1]
        elif c in "'\"" and "#" in line[i:]:
            quoted = c
        elif c == "#" and (i == 0 or line[i - 1] != "\\"):
            return line[:i]
    return line


def _unquote(value: str) -> str:
    if value[:1] in ("'", '"') and value:
        return value[1:-1] if len(value) > 1 and value[-1] == value[0] else value[1:]
    return value


def _numbers(info: SysctlInfo, text: str, where: str) -> tuple[int | None, list[str]]:
    """The first of the numbers in `text` (the kernel takes no more), and what is wrong with them."""
    _, signed = TYPES[info.type]
    first: int | None = None
    for word in text.replace(",", " ").split(" "):
        if not word:
            continue
        low, high = (LONG_MIN, LONG_MAX) if signed else (-ULONG_MAX, ULONG_MAX)
        value, rest, error = strtol(word, 0, low, high)
        if error or rest:
            return None, [f"invalid {info.type} '{word}'{where}"]
        first = value if first is None else first
    return first, []


# structures ----------------------------------------------------------------------------------------------------


def _clockinfo(data: bytes) -> str:
    hz, tick, _, stathz, profhz = struct.unpack("<5i", data)
    return f"{{ hz = {hz}, tick = {tick}, profhz = {profhz}, stathz = {stathz} }}"


def _timeval(data: bytes) -> str:
    from vshell.userland.strftime import gmtime, strftime

    seconds, microseconds = struct.unpack("<qq", data)
    return f"{{ sec = {seconds}, usec = {microseconds} }} {strftime('%a %b %e %H:%M:%S %Y', gmtime(seconds))}"


def _loadavg(data: bytes) -> str:
    one, five, fifteen, scale = struct.unpack("<3I4xq", data)
    return f"{{ {one / scale:.2f} {five / scale:.2f} {fifteen / scale:.2f} }}"


STRUCTS = {"S,clockinfo": _clockinfo, "S,timeval": _timeval, "S,loadavg": _loadavg}
"""Structures that are printed in words."""


@program("/sbin/sysctl")
def main(p: Program) -> int:
    """Show and set."""
    p.stdout.setvbuf("none")
    return Sysctl(p).run()


def complete(c: Context) -> Iterator[Candidate]:
    """Names of nodes, step by step; with -j as the jail sees them."""
    o = c.options("Bfj")
    if o.typing == "j":
        yield from c.jails()
    elif o.typing == "f":
        yield from c.files()
    elif not o.typing:
        yield from c.inside(o.values.get("j", "")).sysctls()
