"""fts(3): walks over file trees, in the order in which a program visits them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from vshell.abi.errno import ENOENT, KError
from vshell.abi.fcntl import S_IFDIR, S_IFLNK, S_IFMT, Stat
from vshell.abi.syscalls import Syscalls

FTS_D, FTS_DC, FTS_DNR, FTS_DP, FTS_F, FTS_NS, FTS_SL, FTS_SLNONE = range(1, 9)
"""Kinds of entries: directory before, cycle, unreadable directory, directory after, file, no stat, link, dangling link."""


class FtsEntry:
    """One visit of one file."""

    __slots__ = ("accpath", "dev", "error", "info", "inside", "level", "name", "number", "parent", "path", "skip", "stat")

    def __init__(self, path: str, name: str, level: int, parent: FtsEntry | None) -> None:
        self.path = path
        self.accpath = path
        self.name = name
        self.level = level
        self.parent = parent
        self.info = 0
        self.error: KError | None = None
        self.stat: Stat | None = None
        self.number = 0
        """fts_number: for the caller."""
        self.inside = False
        """The walk has changed into this directory."""
        self.skip = False
        """fts_set(FTS_SKIP): set by the caller on a directory it does not want to enter."""

    @property
    def st(self) -> Stat:
        """The stat of an entry that has one."""
        assert self.stat is not None
        return self.stat


Key = Callable[[FtsEntry], Any]

LONG = 700
"""A path of so many characters is not made longer, but entered."""


class Fts:
    """A walk.  `logical`: follow all links; `comfollow`: those that are arguments; `xdev`: stay on one file system."""

    def __init__(
        self,
        sys: Syscalls,
        paths: list[str],
        *,
        logical: bool = False,
        comfollow: bool = False,
        xdev: bool = False,
        key: Key | None = None,
        sort_roots: bool = True,
        chdir: bool = False,
    ) -> None:
        self.sys = sys
        self.chdir = chdir
        """Change into directories whose paths are too long to be used: `accpath` is then what system calls take."""
        self._back: list[str | int] = []
        """How to get out of directories that were entered: to a path, or so many levels up."""
        self.logical = logical
        self.comfollow = comfollow
        self.xdev = xdev
        self.key = key
        roots = [self._entry(path, path.rstrip("/").rpartition("/")[2] or "/", 0, None) for path in paths]
        self.roots = sorted(roots, key=key) if key is not None and sort_roots else roots

    def __iter__(self) -> Iterator[FtsEntry]:
        for root in self.roots:
            yield from self._walk(root)

    def _entry(self, path: str, name: str, level: int, parent: FtsEntry | None, accpath: str = "") -> FtsEntry:
        e = FtsEntry(path, name, level, parent)
        e.accpath = path = accpath or path
        follow = self.logical or (self.comfollow and level == 0)
        try:
            try:
                e.stat = self.sys.stat(path) if follow else self.sys.lstat(path)
            except KError as error:
                if not follow or error.errno != ENOENT:
                    raise
                e.stat = self.sys.lstat(path)
                e.info = FTS_SLNONE
                return e
        except KError as error:
            e.info, e.error = FTS_NS, error
            return e
        kind = e.stat.st_mode & S_IFMT
        if kind == S_IFDIR:
            e.info = FTS_D
            up = parent
            while up is not None:
                if up.stat is not None and (up.stat.st_dev, up.stat.st_ino) == (e.stat.st_dev, e.stat.st_ino):
                    e.info = FTS_DC
                up = up.parent
        else:
            e.info = FTS_SL if kind == S_IFLNK else FTS_F
        return e

    def children(self, directory: FtsEntry) -> list[FtsEntry]:
        """fts_children: the entries of a directory, in order; KError if it cannot be read."""
        base = directory.path if directory.path.endswith("/") else directory.path + "/"
        inside = directory.inside
        access = "" if inside else directory.accpath + ("" if directory.accpath.endswith("/") else "/")
        names = self.sys.listdir("." if inside else directory.accpath)
        found = [self._entry(base + name, name, directory.level + 1, directory, access + name) for name in names]
        return sorted(found, key=self.key) if self.key is not None else found

    def _enter(self, directory: FtsEntry) -> None:
        """Change into a directory with a long path."""
        if self._back:
            back: str | int = directory.accpath.count("/") + 1
        else:
            try:
                back = self.sys.getcwd()
            except KError:
                back = ""
            if not back or len(back.encode("utf-8", "surrogateescape")) >= 1024:
                # DIFFERS: from a directory without a usable path only absolute paths are walked to their ends.
                back = "/"
        self.sys.chdir(directory.accpath)
        self._back.append(back)
        directory.inside = True

    def _leave(self, directory: FtsEntry) -> None:
        """And back to where its path was valid."""
        back = self._back.pop()
        if isinstance(back, str):
            self.sys.chdir(back)
        else:
            for _ in range(back):
                self.sys.chdir("..")
        directory.inside = False

    def _walk(self, root: FtsEntry) -> Iterator[FtsEntry]:
        """Depth first, without recursion: trees may be deep."""
        stack: list[tuple[FtsEntry, Iterator[FtsEntry]]] = []
        entry: FtsEntry | None = root
        while True:
            if entry is None:
                if not stack:
                    return
                directory, rest = stack[-1]
                entry = next(rest, None)
                if entry is None:
                    stack.pop()
                    if directory.inside:
                        self._leave(directory)
                    directory.info = FTS_DP
                    yield directory
                continue
            yield entry
            if entry.info == FTS_D:
                if entry.skip or (self.xdev and entry.st.st_dev != root.st.st_dev):
                    inside: list[FtsEntry] = []
                else:
                    try:
                        if self.chdir and len(entry.accpath) > LONG:
                            self._enter(entry)
                        inside = self.children(entry)
                    except KError as error:
                        entry.info, entry.error = FTS_DNR, error
                        yield entry
                        entry = None
                        continue
                stack.append((entry, iter(inside)))
            entry = None
