"""su(1): become another user (usr.bin/su/su.c)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError
from vshell.abi.fcntl import WEXITSTATUS, WIFSIGNALED
from vshell.abi.signal import SIG_DFL, SIG_IGN, SIGINT, SIGQUIT
from vshell.abi.syscalls import Syscalls
from vshell.userland.environ import Environ
from vshell.userland.getopt import Getopt
from vshell.userland.logincap import setusercontext_env
from vshell.userland.program import Program, program
from vshell.userland.pwd import Passwd, getgrnam, getgrouplist, getpwnam, getpwuid
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

USAGE = "usage: su [-] [-flms] [-c class] [login [args]]"
MAXLOGNAME = 33
BSHELL = "/bin/sh"


def shells(p: Program) -> list[str]:
    """getusershell(3)."""
    try:
        text = decode(slurp(p, "/etc/shells"))
    except KError:
        return [BSHELL, "/bin/csh"]
    return [line for line in text.split("\n") if line.startswith("/")]


class Su:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.asme = self.asthem = False
        self.login_class: str | None = None

    def parse(self) -> tuple[str, list[str]]:
        """(user, arguments for the shell)."""
        parsed = Getopt(self.p, "-flmsc:")
        for key, value in parsed:
            if key in ("l", "-"):
                self.asthem, self.asme = True, False
            elif key == "m":
                self.asthem, self.asme = False, True
            elif key == "c":
                self.login_class = value
            elif key == "?":
                self.p.usage(USAGE)
        args = parsed.args
        if args and args[0] == "-":  # "su - user" is -l as well
            self.asthem, self.asme = True, False
            args = args[1:]
        return (args[0] if args else "root"), args[1:]

    def caller(self) -> Passwd:
        """Who we are."""
        user = getpwuid(self.p, self.p.sys.getuid())
        if user is None:
            self.p.errx(1, "who are you?")
        return user

    async def authenticate(self, caller: Passwd, name: str) -> None:
        """pam_rootok, pam_self, pam_group and then a password, which no account here has."""
        if caller.uid == 0:
            return
        target = getpwnam(self.p, name)
        if target is not None and target.uid == caller.uid:
            return
        wheel = getgrnam(self.p, "wheel")
        member = wheel is not None and (caller.name in wheel.members or caller.gid == wheel.gid)
        if member or target is None or target.uid != 0:
            self.p.stderr.write("Password:")
            await self.p.stdin.readline()
            self.p.stderr.write("\n")
        self.p.errx(1, "Sorry")

    def environment(self, user: Passwd, shell: str) -> dict[str, str]:
        """What the shell starts with."""
        env = self.p.env
        if self.asme:
            return env
        term = env.get("TERM")
        environ = Environ({} if self.asthem else env)
        if self.asthem or user.uid:
            environ.set("USER", user.name)
        environ.set("HOME", user.dir)
        environ.set("SHELL", shell)
        if self.asthem:
            environ = Environ(setusercontext_env(user, environ.vars))
            if term is not None:
                environ.set("TERM", term)
        return environ.vars

    async def run(self) -> int:
        """The exit status."""
        p = self.p
        name, args = self.parse()
        if p.sys.geteuid() != 0:
            p.errx(1, "not running setuid")
        if len(name) > MAXLOGNAME - 1:
            p.errx(1, "username too long")
        caller = self.caller()
        await self.authenticate(caller, name)
        user = getpwnam(p, name)
        if user is None:
            p.errx(1, f"unknown login: {name}")
        if self.login_class is not None and caller.uid != 0:
            p.errx(1, "only root may use -c")
        shell = user.shell or BSHELL
        if self.asme:
            if caller.uid != 0 and user.shell not in shells(p):
                p.errx(1, "permission denied (shell)")
            shell = caller.shell or BSHELL
        return await self.spawn(user, shell, args)

    async def spawn(self, user: Passwd, shell: str, args: list[str]) -> int:
        """Run the shell as a child and wait for it."""
        p = self.p
        env = self.environment(user, shell)
        groups = getgrouplist(p, user.name, user.gid)
        home = user.dir if self.asthem else None
        argv0 = "-su" if self.asthem else "su"

        async def child(sys: Syscalls) -> int:
            return start(sys, user, groups, shell, [argv0, *args], env, home)

        interrupts = [p.sys.sigaction(sig, SIG_IGN) for sig in (SIGINT, SIGQUIT)]
        for sig, old in zip((SIGINT, SIGQUIT), interrupts, strict=True):
            p.sys.sigaction(sig, old)  # type: ignore[arg-type]
        pid = p.sys.fork(child)
        for sig in (SIGINT, SIGQUIT):
            p.sys.sigaction(sig, SIG_IGN)
        _, status = await p.sys.wait4(pid)
        return 0 if WIFSIGNALED(status) else WEXITSTATUS(status)


def start(
    sys: Syscalls, user: Passwd, groups: tuple[int, ...], shell: str, argv: list[str], env: dict[str, str], home: str | None
) -> NoReturn:
    """The child: change identity and become the shell."""
    sys.sigaction(SIGINT, SIG_DFL)
    sys.setgid(user.gid)
    sys.setgroups(groups)
    sys.setuid(user.uid)
    try:
        if home is not None:
            sys.chdir(home)
    except KError:
        sys.write_nowait(2, b"su: no directory\n")
        sys.exit(1)
    try:
        sys.execve(shell, argv, env)
    except KError as e:
        sys.write_nowait(2, f"su: {shell}: {e}\n".encode("utf-8", "surrogateescape"))
        sys.exit(1)


@program("/usr/bin/su")
async def main(p: Program) -> int:
    """su [-] [-flms] [-c class] [login [args]]"""
    return await Su(p).run()
