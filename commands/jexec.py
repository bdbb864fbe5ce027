"""jexec(8): run a command inside a jail (usr.sbin/jexec/jexec.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland import pwd
from vshell.userland.execvp import execvp
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import JailError, jail_getid
from vshell.userland.logincap import login_environment
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

USAGE = "usage: jexec [-l] [-d working-directory] [-u username | -U username] jail\n       [command ...]"


def _user(p: Program, name: str) -> pwd.Passwd:
    """Who to become: the named user, or with "" the one who calls; their groups are taken on at once."""
    if name:
        user = pwd.getpwnam(p, name)
        if user is None:
            error = pwd.database_error(p)
            if error is not None:
                p.err(1, error, f"getpwnam: {name}")
            p.errx(1, f"{name}: no such user")
    else:
        uid = p.sys.getuid()
        user = pwd.getpwuid(p, uid)
        if user is None:
            p.errx(1, f"unknown uid: {uid}")
    try:
        p.sys.setgroups(pwd.getgrouplist(p, user.name, user.gid))
    except KError as e:
        p.err(1, e, f"initgroups: {user.name}")
    return user


def _attach(p: Program, name: str, workdir: str) -> None:
    try:
        jid = jail_getid(p.sys, name)
    except JailError as e:
        p.errx(1, e.text)
    try:
        p.sys.jail_attach(jid)
    except KError as e:
        p.err(1, e, f"jail_attach({jid})")
    try:
        p.sys.chdir(workdir)
    except KError as e:
        p.err(1, e, f"chdir(): {workdir}")


def _become(p: Program, user: pwd.Passwd, clean: bool, named: bool, chdir: bool) -> dict[str, str]:
    """Take on a user's ids and environment; the environment for the command."""
    try:
        p.sys.setgid(user.gid)
    except KError as e:
        p.err(1, e, "setgid")
    if named:
        try:
            p.sys.setuid(user.uid)
        except KError as e:
            p.err(1, e, "setusercontext")
    if clean and named and chdir:
        try:
            p.sys.chdir(user.dir)
        except KError as e:
            p.err(1, e, f"chdir: {user.dir}")
    return login_environment(user, p.env, clean)


@program("/usr/sbin/jexec")
def main(p: Program) -> int:
    """Attach to the jail and become the command."""
    options = Getopt(p, "d:lnu:U:")
    workdir, clean = "/", False
    username = None
    host_user = jail_user = dir_given = False
    for letter, value in options:
        if letter == "d":
            workdir, dir_given = value, True
        elif letter == "l":
            clean = True
        elif letter == "u":
            username, host_user = value, True
        elif letter == "U":
            username, jail_user = value, True
        elif letter != "n":
            p.usage(USAGE)
    args = options.args
    if not args or (host_user and jail_user):
        p.usage(USAGE)
    user = None
    if host_user or (clean and not jail_user):
        user = _user(p, username or "")
    _attach(p, args[0], workdir)
    env = p.env
    if clean or username is not None:
        if jail_user:
            user = _user(p, username or "")
        assert user is not None
        env = _become(p, user, clean, username is not None, not dir_given)
    return _run(p, args[1:], env)


def _run(p: Program, command: list[str], env: dict[str, str]) -> int:
    shell = env.get("SHELL", "/bin/sh")
    what = f"execvp: {command[0]}" if command else f"execlp: {shell}"
    try:
        execvp(p.sys, command or [shell, "-i"], env)
    except KError as e:
        p.err(1, e, what)


def complete(c: Context) -> Iterator[Candidate]:
    """Jails, then a command as it would run there."""
    o = c.options("duU")
    if o.typing in ("u", "U"):
        yield from c.users()
    elif o.typing == "d":
        yield from c.files(folders=True)
    elif not o.operands:
        yield from c.jails()
    else:
        yield from c.command(o.operands[1:], o.operands[0])
