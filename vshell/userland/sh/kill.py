"""kill(1), shared by the builtin and the program (bin/kill/kill.c)."""

from __future__ import annotations

from vshell.abi.errno import strerror
from vshell.abi.signal import SIGTERM
from vshell.userland.sh import number
from vshell.userland.signame import SYS_SIGNAME, sig2str, str2sig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

USAGE = """\
usage: kill [-s signal_name] pid ...
       kill -l [exit_status]
       kill -signal_name pid ...
       kill -signal_number pid ...
"""


class KillFailure(Exception):
    """Ends kill with status 2; the text is already complete."""


def names() -> str:
    """The valid signals, as they are listed."""
    last = len(SYS_SIGNAME) - 1
    out = ""
    for n in range(1, last + 1):
        out += SYS_SIGNAME[n] + ("\n" if n in (len(SYS_SIGNAME) // 2, last) else " ")
    return out


class Kill:
    """One run.  `send(pid, sig)` and `job(name, sig)` give an errno, 0 if all went well."""

    def __init__(
        self,
        out: Callable[[str], None],
        err: Callable[[str], None],
        name: str,
        send: Callable[[int, int], int],
        job: Callable[[str, int], int] | None = None,
    ) -> None:
        self.out = out
        self.err = err
        self.name = name
        self.send = send
        self.job = job

    def run(self, args: list[str]) -> int:
        """Returns the exit status; KillFailure for status 2."""
        if not args:
            self._usage()
        if args[0] == "-l":
            return self._list(args[1:])
        signo = SIGTERM
        if args[0] == "-s":
            if len(args) < 2:
                self._warn("option requires an argument -- s")
                self._usage()
            signo = self._signal(args[1])
            args = args[2:]
        elif args[0].startswith("-") and not args[0].startswith("--"):
            signo = self._signal(args[0][1:])
            args = args[1:]
        if args and args[0].startswith("--"):
            args = args[1:]
        if not args:
            self._usage()
        return self._kill(args, signo)

    def _kill(self, args: list[str], signo: int) -> int:
        status = 0
        for arg in args:
            if arg.startswith("%") and self.job is not None:
                error = self.job(arg, signo)
            else:
                pid, used = number.parse(arg, base10=True)
                if not arg or used != len(arg) or not -(1 << 31) <= pid < 1 << 31:
                    self._warn(f"illegal process id: {arg}")
                    raise KillFailure
                error = self.send(pid, signo)
            if error:
                self._warn(f"{arg}: {strerror(error)}")
                status = 1
        return status

    def _list(self, args: list[str]) -> int:
        if len(args) > 1:
            self._usage()
        if not args:
            self.out(names())
            return 0
        text = args[0]
        if not text[:1].isdecimal():
            self._usage()
        value, used = number.parse(text, base10=True)
        if used != len(text):
            self._warn(f"invalid signal number: {text}")
            raise KillFailure
        name = sig2str(value - 128 if value >= 128 else value)
        if name is None:
            self._nosig(text)
        self.out(f"{name}\n")
        return 0

    def _signal(self, text: str) -> int:
        if text == "0":
            return 0
        signo = str2sig(text)
        if signo is None:
            self._nosig(text)
        assert signo is not None
        return signo

    def _nosig(self, text: str) -> None:
        self._warn(f"unknown signal {text}; valid signals:")
        self.err(names())
        raise KillFailure

    def _usage(self) -> None:
        self.err(USAGE)
        raise KillFailure

    def _warn(self, text: str) -> None:
        self.err(f"{self.name}: {text}\n")
