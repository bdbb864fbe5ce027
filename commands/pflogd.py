"""pflogd(8): packets seen on a pflog(4) interface into a file that tcpdump -r reads (contrib/pf/pflogd)."""

from __future__ import annotations

from struct import Struct

from vshell.abi.bpf import DLT_PFLOG
from vshell.abi.errno import KError, strerror
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_RDWR
from vshell.abi.signal import SIGALRM, SIGHUP, SIGINT, SIGTERM
from vshell.userland.daemonize import daemon
from vshell.userland.getopt import Getopt
from vshell.userland.pcap.live import Live, NoSuchDevice
from vshell.userland.pcap.savefile import MAGIC, Packet, PcapError
from vshell.userland.pidfile import Pidfile, Running
from vshell.userland.program import Program, program

USAGE = """usage: pflogd [-Dx] [-d delay] [-f filename] [-i interface] [-p pidfile]
              [-s snaplen] [expression]
"""
DEFAULT_SNAPLEN = 160
FLUSH_DELAY, MIN_DELAY, MAX_DELAY = 60, 5, 3600
SNAPLEN_MAX = 65535
READ_TIMEOUT = 500
NS = 1_000_000_000
HEADER = Struct("<IHHiIII")
RECORD = Struct("<IIII")


class Log:
    """The file, and the packets on their way into it."""

    def __init__(self, p: Program, path: str, snaplen: int, delay: int) -> None:
        self.p, self.path, self.snaplen, self.delay = p, path, snaplen, delay
        self.flushed = p.sys.clock_gettime()
        self.fd = -1
        self.pending = bytearray()
        self.stop = self.reopen = self.due = False

    async def open(self) -> bool:
        """reset_dump: begin a file, or go on with one that was written like this; False (told) if it is none."""
        sys = self.p.sys
        try:
            self.fd = sys.open(self.path, O_RDWR | O_CREAT | O_APPEND, 0o600)
            size = sys.fstat(self.fd).st_size
            if not size:
                await sys.write(self.fd, HEADER.pack(MAGIC, 2, 4, 0, 0, self.snaplen, DLT_PFLOG))
                return True
            head = await sys.read(self.fd, HEADER.size)
        except KError as e:
            self.say(f"Error: {self.path}: {strerror(e.errno)}")
            return False
        if len(head) != HEADER.size:
            self.say("Short file header")
            return False
        magic, major, minor, _, _, snaplen, linktype = HEADER.unpack(head)
        if (magic, major, minor, linktype) != (MAGIC, 2, 4, DLT_PFLOG):
            self.say("Invalid/incompatible log file, move it away")
            return False
        self.snaplen = min(self.snaplen, snaplen)
        return True

    def say(self, text: str) -> None:
        """logmsg."""
        self.p.stderr.write(text + "\n")

    def add(self, packet: Packet) -> None:
        """dump_packet."""
        body = packet.data[: self.snaplen]
        self.pending += RECORD.pack(packet.seconds & 0xFFFFFFFF, packet.fraction, len(body), packet.length) + body

    async def flush(self, now: bool = False) -> None:
        """flush_buffer, once per delay if it is not to be now."""
        if not (now or self.due or self.p.sys.clock_gettime() - self.flushed >= self.delay * NS):
            return
        self.due, self.flushed = False, self.p.sys.clock_gettime()
        data, self.pending = bytes(self.pending), bytearray()
        if data:
            await self.p.sys.write(self.fd, data)

    def signal(self, sig: int) -> None:
        """SIGTERM and SIGINT end it, SIGHUP opens the file anew, SIGALRM only writes what there is."""
        self.stop |= sig in (SIGTERM, SIGINT)
        self.reopen |= sig == SIGHUP
        self.due |= sig in (SIGHUP, SIGALRM)


async def run(p: Program, log: Log, live: Live) -> int:
    """Until the interface goes, or a signal comes."""
    log.p = live.p = p
    for sig in (SIGTERM, SIGINT, SIGHUP, SIGALRM):
        p.sys.sigaction(sig, log.signal, restart=False)
    try:
        while not log.stop:
            for packet in await live.read():
                log.add(packet)
            await log.flush()
            if log.reopen:
                log.reopen = False
                p.sys.close(log.fd)
                if not await log.open():
                    return 1
    except PcapError as e:
        log.say(str(e))
    await log.flush(now=True)
    return 0


def attach(p: Program, interface: str, snaplen: int, expression: str) -> Live:
    """init_pcap, set_pcap_filter."""
    from vshell.userland.pcap.compile import FilterError, pcap_compile

    live = Live(p, interface)
    live.snapshot, live.timeout = snaplen, READ_TIMEOUT
    try:
        live.activate()
    except (NoSuchDevice, PcapError) as e:
        p.stderr.write(f"Failed to initialize: {e}\nFailed to initialize: {interface}\nExiting, init failure\n")
        p.exit(1)
    if live.dlt != DLT_PFLOG:
        p.stderr.write(f"Invalid datalink type\nFailed to initialize: {interface}\nExiting, init failure\n")
        p.exit(1)
    try:
        live.setfilter(pcap_compile(p, live.dlt, snaplen, expression, True, 0, True))
    except FilterError as e:
        p.stderr.write(f"{e}\nFailed to form filter expression\n")
    return live


@program("/sbin/pflogd")
async def main(p: Program) -> int:
    """pflogd [-Dx] [-d delay] [-f filename] [-i interface] [-p pidfile] [-s snaplen] [expression]"""
    flags: set[str] = set()
    values = {"f": "/var/log/pflog", "i": "pflog0", "p": "pflogd", "d": str(FLUSH_DELAY), "s": str(DEFAULT_SNAPLEN)}
    parsed = Getopt(p, "Dxd:f:i:p:s:")
    for letter, value in parsed:
        if letter == "?":
            p.usage(USAGE)
        if letter in values:
            values[letter] = value
        else:
            flags.add(letter)
    delay, snaplen = int(values["d"]) if values["d"].isdigit() else 0, int(values["s"]) if values["s"].isdigit() else 0
    if not MIN_DELAY <= delay <= MAX_DELAY:
        p.usage(USAGE)
    log = Log(p, values["f"], snaplen if 0 < snaplen <= SNAPLEN_MAX else DEFAULT_SNAPLEN, delay)
    if "x" in flags:
        return 0 if await log.open() else 1
    live = attach(p, values["i"], log.snaplen, " ".join(parsed.args))
    try:
        pidfile = Pidfile(p, f"/var/run/{values['p']}.pid")
    except Running as e:
        p.errx(1, f"already running, pid: {e.pid}")
    except KError as e:
        p.err(1, e, values["p"])
    if not await log.open():
        return 1

    async def body(q: Program) -> int:
        pidfile.write(q)
        status = await run(q, log, live)
        pidfile.remove(q)
        return status

    if "D" in flags:
        return await body(p)
    daemon(p, body)
    return 0
