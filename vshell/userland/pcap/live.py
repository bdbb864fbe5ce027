"""libpcap on bpf(4): opening an interface, reading packets, the list of interfaces (pcap-bpf.c, fad-getad.c, pcap.c)."""

from __future__ import annotations

from struct import Struct

from vshell.abi import bpf as B
from vshell.abi.errno import (
    EACCES,
    EINTR,
    EINVAL,
    EIO,
    ENETDOWN,
    ENOBUFS,
    ENODEV,
    ENOTTY,
    ENXIO,
    EOPNOTSUPP,
    EPERM,
    EWOULDBLOCK,
    KError,
    strerror,
)  # fmt: skip
from vshell.abi.fcntl import O_RDWR
from vshell.abi.if_media import IFM_ACTIVE, IFM_AVALID
from vshell.abi.netisr import BPF_D_IN, BPF_D_INOUT, BPF_D_OUT
from vshell.abi.socket import AF_INET, SOCK_DGRAM
from vshell.abi.sockio import IFF_DRV_RUNNING, IFF_LOOPBACK, IFF_UP, SIOCGIFMEDIA, IfMediaReq
from vshell.userland.pcap.dlt import MAXIMUM_SNAPLEN
from vshell.userland.pcap.savefile import Packet, PcapError
from vshell.userland.rtnl import dump_links

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from vshell.abi.netlink_iface import Link
    from vshell.abi.record import Record
    from vshell.userland.program import Program

DEFAULT_BUFSIZE = 524288
IFNAMSIZ = 16
NS = 1_000_000_000
NO_SUCH_DEVICE = "No such device exists"
RFMON_NOTSUP = "That device doesn't support monitor mode"
PERM_DENIED = "You don't have permission to perform this capture on that device"
_header = Struct(B.READ_HEADER)

PCAP_IF_LOOPBACK, PCAP_IF_UP, PCAP_IF_RUNNING = 1, 2, 4
CONNECTED, DISCONNECTED, NOT_APPLICABLE, UNKNOWN = "Connected", "Disconnected", "", "Connection status unknown"


class NoSuchDevice(PcapError):
    """PCAP_ERROR_NO_SUCH_DEVICE."""


class Live:
    """An interface packets are captured from (pcap_t)."""

    def __init__(self, p: Program, device: str) -> None:
        self.p = p
        self.device = device
        self.fd = -1
        self.snapshot = 0
        self.promisc = True
        self.immediate = self.nano = self.rfmon = False
        self.timeout = 1000
        """ms."""
        self.buffer_size = 0
        self.dlt = 0
        self.dlts: tuple[int, ...] = ()
        self.bufsize = 0
        self.warning = ""

    def ioctl(self, request: Record) -> object:
        """ioctl(2), failing with the name of the request."""
        try:
            return self.p.sys.ioctl(self.fd, request)
        except KError as e:
            raise PcapError(f"{self.device}: {type(request).__name__}: {strerror(e.errno)}") from None

    def activate(self) -> None:
        """pcap_activate.  PcapError with the text of the failure."""
        self.fd = bpf_open(self.p, self.device)
        if not 0 < self.snapshot <= MAXIMUM_SNAPLEN:
            self.snapshot = MAXIMUM_SNAPLEN
        if self.buffer_size:
            self.ioctl(B.BIOCSBLEN(self.buffer_size))
        else:
            self.ioctl(B.BIOCSBLEN(DEFAULT_BUFSIZE))
        bpf_bind(self.p, self.fd, self.device)
        self.dlt = int(str(self.ioctl(B.BIOCGDLT())))
        dlts = self.ioctl(B.BIOCGDLTLIST())
        self.dlts = dlts if isinstance(dlts, tuple) else ()
        if self.dlt == B.DLT_EN10MB and not any(d in (B.DLT_DOCSIS, B.DLT_IEEE802_11) for d in self.dlts):
            self.dlts = (*self.dlts, B.DLT_DOCSIS)
        if self.rfmon:
            raise PcapError(f"{self.device}: {RFMON_NOTSUP}")
        self.ioctl(B.BIOCSHDRCMPLT(1))
        if self.timeout:
            self.ioctl(B.BIOCSRTIMEOUT(self.timeout * 1_000_000))
        if self.immediate:
            self.ioctl(B.BIOCIMMEDIATE(1))
        if self.promisc:
            try:
                self.p.sys.ioctl(self.fd, B.BIOCPROMISC())
            except KError as e:
                self.warning = f"{self.device}: That device doesn't support promiscuous mode\n(BIOCPROMISC: {strerror(e.errno)})"
        self.ioctl(B.BIOCSTSTAMP(B.BPF_T_BINTIME))
        self.bufsize = int(str(self.ioctl(B.BIOCGBLEN())))
        self.ioctl(B.BIOCSETF(((0x06, 0, 0, self.snapshot),)))

    def set_datalink(self, dlt: int, name: str) -> None:
        """pcap_set_datalink."""
        if dlt not in self.dlts:
            raise PcapError(f"{name} is not one of the DLTs supported by this device")
        if dlt != B.DLT_DOCSIS:
            try:
                self.p.sys.ioctl(self.fd, B.BIOCSDLT(dlt))
            except KError as e:
                raise PcapError(f"Cannot set DLT {dlt}: {strerror(e.errno)}") from None
        self.dlt = dlt

    def setdirection(self, direction: str) -> None:
        """pcap_setdirection."""
        self.ioctl(B.BIOCSDIRECTION({"in": BPF_D_IN, "out": BPF_D_OUT}.get(direction, BPF_D_INOUT)))

    def setfilter(self, program: Sequence[B.Insn]) -> None:
        """pcap_setfilter.  A program the kernel will not have (too long) is run by the caller: KError(EINVAL)."""
        self.p.sys.ioctl(self.fd, B.BIOCSETF(tuple(program)))

    async def read(self) -> list[Packet]:
        """One buffer of packets; none when time was up or a signal came."""
        try:
            data = await self.p.sys.read(self.fd, self.bufsize)
        except KError as e:
            if e.errno in (EINTR, EWOULDBLOCK):
                return []
            if e.errno in (ENXIO, EIO):
                raise PcapError("The interface disappeared") from None
            raise PcapError(f"read: {strerror(e.errno)}") from None
        packets = []
        at = 0
        while at + B.HEADER_SIZE <= len(data):
            seconds, fraction, caplen, length, hdrlen = _header.unpack_from(data, at)
            ns = fraction * NS >> 64
            body = data[at + hdrlen : at + hdrlen + caplen]
            packets.append(Packet(seconds, ns if self.nano else ns // 1000, length, body))
            at += B.BPF_WORDALIGN(hdrlen + caplen)
        return packets

    def stats(self) -> B.BpfStat:
        """pcap_stats."""
        answer = self.p.sys.ioctl(self.fd, B.BIOCGSTATS())
        assert isinstance(answer, B.BpfStat)
        return answer

    def close(self) -> None:
        """pcap_close."""
        if self.fd >= 0:
            self.p.sys.close(self.fd)
            self.fd = -1


def bpf_open(p: Program, device: str) -> int:
    """Open /dev/bpf."""
    try:
        return p.sys.open("/dev/bpf", O_RDWR)
    except KError as e:
        if e.errno == EACCES:
            raise PcapError(
                f"{device}: {PERM_DENIED}\n(Attempt to open /dev/bpf failed - root privileges may be required)"
            ) from None
        raise PcapError(f"{device}: (cannot open device) /dev/bpf: {strerror(e.errno)}") from None


def bpf_bind(p: Program, fd: int, device: str) -> None:
    """Choose the interface."""
    try:
        if len(device) + 1 > IFNAMSIZ:
            raise KError(ENXIO)
        p.sys.ioctl(fd, B.BIOCSETIF(device))
    except KError as e:
        if e.errno == ENXIO:
            raise NoSuchDevice(f"{device}: {NO_SUCH_DEVICE}\n({NO_SUCH_DEVICE})") from None
        if e.errno == ENETDOWN:
            raise PcapError(f"{device}: That device is not up") from None
        if e.errno == ENOBUFS:
            raise PcapError(f"{device}: The requested buffer size for {device} is too large") from None
        raise PcapError(f"{device}: Binding interface {device} to BPF device failed: {strerror(e.errno)}") from None


class Device:
    """One interface of the list (pcap_if_t)."""

    def __init__(self, name: str, description: str, flags: int, status: str) -> None:
        self.name = name
        self.description = description
        self.flags = flags
        self.status = status
        self.known = status != UNKNOWN
        """False while nothing is known about a connection."""


def findalldevs(p: Program) -> list[Device]:
    """pcap_findalldevs: the interfaces that can be captured from, the best first."""
    found: list[tuple[int, Device]] = []
    for link in dump_links(p):
        if not bindable(p, link.name):
            continue
        flags = 0
        if link.flags & IFF_LOOPBACK:
            flags |= PCAP_IF_LOOPBACK
        if link.flags & IFF_UP:
            flags |= PCAP_IF_UP
        if link.flags & IFF_DRV_RUNNING:
            flags |= PCAP_IF_RUNNING
        device = Device(link.name, link.description, flags, link_status(p, link))
        merit = figure_of_merit(device)
        # A new one goes in front of the first that is worse, as add_dev does.
        at = next((i for i, (other, _) in enumerate(found) if merit < other), len(found))
        found.insert(at, (merit, device))
    return [device for _, device in found]


def figure_of_merit(device: Device) -> int:
    """get_figure_of_merit: less is better."""
    number = 0
    if not device.flags & PCAP_IF_RUNNING:
        number |= 0x80000000
    if not device.flags & PCAP_IF_UP:
        number |= 0x40000000
    if device.status == DISCONNECTED:
        number |= 0x20000000
    if device.flags & PCAP_IF_LOOPBACK:
        number |= 0x10000000
    return number


def bindable(p: Program, name: str) -> bool:
    """check_bpf_bindable: any failure but that there is no such interface counts as possible."""
    try:
        fd = bpf_open(p, name)
    except PcapError:
        return True
    try:
        bpf_bind(p, fd, name)
    except NoSuchDevice:
        return False
    except PcapError:
        pass
    finally:
        p.sys.close(fd)
    return True


def link_status(p: Program, link: Link) -> str:
    """get_if_flags: is it connected?"""
    try:
        fd = p.sys.socket(AF_INET, SOCK_DGRAM)
    except KError as e:
        text = strerror(e.errno)
        raise PcapError(f"Can't create socket to get media information for {link.name}: {text}") from None
    try:
        media = p.sys.ioctl(fd, SIOCGIFMEDIA(link.name))
    except KError as e:
        if e.errno in (EOPNOTSUPP, EINVAL, ENOTTY, ENODEV, EPERM):
            return NOT_APPLICABLE
        raise PcapError(f"SIOCGIFMEDIA on {link.name} failed: {strerror(e.errno)}") from None
    finally:
        p.sys.close(fd)
    if isinstance(media, IfMediaReq) and media.status & IFM_AVALID:
        return CONNECTED if media.status & IFM_ACTIVE else DISCONNECTED
    return UNKNOWN
