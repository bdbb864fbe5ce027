"""id(1), groups(1), whoami(1): user identity (usr.bin/id/id.c)."""

from __future__ import annotations

from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.pwd import Passwd, getgrgid, getgrouplist, getpwnam, getpwuid, passwd_line

USAGE = """\
usage: id [user]
       id -A
       id -G [-n] [user]
       id -M
       id -P [user]
       id -c
       id -d [user]
       id -g [-nr] [user]
       id -p [user]
       id -s [user]
       id -u [-nr] [user]
"""
USAGES = {"groups": "usage: groups [user]\n", "whoami": "usage: whoami\n"}


class Identity:
    """The process's own identity, or that of a user in the database."""

    def __init__(self, p: Program, user: Passwd | None) -> None:
        self.p = p
        self.user = user

    def named(self, number: int, name: str | None) -> str:
        """number(name)."""
        return f"{number}({name})" if name is not None else str(number)

    def group(self, gid: int) -> str:
        """A group with its name."""
        g = getgrgid(self.p, gid)
        return self.named(gid, None if g is None else g.name)

    def account(self, uid: int) -> str:
        """A user with their name."""
        u = getpwuid(self.p, uid)
        return self.named(uid, None if u is None else u.name)

    def groups(self) -> list[int]:
        """All groups; runs of one group once."""
        if self.user is not None:
            found = getgrouplist(self.p, self.user.name, self.user.gid)
        else:
            # getgroups(2) gives the effective group first, then the supplementary ones.
            found = (self.p.sys.getegid(), *self.p.sys.getgroups())
        return [g for i, g in enumerate(found) if g not in found[:i]]

    def everything(self) -> str:
        """The line of id without options."""
        sys = self.p.sys
        if self.user is not None:
            text = f"uid={self.named(self.user.uid, self.user.name)} gid={self.group(self.user.gid)}"
        else:
            uid, gid, euid, egid = sys.getuid(), sys.getgid(), sys.geteuid(), sys.getegid()
            text = f"uid={self.account(uid)} gid={self.group(gid)}"
            text += f" euid={self.account(euid)}" if euid != uid else ""
            text += f" egid={self.group(egid)}" if egid != gid else ""
        return f"{text} groups={','.join(map(self.group, self.groups()))}"

    def group_list(self, names: bool) -> str:
        """-G."""
        out = []
        for gid in self.groups():
            g = getgrgid(self.p, gid) if names else None
            out.append(g.name if g is not None else str(gid))
        return " ".join(out)

    def pretty(self) -> str:
        """-p."""
        p = self.p
        lines = []
        if self.user is not None:
            lines.append(f"uid\t{self.user.name}")
        else:
            uid, euid = p.sys.getuid(), p.sys.geteuid()
            user = getpwuid(p, uid)
            lines.append(f"uid\t{user.name if user is not None else uid}")
            if euid != uid:
                effective = getpwuid(p, euid)
                lines.append(f"euid\t{effective.name if effective is not None else euid}")
        lines.append(f"groups\t{self.group_list(True)}")
        return "\n".join(lines)

    def record(self) -> Passwd:
        """The database entry, for -P, -d and -s."""
        user = self.user or getpwuid(self.p, self.p.sys.getuid())
        if user is None:
            self.p.err(1, 0, "getpwuid")
        return user


def who(p: Program, name: str) -> Passwd:
    """A user by name or number."""
    user = getpwnam(p, name)
    if user is None and name.isascii() and name.isdigit():
        user = getpwuid(p, int(name))
    if user is None:
        p.errx(1, f"{name}: no such user")
    return user


def check(p: Program, flags: set[str], args: list[str]) -> None:
    """Contradictions."""
    combo = len(flags & set("AGMPgpu"))
    if (
        "?" in flags
        or (args and (p.name == "whoami" or flags & set("cAM")))
        or combo + len(flags & set("ds")) > 1
        or (combo == 0 and flags & set("nr"))
    ):
        p.usage(USAGES.get(p.name, USAGE))


def number(p: Program, flags: set[str], user: Passwd | None) -> str:
    """-u and -g."""
    sys = p.sys
    if "u" in flags:
        uid = user.uid if user is not None else sys.getuid() if "r" in flags else sys.geteuid()
        found = getpwuid(p, uid) if "n" in flags else None
        return found.name if found is not None else str(uid)
    gid = user.gid if user is not None else sys.getgid() if "r" in flags else sys.getegid()
    group = getgrgid(p, gid) if "n" in flags else None
    return group.name if group is not None else str(gid)


@program("/usr/bin/id", "/usr/bin/groups", "/usr/bin/whoami")
def main(p: Program) -> int:
    """id [user]; groups [user]; whoami"""
    preset = {"groups": {"G", "n"}, "whoami": {"u", "n"}}.get(p.name, set())
    options, args = getopt(p, "" if preset else "AGMPacdgnprsu")
    flags = {k for k, _ in options} | preset
    check(p, flags, args)
    user = who(p, args[0]) if args else None
    identity = Identity(p, user)
    if "A" in flags:
        # Without audit(4) there is no audit session to show.
        p.errx(1, "getaudit: Function not implemented")
    if "M" in flags:
        p.errx(1, "mac_prepare_type: Function not implemented")
    if "c" in flags:
        text = "default"
    elif flags & {"u", "g"}:
        text = number(p, flags, user)
    elif "d" in flags:
        text = identity.record().dir
    elif "G" in flags:
        text = identity.group_list("n" in flags)
    elif "P" in flags:
        text = passwd_line(p, identity.record())
    elif "p" in flags:
        text = identity.pretty()
    elif "s" in flags:
        text = identity.record().shell
    else:
        text = identity.everything()
    p.stdout.write(f"{text}\n")
    return 0
