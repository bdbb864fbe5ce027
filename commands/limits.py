"""limits(1): show or set the limits of processes (usr.bin/limits/limits.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.environ import Environ
from vshell.userland.execvp import execvp
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.pwd import getpwnam, getpwuid
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

USAGE = "usage: limits [-C class|-P pid|-U user] [-eaSHBE] [-bcdfklmnostuvpw [val]] [[name=val ...] cmd]"
INFINITY = -1
SOFT, HARD = 1, 2
DISPLAY = 4


class Resource:
    """One limit: its letter, its name for the system call, in listings and in login.conf, its units."""

    __slots__ = ("cap", "kind", "letter", "name", "text", "unit")

    def __init__(self, letter: str, name: str, text: str, cap: str, kind: str, unit: str) -> None:
        self.letter = letter
        self.name = name
        self.text = text
        self.cap = cap
        self.kind = kind
        """"t" a time, "s" a size, "n" a number."""
        self.unit = unit


RESOURCES = (
    Resource("t", "cpu", "cputime", "cputime", "t", " secs"),
    Resource("f", "fsize", "filesize", "filesize", "s", " kB"),
    Resource("d", "data", "datasize", "datasize", "s", " kB"),
    Resource("s", "stack", "stacksize", "stacksize", "s", " kB"),
    Resource("c", "core", "coredumpsize", "coredumpsize", "s", " kB"),
    Resource("m", "rss", "memoryuse", "memoryuse", "s", " kB"),
    Resource("l", "memlock", "memorylocked", "memorylocked", "s", " kB"),
    Resource("u", "nproc", "maxprocesses", "maxproc", "n", ""),
    Resource("n", "nofile", "openfiles", "openfiles", "n", ""),
    Resource("b", "sbsize", "sbsize", "sbsize", "s", " bytes"),
    Resource("v", "vmem", "vmemoryuse", "vmemoryuse", "s", " kB"),
    Resource("p", "npts", "pseudo-terminals", "pseudoterminals", "n", ""),
    Resource("w", "swap", "swapuse", "swapuse", "s", " kB"),
    Resource("k", "kqueues", "kqueues", "kqueues", "n", ""),
    Resource("o", "umtxp", "umtxp", "umtxp", "n", ""),
    Resource("y", "pipebuf", "pipebuf", "pipebuf", "s", " kB"),
)
SH_DIVISORS = {"f": 512, "c": 512, "t": 1, "u": 1, "n": 1, "b": 1, "p": 1, "k": 1, "o": 1}
TIME_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
SIZE_UNITS = {"b": 512, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_value(r: Resource, text: str) -> int | None:
    """A limit as a user writes it; None if it is none."""
    if text.lower() in ("inf", "infinity", "unlimit", "unlimited"):
        return INFINITY
    units = TIME_UNITS if r.kind == "t" else SIZE_UNITS if r.kind == "s" else {}
    total, at = 0, 0
    while at < len(text):
        end = at
        while end < len(text) and text[end] in "0123456789":
            end += 1
        if end == at:
            return None
        value = int(text[at:end])
        at = end
        if not units:
            total = value
            break
        if at < len(text):
            value *= units.get(text[at].lower(), 1)
            at += 1
        total += value
    return total if at >= len(text) else None


class Limits:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.env = Environ(p.env)
        self.all = self.eval = False
        self.kind = 0
        self.which: dict[str, int] = {}
        self.values: dict[str, int] = {}
        self.setting: bool | None = None
        self.pid = -1
        self.cls = ""
        self.user = False
        self.current: dict[str, tuple[int, int]] = {}

    def usage(self) -> None:
        """How to call it."""
        self.p.usage(USAGE)

    def parse(self) -> list[str]:
        """The command line; returns the operands."""
        parsed = Getopt(self.p, ":EeC:U:BSHP:ab:c:d:f:l:m:n:s:t:u:v:p:w:k:o:y:")
        for key, value in parsed:
            letter = parsed.optopt
            resource = next((r for r in RESOURCES if r.letter == letter), None)
            if resource is not None and key in (letter, ":"):
                self.limit(parsed, resource, value if key == letter else None)
            elif key == "a":
                self.all = True
            elif key == "E":
                self.env = Environ({})
            elif key == "e":
                self.eval = True
            elif key in "HSB":
                self.kind = {"H": HARD, "S": SOFT, "B": SOFT | HARD}[key]
            elif key == "C":
                self.cls = value
            elif key == "U":
                self.find_user(value)
            elif key == "P" and value:
                if not (value.isascii() and value.isdigit()):
                    self.p.warnx(f"invalid pid `{value}'")
                    self.usage()
                self.pid = int(value)
            else:
                self.usage()
        for flag, letter in ((bool(self.cls), "C"), (self.user, "U")):
            if self.pid != -1 and flag:
                self.p.warnx(f"-{letter} cannot be used with -P option")
                self.usage()
        return parsed.args

    def limit(self, parsed: Getopt, r: Resource, value: str | None) -> None:
        """A resource: to be shown, or to be set when a value follows."""
        if value is not None and value.startswith("-"):
            parsed.optind -= 1
            value = None
        self.setting = value is not None
        self.kind = self.kind or SOFT | HARD
        self.which[r.letter] = DISPLAY if value is None else self.kind
        number = INFINITY if value is None else parse_value(r, value)
        if number is None:
            self.p.warnx(f"invalid value -{r.letter} `{value}'")
            self.usage()
            return
        self.values[r.letter] = number

    def find_user(self, name: str) -> None:
        """-U: the class of a user, which is always the default one here."""
        user = getpwnam(self.p, name) or (getpwuid(self.p, int(name)) if name.isascii() and name.isdigit() else None)
        if user is None:
            self.p.warnx(f"invalid user `{name}'")
            self.usage()
        self.user = True

    # values --------------------------------------------------------------------------------------------------------
    def read(self) -> None:
        """The current limits, of this process or another."""
        sys = self.p.sys
        if self.pid == -1:
            self.current = {r.letter: sys.getrlimit(r.name) for r in RESOURCES}
            return
        try:
            found = sys.proc_limits(self.pid)
        except KError as e:
            self.p.err(1, e, f"sysctl: kern.proc.rlimit: {self.pid}")
        self.current = {r.letter: found[r.name] for r in RESOURCES}

    def login_class(self) -> str:
        """The class that was asked for, and its limits."""
        if self.user:
            name = "default"
        elif self.cls:
            name = self.cls
            if not self.has_class(name):
                self.p.stderr.write(f"login class '{name}' non-existent, using default\n")
                name = "default"
        else:
            return ""
        caps = self.capabilities(name)
        for r in RESOURCES:
            if r.cap in caps:
                value = parse_value(r, caps[r.cap])
                if value is not None:
                    self.current[r.letter] = (value, value)
        return name

    def conf(self) -> dict[str, list[str]]:
        """The records of login.conf."""
        try:
            text = decode(slurp(self.p, "/etc/login.conf"))
        except KError:
            return {}
        text = "\n".join(line for line in text.split("\n") if not line.startswith("#")).replace("\\\n", "")
        records = {}
        for line in text.split("\n"):
            fields = [f.strip() for f in line.split(":") if f.strip()]
            for name in fields[0].split("|") if fields else []:
                records[name] = fields[1:]
        return records

    def has_class(self, name: str) -> bool:
        """True if login.conf has the class."""
        return name in self.conf()

    def capabilities(self, name: str) -> dict[str, str]:
        """The capabilities of a class with those it takes over from others."""
        records = self.conf()
        found: dict[str, str] = {}
        seen: set[str] = set()
        while name in records and name not in seen:
            seen.add(name)
            following = ""
            for field in records[name]:
                key, sep, value = field.partition("=")
                if key == "tc":
                    following = value
                elif sep:
                    found.setdefault(key, value)
            name = following
        return found

    def override(self) -> None:
        """What the command line sets, with hard limits never below soft ones."""
        if not self.setting:
            return
        for letter, how in self.which.items():
            soft, hard = self.current[letter]
            value = self.values[letter]
            self.current[letter] = (value if how & SOFT else soft, value if how & HARD else hard)

    # results -------------------------------------------------------------------------------------------------------
    def shown(self, letter: str) -> bool:
        """True for a limit that was asked for, or all of them."""
        return self.all or not self.which or letter in self.which

    def run_command(self, args: list[str]) -> None:
        """Set the limits and become the command."""
        if self.eval or self.pid != -1:
            self.p.warnx(f"-{'e' if self.eval else 'P'} cannot be used with `cmd' option")
            self.usage()
        while args and "=" in args[0]:
            name, _, value = args.pop(0).partition("=")
            self.env.set(name, value)
        for r in RESOURCES:
            if self.shown(r.letter):
                try:
                    self.p.sys.setrlimit(r.name, *self.current[r.letter])
                except KError as e:
                    self.p.err(1, e, f"setrlimit {r.cap}")
        if not args:
            self.usage()
        try:
            execvp(self.p.sys, args, self.env.vars)
        except KError as e:
            self.p.err(1, e, args[0])

    def display(self, name: str) -> None:
        """Print the limits."""
        out = []
        if not self.eval:
            out.append(f"Resource limits{f' for class {name}' if name else ' (current)'}:\n")
        kind = self.kind or SOFT
        for r in RESOURCES:
            if not self.shown(r.letter):
                continue
            which = self.which.get(r.letter) or kind
            soft, hard = self.current[r.letter]
            if soft == hard:
                out.append(self.line(r, hard, ""))
                continue
            if which & HARD:
                out.append(self.line(r, hard, " -H" if self.eval else "-max"))
            if which & SOFT:
                out.append(self.line(r, soft, " -S" if self.eval else "-cur"))
        self.p.stdout.write("".join(out))

    def line(self, r: Resource, value: int, which: str) -> str:
        """One limit."""
        if self.eval:
            divisor = SH_DIVISORS.get(r.letter, 1024)
            return f"ulimit{which} -{r.letter} {'unlimited' if value == INFINITY else (value + divisor // 2) // divisor};\n"
        divisor = 1024 if r.unit == " kB" else 1
        number = "infinity" if value == INFINITY else str((value + divisor // 2) // divisor)
        return f"  {r.text}{which:<4}".ljust(23) + f"{number:>8}{r.unit}\n"


@program("/usr/bin/limits")
def main(p: Program) -> int:
    """limits [-C class|-P pid|-U user] [-eaSHBE] [-bcdfklmnostuvpw [val]] [[name=val ...] cmd]"""
    run = Limits(p)
    args = run.parse()
    run.read()
    name = run.login_class()
    run.override()
    if args:
        run.run_command(list(args))
    elif run.pid == -1 or not run.which or run.all:
        # With -P and a letter the real one sets the limit to what it was (or to the value given) and prints nothing.
        run.display(name)
    return 0
