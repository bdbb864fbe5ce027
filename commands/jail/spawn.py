"""Starting the commands of a jail, inside it or outside (run_command and check_path of usr.sbin/jail/command.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from vshell.abi.errno import ENOENT, KError, strerror
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_WRONLY, S_IFLNK
from vshell.abi.mount import Statfs
from vshell.commands.jail.jailp import CfJail, Jail
from vshell.userland import pwd
from vshell.userland.environ import Environ
from vshell.userland.execvp import execvp
from vshell.userland.logincap import login_environment
from vshell.userland.program import Program

if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls

S_IFMT = 0o170000


def spawn(jail: Jail, j: CfJail, argv: list[str], injail: bool, background: bool) -> int | None:
    """Fork a command; its pid, None if the log cannot be opened."""
    log = -1
    consolelog = j.string("exec.consolelog") if injail else None
    if consolelog is not None:
        if not check_path(jail, j, "exec.consolelog", consolelog, True, None):
            return None
        try:
            log = jail.p.sys.open(consolelog, O_WRONLY | O_CREAT | O_APPEND, 0o666)
        except KError as e:
            jail.warnx(j, f"open {consolelog}: {strerror(e.errno)}")
            return None
    user = j.string("exec.jail_user" if injail else "exec.system_user")
    j.comline = " ".join(argv)
    if jail.verbose > 0:
        where = " in jail" if injail else ""
        jail.note(j, f"run command{where}{f' as {user}' if user else ''}: {j.comline}\n")
    child = Child(jail, j, argv, injail, user, log)
    if background:
        child.new_session = True
    pid = jail.p.sys.fork(child.main)
    if log >= 0:
        jail.p.sys.close(log)
    return pid


class Child:
    """What the forked process does before it becomes the command."""

    def __init__(self, jail: Jail, j: CfJail, argv: list[str], injail: bool, user: str | None, log: int) -> None:
        self.jail = jail
        self.j = j
        self.argv = argv
        self.injail = injail
        self.username = user
        self.log = log
        self.new_session = False
        self.clean = j.flag("exec.clean")
        self.user_of_host = j.flag("exec.system_jail_user")
        self.p = jail.p

    async def main(self, sys: Syscalls) -> int:
        """The child."""
        self.p = Program(sys, self.jail.p.argv, self.jail.p.env)
        if self.new_session:
            sys.setsid()
        try:
            env = self._prepare(sys)
        except KError as e:
            return self._fail(e.text)
        if self.log >= 0:
            sys.dup2(self.log, 1)
            sys.dup2(self.log, 2)
        for fd in range(3, 32):
            try:
                sys.close(fd)
            except KError:
                continue
        try:
            execvp(sys, self.argv, env)
        except KError as e:
            return self._fail(f"exec {self.argv[0]}: {strerror(e.errno)}")

    def _fail(self, text: str) -> int:
        self.p.warnx(f"{self.j.name}: {text}" if self.j.name is not None else text)
        return 1

    def _prepare(self, sys: Syscalls) -> dict[str, str]:
        """Enter the jail, become the user; the environment of the command.  KError carries the message."""
        j = self.j
        wants_user = self.clean or self.username is not None
        user = self._user() if wants_user and self.injail and self.user_of_host else None
        if self.injail:
            self._enter(sys)
        env = dict(self.p.env)
        if wants_user:
            if user is None:
                user = self._user()
            env = self._become(sys, user, env)
        if not self.injail:
            environ = Environ(env)
            for variable, name in (("JID", "jid"), ("JNAME", "name")):
                value = j.string(name)
                if value is not None:
                    environ.set(variable, value)
            environ.set("JPATH", j.string("path") or "")
            env = environ.vars
        return env

    def _enter(self, sys: Syscalls) -> None:
        j = self.j
        path, fib = j.string("path"), j.number("exec.fib")
        what = f"chdir {path}"
        try:
            if path is not None:
                sys.chdir(path)
            what = "setfib"
            if fib is not None:
                sys.setfib(fib)
            what = "jail_attach"
            sys.jail_attach(j.jid)
        except KError as e:
            raise KError(e.errno, f"{what}: {strerror(e.errno)}") from None

    def _user(self) -> pwd.Passwd:
        p = self.p
        if self.username is not None:
            user = pwd.getpwnam(p, self.username)
            text = f"{self.username}: no such user"
        else:
            user = pwd.getpwuid(p, p.sys.getuid())
            text = f"unknown uid {p.sys.getuid()}"
        if user is None:
            raise KError(ENOENT, text)
        try:
            p.sys.setgroups(pwd.getgrouplist(p, user.name, user.gid))
        except KError as e:
            raise KError(e.errno, f"initgroups {user.name}: {strerror(e.errno)}") from None
        return user

    def _become(self, sys: Syscalls, user: pwd.Passwd, env: dict[str, str]) -> dict[str, str]:
        what = f"setgid {user.gid}"
        try:
            sys.setgid(user.gid)
            what = f"setusercontext {user.name}"
            if self.username is not None:
                sys.setuid(user.uid)
            what = f"chdir {user.dir}"
            if self.clean and self.username is not None:
                sys.chdir(user.dir)
        except KError as e:
            raise KError(e.errno, f"{what}: {strerror(e.errno)}") from None
        return login_environment(user, env, self.clean)


def check_path(jail: Jail, j: CfJail, name: str, path: str, isfile: bool, umount_type: str | None) -> bool:
    """A path below the jail's root must be absolute and free of symbolic links; what is unmounted must be a mount point."""
    if not path.startswith("/"):
        jail.warnx(j, f"{name}: {path}: not an absolute pathname")
        return False
    root = j.string("path") or ""
    if path.startswith(root + "/") and not _no_links(jail, j, name, root, path[len(root) + 1 :], isfile):
        return False
    return umount_type is None or _is_mount(jail, j, name, path, umount_type)


def _no_links(jail: Jail, j: CfJail, name: str, root: str, rest: str, isfile: bool) -> bool:
    parts = rest.split("/")
    for i in range(len(parts)):
        here = "/".join((root, *parts[: i + 1]))
        try:
            stat = jail.p.sys.lstat(here)
        except KError as e:
            if e.errno == ENOENT and isfile and i == len(parts) - 1:
                return True
            jail.warnx(j, f"{name}: {here}: {strerror(e.errno)}")
            return False
        if stat.st_mode & S_IFMT == S_IFLNK:
            jail.warnx(j, f"{name}: {here} is a symbolic link")
            return False
    return True


def _is_mount(jail: Jail, j: CfJail, name: str, path: str, fstype: str) -> bool:
    sys = jail.p.sys
    where = path
    try:
        stat, fs = sys.stat(path), cast(Statfs, sys.statfs(path))
        where = fs.f_mntonname
        mount = sys.stat(where)
    except KError as e:
        jail.warnx(j, f"{name}: {where}: {strerror(e.errno)}")
        return False
    if (stat.st_dev, stat.st_ino) != (mount.st_dev, mount.st_ino):
        jail.warnx(j, f"{name}: {path}: not a mount point")
        return False
    if fs.f_fstypename != fstype:
        jail.warnx(j, f"{name}: {path}: not a {fstype} mount")
        return False
    return True
