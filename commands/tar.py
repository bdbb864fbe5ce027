"""tar(1): manipulate tape archives (contrib/libarchive/tar).

Left out: formats other than ustar with pax headers, compression other than gzip, bzip2 and xz, incremental modes.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from typing import NoReturn

from vshell.abi.errno import EEXIST, ENOENT, KError
from vshell.abi.fcntl import O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, Stat
from vshell.userland.fnmatch import fnmatch
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.pwd import getgrnam, getpwnam, group_from_gid, user_from_uid
from vshell.userland.regex import RegexError, regcomp
from vshell.userland.setmode import strmode
from vshell.userland.slurp import slurp
from vshell.userland.strftime import localtime, strftime

NS = 1_000_000_000
USAGE = """\
Usage:
  List:    tar -tf <archive-filename>
  Extract: tar -xf <archive-filename>
  Create:  tar -cf <archive-filename> [filenames...]
  Help:    tar --help
"""
OPTIONS = "+aBb:C:cf:HhI:JjkLlmnOoPpqrSs:T:tUuvW:wX:xyZz"
LONGS = {
    "create": (NO, "c"), "extract": (NO, "x"), "list": (NO, "t"), "file": (REQUIRED, "f"), "verbose": (NO, "v"),
    "gzip": (NO, "z"), "bzip2": (NO, "j"), "xz": (NO, "J"), "directory": (REQUIRED, "C"), "exclude": (REQUIRED, "exclude"),
    "to-stdout": (NO, "O"),
    "dereference": (NO, "L"), "help": (NO, "help"), "version": (NO, "version"), "strip-components": (REQUIRED, "strip"),
    "numeric-owner": (NO, "numeric"), "uid": (REQUIRED, "uid"), "gid": (REQUIRED, "gid"), "keep-old-files": (NO, "k"),
    "append": (NO, "r"), "update": (NO, "u"), "fast-read": (NO, "q"), "auto-compress": (NO, "a"), "exclude-from": (REQUIRED, "X"),
    "modification-time": (NO, "m"), "no-recursion": (NO, "n"), "no-same-owner": (NO, "o"), "unlink-first": (NO, "U"),
    "insecure": (NO, "P"), "preserve-permissions": (NO, "p"), "norecurse": (NO, "n"), "unlink": (NO, "U"), "get": (NO, "x"),
    "absolute-paths": (NO, "P"), "files-from": (REQUIRED, "T"), "one-file-system": (NO, "l"), "same-permissions": (NO, "p"),
}  # fmt: skip
KINDS = {S_IFREG: tarfile.REGTYPE, S_IFDIR: tarfile.DIRTYPE, S_IFLNK: tarfile.SYMTYPE, S_IFIFO: tarfile.FIFOTYPE}
TYPES = {v: k for k, v in KINDS.items()}
MODES = (("O", "xt"), ("U", "x"), ("z", "cxt"), ("j", "cxt"), ("y", "cxt"), ("J", "cxt"), ("H", "cru"), ("L", "cru"))
"""Options that only some modes know."""
SUFFIXES = {".tgz": "z", ".gz": "z", ".tbz": "j", ".tbz2": "j", ".bz2": "j", ".txz": "J", ".xz": "J"}
"""What -a makes of the name of an archive."""


def unbundle(letters: str, rest: list[str]) -> list[str]:
    """The old way to give options: one word of letters, then their arguments in order."""
    out = []
    for letter in letters:
        out.append(f"-{letter}")
        if letter in "bCfIsTWX" and rest:
            out.append(rest.pop(0))
    return out + rest


def decompress(data: bytes) -> bytes:
    """The plain archive; an empty file is an empty archive."""
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    if data.startswith(b"BZh"):
        return bz2.decompress(data)
    if data.startswith(b"\xfd7zXZ"):
        return lzma.decompress(data)
    return data or bytes(1024)


class Rule:
    """-s: how names are changed."""

    def __init__(self, p: Program, text: str) -> None:
        if not text:
            p.errx(1, "Empty replacement string")
        parts = text[1:].split(text[0], 2)
        if len(parts) < 3:
            p.errx(1, "Invalid replacement string")
        pattern, self.result, flags = parts
        try:
            self.regex = regcomp(pattern)
        except RegexError as e:
            p.errx(1, f"Invalid regular expression: {e}")
        self.flags = {"r", "h", "s"}
        for flag in flags:
            if flag.lower() in "bgp":
                self.flags.add(flag.lower())
            elif flag in "hrs":
                self.flags.add(flag)
            elif flag in "HRS":
                self.flags.discard(flag.lower())
            else:
                p.errx(1, f"Invalid replacement flag {flag}")

    def expand(self, name: str, groups: list[tuple[int, int]]) -> str:
        """The replacement; ~ is what matched."""
        out, chars = "", iter(self.result)
        for char in chars:
            if char == "~":
                out += name[slice(*groups[0])]
                continue
            if char == "\\":
                char = next(chars, "")
                if char.isdecimal() and char != "0":
                    out += name[slice(*groups[int(char)])] if int(char) < len(groups) and groups[int(char)][0] >= 0 else ""
                    continue
                char = char if char in "~\\" else "\\" + char
            out += char
        return out

    def apply(self, name: str) -> tuple[str, str] | None:
        """What is done and the rest of the name; None if nothing matches."""
        out, found = "", False
        while (groups := self.regex.groups(name)) is not None:
            found, end = True, not name
            out += name[: groups[0][0]] + self.expand(name, groups)
            name, stuck = name[groups[0][1] :], not groups[0][1]
            if stuck and name:
                out, name = out + name[0], name[1:]
            if "g" not in self.flags or end:
                break
        return (out, name) if found else None


class Tar:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.mode = ""
        self.file = "-"
        self.verbose = 0
        self.strip = 0
        self.exclude: list[str] = []
        self.status = 0
        self.links: dict[tuple[int, int], str] = {}
        self.warned = False
        self.rules: list[Rule] = []
        self.from_file = False
        self.times: dict[str, int] = {}
        """-u: what is in the archive, and how old it is."""

    def usage(self) -> NoReturn:
        """How to call it."""
        self.p.usage(USAGE)

    def options(self) -> list[str]:
        """Take the options; the operands.  The first word may lack its dash."""
        p = self.p
        argv = list(p.argv)
        if len(argv) > 1 and argv[1] and not argv[1].startswith("-"):
            argv[1:] = unbundle(argv[1], argv[2:])
        operands: list[str] = []
        parsed = GetoptLong(p, OPTIONS, LONGS, argv)
        for letter, value in parsed:
            self._option(letter, value, operands)
        return operands + parsed.args

    def _option(self, letter: str, value: str, operands: list[str]) -> None:
        if letter == "?":
            self.usage()
        elif letter in "cxtru":
            if self.mode not in ("", letter):
                self.p.errx(1, f"Can't specify both -{letter} and -{self.mode}")
            self.mode = letter
        elif letter == "f":
            self.file = value
        elif letter == "v":
            self.verbose += 1
        elif letter == "C":
            operands += ["-C", value]
        elif letter in ("X", "exclude"):
            self.exclude += slurp(self.p, value).decode().splitlines() if letter == "X" else [value]
        elif letter == "s":
            self.rules.append(Rule(self.p, value))
        elif letter == "T":
            self.from_file = True
            operands += slurp(self.p, value).decode("utf-8", "surrogateescape").splitlines()
        elif letter == "strip":
            self.strip = int(value) if value.isdecimal() else 0
        elif letter == "help":
            self.p.stdout.write(
                "tar(bsdtar): manipulate archive files\n" + USAGE.replace("Usage:", "First option must be a mode specifier:", 1)
            )
            self.p.exit(0)
        elif letter == "version":
            self.p.stdout.write("bsdtar 3.8.7 - libarchive 3.8.7 zlib/1.3.2 liblzma/5.8.3 bz2lib/1.0.8 libzstd/1.5.7 \n")
            self.p.exit(0)
        else:
            self.flags.add(letter)

    async def run(self) -> int:
        """The whole run."""
        p = self.p
        operands = self.options()
        if not self.mode:
            p.errx(1, "Must specify one of -c, -r, -t, -u, -x")
        for letter, modes in (("q", "xt"), *MODES):
            if letter in self.flags and self.mode not in modes:
                p.errx(1, f"Option {'--fast-read' if letter == 'q' else f'-{letter}'} is not permitted in mode -{self.mode}")
        if self.mode in "cru":
            if not operands and not self.from_file:
                p.errx(1, "no files or directories specified")
            await (self.create(operands) if self.mode == "c" else self.append(operands))
        else:
            await self.read(operands)
        if self.warned:
            p.warnx("Error exit delayed from previous errors")
            self.status = 1
        return self.status

    def complain(self, text: str, error: KError | None = None) -> None:
        """An error that does not stop."""
        if error is None:
            self.p.warnx(text)
        else:
            self.p.warn(error, text)
        self.warned = True

    def chdir(self, operands: list[str], i: int) -> None:
        """-C among the operands."""
        try:
            self.p.sys.chdir(operands[i + 1])
        except (KError, IndexError):
            self.p.errx(1, f"could not chdir to '{''.join(operands[i + 1 : i + 2])}'")

    # writing ---------------------------------------------------------------------------------------------------
    async def create(self, operands: list[str]) -> None:
        """-c"""
        p = self.p
        out = 1
        if self.file != "-":
            try:
                out = p.sys.open(self.file, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
            except KError:
                p.errx(1, f"Failed to open '{self.file}'")
        buffer = io.BytesIO()
        with tarfile.TarFile(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            self.put(archive, operands)
        await self.write(out, self.compress(buffer.getvalue()))

    async def write(self, fd: int, data: bytes) -> None:
        """All of it."""
        while data:
            data = data[await self.p.sys.write(fd, data) :]

    def put(self, archive: tarfile.TarFile, operands: list[str]) -> None:
        """The operands, one after the other."""
        i = 0
        while i < len(operands):
            if operands[i] == "-C":
                self.chdir(operands, i)
                i += 2
                continue
            self.add(archive, operands[i])
            i += 1

    async def append(self, operands: list[str]) -> None:
        """-r, -u"""
        p = self.p
        if self.file == "-":
            p.errx(1, "Cannot append to stdout")
        try:
            fd = p.sys.open(self.file, O_RDWR | (O_CREAT if self.mode == "r" else 0), 0o666)
        except KError as e:
            p.err(1, e, f"Cannot open {self.file}")
        if p.sys.fstat(fd).st_mode & S_IFMT != S_IFREG:
            p.errx(1, f"Cannot append to {self.file}: not a regular file")
        data = b""
        while part := await p.sys.read(fd, 65536):
            data += part
        if data and decompress(data) is not data:
            p.errx(1, "Cannot append to compressed archive")
        buffer = io.BytesIO(data)
        try:
            archive = tarfile.TarFile(fileobj=buffer, mode="a" if data else "w", format=tarfile.PAX_FORMAT)
            members = archive.getmembers() if data else []
        except (tarfile.TarError, OSError, ValueError):
            reason = "Can't open" if self.mode == "u" else "Can't read archive"
            p.errx(1, f"{reason} {self.file}: Unrecognized archive format")
        if self.mode == "u":
            for info in members:
                self.times[info.name] = max(self.times.get(info.name, 0), int(info.mtime))
        with archive:
            self.put(archive, operands)
        p.sys.lseek(fd, 0, 0)
        await self.write(fd, buffer.getvalue())

    def compress(self, data: bytes) -> bytes:
        """-z, -j, -J, and what the name says with -a"""
        if "a" in self.flags:
            suffix = "." + self.file.rpartition(".")[2]
            self.flags -= {"z", "j", "y", "J"} if suffix in SUFFIXES else set()
            self.flags.add(SUFFIXES.get(suffix, "a"))
        if "z" in self.flags:
            return gzip.compress(data, mtime=0)
        if self.flags & {"j", "y"}:
            return bz2.compress(data)
        return lzma.compress(data) if "J" in self.flags else data

    def add(self, archive: tarfile.TarFile, path: str) -> None:
        """A file or a tree."""
        p = self.p
        if any(fnmatch(pattern, path) or fnmatch(pattern, path.rpartition("/")[2]) for pattern in self.exclude):
            return
        try:
            st = p.sys.stat(path) if self.flags & {"L", "h"} else p.sys.lstat(path)
            info = self.header(path, st)
            if info is None:
                return
            data = slurp(p, path) if info.type == tarfile.REGTYPE else b""
        except KError as e:
            self.complain(f"{path}: Cannot stat" if e.errno == ENOENT else path, e)
            return
        info.size = len(data)
        changed = self.rename(info)
        if changed and not self.times.get(info.name, -1) >= int(info.mtime):
            if self.verbose:
                p.stderr.write(f"a {info.name if self.rules else path}\n")
            archive.addfile(info, io.BytesIO(data))
        if st.st_mode & S_IFMT == S_IFDIR and "n" not in self.flags:
            try:
                names = p.sys.listdir(path)
            except KError as e:
                self.complain(path, e)
                return
            for name in names:
                self.add(archive, f"{path.removesuffix('/')}/{name}")

    def rename(self, info: tarfile.TarInfo) -> bool:
        """-s: change the names of an entry; false if none is left."""
        info.name = self.substitute(info.name, "r")
        if info.issym() or info.islnk():
            info.linkname = self.substitute(info.linkname, "s" if info.issym() else "h")
        return bool(info.name)

    def substitute(self, name: str, kind: str) -> str:
        """A name after the rules."""
        done, rest, shown = "", name, False
        for rule in self.rules:
            if kind not in rule.flags:
                continue
            if "b" in rule.flags and done:
                done, rest = "", done + rest
            if (found := rule.apply(rest)) is not None:
                done, rest = done + found[0], found[1]
                shown = shown or "p" in rule.flags
        if shown:
            self.p.stderr.write(f"{name} >> {done + rest}\n")
        return done + rest

    def header(self, path: str, st: Stat) -> tarfile.TarInfo | None:
        """The header of an entry; None for what cannot be archived."""
        kind = KINDS.get(st.st_mode & S_IFMT)
        if kind is None:
            self.complain(
                f"{path}: tar format cannot archive sockets" if st.st_mode & S_IFMT == 0o140000 else f"{path}: unsupported"
            )
            return None
        name = path
        if path.startswith("/") and "P" not in self.flags:
            if "/" not in self.flags:
                self.p.warnx("Removing leading '/' from member names")
                self.flags.add("/")
            name = path.lstrip("/") or "."
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.mtime = kind, st.st_mode & 0o7777, st.st_mtime // NS
        info.uid, info.gid = st.st_uid, st.st_gid
        info.uname, info.gname = user_from_uid(self.p, st.st_uid), group_from_gid(self.p, st.st_gid)
        if kind == tarfile.SYMTYPE:
            info.linkname = self.p.sys.readlink(path)
        elif kind == tarfile.REGTYPE and st.st_nlink > 1:
            first = self.links.setdefault((st.st_dev, st.st_ino), name)
            if first != name:
                info.type, info.linkname = tarfile.LNKTYPE, first
        return info

    # reading ---------------------------------------------------------------------------------------------------
    async def contents(self) -> bytes:
        """The whole archive."""
        p = self.p
        fd = 0
        if self.file != "-":
            try:
                fd = p.sys.open(self.file, O_RDONLY)
            except KError:
                p.errx(1, f"Error opening archive: Failed to open '{self.file}'")
        parts = []
        while data := await p.sys.read(fd, 65536):
            parts.append(data)
        return b"".join(parts)

    async def read(self, operands: list[str]) -> None:
        """-t and -x"""
        p = self.p
        data = await self.contents()
        wanted = []
        i = 0
        while i < len(operands):
            if operands[i] == "-C":
                self.chdir(operands, i)
                i += 1
            else:
                wanted.append(operands[i].rstrip("/"))
            i += 1
        found: set[str] = set()
        try:
            archive = tarfile.TarFile(fileobj=io.BytesIO(decompress(data)))
            members = archive.getmembers()
        except (tarfile.TarError, lzma.LZMAError, zlib.error, OSError, EOFError, ValueError):
            p.errx(1, "Error opening archive: Unrecognized archive format")
        later: list[tuple[str, tarfile.TarInfo]] = []
        for info in members:
            match = self.match(info.name, [w for w in wanted if "q" not in self.flags or w not in found] or wanted)
            if match is None or ("q" in self.flags and match and match in found):
                continue
            found.add(match)
            if not self.rename(info):
                continue
            if self.mode == "t":
                self.show(info)
            else:
                self.extract(archive, info, later)
        for name, info in reversed(later):
            self.attributes(name, info)
        for name in wanted:
            if name not in found:
                self.complain(f"{name}: Not found in archive")

    def match(self, name: str, wanted: list[str]) -> str | None:
        """Which of the operands asks for an entry; "" if there are none."""
        if any(fnmatch(pattern, name) for pattern in self.exclude):
            return None
        if not wanted:
            return ""
        for word in wanted:
            if name == word or name.startswith(word + "/") or fnmatch(word, name):
                return word
        return None

    def show(self, info: tarfile.TarInfo) -> None:
        """-t: one line."""
        name = info.name + ("/" if info.isdir() else "")
        if self.verbose:
            user, group = (
                (str(info.uid), str(info.gid)) if "numeric" in self.flags else (info.uname or info.uid, info.gname or info.gid)
            )
            old = abs(self.p.sys.clock_gettime() // NS - info.mtime) > 365 * 86400 // 2
            when = strftime("%b %e  %Y" if old else "%b %e %H:%M", localtime(int(info.mtime), self.p.env))
            mode = strmode(TYPES.get(info.type, S_IFREG) | info.mode).rstrip()
            tail = f" -> {info.linkname}" if info.issym() else f" link to {info.linkname}" if info.islnk() else ""
            name = f"{mode:<10}  0 {user:<6} {group:<6} {info.size:8d} {when} {name}{tail}"
        self.p.stdout.write(name + "\n")

    def target(self, name: str) -> str | None:
        """Where an entry goes; None if it must not or has no name left."""
        parts = name.split("/")
        if ".." in parts and "P" not in self.flags:
            self.complain(f"{name}: Path contains '..'")
            return None
        if "P" not in self.flags:
            name = name.lstrip("/")
            parts = name.split("/")
        if self.strip:
            name = "/".join(parts[self.strip :])
        return name or None

    def extract(self, archive: tarfile.TarFile, info: tarfile.TarInfo, later: list[tuple[str, tarfile.TarInfo]]) -> None:
        """-x: one entry."""
        p = self.p
        name = self.target(info.name)
        if name is None:
            return
        if self.verbose:
            p.stderr.write(f"x {name}{'/' if info.isdir() else ''}\n")
        data = b""
        if info.isreg() and (stream := archive.extractfile(info)) is not None:
            data = stream.read()
        if "O" in self.flags:
            p.stdout.flush()
            while data:
                data = data[p.sys.write_nowait(1, data) :]
            return
        try:
            self.parents(name)
            self.make(info, name, data)
            if info.isdir():
                later.append((name, info))
            elif not info.islnk():
                self.attributes(name, info)
        except KError as e:
            if not (e.errno == EEXIST and "k" in self.flags):
                self.complain(f"{name}: Can't create '{name}'", e)

    def parents(self, name: str) -> None:
        """The directories above an entry."""
        parts = name.rstrip("/").split("/")[:-1]
        for i in range(1, len(parts) + 1):
            path = "/".join(parts[:i])
            if path:
                try:
                    self.p.sys.mkdir(path, 0o755)
                except KError as e:
                    if e.errno != EEXIST:
                        raise

    def make(self, info: tarfile.TarInfo, name: str, data: bytes) -> None:
        """The entry itself, in place of what is there."""
        sys = self.p.sys
        try:
            there = sys.lstat(name)
        except KError:
            pass
        else:
            if "k" in self.flags and not info.isdir():
                raise KError(EEXIST)
            if there.st_mode & S_IFMT != S_IFDIR:
                sys.unlink(name)
            elif info.isdir():
                return
            else:
                sys.rmdir(name)
        if info.isdir():
            sys.mkdir(name, info.mode | 0o700)
        elif info.issym():
            sys.symlink(info.linkname, name)
        elif info.islnk():
            sys.link(self.target(info.linkname) or info.linkname, name)
        elif info.isfifo():
            sys.mkfifo(name, info.mode)
        else:
            fd = sys.open(name, O_WRONLY | O_CREAT | O_TRUNC, info.mode & 0o777)
            while data:
                data = data[sys.write_nowait(fd, data) :]
            sys.close(fd)

    def attributes(self, name: str, info: tarfile.TarInfo) -> None:
        """Owner, mode and time."""
        sys = self.p.sys
        root = sys.geteuid() == 0
        if root and "o" not in self.flags:
            user = getpwnam(self.p, info.uname) if info.uname and "numeric" not in self.flags else None
            group = getgrnam(self.p, info.gname) if info.gname and "numeric" not in self.flags else None
            sys.chown(name, user.uid if user else info.uid, group.gid if group else info.gid, follow=False)
        if info.issym():
            return
        if root or "p" in self.flags or info.isdir():
            mask = 0 if root or "p" in self.flags else sys.umask(0)
            if mask:
                sys.umask(mask)
            sys.chmod(name, info.mode & ~mask)
        if "m" not in self.flags:
            time = int(info.mtime) * NS
            sys.utimes(name, time, time)


@program("/usr/bin/tar", "/usr/bin/bsdtar")
async def main(p: Program) -> int:
    """tar -c|-t|-x [-f file] [options] [files ...]"""
    return await Tar(p).run()
