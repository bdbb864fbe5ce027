"""killall(1): signal processes by name (usr.bin/killall/killall.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.proc import KinfoProc
from vshell.abi.signal import SIGNAMES, SIGTERM
from vshell.userland.libjail import JailError, jail_getid
from vshell.userland.program import Program, program
from vshell.userland.pwd import getpwnam
from vshell.userland.regex import EXTENDED, RegexError, regcomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

USAGE = """\
usage: killall [-delmsqvz] [-help] [-I] [-j jail]
               [-u user] [-t tty] [-c cmd] [-SIGNAL] [cmd]...
At least one option or argument to specify processes must be given.
"""


def signal_list() -> str:
    """The names of all signals in two lines."""
    names = SIGNAMES[1:]
    half = (len(names) + 1) // 2
    return " ".join(names[:half]) + " \n" + " ".join(names[half:]) + " \n"


class Killall:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.sig = SIGTERM
        self.flags: set[str] = set()
        self.user = self.tty = self.cmd = ""
        self.jid: int | None = None
        self.verbose = 0

    def usage(self) -> None:
        """How to call it."""
        self.p.usage(USAGE)

    def no_such_signal(self, name: str) -> None:
        """A signal that is none."""
        self.p.warnx(f"unknown signal {name}; valid signals:")
        self.p.stderr.write(signal_list())
        self.p.exit(1)

    def argument(self, args: list[str], what: str) -> str:
        """The argument of an option."""
        if not args:
            self.p.errx(1, f"must specify {what}")
        return args.pop(0)

    def parse(self) -> list[str]:
        """The command line; returns the names."""
        args = self.p.argv[1:]
        while args and args[0].startswith("-") and args[0] != "-":
            word = args.pop(0)[1:]
            if word == "-":
                break
            if word in ("I", "e", "m", "q", "s", "z", "d"):
                self.flags.add(word)
            elif word == "v":
                self.verbose += 1
            elif word == "l":
                self.p.stdout.write(signal_list())
                self.p.exit(0)
            elif word == "j":
                name = self.argument(args, "jail")
                try:
                    self.jid = jail_getid(self.p.sys, name)
                except JailError as e:
                    self.p.errx(1, e.text)
            elif word == "u":
                self.user = self.argument(args, "user")
            elif word == "t":
                self.tty = self.argument(args, "tty")
            elif word == "c":
                self.cmd = self.argument(args, "procname")
            elif word in ("help", "?", "h"):
                self.usage()
            elif word.isdecimal():
                if int(word) >= len(SIGNAMES):
                    self.p.errx(1, f"illegal signal number: {word}")
                self.sig = int(word)
            elif word[:1].isalpha():
                name = word.upper().removeprefix("SIG")
                if name not in SIGNAMES[1:]:
                    self.no_such_signal(word)
                self.sig = SIGNAMES.index(name)
            else:
                self.no_such_signal(word)
        if not (self.user or self.tty or self.cmd or args or self.jid is not None):
            self.usage()
        return args

    def uid(self) -> int | None:
        """-u."""
        if not self.user:
            return None
        user = getpwnam(self.p, self.user)
        if user is None:
            self.p.errx(1, f"user {self.user} does not exist")
        return user.uid

    def named(self, k: KinfoProc, name: str) -> bool:
        """True if a process has that name (or matches with -m)."""
        if "m" not in self.flags:
            return k.comm == name[:19]
        try:
            return regcomp(name, EXTENDED).find(k.comm) is not None
        except RegexError:
            self.p.warnx(f"{name}: illegal regexp")
            return False

    def matching(self, names: list[str]) -> list[KinfoProc]:
        """The processes that are meant."""
        me, uid = self.p.sys.getpid(), self.uid()
        found = []
        for k in self.p.sys.sysctl("kern.proc"):
            if k.pid in (0, me) or (k.state == "Z" and "z" not in self.flags):
                continue
            if uid is not None and (k.uid if "e" in self.flags else k.ruid) != uid:
                continue
            if self.tty and k.tty not in (self.tty, f"tty{self.tty}", self.tty.removeprefix("/dev/")):
                continue
            if self.jid is not None and k.jid != self.jid:
                continue
            if self.cmd and not self.named(k, self.cmd):
                continue
            if names and not any(self.named(k, n) for n in names):
                continue
            found.append(k)
        return found

    async def run(self) -> int:
        """The exit status."""
        names = self.parse()
        found = self.matching(names)
        errors = 0
        for k in found:
            if "I" in self.flags:
                self.p.stdout.write(f"Send signal {self.sig} to {k.comm} (pid {k.pid} uid {k.uid})? ")
                self.p.stdout.flush()
                answer = await self.p.stdin.readline()
                if answer[:1] not in (b"y", b"Y"):
                    continue
            if self.verbose or "s" in self.flags:
                self.p.stdout.write(f"kill -{SIGNAMES[self.sig]} {k.pid}\n")
            if "s" not in self.flags:
                try:
                    self.p.sys.kill(k.pid, self.sig)
                except KError as e:
                    self.p.warn(e, f"kill -{SIGNAMES[self.sig]} {k.pid}")
                    errors = 1
        if not found:
            if "q" not in self.flags:
                self.p.stderr.write(
                    f"No matching processes {'' if self.p.sys.getuid() == 0 else 'belonging to you '}were found\n"
                )
            return 1
        return errors


@program("/usr/bin/killall")
async def main(p: Program) -> int:
    """killall [-delmsqvz] [-help] [-I] [-j jail] [-u user] [-t tty] [-c cmd] [-SIGNAL] [cmd]..."""
    return await Killall(p).run()


def complete(c: Context) -> Iterator[Candidate]:
    """Signals, jails after -j."""
    typing = c.options("cjstu").typing
    if typing == "j":
        yield from c.jails()
    elif typing == "u":
        yield from c.users()
    else:
        yield from c.signals("" if typing == "s" else "-")
