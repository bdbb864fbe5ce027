"""What a program is: the @program decorator, and the object a running program gets (its libc, in a word).

A file `commands/NAME.py` holds

    @program("/bin/echo")
    def main(p: Program) -> int:
        p.stdout.write(" ".join(p.argv[1:]) + "\\n")
        return 0

`main` is `async` only if it waits for time, a socket, a child or its standard input.
"""

from __future__ import annotations

from vshell.abi.errno import KError, strerror
from vshell.userland.stdio import Reader, Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeVar

    from vshell.abi.syscalls import Syscalls

    F = TypeVar("F", bound=Callable[..., object])


def program(*paths: str) -> Callable[[F], F]:
    """Mark `main` of a command file; `paths` are where the program is installed, the first one its own name.

    The paths must be plain string literals on the line of the decorator: userland/programs.py reads them without
    importing the file.
    """

    def mark(main: F) -> F:
        main.paths = paths  # type: ignore[attr-defined]
        return main

    return mark


def checks_stdout(status: int) -> Callable[[F], F]:
    """Mark `main` of a program that looks at its end whether its output arrived: what it exits with if not."""

    def mark(main: F) -> F:
        main.stdout_status = status  # type: ignore[attr-defined]
        return main

    return mark


class Exit(Exception):
    """exit(3): unwinds `main`; standard output is flushed."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Program:
    """A running program: arguments, environment, standard streams, system calls, err(3)."""

    __slots__ = ("argv", "env", "name", "stderr", "stdin", "stdout", "sys", "tz")

    def __init__(self, sys: Syscalls, argv: list[str], env: dict[str, str]) -> None:
        self.sys = sys
        self.argv = argv
        self.env = env
        self.name = argv[0].rpartition("/")[2] if argv else ""
        """getprogname(3): what err and warn put in front."""
        self.stdin = Reader(sys, 0)
        self.stdout = Writer(sys, 1)
        self.stderr = Writer(sys, 2, buffered=False)

    # err(3) ----------------------------------------------------------------------------------------------------
    def exit(self, status: int) -> NoReturn:
        """exit(3)."""
        raise Exit(status)

    def warnx(self, text: str) -> None:
        """Print "name: text" on standard error."""
        self.stderr.write(f"{self.name}: {text}\n")

    def warn(self, error: KError | int, text: str = "") -> None:
        """Print "name: text: <error text>" on standard error."""
        reason = strerror(error if isinstance(error, int) else error.errno)
        self.warnx(f"{text}: {reason}" if text else reason)

    def err(self, status: int, error: KError | int, text: str = "") -> NoReturn:
        """warn, then exit."""
        self.warn(error, text)
        raise Exit(status)

    def errx(self, status: int, text: str) -> NoReturn:
        """warnx, then exit."""
        self.warnx(text)
        raise Exit(status)

    def usage(self, text: str, status: int = 1) -> NoReturn:
        """Print a usage text (no program name is added) on standard error and exit."""
        self.stderr.write(text if text.endswith("\n") else text + "\n")
        raise Exit(status)
