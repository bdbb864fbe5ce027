"""ln(1), link(1): make links (bin/ln/ln.c)."""

from __future__ import annotations

from vshell.abi.errno import EEXIST, EISDIR, ENAMETOOLONG, ENOTDIR, KError
from vshell.abi.fcntl import S_IFDIR, S_IFLNK, S_IFMT, Stat
from vshell.userland.getopt import Getopt
from vshell.userland.pathname import basename, dirname
from vshell.userland.program import Program, program

USAGE = """\
usage: ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file [target_file]
       ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file ... target_dir
"""
PATH_MAX = 1024


def look(p: Program, path: str, follow: bool = True) -> Stat | None:
    """stat or lstat, None if there is nothing."""
    try:
        return p.sys.stat(path) if follow else p.sys.lstat(path)
    except KError:
        return None


def isdir(st: Stat | None) -> bool:
    """True for a directory."""
    return st is not None and st.st_mode & S_IFMT == S_IFDIR


def same_entry(p: Program, a: str, b: str) -> bool:
    """True if two paths name the same directory entry."""
    if a == b:
        return True
    (adir, _, aname), (bdir, _, bname) = a.rpartition("/"), b.rpartition("/")
    if aname != bname:
        return False
    one = look(p, adir + "/" if "/" in a else ".")
    two = look(p, bdir + "/" if "/" in b else ".")
    return one is not None and two is not None and (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino)


class Linker:
    """One run of ln."""

    def __init__(self, p: Program, flags: set[str]) -> None:
        self.p = p
        self.flags = flags
        self.symbolic = "s" in flags

    async def link(self, source: str, target: str, directory: bool) -> int:
        """linkit: the exit status."""
        try:
            return await self._link(source, target, directory)
        except KError as e:
            self.p.warn(e, self.where)
            return 1

    async def _link(self, source: str, target: str, directory: bool) -> int:
        p, flags = self.p, self.flags
        self.where = source
        if not self.symbolic:
            st = p.sys.lstat(source) if "P" in flags else p.sys.stat(source)
            if isdir(st):
                raise KError(EISDIR)
        target = self.inside(source, target, directory)
        if self.symbolic and "w" in flags:
            self.warn_missing(source, target)
        self.where = target
        there = look(p, target, follow=False)
        if there is not None:
            if not self.symbolic and same_entry(p, source, target):
                p.warnx(f"{source} and {target} are the same directory entry")
                return 1
            if not await self.replace(target, there):
                return 1
        if self.symbolic:
            p.sys.symlink(source, target)
        else:
            p.sys.link(source, target, follow="P" not in flags)
        if "v" in flags:
            p.stdout.write(f"{target} {'-' if self.symbolic else '='}> {source}\n")
        return 0

    def inside(self, source: str, target: str, directory: bool) -> str:
        """The target, with the source's name added where it is a directory."""
        last = target.rpartition("/")[2]
        append = last in ("", ".")
        if not append and "F" not in self.flags:
            append = directory or isdir(look(self.p, target, follow=False))
            append = append or ("h" not in self.flags and isdir(look(self.p, target)))
        if append:
            target = f"{target}/{basename(source)}"
            if len(target) >= PATH_MAX:
                raise KError(ENAMETOOLONG)
        return target

    def warn_missing(self, source: str, target: str) -> None:
        """-w: tell when a symbolic link leads nowhere."""
        path = source if source.startswith("/") else f"{dirname(target)}/{source}"
        try:
            self.p.sys.stat(path)
        except KError as e:
            self.p.warn(e, f"warning: {source} inaccessible" if source.startswith("/") else f"warning: {source}")

    async def replace(self, target: str, there: Stat) -> bool:
        """-f and -i: remove what is in the way; False not to go on."""
        if "f" not in self.flags:
            if "i" not in self.flags:
                return True
            self.p.stdout.flush()
            self.p.stderr.write(f"replace {target}? ")
            answer = await self.p.stdin.readline()
            if answer[:1] not in (b"y", b"Y"):
                self.p.stderr.write("not replaced\n")
                return False
        if "F" in self.flags and isdir(there):
            self.p.sys.rmdir(target)
        else:
            self.p.sys.unlink(target)
        return True


OVERRIDES = {"L": {"P"}, "f": {"i", "w"}, "i": {"f"}}


def parse(p: Program) -> tuple[set[str], list[str]]:
    """Options and operands."""
    flags: set[str] = set()
    parsed = Getopt(p, "FLPfhinsvw")
    for key, _ in parsed:
        if key == "?":
            p.usage(USAGE)
        flags -= OVERRIDES.get(key, set())
        if key != "L":
            flags.add("h" if key == "n" else key)
    if "s" not in flags:
        flags.discard("F")
    if "F" in flags and "i" not in flags:
        flags.add("f")
        flags.discard("w")
    return flags, parsed.args


@program("/bin/ln", "/bin/link")
async def main(p: Program) -> int:
    """ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file ... target"""
    if p.name == "link":
        parsed = Getopt(p, "")
        if list(parsed) or len(parsed.args) != 2:
            p.usage("usage: link source_file target_file")
        if look(p, parsed.args[1], follow=False) is not None:
            p.err(1, EEXIST, parsed.args[1])
        return await Linker(p, set()).link(parsed.args[0], parsed.args[1], False)
    flags, args = parse(p)
    linker = Linker(p, flags)
    if not args:
        p.usage(USAGE)
    if len(args) == 1:
        return await linker.link(args[0], ".", True)
    if len(args) == 2:
        return await linker.link(args[0], args[1], False)
    target = args[-1]
    link = look(p, target, follow=False)
    if "h" in flags and link is not None and link.st_mode & S_IFMT == S_IFLNK:
        p.err(1, ENOTDIR, target)
    try:
        if not isdir(p.sys.stat(target)):
            p.usage(USAGE)
    except KError as e:
        p.err(1, e, target)
    status = 0
    for source in args[:-1]:
        status |= await linker.link(source, target, True)
    return status
