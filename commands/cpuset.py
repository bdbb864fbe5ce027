"""cpuset(1): sets of processors (bin/cpuset/cpuset.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError
from vshell.userland.cnumber import atoi
from vshell.userland.execvp import execvp
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import JailError, jail_getid
from vshell.userland.program import Program, program

USAGE = """\
usage: cpuset [-l cpu-list] [-n policy:domain-list] [-s setid] cmd ...
       cpuset [-l cpu-list] [-n policy:domain-list] [-s setid] -p pid
       cpuset [-c] [-l cpu-list] [-n policy:domain-list] -C -p pid
       cpuset [-c] [-l cpu-list] [-n policy:domain-list]
              [-j jailid | -p pid | -t tid | -s setid | -x irq]
       cpuset -g [-cir]
              [-d domain | -j jailid | -p pid | -t tid | -s setid | -x irq]
"""
WHICH = {"d": "domain", "j": "jail", "p": "pid", "s": "cpuset", "t": "tid", "x": "irq"}
MAXCPU = 1024


def parse_list(text: str) -> frozenset[int]:
    """cpuset_parselist(3): "all", or numbers and ranges; nothing of a list that is broken."""
    if text.lower() == "all":
        return frozenset(range(1))
    mask: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isascii() and first.isdigit()) or (dash and not (last.isascii() and last.isdigit())):
            return frozenset()
        low, high = int(first), int(last) if dash else int(first)
        if high >= MAXCPU:
            return frozenset()
        mask |= set(range(low, high + 1))
    return frozenset(mask)


class Cpuset:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.level = ""
        self.which = "pid"
        self.id = self.pid = self.setid = -1
        self.mask: frozenset[int] = frozenset()

    def usage(self) -> None:
        """How to call it."""
        self.p.usage(USAGE)

    def parse(self) -> list[str]:
        """The command line; returns the operands."""
        parsed = Getopt(self.p, "Ccd:gij:l:n:p:rs:t:x:")
        for key, value in parsed:
            self.flags.add(key)
            if key == "?":
                self.usage()
            elif key == "c":
                self.level = "cpuset"
            elif key == "r":
                self.level = "root"
            elif key == "l":
                self.mask = parse_list(value)
            elif key in WHICH:
                self.which = WHICH[key]
                self.id = self.jail(value) if key == "j" else atoi(value)
                if key == "p":
                    self.pid = self.id
                elif key == "s":
                    self.setid = self.id
        return parsed.args

    def jail(self, name: str) -> int:
        """A jail by name or number."""
        try:
            return jail_getid(self.p.sys, name)
        except JailError as e:
            self.p.errx(1, e.text)

    def title(self) -> str:
        """What is shown, in words."""
        return f"{self.which} {self.id}{' ' + self.level if self.level else ''}"

    def show(self) -> int:
        """-g."""
        p = self.p
        if "i" in self.flags:
            if not self.level and "s" not in self.flags:
                self.level = "cpuset"
            try:
                number = p.sys.cpuset_getid(self.level, self.which, self.id)
            except KError as e:
                p.err(e.errno, e, "getid")
            p.stdout.write(f"{self.title()} id: {number}\n")
            return 0
        try:
            mask = p.sys.cpuset_getaffinity(self.level, self.which, self.id)
        except KError as e:
            p.err(1, e, "getaffinity")
        p.stdout.write(f"{self.title()} mask: {listed(mask)}\n")
        if not self.flags & {"d", "x"}:
            policy, domains = p.sys.cpuset_getdomain(self.level, self.which, self.id)
            p.stdout.write(f"{self.title()} domain policy: {policy} mask: {listed(domains)}\n")
        return 0

    def affinity(self, which: str, number: int) -> None:
        """-l."""
        if "l" in self.flags:
            try:
                self.p.sys.cpuset_setaffinity(self.level, which, number, self.mask)
            except KError as e:
                self.p.err(1, e, "setaffinity")

    def command(self, args: list[str]) -> int:
        """Run a command in a set."""
        p = self.p
        if self.flags & {"C", "p", "t", "x", "j"}:
            self.usage()
        if "s" in self.flags:
            try:
                p.sys.cpuset_setid("pid", -1, self.setid)
            except KError as e:
                p.err(len(args), e, "setid")
        else:
            p.sys.cpuset()
        self.affinity("pid", -1)
        try:
            execvp(p.sys, args, p.env)
        except KError as e:
            p.err(127 if e.errno == ENOENT else 126, e, args[0])

    def change(self) -> int:
        """Change something that exists."""
        flags = self.flags
        if "C" in flags and ("p" not in flags or flags & {"j", "s", "t", "x"}):
            self.usage()
        if not flags & {"l", "n"} and ("c" in flags or not flags & {"C", "s"}):
            self.usage()
        if ("t" in flags and flags & {"s", "p", "x", "j"}) or ("x" in flags and flags & {"j", "p", "s", "t"}):
            self.usage()
        if "C" in flags:
            self.setid = self.p.sys.cpuset()
            flags.add("s")
        if {"p", "s"} <= flags:
            try:
                self.p.sys.cpuset_setid("pid", self.pid, self.setid)
            except KError as e:
                self.p.err(1, e, "setid")
            self.which, self.id = "pid", self.pid
        self.affinity(self.which, self.id)
        return 0

    def run(self) -> int:
        """The exit status."""
        args = self.parse()
        if "g" in self.flags:
            if args or self.flags & {"C", "l", "n"} or len(self.flags & set(WHICH)) > 1:
                self.usage()
            return self.show()
        if self.flags & {"d", "i", "r"}:
            self.usage()
        return self.command(args) if args else self.change()


def listed(mask: frozenset[int]) -> str:
    """The members of a set."""
    return ", ".join(map(str, sorted(mask)))


@program("/bin/cpuset", "/usr/bin/cpuset")
def main(p: Program) -> int:
    """cpuset [-l cpu-list] [-s setid] cmd ...; cpuset -g [-cir] [-j jailid | -p pid | ...]"""
    return Cpuset(p).run()
