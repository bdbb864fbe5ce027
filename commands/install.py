"""install(1): install binaries (usr.bin/xinstall/xinstall.c).

Left out: stripping (-s), logs of metadata (-D, -h, -M, -T) and other user databases (-N) are accepted and do nothing.
"""

from __future__ import annotations

from vshell.abi.errno import EFTYPE, ENOENT, ENOTDIR, EXDEV, KError
from vshell.abi.fcntl import O_CREAT, O_EXCL, O_WRONLY, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, Stat
from vshell.userland.fflags import strtofflags
from vshell.userland.getopt import Getopt
from vshell.userland.pathname import basename, dirname, realpath
from vshell.userland.program import Program, program
from vshell.userland.pwd import getgrnam, getpwnam
from vshell.userland.setmode import setmode
from vshell.userland.slurp import random_bytes, slurp

EX_OK, EX_USAGE, EX_OSERR, EX_CANTCREAT = 0, 64, 71, 73
UF_NODUMP = 0x1
NOCHANGEBITS = 0x60006
USAGE = """\
usage: install [-bCcpSsUv] [-f flags] [-g group] [-m mode] [-o owner]
               [-M log] [-D dest] [-h hash] [-T tags]
               [-B suffix] [-l linkflags] [-N dbdir]
               file1 file2
       install [-bCcpSsUv] [-f flags] [-g group] [-m mode] [-o owner]
               [-M log] [-D dest] [-h hash] [-T tags]
               [-B suffix] [-l linkflags] [-N dbdir]
               file1 ... fileN directory
       install -dU [-vU] [-g group] [-m mode] [-N dbdir] [-o owner]
               [-M log] [-D dest] [-h hash] [-T tags]
               directory ...
"""


class Install:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.link: set[str] = set()
        self.suffix = ".old"
        self.mode = 0o755
        self.uid = self.gid = -1
        self.fset: int | None = None

    def options(self) -> list[str]:
        """Take the options; the operands."""
        p = self.p
        parsed = Getopt(p, "B:bCcD:df:g:h:l:M:m:N:o:pSsT:Uv")
        values: dict[str, str] = {}
        for letter, value in parsed:
            if letter == "?":
                p.usage(USAGE, EX_USAGE)
            elif letter == "B":
                self.suffix = value
                self.flags.add("b")
            elif letter == "l":
                self._link(value)
            elif letter == "m" and setmode(value) is None:
                p.errx(EX_USAGE, f"invalid file mode: {value}")
            elif value:
                values[letter] = value
            else:
                self.flags |= {"C", "p"} if letter == "p" else {letter}
            if letter in "mgof":
                values[letter] = value
        if {"s", "d"} <= self.flags:
            p.warnx("-d and -s may not be specified together")
            p.usage(USAGE, EX_USAGE)
        if "m" in values:
            mode = setmode(values["m"])
            assert mode is not None
            self.mode = mode.apply(S_IFDIR if "d" in self.flags else 0, self.umask()) & 0o7777
        args = parsed.args
        if not args or (len(args) == 1 and "d" not in self.flags):
            p.usage(USAGE, EX_USAGE)
        if "U" not in self.flags:
            self._ids(values)
        return args

    def umask(self) -> int:
        """The mask of the process."""
        mask = self.p.sys.umask(0)
        self.p.sys.umask(mask)
        return mask

    def _link(self, letters: str) -> None:
        for letter in letters:
            if letter in "shm":
                self.link = self.link - set("shm") | {letter}
            elif letter in "ar":
                self.link = self.link - set("ar") | {letter}
            else:
                self.p.errx(1, f"{letter}: invalid link type")

    def _ids(self, values: dict[str, str]) -> None:
        p = self.p
        if (name := values.get("g")) is not None:
            group = getgrnam(p, name)
            if group is None and not name.isdecimal():
                p.errx(1, f"unknown group {name}")
            self.gid = group.gid if group is not None else int(name)
        if (name := values.get("o")) is not None:
            user = getpwnam(p, name)
            if user is None and not name.isdecimal():
                p.errx(1, f"unknown user {name}")
            self.uid = user.uid if user is not None else int(name)
        if (text := values.get("f")) is not None:
            self.fset, _, bad = strtofflags(text)
            if bad:
                p.errx(EX_USAGE, f"{bad}: invalid flag")

    def say(self, text: str) -> None:
        """What -v tells."""
        if "v" in self.flags:
            self.p.stdout.write(f"install: {text}\n")

    def stat(self, path: str) -> Stat | None:
        """stat(2), None if that fails."""
        try:
            return self.p.sys.stat(path)
        except KError:
            return None

    def lstat(self, path: str) -> Stat | None:
        """lstat(2), None if that fails."""
        try:
            return self.p.sys.lstat(path)
        except KError:
            return None

    def run(self) -> int:
        """The whole run."""
        p = self.p
        args = self.options()
        if "d" in self.flags:
            for path in args:
                self.directory(path)
            return EX_OK
        *sources, target = args
        there = self.stat(target)
        if there is not None and there.st_mode & S_IFMT == S_IFDIR:
            link = self.lstat(target)
            if "s" in self.link and link is not None and link.st_mode & S_IFMT == S_IFLNK:
                if len(sources) != 1:
                    p.err(EX_CANTCREAT, ENOTDIR, target)
                self.install(sources[0], target)
                return EX_OK
            for source in sources:
                self.install(source, target.removesuffix("/") + "/" + source.rpartition("/")[2], into=True)
            return EX_OK
        if len(sources) != 1:
            p.warnx(f"target directory `{target}' does not exist" if there is None else f"target `{target}' is not a directory")
            p.usage(USAGE, EX_USAGE)
        if there is not None and not self.link:
            self._distinct(sources[0], target, there)
        self.install(sources[0], target)
        return EX_OK

    def _distinct(self, source: str, target: str, there: Stat) -> None:
        p = self.p
        try:
            st = p.sys.stat(source)
        except KError as e:
            p.err(EX_OSERR, e, source)
        if there.st_mode & S_IFMT != S_IFREG:
            p.err(EX_CANTCREAT, EFTYPE, target)
        if (st.st_dev, st.st_ino) == (there.st_dev, there.st_ino):
            p.errx(EX_USAGE, f"{source} and {target} are the same file")

    # directories and links -------------------------------------------------------------------------------------
    def directory(self, path: str) -> None:
        """-d: a directory and those above it."""
        p = self.p
        cuts = [i for i, c in enumerate(path) if c == "/" and i] + [len(path)]
        for cut in cuts:
            part = path[:cut]
            try:
                st = p.sys.stat(part)
            except KError as e:
                if e.errno != ENOENT:
                    p.err(EX_OSERR, e, f"stat {part}")
                try:
                    p.sys.mkdir(part, 0o755)
                except KError as bad:
                    p.err(EX_OSERR, bad, f"mkdir {part}")
                self.say(f"mkdir {part}")
            else:
                if st.st_mode & S_IFMT != S_IFDIR:
                    p.errx(EX_OSERR, f"{part} exists but is not a directory")
        if "U" in self.flags:
            return
        if self.uid >= 0 or self.gid >= 0:
            try:
                p.sys.chown(path, self.uid, self.gid)
            except KError as e:
                p.warn(e, f"chown {self.uid & 0xFFFFFFFF}:{self.gid & 0xFFFFFFFF} {path}")
        try:
            p.sys.chmod(path, self.mode)
        except KError as e:
            p.warn(e, f"chmod {self.mode:o} {path}")

    def temporary(self, beginning: str) -> str:
        """mktemp(3)."""
        while True:
            path = beginning + random_bytes(self.p, 3).hex()
            if self.lstat(path) is None:
                return path

    def makelink(self, source: str, target: str, there: Stat | None) -> None:
        """-l: a link instead of a copy."""
        p = self.p
        if self.link & {"h", "m"}:
            try:
                self._place(target, there, lambda path: p.sys.link(source, path))
            except KError as e:
                if "h" in self.link or e.errno != EXDEV:
                    p.err(EX_OSERR, e, f"link {source} -> {target}")
            else:
                self.say(f"link {source} -> {target}")
                return
        text = source
        if self.link & {"a", "r"} and ("a" in self.link or source.startswith("/")):
            try:
                text = realpath(p.sys, source)
            except KError as e:
                p.err(EX_OSERR, e, f"{source}: realpath")
            if "r" in self.link:
                text = self._relative(text, target)
        try:
            self._place(target, there, lambda path: p.sys.symlink(text, path))
        except KError as e:
            p.err(EX_OSERR, e, f"symlink {text} -> {target}")
        self.say(f"symlink {text} -> {target}")

    def _relative(self, source: str, target: str) -> str:
        try:
            base = realpath(self.p.sys, dirname(target))
        except KError as e:
            self.p.err(EX_OSERR, e, f"{dirname(target)}: realpath")
        here, there = source.split("/")[1:], [*base.strip("/").split("/"), basename(target)]
        there = [c for c in there if c]
        while len(here) > 1 and len(there) > 1 and here[0] == there[0]:
            del here[0], there[0]
        return "../" * (len(there) - 1) + "/".join(here)

    def _place(self, target: str, there: Stat | None, make: object) -> None:
        """Make something, under another name first if the name is taken."""
        assert callable(make)
        if there is None:
            make(target)
            return
        path = self.temporary(f"{target}.inst.")
        make(path)
        if there.st_mode & S_IFMT == S_IFDIR:
            try:
                self.p.sys.rmdir(target)
            except KError as e:
                self.p.sys.unlink(path)
                self.p.err(EX_OSERR, e, target)
        if there.st_flags & NOCHANGEBITS:
            self.p.sys.chflags(target, there.st_flags & ~NOCHANGEBITS)
        self.p.sys.rename(path, target)

    # files -----------------------------------------------------------------------------------------------------
    def install(self, source: str, target: str, into: bool = False) -> None:
        """One file."""
        p = self.p
        if not target:
            p.errx(EX_USAGE, "destination cannot be an empty string")
        st: Stat | None = None
        if (into or source != "/dev/null") and not self.link:
            try:
                st = p.sys.stat(source)
            except KError as e:
                p.err(EX_OSERR, e, source)
            if st.st_mode & S_IFMT != S_IFREG:
                p.err(EX_OSERR, EFTYPE, source)
        there = self.lstat(target)
        if self.link:
            self.makelink(source, target, there)
            return
        if there is not None and there.st_mode & S_IFMT not in (S_IFREG, S_IFLNK):
            p.err(EX_CANTCREAT, EFTYPE, target)
        try:
            data = slurp(p, source) if st is not None else b""
        except KError as e:
            p.err(EX_OSERR, e, source)
        if not ("C" in self.flags and there is not None and there.st_mode & S_IFMT == S_IFREG and slurp(p, target) == data):
            self.copy(source, data, target, there)
            if "p" in self.flags and st is not None:
                p.sys.utimes(target, st.st_atime, st.st_mtime)
        self.attributes(target, st)

    def copy(self, source: str, data: bytes, target: str, there: Stat | None) -> None:
        """Write the new file and put it in place of the old one."""
        p = self.p
        directory, slash, _ = target.rpartition("/")
        path = self.temporary(f"{directory}{slash}INS@")
        try:
            fd = p.sys.open(path, O_CREAT | O_EXCL | O_WRONLY, 0o600)
        except KError as e:
            p.err(EX_OSERR, e, directory or ("/" if slash else "."))
        try:
            while data:
                data = data[p.sys.write_nowait(fd, data) :]
            p.sys.close(fd)
            if there is not None and there.st_flags & NOCHANGEBITS:
                p.sys.chflags(target, there.st_flags & ~NOCHANGEBITS)
            if there is not None and "b" in self.flags:
                backup = target + self.suffix
                self.say(f"{target} -> {backup}")
                if self.lstat(backup) is not None:
                    p.sys.unlink(backup)
                p.sys.link(target, backup)
            self.say(f"{source} -> {target}")
            p.sys.rename(path, target)
        except KError as e:
            if self.lstat(path) is not None:
                p.sys.unlink(path)
            p.err(EX_OSERR, e, target)

    def attributes(self, target: str, source: Stat | None) -> None:
        """Owner, mode and flags."""
        sys = self.p.sys
        st = sys.stat(target)
        step = "chflags"
        try:
            privileged = "U" not in self.flags
            moved = privileged and (self.uid not in (-1, st.st_uid) or self.gid not in (-1, st.st_gid))
            if st.st_flags & NOCHANGEBITS and privileged:
                sys.chflags(target, st.st_flags & ~NOCHANGEBITS)
            if moved:
                step = "chown/chgrp"
                sys.chown(target, self.uid, self.gid)
            step = "chmod"
            if moved or self.mode != st.st_mode & 0o7777:
                sys.chmod(target, self.mode if privileged else self.mode & 0o777)
            step = "chflags"
            flags = self.fset if self.fset is not None else source.st_flags & ~UF_NODUMP if source is not None else 0
            if privileged and source is not None and flags != st.st_flags & ~NOCHANGEBITS:
                sys.chflags(target, flags)
        except KError as e:
            sys.unlink(target)
            self.p.err(EX_OSERR, e, f"{target}: {step}")


@program("/usr/bin/install")
def main(p: Program) -> int:
    """install [-bCcpSsUv] [-f flags] [-g group] [-m mode] [-o owner] file1 file2"""
    return Install(p).run()
