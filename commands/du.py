"""du(1): disk usage of file trees (usr.bin/du/du.c)."""

from __future__ import annotations

from vshell.abi.errno import strerror
from vshell.abi.fcntl import S_IFDIR, S_IFMT
from vshell.userland.blocksize import getbsize
from vshell.userland.fnmatch import fnmatch
from vshell.userland.fts import FTS_D, FTS_DC, FTS_DNR, FTS_DP, FTS_NS, Fts, FtsEntry
from vshell.userland.getopt_long import NO, GetoptLong
from vshell.userland.humanize import expand_number, humanize_number
from vshell.userland.libxo import Xo
from vshell.userland.program import Program, checks_stdout, program

USAGE = """\
usage: du [--libxo] [-Aclnx] [-H | -L | -P] [-g | -h | -k | -m]
          [-a | -s | -d depth] [-B blocksize] [-I mask] [-t threshold]
          [file ...]
"""
EX_USAGE = 64
BLOCK = 512


class Du:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.xo = Xo(p)
        self.flags: set[str] = set()
        self.follow = "P"
        self.depth = -1
        self.human = 0
        self.unit = getbsize(p.env.get("BLOCKSIZE", ""))[1]
        self.block = BLOCK
        """-B: what files are made of."""
        self.masks: list[str] = []
        self.threshold = 0
        self.seen: set[tuple[int, int]] = set()
        self.sums: dict[int, int] = {}
        self.total = 0
        self.status = 0

    def usage(self) -> None:
        """How to call it."""
        self.p.usage(USAGE, EX_USAGE)

    def parse(self) -> list[str]:
        """The command line; returns the operands."""
        argv = self.xo.parse_args(list(self.p.argv))
        parsed = GetoptLong(self.p, "+AB:HI:LPasd:cghklmnrt:x", {"si": (NO, "si")}, argv)
        for key, value in parsed:
            if key in "HLP":
                self.follow = key
            elif key == "d":
                if not (value.isascii() and value.isdigit()):
                    self.xo.warnx(f"invalid argument to option d: {value}")
                    self.usage()
                self.depth = int(value)
            elif key == "B":
                size = expand_number(value)
                if size is None or size < 1:
                    self.xo.errx(1, f"invalid blocksize: {value}")
                self.block = size
            elif key == "I":
                self.masks.append(value)
            elif key == "t":
                size = expand_number(value)
                if size is None or size == 0:
                    self.xo.warnx(f"invalid threshold: {value}")
                    self.usage()
                    return []
                self.threshold = size
            elif key in "gkm":
                self.unit, self.human = {"g": 1 << 30, "k": 1024, "m": 1 << 20}[key], 0
            elif key in ("h", "si"):
                self.human = 1000 if key == "si" else 1024
            elif key == "?":
                self.usage()
            else:
                self.flags.add(key)
        if len(self.flags & {"a", "s"}) + (self.depth >= 0) > 1:
            self.usage()
        if "s" in self.flags:
            self.depth = 0
        if "A" not in self.flags:
            self.block = -(-self.block // BLOCK)
            self.unit //= BLOCK
        if self.threshold:
            blocks = int(self.threshold / BLOCK) * self.block
            self.limit = int((blocks + self.unit - 1) / self.unit)
        return parsed.args

    limit = 0
    """The threshold in the units that are shown."""

    def size(self, e: FtsEntry) -> int:
        """What an entry takes, in blocks."""
        return -(-(e.st.st_size if "A" in self.flags else e.st.st_blocks) // self.block)

    def counted(self, e: FtsEntry) -> bool:
        """False for a further link to a file that was counted."""
        if "l" in self.flags or e.st.st_nlink <= 1 or e.st.st_mode & S_IFMT == S_IFDIR:
            return True
        key = (e.st.st_dev, e.st.st_ino)
        if key in self.seen:
            return False
        self.seen.add(key)
        return True

    def show(self, size: int, path: str) -> None:
        """One line."""
        blocks = -(-size * self.block // self.unit)
        if self.threshold and self.limit > (blocks if self.threshold > 0 else -blocks):
            return
        self.xo.open_instance("paths")
        if self.human:
            text = humanize_number(
                size * self.block * (1 if "A" in self.flags else BLOCK),
                5,
                byte=True,
                decimal=True,
                space=False,
                divisor=self.human,
            )
            self.xo.emit("{:blocks/%4s}", text)
        else:
            self.xo.emit("{:blocks/%jd}", blocks)
        self.xo.emit("\t{:path/%s}\n", path)
        self.xo.close_instance("paths")

    def visit(self, e: FtsEntry) -> None:
        """One entry of the walk."""
        if e.info == FTS_DC:
            return
        if e.info in (FTS_DNR, FTS_NS):
            self.xo.warnx(f"{e.path}: {strerror(e.error.errno) if e.error is not None else ''}")
            self.status = 1
            return
        if any(fnmatch(mask, e.name) for mask in self.masks):
            e.skip = True
            return
        if e.info == FTS_D:
            self.sums[e.level] = 0
            return
        if not self.counted(e):
            return
        size = self.size(e)
        if e.info == FTS_DP:
            size += self.sums.pop(e.level, 0)
            if self.depth < 0 or e.level <= self.depth:
                self.show(size, e.path)
        elif "a" in self.flags or e.level == 0:
            self.show(size, e.path)
        if e.level:
            self.sums[e.level - 1] = self.sums.get(e.level - 1, 0) + size
        else:
            self.total += size

    def run(self) -> int:
        """The exit status."""
        paths = self.parse() or ["."]
        self.xo.open_container("disk-usage-information")
        self.xo.open_list("paths")
        for e in Fts(self.p.sys, paths, logical=self.follow == "L", comfollow=self.follow == "H", xdev="x" in self.flags):
            if not ("n" in self.flags and e.stat is not None and e.st.st_flags & 1):
                self.visit(e)
            else:
                e.skip = True
        self.xo.close_list("paths")
        if "c" in self.flags:
            self.show(self.total, "total")
        self.xo.close_container("disk-usage-information")
        self.xo.finish()
        return self.status


@checks_stdout(1)
@program("/usr/bin/du")
def main(p: Program) -> int:
    """du [-Aclnx] [-H | -L | -P] [-g | -h | -k | -m] [-a | -s | -d depth] [-I mask] [file ...]"""
    return Du(p).run()
