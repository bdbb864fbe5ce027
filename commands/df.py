"""df(1): free space of file systems (bin/df/df.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.mount import Statfs
from vshell.userland.blocksize import getbsize
from vshell.userland.getopt_long import NO, GetoptLong
from vshell.userland.humanize import humanize_number
from vshell.userland.libxo import Xo
from vshell.userland.mntinfo import getmntinfo, vfs_filter
from vshell.userland.program import Program, program

USAGE = """\
usage: df [-b | -g | -H | -h | -k | -m | -P] [-acilnT] [-t type] [-,]
          [file | filesystem ...]
"""
EX_USAGE = 64
UNITS = {"b": 512, "g": 1 << 30, "k": 1024, "m": 1 << 20}


class Df:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.xo = Xo(p)
        self.flags: set[str] = set()
        self.types: str | None = None
        self.human = 0
        """Divisor of -h (1024) and -H (1000)."""
        self.header, self.unit = getbsize(p.env.get("BLOCKSIZE", ""))

    def parse(self) -> list[str]:
        """The command line; returns the operands."""
        argv = self.xo.parse_args(list(self.p.argv))
        parsed = GetoptLong(self.p, "+abcgHhiklmnPt:T,", {"si": (NO, "H")}, argv)
        for key, value in parsed:
            if key == "?":
                self.p.usage(USAGE, EX_USAGE)
            elif key in UNITS:
                self.header, self.unit = getbsize({"b": "512", "g": "1g", "k": "1k", "m": "1m"}[key])
                self.human = 0
            elif key in "hH":
                self.human = 1000 if key == "H" else 1024
            elif key == "P":
                self.header, self.unit = "512-blocks", 512
                self.human = 0
            elif key == "t":
                self.types = value
            else:
                self.flags.add(key)
        return parsed.args

    def systems(self, args: list[str]) -> tuple[list[Statfs], int]:
        """The file systems to list, and the exit status so far."""
        wanted = vfs_filter(self.types)
        if not args:
            found = [fs for fs in getmntinfo(self.p) if wanted(fs.f_fstypename)]
            if "l" in self.flags:
                found = [fs for fs in found if "local" in fs.options]
            return found, 0
        status = 0
        chosen: list[Statfs] = []
        for name in args:
            try:
                fs = self.p.sys.statfs(name)
                assert isinstance(fs, Statfs)
                chosen.append(fs)
            except KError as e:
                byname = next((fs for fs in getmntinfo(self.p) if fs.f_mntfromname == name), None)
                if byname is None:
                    self.xo.warn(e, name)
                    status = 1
                else:
                    chosen.append(byname)
        return chosen, status

    def human_size(self, blocks: int, fs: Statfs) -> str:
        """A size for people."""
        return humanize_number(blocks * fs.f_bsize, 6, byte=True, decimal=True, space=False, divisor=self.human)

    def blocks(self, blocks: int, fs: Statfs) -> int:
        """A size in the unit asked for."""
        return blocks * fs.f_bsize // self.unit

    def widths(self, systems: list[Statfs]) -> dict[str, int]:
        """Widths of the columns."""
        longest = {
            "from": max(len(fs.f_mntfromname) for fs in systems),
            "type": max(len(fs.f_fstypename) for fs in systems),
            "total": max(len(str(self.blocks(fs.f_blocks, fs))) for fs in systems),
            "used": max(len(str(self.blocks(fs.f_blocks - fs.f_bfree, fs))) for fs in systems),
            "avail": max(len(str(self.blocks(fs.f_bavail, fs))) for fs in systems),
            "iused": max(len(str(fs.f_files - fs.f_ffree)) for fs in systems),
            "ifree": max(len(str(fs.f_ffree)) for fs in systems),
        }
        if self.human:
            longest["total"] = longest["used"] = longest["avail"] = 7
            longest["iused"] = longest["ifree"] = 0
        least = {"from": 10, "type": 4, "total": len(self.header), "used": 4, "avail": 5, "iused": 7, "ifree": 5}
        if self.human:
            least["total"] = 7
        return {name: max(width, least[name]) for name, width in longest.items()}

    def heading(self, w: dict[str, int]) -> None:
        """The line of headings."""
        emit = self.xo.emit
        emit(f"{{T:/%-{w['from']}s}}", "Filesystem")
        if "T" in self.flags:
            emit(f"  {{T:/%-{w['type']}s}}", "Type")
        header = "   Size" if self.human else self.header
        for text, name in ((header, "total"), ("Used", "used"), ("Avail", "avail")):
            emit(f" {{T:/%{w[name]}s}}", text)
        emit(" {T:Capacity}")
        if "i" in self.flags:
            emit(f" {{T:/%{w['iused'] - 2}s}} {{T:/%{w['ifree']}s}} {{T:/%s}}", "iused", "ifree", "%iused")
        emit("  {T:Mounted on}\n")

    def line(self, fs: Statfs, w: dict[str, int]) -> None:
        """One file system (prtstat)."""
        emit = self.xo.emit
        used = fs.f_blocks - fs.f_bfree
        available = fs.f_bavail + used
        emit(f"{{tk:name/%-{w['from']}s}}", fs.f_mntfromname)
        if "T" in self.flags:
            emit(f"  {{:type/%-{w['type']}s}}", fs.f_fstypename)
        for name, key, value in (("total", "total", fs.f_blocks), ("used", "used", used), ("available", "avail", fs.f_bavail)):
            if self.human:
                emit(f"  {{:{'blocks' if name == 'total' else name}/%6s}}", self.human_size(value, fs))
            else:
                emit(f" {{t:{name}-blocks/%{w[key]}jd}}", self.blocks(value, fs))
        emit(" {:used-percent/%5.0f}{U:%}", used / available * 100.0 if available else 100.0)
        if "i" in self.flags:
            self.inodes(fs, w)
        else:
            emit("  ")
        if fs.f_mntfromname != "total":
            emit("  {:mounted-on}", fs.f_mntonname)
        emit("\n")

    def inodes(self, fs: Statfs, w: dict[str, int]) -> None:
        """-i."""
        used = fs.f_files - fs.f_ffree
        if self.human:
            self.xo.emit("  ")
            for name, value in (("used", used), ("free", fs.f_ffree)):
                text = humanize_number(value, 5, decimal=True, space=False, divisor=1000)
                self.xo.emit(f" {{:inodes-{name}/%5s}}", text)
        else:
            self.xo.emit(f" {{:inodes-used/%{w['iused']}jd}} {{:inodes-free/%{w['ifree']}jd}}", used, fs.f_ffree)
        if fs.f_files:
            self.xo.emit(" {:inodes-used-percent/%4.0f}{U:%} ", used / fs.f_files * 100.0)
        else:
            self.xo.emit(" {:inodes-used-percent/    -}{U:} ")

    def total(self, systems: list[Statfs]) -> Statfs:
        """-c: the sum."""
        sums = [sum(fs.f_bsize * getattr(fs, n) for fs in systems) // 512 for n in ("f_blocks", "f_bfree", "f_bavail")]
        return Statfs("total", "", "", (), 512, *sums)

    def run(self) -> int:
        """The exit status."""
        systems, status = self.systems(self.parse())
        if not systems:
            return status
        if "c" in self.flags:
            systems = [*systems, self.total(systems)]
        w = self.widths(systems)
        self.xo.open_container("storage-system-information")
        self.xo.open_list("filesystem")
        self.heading(w)
        for fs in systems:
            self.xo.open_instance("filesystem")
            self.line(fs, w)
            self.xo.close_instance("filesystem")
        self.xo.close_list("filesystem")
        self.xo.close_container("storage-system-information")
        self.xo.finish()
        return status


@program("/bin/df")
def main(p: Program) -> int:
    """df [-b | -g | -H | -h | -k | -m | -P] [-acilnT] [-t type] [file | filesystem ...]"""
    return Df(p).run()
