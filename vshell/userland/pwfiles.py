"""Changing the user database: master.passwd, the files made from it, and group (pw_mkdb, gr_util of libutil)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.userland.program import Program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode, encode

NAME, PASSWD, UID, GID, CLASS, CHANGE, EXPIRE, GECOS, DIR, SHELL = range(10)
"""Fields of a line of master.passwd."""


def write_file(p: Program, path: str, text: str, mode: int) -> None:
    """Replace a file's content."""
    fd = p.sys.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
    try:
        p.sys.write_nowait(fd, encode(text))
    finally:
        p.sys.close(fd)
    p.sys.chmod(path, mode)


class Files:
    """The database in one directory, as lists of fields; comments and odd lines stay where they are."""

    def __init__(self, p: Program, etc: str = "/etc", root: str | None = "") -> None:
        """`root` is where home directories lie; with None (pw -V) there are none."""
        self.p = p
        self.root = root
        self.etc = etc.rstrip("/")
        self.users = self._read("master.passwd")
        self.groups = self._read("group")

    def _read(self, name: str) -> list[list[str]]:
        try:
            text = decode(slurp(self.p, f"{self.etc}/{name}"))
        except KError:
            return []
        return [line.split(":") for line in text.split("\n") if line]

    def user(self, name: str) -> list[str] | None:
        """The line of a user."""
        return next((u for u in self.users if u[0] == name and len(u) >= 10), None)

    def user_by_id(self, uid: int) -> list[str] | None:
        """The line of the first user with that id."""
        return next((u for u in self.users if len(u) >= 10 and u[UID] == str(uid)), None)

    def group(self, name: str) -> list[str] | None:
        """The line of a group."""
        return next((g for g in self.groups if g[0] == name and len(g) >= 4), None)

    def group_by_id(self, gid: int) -> list[str] | None:
        """The line of the first group with that id."""
        return next((g for g in self.groups if len(g) >= 4 and g[2] == str(gid)), None)

    def save_users(self) -> None:
        """Write master.passwd and what is made from it."""
        text = "".join(":".join(u) + "\n" for u in self.users)
        write_file(self.p, f"{self.etc}/master.passwd", text, 0o600)
        make_databases(self.p, self.etc, text, passwd=True)

    def save_groups(self) -> None:
        """Write group."""
        write_file(self.p, f"{self.etc}/group", "".join(":".join(g) + "\n" for g in self.groups), 0o644)


def insecure(text: str) -> str:
    """The lines of passwd(5) for those of master.passwd."""
    out = []
    for line in text.split("\n"):
        f = line.split(":")
        if len(f) >= 10 and not line.startswith("#"):
            out.append(":".join([f[NAME], "*", f[UID], f[GID], f[GECOS], f[DIR], f[SHELL]]) + "\n")
    return "".join(out)


def make_databases(p: Program, etc: str, text: str, passwd: bool) -> None:
    """pwd_mkdb(8): pwd.db and spwd.db, and with `passwd` the file of that name."""
    write_file(p, f"{etc}/pwd.db", insecure(text), 0o644)
    write_file(p, f"{etc}/spwd.db", text, 0o600)
    if passwd:
        write_file(p, f"{etc}/passwd", insecure(text), 0o644)
