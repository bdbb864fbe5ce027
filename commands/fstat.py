"""fstat(1): identify active files (usr.bin/fstat/fstat.c)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_ACCMODE, O_RDONLY, O_WRONLY
from vshell.abi.proc import KinfoFile, KinfoProc
from vshell.abi.record import Record
from vshell.abi.socket import AF_INET, AF_INET6, AF_UNIX, SockaddrIn, SockaddrIn6, SockaddrUn
from vshell.userland.addr import inet_ntop
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import getprotobynumber
from vshell.userland.program import Program, program
from vshell.userland.pwd import getpwnam, user_from_uid
from vshell.userland.setmode import strmode

USAGE = "usage: fstat [-fmnv] [-M core] [-N system] [-p pid] [-u user] [file ...]\n"
NUMERIC_HEADER = "USER     CMD          PID   FD  DEV    INUM       MODE SZ|DV R/W"
HEADER = "USER     CMD          PID   FD MOUNT      INUM MODE         SZ|DV R/W"
LABELS = {"text": " text", "cwd": "   wd", "root": " root", "jail": " jail", "ctty": " ctty"}
SOCKET_TYPES = ("unused", "stream", "dgram", "raw", "rdm", "seqpak")
DOMAINS = {AF_INET: "internet", AF_INET6: "internet6", AF_UNIX: "local", 17: "route", 32: "netgraph", 38: "netlink"}


def _address(addr: Record | None) -> str:
    if isinstance(addr, SockaddrUn):
        return addr.path or "-"
    if isinstance(addr, SockaddrIn):
        return f"{'*' if not any(addr.addr) else inet_ntop(addr.addr)}:{addr.port}"
    if isinstance(addr, SockaddrIn6):
        return f"{'*' if not any(addr.addr) else inet_ntop(addr.addr)}.{addr.port}"
    return ""


class Fstat:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.pid: int | None = None
        self.uid: int | None = None
        self.wanted: list[tuple[int, int, str]] = []
        """(device, inode, name) of the files asked for."""

    def usage(self) -> NoReturn:
        """How to call it."""
        self.p.usage(USAGE)

    def options(self) -> list[str]:
        """Take the options; the operands."""
        p = self.p
        parsed = Getopt(p, "fmnp:su:vN:M:")
        for letter, value in parsed:
            if letter == "p":
                if self.pid is not None:
                    self.usage()
                if not value[:1].isdecimal():
                    p.warnx("-p requires a process id")
                    self.usage()
                digits = len(value) - len(value.lstrip("0123456789"))
                self.pid = int(value[:digits])
            elif letter == "u":
                if self.uid is not None:
                    self.usage()
                user = getpwnam(p, value)
                if user is None:
                    p.errx(1, f"{value}: unknown uid")
                self.uid = user.uid
            elif letter == "?":
                self.usage()
            else:
                self.flags.add(letter)
        return parsed.args

    def want(self, name: str) -> None:
        """Show this file only, and others that were asked for."""
        try:
            st = self.p.sys.stat(name)
        except KError as e:
            self.p.warn(e, name)
            return
        self.wanted.insert(0, (st.st_dev, st.st_ino, name))

    def run(self) -> int:
        """The whole run."""
        p = self.p
        args = self.options()
        for name in args or ("." if "f" in self.flags else ()):
            self.want(name)
        if (args or "f" in self.flags) and not self.wanted:
            return 1
        procs: list[KinfoProc] = p.sys.sysctl("kern.proc")
        if self.pid is not None:
            procs = [k for k in procs if k.pid == self.pid]
            if not procs:
                p.warnx("sysctl(kern.proc): No such process")
                p.errx(1, "procstat_getprocs()")
        elif self.uid is not None:
            procs = [k for k in procs if k.uid == self.uid]
        header = NUMERIC_HEADER if "n" in self.flags else HEADER
        p.stdout.write(header + (" NAME\n" if self.wanted and "f" not in self.flags else "\n"))
        for k in procs:
            if k.state != "Z":
                self.process(k)
        return 0

    def process(self, k: KinfoProc) -> None:
        """The files of one process."""
        try:
            files = self.p.sys.proc_files(k.pid)
        except KError:
            return
        user = user_from_uid(self.p, k.uid)
        for f in files:
            name = self.match(f)
            if name is not None:
                label = LABELS[f.fd] if isinstance(f.fd, str) else f" {f.fd:4d}"
                self.p.stdout.write(f"{user[:8]:<8} {k.comm:<10} {k.pid:5d}{label}{self.details(f)}{name}\n")

    def match(self, f: KinfoFile) -> str | None:
        """What to write after the line of a file; None if it was not asked for."""
        if not self.wanted:
            return ""
        if f.type not in ("vnode", "fifo"):
            return None
        same = [(ino, name) for dev, ino, name in self.wanted if dev == f.dev]
        found = next((name for ino, name in same if ino == f.ino), None)
        if not same or (found is None and "f" not in self.flags):
            return None
        return f"  {found}" if found is not None and "f" not in self.flags else ""

    def details(self, f: KinfoFile) -> str:
        """The rest of the line."""
        if f.type in ("vnode", "fifo"):
            return self.vnode(f)
        if f.type == "socket":
            return self.socket(f)
        if f.type == "pipe":
            return f"* pipe {f.addr:8x} <-> {f.peeraddr:8x} {f.size:6d}{access(f)}"
        return ""

    def vnode(self, f: KinfoFile) -> str:
        """A file, directory or device."""
        numeric = "n" in self.flags
        where = f" {f.dev:#5x}" if numeric else f" {f.mntdir:<8}"
        mode = f"{f.mode:o}" if numeric else strmode(f.mode)
        if f.vtype == "c":
            size = f"{f.rdev:#6x}" if numeric else f"{f.path.removeprefix('/dev/'):>6}"
        else:
            size = f"{f.size:6d}"
        return f"{where} {f.ino:6d} {mode:>10} {size}{access(f)}"

    def socket(self, f: KinfoFile) -> str:
        """A socket."""
        kind = SOCKET_TYPES[f.sotype] if f.sotype < len(SOCKET_TYPES) else f"?{f.sotype}"
        out = f"* {DOMAINS.get(f.domain, '')} {kind}"
        ends = "s" in self.flags
        if f.domain in (AF_INET, AF_INET6):
            out += f" {getprotobynumber(self.p, f.protocol) or f.protocol} {f.addr:x}"
            return out + (f" {_address(f.local)} <-> {_address(f.peer)}" if ends else "")
        if f.domain == AF_UNIX:
            local = _address(f.local)
            return f"{out} {f.addr:x}" + (f" {local if local not in ('', '-') else _address(f.peer)}" if ends else "")
        return f"{out} {f.protocol} {f.addr:x}"


def access(f: KinfoFile) -> str:
    """The R/W column."""
    mode = f.flags & O_ACCMODE
    return f" {('r' if mode != O_WRONLY else '') + ('w' if mode != O_RDONLY else ''):>2}"


@program("/usr/bin/fstat")
async def main(p: Program) -> int:
    """fstat [-fmnv] [-p pid] [-u user] [file ...]"""
    return Fstat(p).run()
