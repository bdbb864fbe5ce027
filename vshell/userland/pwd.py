"""The user database: getpwnam(3), getgrnam(3) and their kin, read from /etc of the file system the process sees.

As FreeBSD's C library, this reads users from /etc/pwd.db, which pwd_mkdb(8) makes, and never from /etc/passwd.
DIFFERS: our pwd.db is no hash but the lines of /etc/passwd.  /etc/group is always a text file.
"""

from __future__ import annotations

from typing import NamedTuple

from vshell.abi.errno import KError
from vshell.abi.fcntl import R_OK
from vshell.userland.program import Program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

PWD_DB = "/etc/pwd.db"


class Passwd(NamedTuple):
    """struct passwd."""

    name: str
    passwd: str
    uid: int
    gid: int
    gecos: str
    dir: str
    shell: str


class Group(NamedTuple):
    """struct group."""

    name: str
    passwd: str
    gid: int
    members: tuple[str, ...]


def _lines(p: Program, path: str) -> list[list[str]]:
    try:
        text = decode(slurp(p, path))
    except KError:
        return []
    return [line.split(":") for line in text.split("\n") if line and line[0] != "#"]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def users(p: Program) -> list[Passwd]:
    """All users, in file order."""
    found = []
    for f in _lines(p, PWD_DB):
        if len(f) >= 7 and f[0]:
            found.append(Passwd(f[0], f[1], _number(f[2]), _number(f[3]), f[4], f[5], f[6] or "/bin/sh"))
    return found


def groups(p: Program) -> list[Group]:
    """All groups, in file order."""
    found = []
    for f in _lines(p, "/etc/group"):
        if len(f) >= 4 and f[0]:
            found.append(Group(f[0], f[1], _number(f[2]), tuple(m for m in f[3].split(",") if m)))
    return found


def database_error(p: Program) -> KError | None:
    """Why there can be no users at all: the database cannot be read."""
    try:
        p.sys.access(PWD_DB, R_OK)
    except KError as e:
        return e
    return None


def getpwnam(p: Program, name: str) -> Passwd | None:
    """The user of that name."""
    return next((u for u in users(p) if u.name == name), None)


def getpwuid(p: Program, uid: int) -> Passwd | None:
    """The first user of that id."""
    return next((u for u in users(p) if u.uid == uid), None)


def getgrnam(p: Program, name: str) -> Group | None:
    """The group of that name."""
    return next((g for g in groups(p) if g.name == name), None)


def getgrgid(p: Program, gid: int) -> Group | None:
    """The first group of that id."""
    return next((g for g in groups(p) if g.gid == gid), None)


def getgrouplist(p: Program, name: str, gid: int) -> tuple[int, ...]:
    """The groups of a user: `gid` first, then those that list the name."""
    found = [gid]
    for g in groups(p):
        if name in g.members and g.gid not in found:
            found.append(g.gid)
    return tuple(found)


def user_from_uid(p: Program, uid: int) -> str:
    """The name of a user, or the number."""
    u = getpwuid(p, uid)
    return u.name if u is not None else str(uid)


def group_from_gid(p: Program, gid: int) -> str:
    """The name of a group, or the number."""
    g = getgrgid(p, gid)
    return g.name if g is not None else str(gid)


class Names:
    """Names of users and groups with a memory, for listings."""

    def __init__(self, p: Program, numeric: bool = False) -> None:
        self.users: dict[int, str] = {}
        self.groups: dict[int, str] = {}
        if not numeric:
            for u in reversed(users(p)):
                self.users[u.uid] = u.name
            for g in reversed(groups(p)):
                self.groups[g.gid] = g.name

    def user(self, uid: int) -> str:
        """The name of a user, or the number."""
        return self.users.get(uid) or str(uid)

    def group(self, gid: int) -> str:
        """The name of a group, or the number."""
        return self.groups.get(gid) or str(gid)


SPWD_DB = "/etc/spwd.db"


def shadow(p: Program, name: str) -> list[str] | None:
    """The ten fields of a user in master.passwd's form, as only root can read them."""
    return next((f for f in _lines(p, SPWD_DB) if len(f) >= 10 and f[0] == name), None)


def passwd_line(p: Program, user: Passwd) -> str:
    """A user in the form of master.passwd(5); what only root may know is left out for others."""
    fields = shadow(p, user.name)
    if fields is None:
        fields = [user.name, "*", str(user.uid), str(user.gid), "", "0", "0", user.gecos, user.dir, user.shell]
    return ":".join(fields)
