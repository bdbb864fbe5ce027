"""chroot(8): run a command with another root directory (usr.sbin/chroot/chroot.c)."""

from __future__ import annotations

from vshell.abi.errno import EPERM, KError
from vshell.userland.execvp import execvp
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.pwd import getgrnam, getpwnam

USAGE = "usage: chroot [-g group] [-G group,group,...] [-u user] [-n] newroot [command]"


def group_id(p: Program, name: str) -> int:
    """A group by name or number."""
    group = getgrnam(p, name)
    if group is not None:
        return group.gid
    if not (name.isascii() and name.isdigit()):
        p.errx(1, f"no such group '{name}'")
    return int(name)


def user_id(p: Program, name: str) -> int:
    """A user by name or number."""
    user = getpwnam(p, name)
    if user is not None:
        return user.uid
    if not (name.isascii() and name.isdigit()):
        p.errx(1, f"no such user '{name}'")
    return int(name)


@program("/usr/sbin/chroot")
def main(p: Program) -> int:
    """chroot [-g group] [-G group,group,...] [-u user] [-n] newroot [command]"""
    options, args = getopt(p, "G:g:u:n")
    found = dict(options)
    if "?" in found or not args or "" in [found.get(k, "x") for k in "gGu"]:
        p.usage(USAGE)
    gid = group_id(p, found["g"]) if "g" in found else None
    groups = [group_id(p, g) for g in found.get("G", "").split(",") if g]
    uid = user_id(p, found["u"]) if "u" in found else None
    try:
        p.sys.chdir(args[0])
        p.sys.chroot(".")
    except KError as e:
        if e.errno == EPERM and "n" not in found and p.sys.geteuid() != 0:
            p.errx(1, "unprivileged use requires -n")
        p.err(1, e, args[0])
    what = "setgroups"
    try:
        if groups:
            p.sys.setgroups(groups)
        what = "setgid"
        if gid is not None:
            p.sys.setgid(gid)
        what = "setuid"
        if uid is not None:
            p.sys.setuid(uid)
    except KError as e:
        p.err(1, e, what)
    command = args[1:]
    if not command:
        command = [p.env.get("SHELL") or "/bin/sh", "-i"]
    try:
        execvp(p.sys, command, p.env)
    except KError as e:
        p.err(1, e, command[0])
