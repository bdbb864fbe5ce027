"""cp(1): copy files (bin/cp/cp.c, utils.c)."""

from __future__ import annotations

from vshell.abi.errno import EINTR, ENOENT, ENOTDIR, EPERM, KError
from vshell.abi.fcntl import (
    O_CREAT,
    O_TRUNC,
    O_WRONLY,
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFMT,
    S_IFSOCK,
    S_ISGID,
    S_ISUID,
    Stat,
)
from vshell.userland.fts import FTS_D, FTS_DC, FTS_DNR, FTS_DP, FTS_NS, FTS_SL, Fts, FtsEntry
from vshell.userland.getopt_long import NO, GetoptLong
from vshell.userland.program import Program, program

USAGE = """\
usage: cp [-R [-H | -L | -P]] [-f | -i | -n] [-alpsvx] source_file target_file
       cp [-R [-H | -L | -P]] [-f | -i | -n] [-alpsvx] source_file ... target_directory
"""
EX_USAGE = 64
LONGS = {
    "archive": (NO, "a"), "force": (NO, "f"), "interactive": (NO, "i"), "dereference": (NO, "L"), "link": (NO, "l"),
    "no-clobber": (NO, "n"), "no-dereference": (NO, "P"), "recursive": (NO, "R"), "symbolic-link": (NO, "s"),
    "verbose": (NO, "v"), "one-file-system": (NO, "x"), "sort": (NO, "sort"),
}  # fmt: skip
OVERRIDES = {"H": "LP", "L": "HP", "P": "HL", "f": "in", "i": "fn", "n": "fi"}
FILE_TO_FILE, FILE_TO_DIR, DIR_TO_DNE = range(3)
"""What is to be done: one file to one name, into a directory, a directory to a new name."""


def parse(p: Program) -> tuple[set[str], list[str]]:
    """The options that count and the operands."""
    flags: set[str] = set()
    parsed = GetoptLong(p, "+HLPRafilNnprsvx", LONGS)
    for key, _ in parsed:
        if key == "?":
            p.usage(USAGE, EX_USAGE)
        for letter in {"a": "pRP", "r": "rL"}.get(key, key) if key != "sort" else [key]:
            flags -= set(OVERRIDES.get(letter, ""))
            flags.add(letter)
    if len(parsed.args) < 2:
        p.usage(USAGE, EX_USAGE)
    if {"R", "r"} <= flags:
        p.errx(1, "the -R and -r options may not be specified together")
    if {"l", "s"} <= flags:
        p.errx(1, "the -l and -s options may not be specified together")
    if "r" in flags:
        flags.add("R")
    return flags, parsed.args


class Copier:
    """One run of cp: a walk over the sources and where each goes."""

    def __init__(self, p: Program, flags: set[str], base: str, kind: int, root: Stat | None) -> None:
        self.p = p
        self.flags = flags
        self.kind = kind
        self.base = base
        """Put in front of `path`; ends in a slash except for FILE_TO_FILE."""
        self.path: list[str] = []
        self.root = root
        self.created = False
        self.recursion: list[str] | None = None
        self.rootname = ""
        self.status = 0
        self.mask = p.sys.umask(0o777)
        p.sys.umask(self.mask)
        if kind == FILE_TO_DIR and base != "/":
            self.base += "/"

    def target(self, entry: FtsEntry | None = None) -> str:
        """Where the current entry goes."""
        if self.kind == FILE_TO_FILE:
            return self.base
        return self.base + "/".join([*self.path, entry.name] if entry is not None else self.path)

    def bad(self, error: KError | int, text: str) -> None:
        """Warn and remember."""
        self.p.warn(error, text)
        self.status = 1

    # the walk ------------------------------------------------------------------------------------------------------
    async def copy(self, sources: list[str]) -> int:
        """Copy everything; the exit status."""
        f = self.flags
        if "R" in f:
            logical, comfollow = "L" in f, "H" in f
        else:
            logical = comfollow = "P" not in f
        key = (lambda e: e.name) if "sort" in f else None
        for entry in Fts(self.p.sys, sources, logical=logical, comfollow=comfollow, xdev="x" in f, key=key):
            if entry.info in (FTS_NS, FTS_DNR):
                if entry.info == FTS_DNR and self.path and self.path[-1] == entry.name:
                    self.path.pop()
                assert entry.error is not None
                self.bad(entry.error, entry.path)
            elif entry.info == FTS_DC:
                self.p.warnx(f"{entry.path}: directory causes a cycle")
                self.status = 1
            elif entry.info == FTS_DP:
                self.leave(entry)
            elif entry.info != FTS_D or self.enter(entry):
                follow = logical or (comfollow and entry.level == 0)
                await self.one(entry, follow)
        return self.status

    def enter(self, entry: FtsEntry) -> bool:
        """Pre-order visit of a directory: extend the target; False to leave it alone."""
        if entry.level == 0:
            self.rootname = entry.name
        if self.kind == DIR_TO_DNE and entry.level == 0:
            if not self.make_root(entry):
                return False
        elif entry.name != "/" and not entry.path.endswith("/"):
            self.path.append(entry.name)
        return not self.recursing(entry)

    def make_root(self, entry: FtsEntry) -> bool:
        """Make the new directory that the source becomes."""
        try:
            self.mkdir(self.base, entry.st.st_mode)
            self.root = self.p.sys.stat(self.base)
        except KError as e:
            self.bad(e, self.base)
            entry.skip = True
            return False
        self.created = True
        entry.number = 1
        self.base += "/"
        return True

    def mkdir(self, path: str, mode: int) -> None:
        """Make a directory that the owner can use whatever the umask."""
        blocked = self.mask & 0o700
        if blocked:
            self.p.sys.umask(self.mask & ~0o700)
        try:
            self.p.sys.mkdir(path, mode & 0o7777 | 0o700)
        finally:
            if blocked:
                self.p.sys.umask(self.mask)

    def recursing(self, entry: FtsEntry) -> bool:
        """True (and skip) where a directory would be copied into itself."""
        root = self.root
        if self.kind != FILE_TO_FILE and root is not None and same(root, entry.st):
            if self.created:
                entry.skip = True
                return True
            self.recursion = [*self.path, self.rootname]
        if self.recursion is not None and self.recursion == self.path:
            entry.skip = True
            return True
        return False

    def leave(self, entry: FtsEntry) -> None:
        """Post-order visit: the attributes of a directory that was made."""
        if entry.number:
            if "p" in self.flags:
                self.setfile(entry.st, self.target())
            else:
                try:
                    self.p.sys.chmod(self.target(), entry.st.st_mode & 0o7777 & ~self.mask)
                except KError as e:
                    self.bad(e, f"chmod: {self.target()}")
        if self.path and not (self.kind == DIR_TO_DNE and entry.level == 0) and not entry.path.endswith("/"):
            self.path.pop()

    # one entry -----------------------------------------------------------------------------------------------------
    async def one(self, entry: FtsEntry, follow: bool) -> None:
        """Copy a file, or make a directory."""
        target = self.target(None if entry.info == FTS_D else entry)
        there = self.lookup(entry, target)
        if there is not None and same(there, entry.st):
            self.p.warnx(f"{target} and {entry.path} are identical (not copied).")
            self.status = 1
            entry.skip = True
            return
        kind = entry.st.st_mode & S_IFMT
        if kind == S_IFDIR:
            done = self.directory(entry, target, there)
        elif kind == S_IFSOCK:
            self.p.warnx(f"{entry.path} is a socket (not copied).")
            done = True
        elif kind == S_IFLNK and not follow:
            done = self.link(entry, target, there)
        elif kind in (S_IFIFO, S_IFCHR, S_IFBLK) and "R" in self.flags and "s" not in self.flags:
            done = self.special(entry, target, there)
        else:
            done = await self.file(entry, target, there)
        if not done:
            self.status = 1
        elif "v" in self.flags:
            self.p.stdout.write(f"{entry.path} -> {target}\n")

    def lookup(self, entry: FtsEntry, target: str) -> Stat | None:
        """What is there now."""
        if self.kind != FILE_TO_FILE and not self.path and entry.info == FTS_D:
            return self.root
        try:
            return self.p.sys.lstat(target) if entry.info in (FTS_D, FTS_SL) else self.p.sys.stat(target)
        except KError:
            return None

    def directory(self, entry: FtsEntry, target: str, there: Stat | None) -> bool:
        """Make the directory unless it is there."""
        if "R" not in self.flags:
            self.p.warnx(f"{entry.path} is a directory (not copied).")
            entry.skip = True
            return False
        if there is None:
            try:
                self.mkdir(target, entry.st.st_mode)
            except KError as e:
                self.p.warn(e, target)
                entry.skip = True
                return False
        elif there.st_mode & S_IFMT != S_IFDIR:
            self.p.warn(ENOTDIR, target)
            entry.skip = True
            return False
        if there is None or "p" in self.flags:
            entry.number = 1
        return True

    async def file(self, entry: FtsEntry, target: str, there: Stat | None) -> bool:
        """copy_file: content, or a link with -l and -s."""
        sys = self.p.sys
        source = -1
        if not self.flags & {"l", "s"}:
            try:
                source = sys.open(entry.path)
            except KError as e:
                self.p.warn(e, entry.path)
                return False
        try:
            if there is not None:
                if not await self.may_overwrite(target):
                    return False
                if "f" in self.flags:
                    self.unlink(target)
                    there = None
            if "l" in self.flags:
                sys.link(entry.path, target, follow=False)
                return True
            if "s" in self.flags:
                sys.symlink(entry.path, target)
                return True
            mode = entry.st.st_mode & 0o7777 & ~(S_ISUID | S_ISGID)
            fd = sys.open(target, O_WRONLY | O_TRUNC | (O_CREAT if there is None else 0), mode)
        except KError as e:
            self.p.warn(e, target)
            return False
        finally:
            if source >= 0 and self.flags & {"l", "s"}:
                sys.close(source)
        done = await self.data(entry, source, fd)
        if "p" in self.flags:
            done = self.setfile(entry.st, target) and done
        sys.close(fd)
        sys.close(source)
        return done

    async def data(self, entry: FtsEntry, source: int, fd: int) -> bool:
        """Copy the content."""
        try:
            while data := await self.p.sys.read(source, 1 << 20):
                await self.p.sys.write(fd, data)
        except KError as e:
            if e.errno == EINTR:
                raise
            self.p.warn(e, entry.path)
            return False
        return True

    async def may_overwrite(self, target: str) -> bool:
        """-n and -i."""
        if "n" in self.flags:
            if "v" in self.flags:
                self.p.stdout.write(f"{target} not overwritten\n")
            return False
        if "i" in self.flags:
            self.p.stderr.write(f"overwrite {target}? (y/n [n]) ")
            answer = await self.p.stdin.readline()
            if answer[:1] not in (b"y", b"Y"):
                self.p.stderr.write("not overwritten\n")
                return False
        return True

    def unlink(self, target: str) -> None:
        """Remove what is in the way, if possible."""
        try:
            self.p.sys.unlink(target)
        except KError:
            pass

    def clear(self, target: str, there: Stat | None) -> bool:
        """Remove what is in the way of a link or a special file."""
        if there is None:
            return True
        if "n" in self.flags:
            if "v" in self.flags:
                self.p.stdout.write(f"{target} not overwritten\n")
            return False
        try:
            self.p.sys.unlink(target)
        except KError as e:
            self.p.warn(e, f"unlink: {target}")
            return False
        return True

    def link(self, entry: FtsEntry, target: str, there: Stat | None) -> bool:
        """copy_link: the link itself."""
        if not self.clear(target, there):
            return False
        text = self.p.sys.readlink(entry.path)
        try:
            self.p.sys.symlink(text, target)
        except KError as e:
            self.p.warn(e, f"symlink: {text}")
            return False
        return self.setfile(entry.st, target) if "p" in self.flags else True

    def special(self, entry: FtsEntry, target: str, there: Stat | None) -> bool:
        """copy_fifo, copy_special: devices cannot be made."""
        if not self.clear(target, there):
            return False
        fifo = entry.st.st_mode & S_IFMT == S_IFIFO
        try:
            if not fifo:
                raise KError(EPERM)
            self.p.sys.mkfifo(target, entry.st.st_mode & 0o7777)
        except KError as e:
            self.p.warn(e, f"{'mkfifo' if fifo else 'mknod'}: {target}")
            return False
        return self.setfile(entry.st, target) if "p" in self.flags else True

    def setfile(self, st: Stat, target: str) -> bool:
        """-p: times, owner, mode, flags."""
        sys = self.p.sys
        follow = st.st_mode & S_IFMT != S_IFLNK
        mode = st.st_mode & 0o7777
        done = self.try_(f"utimensat: {target}", lambda: sys.utimes(target, st.st_atime, st.st_mtime, follow))
        try:
            now = sys.stat(target) if follow else sys.lstat(target)
        except KError:
            return done
        if (now.st_uid, now.st_gid) != (st.st_uid, st.st_gid):
            try:
                sys.chown(target, st.st_uid, st.st_gid, follow)
            except KError as e:
                if e.errno != EPERM:
                    self.p.warn(e, f"chown: {target}")
                    done = False
                mode &= ~(S_ISUID | S_ISGID)
        if now.st_mode & 0o7777 != mode:
            done = self.try_(f"chmod: {target}", lambda: sys.chmod(target, mode, follow)) and done
        if "N" not in self.flags and now.st_flags != st.st_flags:
            done = self.try_(f"chflags: {target}", lambda: sys.chflags(target, st.st_flags, follow)) and done
        if not done:
            self.status = 1
        return done

    def try_(self, text: str, call: object) -> bool:
        """Make a call; warn and return False when it fails."""
        try:
            call()  # type: ignore[operator]
        except KError as e:
            self.p.warn(e, text)
            return False
        return True


def same(a: Stat, b: Stat) -> bool:
    """True if two files are one."""
    return (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)


def plan(p: Program, flags: set[str], sources: list[str], target: str) -> tuple[str, int, Stat | None]:
    """(target without its trailing slashes, what to do, stat of the target directory)."""
    slash = target.endswith("/")
    base = (target.rstrip("/") or "/") if target else "."
    st: Stat | None = None
    try:
        st = p.sys.stat(base)
    except KError as e:
        if e.errno != ENOENT:
            p.err(1, e, base)
    if st is not None and st.st_mode & S_IFMT == S_IFDIR:
        return base, FILE_TO_DIR, st
    if len(sources) > 1:
        p.err(1, ENOTDIR, base)
    kind = FILE_TO_FILE
    if st is None:
        try:
            source = p.sys.stat(sources[0]) if flags & {"L", "H"} and "R" in flags else p.sys.lstat(sources[0])
            if source.st_mode & S_IFMT == S_IFDIR and "R" in flags:
                kind = DIR_TO_DNE
        except KError:
            pass
    if slash and kind == FILE_TO_FILE:
        p.err(1, ENOENT if st is None else ENOTDIR, base)
    return base, kind, st


@program("/bin/cp")
async def main(p: Program) -> int:
    """cp [-R [-H | -L | -P]] [-f | -i | -n] [-alpsvx] source_file ... target"""
    flags, operands = parse(p)
    base, kind, st = plan(p, flags, operands[:-1], operands[-1])
    return await Copier(p, flags, base, kind, st).copy(operands[:-1])
