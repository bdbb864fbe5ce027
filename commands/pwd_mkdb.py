"""pwd_mkdb(8): make the password databases (usr.sbin/pwd_mkdb).

DIFFERS: our databases are no hashes but lines: pwd.db those of passwd(5), spwd.db those of master.passwd.
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode, encode

USAGE = "usage: pwd_mkdb [-CiNp] [-d directory] [-s cachesize] [-u username] file"


@program("/usr/sbin/pwd_mkdb")
def main(p: Program) -> int:
    """Check the file and install the databases made from it."""
    options, args = getopt(p, "CBLNd:is:pu:")
    chosen = dict(options)
    if "?" in chosen or len(args) != 1:
        p.usage(USAGE)
    try:
        text = decode(slurp(p, args[0]))
    except KError as e:
        p.err(1, e, args[0])
    users, problem = _parse(text)
    if problem:
        p.warnx("corrupted entry")
        p.warnx(f"at line #{problem}")
        p.warnx(f"{args[0]}: Inappropriate file type or format")
        return 1
    if "C" in chosen:
        return 0
    folder = chosen.get("d", "/etc")
    public = "".join(":".join((f[0], "*", f[2], f[3], f[7], f[8], f[9])) + "\n" for f in users)
    _install(p, f"{folder}/pwd.db", public, 0o644)
    _install(p, f"{folder}/spwd.db", "".join(":".join(f) + "\n" for f in users), 0o600)
    if "p" in chosen:
        _install(p, f"{folder}/passwd", public, 0o644)
    master = f"{folder}/master.passwd"
    if args[0] != master:
        try:
            p.sys.rename(args[0], master)
        except KError as e:
            p.err(1, e, f"{args[0]} to {master}")
    return 0


def _parse(text: str) -> tuple[list[list[str]], int]:
    """The entries, each ten fields; and the number of the first bad line."""
    users = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(":")
        if len(fields) != 10 or not fields[0] or not fields[2].isdecimal() or not fields[3].isdecimal():
            return [], number
        users.append(fields)
    return users, 0


def _install(p: Program, path: str, text: str, mode: int) -> None:
    try:
        fd = p.sys.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
        p.sys.write_nowait(fd, encode(text))
        p.sys.close(fd)
    except KError as e:
        p.err(1, e, path)
