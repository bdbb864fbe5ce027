"""General options of route(8), what it knows of fibs, and its way to complain."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.userland.cnumber import strtol
from vshell.userland.program import Program

EX_OK, EX_USAGE, EX_DATAERR, EX_NOHOST, EX_OSERR, EX_NOPERM = 0, 64, 65, 68, 71, 77

USAGE = "usage: route [-j jail] [-46dnqtv] command [[modifiers] args]"


def usage(p: Program, word: str | None = None) -> NoReturn:
    """Complain about a word, if one is to blame, and end."""
    if word is not None:
        p.warnx(f"bad keyword: {word}")
    p.errx(EX_USAGE, USAGE)


class Options:
    """The flags before the command, and what the whole run shares."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.numeric = self.quiet = self.verbose = self.test = self.debug = False
        self.af = 0
        """The address family asked for, 0 as long as none was."""
        self.numfibs = -1
        self.defaultfib = 0
        self.privileged = p.sys.geteuid() == 0
        self._domain: str | None = None

    def flag(self, letter: str) -> None:
        """One of -4 -6 -n -q -d -t -v."""
        if letter in "46":
            self.af = AF_INET if letter == "4" else AF_INET6
        else:
            name = {"n": "numeric", "q": "quiet", "d": "debug", "t": "test", "v": "verbose"}[letter]
            setattr(self, name, True)

    def ask_fibs(self) -> None:
        """How many tables there are, and which one is ours."""
        try:
            self.numfibs = int(self.p.sys.sysctl("net.fibs"))
            self.defaultfib = int(self.p.sys.sysctl("net.my_fibnum"))
        except KError:
            pass

    @property
    def domain(self) -> str:
        """The domain of this host, which is cut off names."""
        if self._domain is None:
            try:
                self._domain = self.p.sys.gethostname().partition(".")[2]
            except KError:
                self._domain = ""
        return self._domain

    # fib lists -------------------------------------------------------------------------------------------------
    def fiblist(self, text: str) -> list[int] | None:
        """fiboptlist_csv: "all", "default", or numbers and ranges with commas; None if it makes no sense."""
        if text == "all":
            text = f"0-{self.numfibs - 1}" if self.numfibs > 1 else "0"
        elif text == "default":
            text = str(self.defaultfib)
        fibs: list[int] = []
        for token in text.split(","):
            if not token.startswith("-") and "-" in token:
                bounds = [self.fibnumber(part) for part in token.split("-")]
                if len(bounds) != 2 or bounds[0] is None or bounds[1] is None or bounds[0] >= bounds[1]:
                    return None
                fibs += range(bounds[0], bounds[1] + 1)
            else:
                number = self.fibnumber(token)
                if number is None:
                    return None
                fibs.append(number)
        return fibs

    def fibnumber(self, text: str) -> int | None:
        """One number of an existing fib."""
        number, rest, error = strtol(text, 0)
        if error or rest or number < 0 or (self.numfibs != -1 and number > self.numfibs - 1):
            return None
        return number
