"""The command lines of rtsold(8) and rtsol(8)."""

from __future__ import annotations

from vshell.userland.getopt import Getopt
from vshell.userland.program import Program

_SCRIPTS = "[-O script-name] [-M script-name ] [-A script-name ]"
USAGE = {
    "rtsold": f"usage: rtsold [-dDfFimu1] {_SCRIPTS} [-p pidfile] [-R script-name] %s\n",
    "rtsol": f"usage: rtsol [-dDFiu] {_SCRIPTS} [-R script-name] %s\n",
}
PIDFILE = "/var/run/rtsold.pid"


class Options:
    """What was asked for."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.rtsold = p.name == "rtsold"
        self.flags: set[str] = set() if self.rtsold else {"f", "1"}
        self.debug = 0
        self.scripts = {"R": "/sbin/resolvconf"}
        """By option letter: M managed, O other, A always, R resolver."""
        self.pidfile = PIDFILE
        self.interfaces: list[str] = []

    def parse(self) -> None:
        """Read the options, or end."""
        p = self.p
        parsed = Getopt(p, "adDfFim1M:O:A:p:R:u" if self.rtsold else "adDFiM:O:A:R:u")
        for letter, value in parsed:
            if letter == "?":
                self.usage()
            elif letter in "dD":
                self.debug += 1 if letter == "d" else 2
            elif letter in "MOAR":
                self.scripts[letter] = value
            elif letter == "p":
                self.pidfile = value
            else:
                self.flags.add(letter)
        self.interfaces = parsed.args
        if ("a" in self.flags) == bool(self.interfaces):
            self.usage()
        for letter in "MOAR":
            script = self.scripts.get(letter)
            if script is not None and not script.startswith("/"):
                p.errx(1, f"configuration script ({script}) must be an absolute path")

    def usage(self) -> None:
        """How it is called."""
        text = USAGE["rtsold" if self.rtsold else "rtsol"]
        self.p.usage(text % "interface ..." + text % "-a")
