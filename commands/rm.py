"""rm(1), unlink(1): remove directory entries (bin/rm/rm.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError, strerror
from vshell.abi.fcntl import S_IFDIR, S_IFLNK, S_IFMT, W_OK, Stat
from vshell.userland.fflags import fflagstostr
from vshell.userland.fts import FTS_D, FTS_DNR, FTS_DP, FTS_NS, Fts, FtsEntry
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.pwd import group_from_gid, user_from_uid
from vshell.userland.setmode import strmode

USAGE = """\
usage: rm [-f | -i] [-dIPRrvWx] file ...
       unlink [--] file
"""
EX_USAGE = 64
USER_FLAGS, SYSTEM_FLAGS = 0x6, 0x60000
"""Append-only and immutable: what the owner, what only root may set."""


class Remover:
    """One run of rm."""

    def __init__(self, p: Program, flags: set[str]) -> None:
        self.p = p
        self.flags = flags
        self.force = "f" in flags
        self.root = p.sys.geteuid() == 0
        self.ask = p.sys.isatty(0)
        self.status = 0

    def warn(self, error: KError, path: str) -> None:
        """Report, unless -f forgives it."""
        if not (self.force and error.errno == ENOENT):
            self.p.warn(error, path)
            self.status = 1

    async def tree(self, paths: list[str]) -> None:
        """rm -r."""
        for e in Fts(self.p.sys, paths, xdev="x" in self.flags, chdir=True):
            if e.info in (FTS_NS, FTS_DNR):
                assert e.error is not None
                if not (self.force and e.error.errno == ENOENT):
                    self.p.warnx(f"{e.path}: {strerror(e.error.errno)}")
                    self.status = 1
            elif e.info == FTS_D:
                await self.enter(e)
            elif e.info == FTS_DP:
                if not e.number:
                    self.remove(e.path, e.st, e.accpath)
            elif self.force or await self.check(e.path, e.st):
                self.remove(e.path, e.st, e.accpath)

    async def enter(self, e: FtsEntry) -> None:
        """Before a directory: ask, and clear flags that would be in the way."""
        if not self.force and not await self.check(e.path, e.st):
            e.skip = True
            e.number = 1
        else:
            self.clear_flags(e.path, e.st, e.accpath)

    def clear_flags(self, path: str, st: Stat, accpath: str = "") -> None:
        """Root takes off the flags an owner may set."""
        if self.root and st.st_flags & USER_FLAGS and not st.st_flags & SYSTEM_FLAGS:
            try:
                self.p.sys.chflags(accpath or path, st.st_flags & ~USER_FLAGS, follow=False)
            except KError as error:
                self.warn(error, path)

    async def files(self, paths: list[str]) -> None:
        """rm without -r."""
        for path in paths:
            try:
                st = self.p.sys.lstat(path)
            except KError as e:
                self.warn(e, path)
                continue
            if "W" in self.flags:
                self.p.warnx(f"{path}: File exists")
                self.status = 1
            elif st.st_mode & S_IFMT == S_IFDIR and "d" not in self.flags:
                self.p.warnx(f"{path}: is a directory")
                self.status = 1
            elif self.force or await self.check(path, st):
                self.clear_flags(path, st)
                self.remove(path, st)

    def remove(self, path: str, st: Stat, accpath: str = "") -> None:
        """Remove one entry, which is reached by `accpath`."""
        try:
            (self.p.sys.rmdir if st.st_mode & S_IFMT == S_IFDIR else self.p.sys.unlink)(accpath or path)
        except KError as e:
            self.warn(e, path)
            return
        if "v" in self.flags:
            self.p.stdout.write(f"{path}\n")

    async def check(self, path: str, st: Stat) -> bool:
        """Ask where it is due; True to remove."""
        if "i" in self.flags:
            self.p.stderr.write(f"remove {path}? ")
        elif not self.ask or st.st_mode & S_IFMT == S_IFLNK or self.writable(path, st):
            return True
        else:
            p = self.p
            owner = f"{user_from_uid(p, st.st_uid)}/{group_from_gid(p, st.st_gid)}"
            flags = fflagstostr(st.st_flags)
            p.stderr.write(f"override {strmode(st.st_mode)[1:]}{owner} {flags + ' ' if flags else ''}for {path}? ")
        answer = await self.p.stdin.readline()
        return answer[:1] in (b"y", b"Y")

    def writable(self, path: str, st: Stat) -> bool:
        """True if nothing speaks against removing the file."""
        try:
            self.p.sys.access(path, W_OK)
        except KError:
            return False
        return not st.st_flags & SYSTEM_FLAGS and not (st.st_flags & USER_FLAGS and self.root)

    async def many(self, paths: list[str]) -> bool:
        """-I: ask once."""
        directories, files = [], 0
        for path in paths:
            try:
                st = self.p.sys.lstat(path)
            except KError:
                continue
            if st.st_mode & S_IFMT == S_IFDIR:
                directories.append(path)
            else:
                files += 1
        count = len(directories)
        if count and "r" in self.flags:
            text = f"recursively remove {directories[-1]}" if count == 1 else f"recursively remove {count} dirs"
            text += " and 1 file" if files == 1 else f" and {files} files" if files else ""
        elif count + files > 3:
            text = f"remove {count + files} files"
        else:
            return True
        while True:
            self.p.stderr.write(f"{text}? ")
            answer = await self.p.stdin.readline()
            if answer[:1].lower() in (b"y", b"n") or not answer:
                return answer[:1] in (b"y", b"Y")


def without_dots(p: Program, paths: list[str]) -> tuple[list[str], int]:
    """The operands that may be removed at all, and the status so far."""
    kept = [path for path in paths if path.rpartition("/")[2] not in (".", "..")]
    status = 0
    if len(kept) < len(paths):
        p.warnx('"." and ".." may not be removed')
        status = 1
    left = [path for path in kept if path != "/"]
    if len(left) < len(kept):
        p.warnx('"/" may not be removed')
        status = 1
    return left, status


def parse(p: Program) -> tuple[set[str], list[str]]:
    """Options and operands of rm."""
    flags: set[str] = set()
    parsed = Getopt(p, "dfiIPRrvWx")
    for key, _ in parsed:
        if key == "?":
            p.usage(USAGE, EX_USAGE)
        flags -= {"f": {"i"}, "i": {"f"}}.get(key, set())
        flags.add("r" if key == "R" else key)
    return flags, parsed.args


@program("/bin/rm", "/bin/unlink")
async def main(p: Program) -> int:
    """rm [-f | -i] [-dIPRrvWx] file ..."""
    if p.name == "unlink":
        if not (len(p.argv) == 2 or (len(p.argv) == 3 and p.argv[1] == "--")):
            p.usage(USAGE, EX_USAGE)
        remover = Remover(p, set())
        await remover.files(p.argv[-1:])
        return remover.status
    flags, paths = parse(p)
    if not paths:
        if "f" in flags:
            return 0
        p.usage(USAGE, EX_USAGE)
    paths, status = without_dots(p, paths)
    if not paths:
        return status
    remover = Remover(p, flags)
    remover.status = status
    if "I" in flags and not await remover.many(paths):
        return 1
    if "r" in flags:
        await remover.tree(paths)
    else:
        await remover.files(paths)
    return remover.status
