"""-w: files that are written, with -C and -G one after the other."""

from __future__ import annotations

from vshell.userland.pcap.savefile import Dumper, Packet, PcapError
from vshell.userland.strftime import localtime, strftime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.abi.syscalls import Syscalls
    from vshell.commands.tcpdump.options import Options

NS = 1_000_000_000


class DumpFiles:
    """The file packets go to now."""

    def __init__(self, o: Options, dlt: int, snapshot: int, info: Callable[[bool], None]) -> None:
        self.o = o
        self.p = o.p
        self.dlt, self.snapshot = dlt, snapshot
        self.info = info
        self.size_count = self.time_count = 0
        self.width = len(str(o.files - 1)) if o.files > 1 else 0
        """Digits of the number of a file."""
        self.since = self.now()
        self.name = ""
        self.dumper: Dumper | None = None

    def now(self) -> int:
        """time(3)."""
        return self.p.sys.clock_gettime() // NS

    def filename(self, count: int, width: int) -> str:
        """MakeFilename."""
        name = self.o.values["w"]
        if not name:
            self.o.error("an empty string is not a valid file name")
        if self.o.seconds:
            name = strftime(name, localtime(self.since, self.p.env))
        return f"{name}{count:0{width}d}" if count or width else name

    def open(self) -> None:
        """The first file."""
        self.open_file(0, self.width if self.o.file_size else 0)

    def open_file(self, count: int, width: int) -> None:
        """A file."""
        self.name = self.filename(count, width)
        try:
            self.dumper = Dumper(self.p, self.name, self.dlt, self.snapshot, self.o.ndo.nano)
        except PcapError as e:
            self.o.error(str(e))
        if self.o.on("U"):
            self.dumper.flush()

    async def packet(self, packet: Packet) -> None:
        """dump_packet_and_trunc."""
        o = self.o
        if o.seconds and self.now() - self.since >= o.seconds:
            self.since = self.now()
            self.time_count += 1
            await self.finish()
            if not o.file_size and o.files and self.time_count >= o.files:
                self.p.stderr.write(f"Maximum file limit reached: {o.files}\n")
                self.info(True)
                self.p.exit(0)
            self.size_count = 0
            self.open_file(0, self.width if o.file_size else 0)
        assert self.dumper is not None
        if o.file_size and self.dumper.size > o.file_size:
            await self.finish()
            self.size_count += 1
            if o.files and self.size_count >= o.files:
                self.size_count = 0
            self.open_file(self.size_count, self.width)
        self.dumper.dump(packet)
        if o.on("U"):
            self.dumper.flush()

    async def finish(self) -> None:
        """Close a file, and hand it to the command of -z."""
        if self.dumper is not None:
            await self.dumper.close()
        command = self.o.values.get("z")
        if command is not None:
            name = self.name
            env = self.p.env

            async def child(sys: Syscalls) -> int:
                from vshell.userland.execvp import execvp

                sys.setpriority(0, 19)
                execvp(sys, [command, name], env)

            self.p.sys.fork(child)

    def flush(self) -> None:
        """pcap_dump_flush."""
        if self.dumper is not None:
            self.dumper.flush()

    async def close(self) -> None:
        """The end."""
        if self.dumper is not None:
            await self.dumper.close()
