"""What all parts of pfctl(8) share: the options, the open device, and how failures are told (sbin/pfctl/pfctl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from vshell.abi.errno import EINVAL, ENOENT, ESRCH, KError, strerror
from vshell.commands.pfctl.words import PF_OPT_IGNFAIL, PF_OPT_QUIET, PF_OPT_VERBOSE

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.commands.pfctl.hosts import Interfaces
    from vshell.commands.pfctl.interfaces import Skipped
    from vshell.userland.program import Program

USAGE = """\
usage: pfctl [-AdeghMmNnOPqRSrvz] [-a anchor] [-D macro=value] [-F modifier]
\t[-f file] [-i interface] [-K host | network]
\t[-k host | network | gateway | label | id] [-o level] [-p device]
\t[-s modifier] [-t table -T command [address ...]] [-x level]
"""


def pf_strerror(number: int) -> str:
    """pf_strerror: what errors mean where tables and anchors are named."""
    if number == ESRCH:
        return "Table does not exist."
    if number in (EINVAL, ENOENT):
        return "Anchor does not exist."
    return strerror(number)


def ctime(p: Program, seconds: int) -> str:
    """ctime(3) without its newline."""
    from vshell.userland.strftime import localtime, strftime

    return strftime("%a %b %e %H:%M:%S %Y", localtime(seconds, p.env))


class Symbols:
    """Macros; those of the command line stay what they are."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[str, bool]] = {}
        self.used: set[str] = set()

    def set(self, name: str, value: str, persist: bool = False) -> None:
        """symset."""
        old = self.values.pop(name, None)
        if old is not None and old[1]:
            self.values[name] = old
            return
        self.used.discard(name)
        self.values[name] = (value, persist)

    def get(self, name: str) -> str | None:
        """symget."""
        found = self.values.get(name)
        if found is None:
            return None
        self.used.add(name)
        return found[0]


class Context:
    """One run of pfctl."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.opts = 0
        self.loadopt = 0
        self.fd = -1
        self.exit_val = 0
        self.first_title = True
        self.labels = False
        self.iface: str | None = None
        self.symbols = Symbols()
        self.stdin: bytes | None = b""
        """What standard input holds, None if it was not read."""
        self._interfaces: Interfaces | None = None
        self.skipped: Skipped | None = None
        self.tables_named = 0
        """Tables that the optimiser named."""
        self.table_number = 0
        self.table_serial = 0
        self.fingerprints: list[tuple[str, str, str]] = []

    @property
    def verbose(self) -> bool:
        """-v."""
        return bool(self.opts & PF_OPT_VERBOSE)

    @property
    def interfaces(self) -> Interfaces:
        """The interfaces as they were when first asked for."""
        if self._interfaces is None:
            from vshell.commands.pfctl.hosts import Interfaces

            self._interfaces = Interfaces(self.p)
        return self._interfaces

    def ioctl(self, request: Record) -> Any:
        """Ask /dev/pf."""
        return self.p.sys.ioctl(self.fd, request)

    def out(self, text: str) -> None:
        """printf."""
        self.p.stdout.write(text)

    def note(self, text: str) -> None:
        """fprintf(stderr)."""
        self.p.stderr.write(text)

    def say(self, text: str) -> None:
        """A line on standard error unless -q."""
        if not self.opts & PF_OPT_QUIET:
            self.note(text + "\n")

    def usage(self) -> NoReturn:
        """usage."""
        self.p.usage(USAGE)

    def pfctl_err(self, status: int, error: KError, text: str) -> None:
        """pfctl_err: exit, unless failures are to be passed over."""
        if not self.opts & PF_OPT_IGNFAIL:
            self.p.err(status, error, text)
        self.p.warn(error, text)
        self.exit_val = status

    def title(self, text: str) -> None:
        """pfctl_print_title."""
        if not self.first_title:
            self.out("\n")
        self.first_title = False
        self.out(f"{text}\n")
