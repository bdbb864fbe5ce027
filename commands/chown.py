"""chown(8), chgrp(1): change owner and group of files (usr.sbin/chown/chown.c)."""

from __future__ import annotations

from vshell.abi.errno import EPERM, KError, strerror
from vshell.userland.fts import FTS_D, FTS_DNR, FTS_NS, Fts, FtsEntry
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.pwd import getgrnam, getpwnam

CHOWN_USAGE = """\
usage: chown [-fhvx] [-R [-H | -L | -P]] owner[:group] file ...
       chown [-fhvx] [-R [-H | -L | -P]] :group file ...
"""
CHGRP_USAGE = "usage: chgrp [-fhvx] [-R [-H | -L | -P]] group file ..."
ID_MAX = 0xFFFFFFFF


def number(p: Program, name: str, kind: str) -> int:
    """A numeric id."""
    if not (name.isascii() and name.isdigit()) or int(name) > ID_MAX:
        p.errx(1, f"{name}: illegal {kind} name")
    return int(name)


class Owner:
    """The ids to set, -1 for those that stay."""

    def __init__(self, p: Program, text: str, chown: bool) -> None:
        self.p = p
        self.chown = chown
        self.uid = self.gid = -1
        self.gname = text
        user = ""
        if chown:
            user, _, self.gname = text.partition(":")
        if self.gname:
            group = getgrnam(p, self.gname)
            self.gid = group.gid if group is not None else number(p, self.gname, "group")
        if user:
            found = getpwnam(p, user)
            self.uid = found.uid if found is not None else number(p, user, "user")

    def info(self, e: FtsEntry, verbose: int) -> None:
        """-v: the path, with -vv also what changed."""
        text = e.path
        if verbose > 1:
            uid, gid = e.st.st_uid, e.st.st_gid
            newuid = uid if self.uid == -1 else self.uid
            newgid = gid if self.gid == -1 else self.gid
            text += f": {uid}:{gid} -> {newuid}:{newgid}" if self.chown else f": {gid} -> {newgid}"
        self.p.stdout.write(f"{text}\n")

    def error(self, e: KError, path: str) -> None:
        """Say why it failed; a plain user may be no member of the group."""
        sys = self.p.sys
        if e.errno == EPERM and self.uid == -1 and self.gid != -1 and sys.geteuid() and self.gid not in sys.getgroups():
            self.p.warnx(f"you are not a member of group {self.gname}")
        else:
            self.p.warn(e, path)

    def change(self, e: FtsEntry, follow: bool) -> None:
        """Set the ids of one file."""
        self.p.sys.chown(e.path, self.uid, self.gid, follow)

    def is_set(self, e: FtsEntry) -> bool:
        """True if nothing would change."""
        return self.uid in (-1, e.st.st_uid) and self.gid in (-1, e.st.st_gid)


@program("/usr/sbin/chown", "/usr/bin/chgrp")
def main(p: Program) -> int:
    """chown [-fhvx] [-R [-H | -L | -P]] owner[:group] file ..."""
    chown = p.name == "chown"
    usage = CHOWN_USAGE if chown else CHGRP_USAGE
    options, args = getopt(p, "HLPRfhvx")
    letters = [key for key, _ in options]
    flags = set(letters)
    if "?" in flags or len(args) < 2:
        p.usage(usage)
    link = next((k for k in reversed(letters) if k in "HLP"), "P")
    if "R" in flags and "h" in flags and link != "P":
        p.errx(1, f"the -R{link} and -h options may not be specified together")
    logical = link == "L" if "R" in flags else "h" not in flags
    comfollow = "R" in flags and link == "H"
    owner = Owner(p, args[0], chown)
    status = 0
    for e in Fts(p.sys, args[1:], logical=logical, comfollow=comfollow, xdev="x" in flags):
        if e.info == FTS_D:
            e.skip = "R" not in flags
            continue
        if e.info in (FTS_NS, FTS_DNR):
            assert e.error is not None
            p.warnx(f"{e.path}: {strerror(e.error.errno)}")
            status = 1
            if e.info == FTS_NS:
                continue
        if owner.is_set(e):
            continue
        try:
            owner.change(e, logical or (comfollow and e.level == 0))
        except KError as error:
            if "f" not in flags:
                owner.error(error, e.path)
                status = 1
                continue
        if "v" in flags:
            owner.info(e, letters.count("v"))
    return status
