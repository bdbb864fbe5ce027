"""libpcap's files of packets: reading and writing (pcap-savefile(5), savefile.c, sf-pcap.c, sf-pcapng.c)."""

from __future__ import annotations

from struct import Struct, calcsize, unpack_from

from vshell.abi.errno import KError, strerror
from vshell.abi.fcntl import O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY
from vshell.userland.pcap.dlt import MAXIMUM_SNAPLEN, dlt_to_linktype, linktype_to_dlt
from vshell.userland.stdio import Reader, Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.userland.program import Program

MAGIC, NSEC_MAGIC, KUZNETZOV_MAGIC, NAVTEL_MAGIC = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34, 0xA12B3C4D
BT_SHB, BT_IDB, BT_PB, BT_SPB, BT_EPB = 0x0A0D0D0A, 1, 2, 3, 6
DLT_USBPCAP, MAX_USB, MAX_DBUS, DLT_DBUS = 249, 128 * 1024 * 1024, 128 * 1024 * 1024, 231
_HEADER = Struct("<IHHiIII")
_RECORD = Struct("<IIII")


class PcapError(Exception):
    """What pcap_geterr tells."""


class Packet:
    """One packet: seconds, fraction in the precision asked for, its length on the wire, and what was captured."""

    __slots__ = ("data", "fraction", "length", "seconds")

    def __init__(self, seconds: int, fraction: int, length: int, data: bytes) -> None:
        self.seconds = seconds
        self.fraction = fraction
        self.length = length
        self.data = data


def max_snaplen(dlt: int) -> int:
    """max_snaplen_for_dlt."""
    return MAX_USB if dlt in (DLT_USBPCAP, DLT_DBUS) else MAXIMUM_SNAPLEN


class Savefile:
    """A file that is read."""

    def __init__(self, p: Program, nano: bool) -> None:
        self.p = p
        self.nano = nano
        """Time stamps are wanted in ns instead of us."""
        self.reader = p.stdin
        self.fd = -1
        self.endian = "<"
        self.file_nano = False
        self.record = 16
        self.dlt = 0
        self.snapshot = MAXIMUM_SNAPLEN
        self.ng = False
        self.interfaces: list[tuple[int, int, int]] = []
        """pcapng: link type, time stamp units a second, offset in seconds."""

    async def read(self, size: int) -> bytes:
        """fread."""
        try:
            return await self.reader.read(size)
        except KError as e:
            raise PcapError(f"error reading dump file: {strerror(e.errno)}") from None

    async def open(self, name: str) -> None:
        """pcap_open_offline; "-" is standard input."""
        if name != "-":
            try:
                self.fd = self.p.sys.open(name, O_RDONLY)
            except KError as e:
                raise PcapError(f"{name}: {strerror(e.errno)}") from None
            self.reader = Reader(self.p.sys, self.fd)
        magic = await self.read(4)
        if len(magic) != 4:
            raise PcapError(f"truncated dump file; tried to read 4 file header bytes, only got {len(magic)}")
        for endian in "<>":
            (number,) = unpack_from(endian + "I", magic)
            if number in (MAGIC, NSEC_MAGIC, KUZNETZOV_MAGIC, NAVTEL_MAGIC):
                self.endian = endian
                await self.open_pcap(number)
                return
        if magic == b"\x0a\x0d\x0d\x0a":
            await self.open_pcapng()
            return
        raise PcapError("unknown file format")

    async def open_pcap(self, magic: int) -> None:
        """pcap_check_header."""
        rest = await self.read(20)
        if len(rest) != 20:
            raise PcapError(f"truncated dump file; tried to read 24 file header bytes, only got {len(rest) + 4}")
        major, minor, _, _sigfigs, snaplen, linktype = unpack_from(self.endian + "HHiIII", rest)
        if major < 2:
            raise PcapError("archaic pcap savefile format")
        if not (major == 2 and minor in (3, 4)) and (major, minor) != (543, 0):
            raise PcapError(f"unsupported pcap savefile version {major}.{minor}")
        if linktype & 0x03FF0000:
            raise PcapError(f"savefile linktype reserved field not zero (0x{linktype & 0x03FF0000:08x})")
        self.file_nano = magic == NSEC_MAGIC
        self.record = 24 if magic == KUZNETZOV_MAGIC else 16
        self.dlt = linktype_to_dlt(linktype & 0xFFFF)
        self.snapshot = snaplen if 0 < snaplen <= 0x7FFFFFFF else max_snaplen(self.dlt)

    async def next(self) -> Packet | None:
        """The next packet, None at the end."""
        return await (self.next_ng() if self.ng else self.next_pcap())

    async def next_pcap(self) -> Packet | None:
        """pcap_next_packet."""
        head = await self.read(self.record)
        if len(head) != self.record:
            if head:
                raise PcapError(f"truncated dump file; tried to read {self.record} header bytes, only got {len(head)}")
            return None
        seconds, fraction, caplen, length = unpack_from(self.endian + "IIII", head)
        maximum = max_snaplen(self.dlt)
        if caplen > maximum:
            if caplen > self.snapshot:
                raise PcapError(f"invalid packet capture length {caplen}, bigger than snaplen of {self.snapshot}")
            raise PcapError(f"invalid packet capture length {caplen}, bigger than maximum of {maximum}")
        data = await self.read(caplen)
        if len(data) != caplen:
            raise PcapError(
                f"truncated dump file; tried to read {min(caplen, self.snapshot)} captured bytes, only got {len(data)}"
            )
        if self.nano != self.file_nano:
            fraction = fraction * 1000 if self.nano else fraction // 1000
        return Packet(seconds, fraction, length, data[: self.snapshot])

    # pcapng ----------------------------------------------------------------------------------------------------
    async def block(self, kind: int | None = None) -> tuple[int, bytes] | None:
        """The next block: its type and its body; the type is known already for the first one."""
        head = b"" if kind is not None else await self.read(4)
        if kind is None:
            if not head:
                return None
            (kind,) = unpack_from(self.endian + "I", head.ljust(4, b"\0"))
        rest = await self.read(4)
        if len(rest) != 4:
            raise PcapError(f"truncated pcapng dump file; tried to read 8 bytes, only got {len(head) + len(rest)}")
        body = b""
        if kind == BT_SHB:
            body = await self.read(4)
            self.endian = "<" if body == b"\x4d\x3c\x2b\x1a" else ">"
        (total,) = unpack_from(self.endian + "I", rest)
        if total < 12 or total > 16 * 1024 * 1024:
            raise PcapError(f"block in pcapng dump file has a length of {total} < 12" if total < 12 else "block is too large")
        body += await self.read(total - 8 - len(body))
        if len(body) != total - 8:
            raise PcapError(f"truncated pcapng dump file; tried to read {total} bytes, only got {len(body) + 8}")
        return kind, body[:-4]

    async def open_pcapng(self) -> None:
        """pcap_ng_check_header: up to the first interface."""
        self.ng = True
        await self.block(BT_SHB)
        while True:
            found = await self.block()
            if found is None:
                raise PcapError("the capture file has no Interface Description Blocks")
            if found[0] == BT_IDB:
                self.interface(found[1])
                self.dlt, self.snapshot = self.interfaces[0][0], self.snapshot
                return

    def interface(self, body: bytes) -> None:
        """An interface description block."""
        linktype, snaplen = unpack_from(self.endian + "HxxI", body)
        units, offset, at = 1_000_000, 0, 8
        while at + 4 <= len(body):
            code, size = unpack_from(self.endian + "HH", body, at)
            value = body[at + 4 : at + 4 + size]
            if code == 9 and value:
                units = 1 << (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
            elif code == 14 and len(value) == 8:
                (offset,) = unpack_from(self.endian + "q", value)
            if not code:
                break
            at += 4 + (size + 3 & ~3)
        dlt = linktype_to_dlt(linktype)
        self.interfaces.append((dlt, units, offset))
        self.snapshot = snaplen if 0 < snaplen <= 0x7FFFFFFF else max_snaplen(dlt)

    async def next_ng(self) -> Packet | None:
        """pcap_ng_next_packet."""
        while True:
            found = await self.block()
            if found is None:
                return None
            kind, body = found
            if kind == BT_IDB:
                self.interface(body)
            elif kind == BT_SHB:
                self.interfaces.clear()
            elif kind in (BT_EPB, BT_PB):
                form = "IIIII" if kind == BT_EPB else "HHIIII"
                fields = unpack_from(self.endian + form, body)
                number, high, low, caplen, length = fields[0], *fields[-4:]
                if number >= len(self.interfaces):
                    raise PcapError(f"a packet arrived on interface {number}, but there's no Interface Description Block for it")
                data = body[calcsize(self.endian + form) :][:caplen]
                return self.stamped(number, high << 32 | low, length, data)
            elif kind == BT_SPB and self.interfaces:
                (length,) = unpack_from(self.endian + "I", body)
                return Packet(0, 0, length, body[4 : 4 + min(length, self.snapshot)])

    def stamped(self, number: int, stamp: int, length: int, data: bytes) -> Packet:
        """A packet with its time in the precision asked for."""
        _, units, offset = self.interfaces[number]
        seconds, rest = divmod(stamp, units)
        return Packet(seconds + offset, rest * (10**9 if self.nano else 10**6) // units, length, data)

    def close(self) -> None:
        """pcap_close."""
        if self.fd >= 0:
            self.p.sys.close(self.fd)
            self.fd = -1


class Dumper:
    """A file that is written; "-" is standard output."""

    def __init__(self, p: Program, name: str, dlt: int, snapshot: int, nano: bool) -> None:
        linktype = dlt_to_linktype(dlt)
        if linktype < 0:
            raise PcapError(f"{name}: link-layer type {dlt} isn't supported in savefiles")
        self.p = p
        self.fd = -1
        if name == "-":
            self.out = p.stdout
        else:
            try:
                self.fd = p.sys.open(name, O_WRONLY | O_CREAT | O_TRUNC)
            except KError as e:
                raise PcapError(f"{name}: {strerror(e.errno)}") from None
            self.out = Writer(p.sys, self.fd)
        self.out.setvbuf("block")
        self.size = 0
        self.put(_HEADER.pack(NSEC_MAGIC if nano else MAGIC, 2, 4, 0, 0, snapshot, linktype))

    def put(self, data: bytes) -> None:
        """fwrite."""
        self.size += len(data)
        self.out.write(data)

    def dump(self, packet: Packet) -> None:
        """pcap_dump."""
        self.put(_RECORD.pack(packet.seconds & 0xFFFFFFFF, packet.fraction, len(packet.data), packet.length) + packet.data)

    def flush(self) -> None:
        """pcap_dump_flush."""
        self.out.flush()

    async def close(self) -> None:
        """pcap_dump_close."""
        await self.out.drain()
        if self.fd >= 0:
            self.p.sys.close(self.fd)
            self.fd = -1
