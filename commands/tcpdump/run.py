"""tcpdump at work: where packets come from and where they go (main of tcpdump.c)."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, KError, strerror
from vshell.abi.fcntl import O_RDONLY
from vshell.abi.signal import SIG_IGN, SIGHUP, SIGINFO, SIGINT, SIGPIPE, SIGTERM, SIGUSR2
from vshell.commands.tcpdump.dump import DumpFiles
from vshell.commands.tcpdump.options import Options, check_more
from vshell.commands.tcpdump.printers import if_printer
from vshell.userland.cnumber import strtol
from vshell.userland.pcap.dlt import (
    MAXIMUM_SNAPLEN,
    datalink_val_to_description,
    datalink_val_to_name,
)
from vshell.userland.pcap.live import Device, Live, NoSuchDevice, findalldevs
from vshell.userland.pcap.savefile import Packet, PcapError, Savefile
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode
from vshell.wire.bpf_filter import Insn, bpf_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DLT_EN10MB = 1
BREAK, ERROR, DONE = -2, -1, 0


def plural(count: int) -> str:
    """PLURAL_SUFFIX."""
    return "" if count == 1 else "s"


class Run:
    """One run."""

    def __init__(self, options: Options) -> None:
        self.o = options
        self.p = options.p
        self.ndo = options.ndo
        self.captured = 0
        self.stop = False
        """A signal wants it to end."""
        self.live: Live | None = None
        self.file: Savefile | None = None
        self.dlt = DLT_EN10MB
        self.snapshot = MAXIMUM_SNAPLEN
        self.program: Sequence[Insn] = ()
        self.in_kernel = False
        self.dump: DumpFiles | None = None
        self.expression = ""
        self.device = ""

    async def run(self) -> int:
        """main."""
        o = self.o
        if o.on("D"):
            self.show_devices()
            return 0
        check_more(o)
        files = self.read_files()
        if files is not None:
            await self.open_file(files.pop(0))
        elif o.on("d") and "i" not in o.values:
            self.snapshot = o.snaplen or MAXIMUM_SNAPLEN
            if o.dlt >= 0:
                self.dlt = o.dlt
            else:
                self.p.stderr.write("Warning: assuming Ethernet\n")
        elif not self.open_live():
            return 0
        self.expression = self.read_expression()
        self.compile()
        if o.on("d"):
            self.show_program()
            return 0
        self.prepare()
        return await self.loop(files or [])

    # what to capture from --------------------------------------------------------------------------------------
    def read_files(self) -> list[str] | None:
        """The files to read, None for a live capture."""
        values = self.o.values
        if "r" in values:
            return [values["r"]]
        if "V" not in values:
            return None
        try:
            names = decode(slurp(self.p, values["V"])).splitlines()
        except KError as e:
            self.o.error(f"Unable to open file: {strerror(e.errno)}")
        if not names:
            self.o.error(f"Nothing in {values['V']}")
        return names

    async def open_file(self, name: str) -> None:
        """Open a file and say so."""
        await self._open(name)
        self.report_file(name)

    async def _open(self, name: str) -> None:
        self.file = Savefile(self.p, self.ndo.nano)
        try:
            await self.file.open(name)
        except PcapError as e:
            self.o.error(str(e))
        self.dlt, self.snapshot = self.file.dlt, self.file.snapshot

    def report_file(self, name: str) -> None:
        """Say which file is read."""
        self.p.stderr.write(f"reading from file {name}, link-type {self.dlt_text()}, snapshot length {self.snapshot}\n")

    def dlt_text(self) -> str:
        """The link type, as it is announced."""
        name = datalink_val_to_name(self.dlt)
        return str(self.dlt) if name is None else f"{name} ({datalink_val_to_description(self.dlt)})"

    def open_live(self) -> bool:
        """Open an interface; False if that was only to tell about it."""
        o = self.o
        device = o.values.get("i")
        if device is None:
            devices = self.devices()
            if not devices:
                o.error("no interfaces available for capture")
            device = devices[0].name
        if o.on("J"):
            self.p.stdout.write(f"Time stamp types for {device} (use option -j to set):\n  host (Host)\n")
            return False
        try:
            live = self.open_interface(device)
        except NoSuchDevice as e:
            device = self.by_number(device, str(e))
            try:
                live = self.open_interface(device)
            except NoSuchDevice as again:
                o.error(str(again))
        self.live, self.device = live, device
        if o.on("L"):
            self.show_dlts(live)
            return False
        if o.dlt >= 0:
            name = datalink_val_to_name(o.dlt) or ""
            try:
                live.set_datalink(o.dlt, name)
            except PcapError as e:
                o.error(str(e))
            self.p.stderr.write(f"{self.p.name}: data link type {name}\n")
        self.dlt, self.snapshot = live.dlt, live.snapshot
        if self.ndo.f:
            self.lookupnet(device)
        return True

    def open_interface(self, device: str) -> Live:
        """open_interface."""
        o = self.o
        live = Live(self.p, device)
        live.nano = self.ndo.nano
        live.immediate = o.on("immediate")
        live.snapshot = o.snaplen
        live.promisc = not o.on("p")
        live.rfmon = o.on("I")
        printing = "w" not in o.values or o.on("print")
        live.timeout = 100 if printing and (o.on("l") or self.p.stdout.isatty()) else 1000
        live.buffer_size = o.buffer
        wanted = o.values.get("j", "host").lower()
        if wanted != "host":
            o.warning(
                f"When trying to set timestamp type '{wanted}' on {device}: "
                "That type of time stamp is not supported by that device"
            )
        try:
            live.activate()
            if live.warning:
                o.warning(live.warning)
            if "Q" in o.values:
                live.setdirection(o.values["Q"].lower())
        except NoSuchDevice:
            live.close()
            raise
        except PcapError as e:
            o.error(str(e))
        return live

    def devices(self) -> list[Device]:
        """pcap_findalldevs."""
        try:
            return findalldevs(self.p)
        except PcapError as e:
            self.o.error(str(e))

    def by_number(self, text: str, why: str) -> str:
        """The interface with a number of -D."""
        number, rest, error = strtol(text)
        if rest or error == EINVAL:
            self.o.error(why)
        if number <= 0:
            self.o.error(f"Invalid adapter index {text}")
        devices = self.devices()
        if not devices:
            self.o.error("no interfaces available for capture")
        if number > len(devices):
            found = len(devices)
            self.o.error(f"Invalid adapter index {number}: only {found} interface{plural(found)} found")
        return devices[number - 1].name

    def lookupnet(self, device: str) -> None:
        """-f: which addresses are local."""
        from vshell.abi.socket import AF_INET
        from vshell.userland.rtnl import dump_addrs

        for addr in dump_addrs(self.p, AF_INET):
            if addr.ifname == device:
                mask = (1 << 32) - (1 << 32 - addr.prefixlen)
                self.ndo.netmask = mask
                self.ndo.localnet = int.from_bytes(addr.addr, "big") & mask
                return

    # telling ---------------------------------------------------------------------------------------------------
    def show_devices(self) -> None:
        """-D."""
        for i, device in enumerate(self.devices(), 1):
            text = f"{i}.{device.name}" + (f" ({device.description})" if device.description else "")
            words = [word for bit, word in ((2, "Up"), (4, "Running"), (1, "Loopback")) if device.flags & bit]
            status = f", {device.status}" if device.status else ""
            if device.flags or device.known:
                text += f" [{', '.join(words) or 'none'}{status}]"
            self.p.stdout.write(text + "\n")

    def show_dlts(self, live: Live) -> None:
        """-L."""
        self.p.stdout.write(f"Data link types for {live.device} (use option -y to set):\n")
        for dlt in live.dlts:
            name = datalink_val_to_name(dlt)
            if name is None:
                self.p.stdout.write(f"  DLT {dlt} (printing not supported)\n")
            else:
                note = "" if if_printer(dlt) else " (printing not supported)"
                self.p.stdout.write(f"  {name} ({datalink_val_to_description(dlt)}){note}\n")

    def show_program(self) -> None:
        """-d, -dd, -ddd."""
        from vshell.userland.pcap.bpf_image import bpf_image

        out, program, times = self.p.stdout, self.program, self.o.flags["d"]
        if times > 2:
            out.write(f"{len(program)}\n" + "".join(f"{c} {jt} {jf} {k}\n" for c, jt, jf, k in program))
        elif times > 1:
            out.write("".join(f"{{ 0x{c:x}, {jt}, {jf}, 0x{k:08x} }},\n" for c, jt, jf, k in program))
        else:
            out.write("".join(bpf_image(insn, i) + "\n" for i, insn in enumerate(program)))

    # the filter ------------------------------------------------------------------------------------------------
    def read_expression(self) -> str:
        """The arguments, or the file of -F without its comments."""
        name = self.o.values.get("F")
        if not name:
            return " ".join(self.o.args)
        try:
            self.p.sys.close(self.p.sys.open(name, O_RDONLY))
            text = decode(slurp(self.p, name))
        except KError as e:
            self.o.error(f"can't open {name}: {strerror(e.errno)}")
        return "\n".join(line.partition("#")[0] for line in text.split("\n"))

    def compile(self) -> None:
        """pcap_compile."""
        from vshell.userland.pcap.compile import FilterError, pcap_compile

        try:
            self.program = pcap_compile(
                self.p, self.dlt, self.snapshot, self.expression, not self.o.on("O"), self.ndo.netmask, self.live is not None
            )
        except FilterError as e:
            self.o.error(str(e))

    # running ---------------------------------------------------------------------------------------------------
    def prepare(self) -> None:
        """Signals, privileges, the filter, the output."""
        o, sys = self.o, self.p.sys
        for sig in (SIGPIPE, SIGTERM, SIGINT):
            sys.sigaction(sig, self.cleanup, restart=False)
        if sys.sigaction(SIGHUP, self.cleanup, restart=False) == SIG_IGN:
            sys.sigaction(SIGHUP, SIG_IGN)
        if "Z" in o.values and sys.getuid() == 0 and o.values["Z"] != "root":
            self.droproot(o.values["Z"])
        if self.live is not None:
            try:
                self.live.setfilter(self.program)
                self.in_kernel = True
            except KError:
                self.in_kernel = False
        if "w" in o.values:
            self.dump = DumpFiles(o, self.dlt, self.snapshot, self.info)
            self.dump.open()
        if self.dump is None or o.on("print"):
            self.ndo.if_printer = if_printer(self.dlt) or unsupported
        if self.live is not None:
            sys.sigaction(SIGINFO, self.requestinfo)
            if not self.ndo.v and self.dump is None:
                hint = "verbose output suppressed, use -v[v]... for full protocol decode\n"
                self.p.stderr.write(f"{self.p.name}: {hint}")
            else:
                self.p.stderr.write(f"{self.p.name}: ")
            self.p.stderr.write(
                f"listening on {self.device}, link-type {self.dlt_text()}, snapshot length {self.snapshot} bytes\n"
            )
        sys.sigaction(SIGUSR2, self.flushpcap)

    def droproot(self, user: str) -> None:
        """-Z."""
        from vshell.userland.pwd import getpwnam

        entry = getpwnam(self.p, user)
        if entry is None:
            self.o.error(f"Couldn't find user '{user[:32]}'")
        self.p.sys.setgroups((entry.gid,))
        self.p.sys.setgid(entry.gid)
        self.p.sys.setuid(entry.uid)
        self.p.stderr.write(f"dropped privs to {user}\n")

    def cleanup(self, sig: int) -> None:
        """End after the packet at hand."""
        self.stop = True

    def requestinfo(self, sig: int) -> None:
        """SIGINFO."""
        self.info(False)

    def flushpcap(self, sig: int) -> None:
        """SIGUSR2."""
        if self.dump is not None:
            self.dump.flush()

    def info(self, verbose: bool) -> None:
        """The counters of a live capture."""
        if self.live is None:
            return
        stats = self.live.stats()
        parts = (
            f"{self.captured} packet{plural(self.captured)} captured",
            f"{stats.recv} packet{plural(stats.recv)} received by filter",
            f"{stats.drop} packet{plural(stats.drop)} dropped by kernel",
        )
        if verbose:
            self.p.stderr.write("\n".join(parts) + "\n")
        else:
            self.p.stderr.write(f"{self.p.name}: {', '.join(parts)}\n")

    async def loop(self, files: list[str]) -> int:
        """One file after the other, or the interface."""
        while True:
            status, why = await self.pcap_loop()
            if self.dump is None:
                if status == BREAK:
                    self.p.stdout.write("\n")
                await self.p.stdout.drain()
            if status == BREAK:
                files = []
            if status == ERROR:
                self.p.stderr.write(f"{self.p.name}: pcap_loop: {why}\n")
            self.info(True)
            if self.file is not None:
                self.file.close()
            if not files:
                break
            await self.next_file(files.pop(0))
        if self.dump is not None:
            await self.dump.close()
        if self.live is not None:
            self.live.close()
        if self.o.on("count") and self.live is None:
            self.p.stdout.write(f"{self.captured} packet{plural(self.captured)}\n")
        return 1 if status == ERROR else 0

    async def next_file(self, name: str) -> None:
        """The next file of -V."""
        old = self.dlt
        await self._open(name)
        if self.dlt != old:
            if self.dump is not None:
                self.o.error(f"{name}: new dlt does not match original")
            self.ndo.if_printer = if_printer(self.dlt) or unsupported
            self.compile()
        self.report_file(name)

    async def pcap_loop(self) -> tuple[int, str]:
        """Packets until the count is reached, the end, a signal or an error."""
        left = self.o.count
        try:
            while True:
                if self.stop:
                    return BREAK, ""
                packets = await self.fetch()
                if packets is None:
                    return DONE, ""
                for packet in packets:
                    if self.stop:
                        return BREAK, ""
                    if self.program and not self.in_kernel and not bpf_filter(self.program, packet.data, 0, packet.length):
                        continue
                    await self.packet(packet)
                    left -= 1
                    if not left:
                        return DONE, ""
        except PcapError as e:
            return ERROR, str(e)

    async def fetch(self) -> list[Packet] | None:
        """Some packets, None at the end of a file."""
        if self.live is not None:
            return await self.live.read()
        assert self.file is not None
        packet = await self.file.next()
        return None if packet is None else [packet]

    async def packet(self, packet: Packet) -> None:
        """print_packet, dump_packet."""
        self.captured += 1
        if self.dump is not None:
            await self.dump.packet(packet)
        if self.ndo.if_printer is not None and not (self.dump is None and self.o.on("count")):
            self.p.stdout.write(self.ndo.pretty_print_packet(packet, self.captured))
            if self.p.stdout.pending > 65536:
                await self.p.stdout.drain()
            if self.p.stdout.error is not None and not self.stop:
                self.o.error(f"Unable to write output: {strerror(self.p.stdout.error.errno)}")


def unsupported(ndo: object, at: int, length: int, caplen: int) -> int:
    """unsupported_if_print."""
    from vshell.commands.tcpdump.netdissect import Ndo

    assert isinstance(ndo, Ndo)
    ndo.protocol = "unsupported"
    ndo.hex_and_ascii_print("\n\t", at, caplen)
    return 0
