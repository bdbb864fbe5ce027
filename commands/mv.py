"""mv(1): move files (bin/mv/mv.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, EXDEV, KError
from vshell.abi.fcntl import (
    F_OK,
    O_CREAT,
    O_EXCL,
    O_TRUNC,
    O_WRONLY,
    S_IFDIR,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    W_OK,
    WEXITSTATUS,
    WIFEXITED,
    Stat,
)
from vshell.abi.syscalls import Syscalls
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.pwd import group_from_gid, user_from_uid
from vshell.userland.setmode import strmode

USAGE = """\
usage: mv [-f | -i | -n] [-hv] source target
       mv [-f | -i | -n] [-v] source ... directory
"""
EX_USAGE = 64
OVERRIDES = {"i": "fn", "f": "in", "n": "fi"}
PATH_MAX = 1024


class Mover:
    """One run of mv."""

    def __init__(self, p: Program, flags: set[str]) -> None:
        self.p = p
        self.flags = flags

    async def move(self, source: str, target: str) -> bool:
        """do_move: True when it went well."""
        p = self.p
        if "f" not in self.flags and exists(p, target):
            answer = await self.confirm(source, target)
            if answer is not None:
                return answer
        try:
            p.sys.rename(source, target)
        except KError as e:
            if e.errno != EXDEV:
                p.warn(e, f"rename {source} to {target}")
                return False
        else:
            self.tell(source, target)
            return True
        return await self.across(source, target)

    def tell(self, source: str, target: str) -> None:
        """-v."""
        if "v" in self.flags:
            self.p.stdout.write(f"{source} -> {target}\n")

    async def confirm(self, source: str, target: str) -> bool | None:
        """None to go on, else the result."""
        p = self.p
        try:
            p.sys.lstat(source)
        except KError as e:
            p.warn(e, source)
            return False
        if "n" in self.flags:
            if "v" in self.flags:
                p.stdout.write(f"{target} not overwritten\n")
            return True
        if "i" in self.flags:
            p.stderr.write(f"overwrite {target}? (y/n [n]) ")
        elif not writable(p, target) and p.sys.isatty(0):
            st = p.sys.stat(target)
            owner = f"{user_from_uid(p, st.st_uid)}/{group_from_gid(p, st.st_gid)}"
            p.stderr.write(f"override {strmode(st.st_mode)[1:]}{owner} for {target}? (y/n [n]) ")
        else:
            return None
        answer = await p.stdin.readline()
        if answer[:1] in (b"y", b"Y"):
            return None
        p.stderr.write("not overwritten\n")
        return True

    async def across(self, source: str, target: str) -> bool:
        """Move to another file system: copy and remove."""
        p = self.p
        try:
            st = p.sys.lstat(source)
        except KError as e:
            p.warn(e, source)
            return False
        kind = st.st_mode & S_IFMT
        if kind == S_IFDIR and p.sys.statfs(source).f_mntonname == source.rstrip("/"):  # type: ignore[attr-defined]
            p.warnx("cannot rename a mount point")
            return False
        return await (self.fastcopy(source, target, st) if kind == S_IFREG else self.copy(source, target))

    async def fastcopy(self, source: str, target: str, st: Stat) -> bool:
        """A regular file."""
        sys = self.p.sys
        try:
            fd = sys.open(source)
        except KError as e:
            self.p.warn(e, f"fastcopy: open() failed (from): {source}")
            return False
        try:
            if exists(self.p, target):
                sys.unlink(target)
            to = sys.open(target, O_CREAT | O_EXCL | O_TRUNC | O_WRONLY, 0)
        except KError as e:
            self.p.warn(e, f"fastcopy: open() failed (to): {target}")
            sys.close(fd)
            return False
        while data := await sys.read(fd, 1 << 20):
            await sys.write(to, data)
        sys.close(fd)
        sys.close(to)
        mode = st.st_mode & 0o7777
        try:
            sys.chown(target, st.st_uid, st.st_gid)
        except KError as e:
            self.p.warn(e, f"{target}: set owner/group (was: {st.st_uid}/{st.st_gid})")
            if mode & 0o6000:
                self.p.warnx(f"{target}: owner/group changed; clearing suid/sgid (mode was 0{mode:03o})")
                mode &= ~0o6000
        sys.chmod(target, mode)
        sys.utimes(target, st.st_atime, st.st_mtime)
        try:
            sys.unlink(source)
        except KError as e:
            self.p.warn(e, f"{source}: remove")
            return False
        self.tell(source, target)
        return True

    async def copy(self, source: str, target: str) -> bool:
        """Anything else: by cp and rm."""
        try:
            there = self.p.sys.lstat(target)
        except KError as e:
            if e.errno != ENOENT:
                self.p.warn(e, target)
                return False
        else:
            isdir = there.st_mode & S_IFMT == S_IFDIR
            try:
                (self.p.sys.rmdir if isdir else self.p.sys.unlink)(target)
            except KError as e:
                self.p.warn(e, f"{'rmdir' if isdir else 'unlink'} {target}")
                return False
        options = "-PRpv" if "v" in self.flags else "-PRp"
        if not await self.run("/bin/cp", [options, "--", source, target], f"/bin/cp {source} {target}"):
            return False
        return await self.run("/bin/rm", ["-rf", "--", source], f"/bin/rm {source}")

    async def run(self, path: str, args: list[str], what: str) -> bool:
        """Run a program as "mv" and check how it ended."""
        env = self.p.env

        async def child(sys: Syscalls) -> int:
            try:
                sys.execve(path, ["mv", *args], env)
            except KError:
                return 127

        pid = self.p.sys.fork(child)
        _, status = await self.p.sys.wait4(pid)
        if not WIFEXITED(status):
            self.p.warnx(f"{what}: did not terminate normally")
        elif WEXITSTATUS(status) == 127:
            self.p.warnx(f"{what}: exec failed")
        elif WEXITSTATUS(status):
            self.p.warnx(f"{what}: terminated with {WEXITSTATUS(status)} (non-zero) status")
        return status == 0


def exists(p: Program, path: str) -> bool:
    """access(path, F_OK) == 0."""
    try:
        p.sys.access(path, F_OK)
    except KError:
        return False
    return True


def writable(p: Program, path: str) -> bool:
    """access(path, W_OK) == 0."""
    try:
        p.sys.access(path, W_OK)
    except KError:
        return False
    return True


def mode_of(p: Program, path: str, follow: bool) -> int:
    """The type of a file, 0 if it is not there."""
    try:
        return (p.sys.stat(path) if follow else p.sys.lstat(path)).st_mode & S_IFMT
    except KError:
        return 0


@program("/bin/mv")
async def main(p: Program) -> int:
    """mv [-f | -i | -n] [-hv] source ... target"""
    flags: set[str] = set()
    parsed = Getopt(p, "fhinv")
    for key, _ in parsed:
        if key == "?":
            p.usage(USAGE, EX_USAGE)
        flags -= set(OVERRIDES.get(key, ""))
        flags.add(key)
    args = parsed.args
    if len(args) < 2:
        p.usage(USAGE, EX_USAGE)
    mover = Mover(p, flags)
    target = args[-1]
    if mode_of(p, target, True) != S_IFDIR:
        if len(args) > 2:
            p.errx(1, f"{target} is not a directory")
        return 0 if await mover.move(args[0], target) else 1
    if "h" in flags:
        if len(args) > 2:
            p.usage(USAGE, EX_USAGE)
        if mode_of(p, target, False) == S_IFLNK:
            return 0 if await mover.move(args[0], target) else 1
    status = 0
    for source in args[:-1]:
        name = source[source.rstrip("/").rfind("/") + 1 :]
        path = (target if target.endswith("/") else target + "/") + name
        if len(path) >= PATH_MAX:
            p.warnx(f"{source}: destination pathname too long")
            status = 1
        elif not await mover.move(source, path):
            status = 1
    return status
