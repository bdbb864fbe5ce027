"""kldxref(8): the hints file that maps modules to kernel files (usr.sbin/kldxref/kldxref.c).

DIFFERS: a kernel file here tells no more than its name, so every file has one module of that name and depends on the
kernel alone; interfaces with versions and Plug and Play tables are not listed.
"""

from __future__ import annotations

import struct

from vshell.abi.elf import KLD_IDENT
from vshell.abi.errno import ENOTDIR, KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY, S_IFDIR, S_IFMT
from vshell.userland.fts import FTS_D, FTS_F, Fts, FtsEntry
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.slurp import slurp

LINKER_HINTS_VERSION = 2
MDT_MODULE = 2
VERSION = 1501000


def module_name(p: Program, path: str) -> str | None:
    """The module in a kernel file."""
    try:
        content = slurp(p, path)
    except KError:
        return None
    if not content.startswith(KLD_IDENT):
        return None
    name = content[len(KLD_IDENT) :].partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return name.removesuffix(".ko")


def _record(name: str, filename: str) -> bytes:
    """A module and the file it is in; strings have a length and fill up to whole integers."""
    body = struct.pack("<i", MDT_MODULE)
    for text in (name, filename):
        data = text.encode("utf-8", "surrogateescape")
        body += bytes([len(data)]) + data
    body += bytes(-len(body) % 4)
    return struct.pack("<i", len(body)) + body


class Xref:
    """One run: the hints of the folder that is being read."""

    def __init__(self, p: Program, show: bool, verbose: bool, hints: str) -> None:
        self.p = p
        self.show = show
        self.verbose = verbose
        self.hints = hints
        self.folder: str | None = None
        self.records: list[bytes] = []

    def visit(self, entry: FtsEntry) -> None:
        """A folder or file of the tree."""
        if entry.info == FTS_D:
            self.finish()
            self.folder = entry.path
        elif entry.info == FTS_F and ("." not in entry.name or entry.name.endswith(".ko")):
            self._read(entry)

    def _read(self, entry: FtsEntry) -> None:
        if self.verbose or self.show:
            self.p.stdout.write(f"{entry.path}\n")
        name = module_name(self.p, entry.path)
        if name is None:
            return
        if self.show:
            self.p.stdout.write(f"  module {name}\n  depends on kernel.{VERSION} ({VERSION},{VERSION})\n")
        self.records.append(_record(name, entry.name))

    def finish(self) -> None:
        """Write the hints of a folder that has kernel files."""
        if self.folder is not None and not self.show:
            path = f"{self.folder}/{self.hints}"
            if self.records:
                self._write(path, struct.pack("<i", LINKER_HINTS_VERSION) + b"".join(self.records))
            else:
                try:
                    self.p.sys.unlink(path)
                except KError:
                    pass
        self.folder = None
        self.records = []

    def _write(self, path: str, data: bytes) -> None:
        sys = self.p.sys
        try:
            fd = sys.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        except KError as e:
            self.p.err(1, e, f"can't create {path}")
        writing = sys.write(fd, data)
        try:
            writing.send(None)
        except StopIteration:
            pass
        sys.close(fd)


@program("/usr/sbin/kldxref")
def main(p: Program) -> int:
    """Read the folders and write their hints."""
    show = verbose = follow = False
    hints = "linker.hints"
    options = Getopt(p, "Rdf:v")
    for flag, value in options:
        show |= flag == "d"
        verbose |= flag == "v"
        follow |= flag == "R"
        if flag == "f":
            hints = value
        elif flag not in "dvR":
            _usage(p)
    if not options.args:
        _usage(p)
    first = options.args[0]
    try:
        if p.sys.stat(first).st_mode & S_IFMT != S_IFDIR and not show:
            raise KError(ENOTDIR)
    except KError as e:
        p.err(1, e, first)
    xref = Xref(p, show, verbose, hints)
    for entry in Fts(p.sys, options.args, comfollow=follow, key=lambda e: (e.info == FTS_D, e.name)):
        xref.visit(entry)
    xref.finish()
    return 0


def _usage(p: Program) -> None:
    p.usage("usage: kldxref [-Rdv] [-f hintsfile] path ...")
