"""bpf(4): programs listen to an interface and write to it, by opening /dev/bpf (net/bpf.c, net/bpf_buffer.c).

Each open file is a descriptor `BpfD` with a filter and two buffers: packets collect in the store buffer; when it is full,
when time is up, or at once in immediate mode, it becomes the hold buffer, which one read takes whole.  A descriptor that
listens is a function in its interface's list `ifp.bpf`; the packet path looks only whether there is such a list.

DIFFERS: there are no zero-copy buffers (as net.bpf.zerocopy_enable=0 has it).
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from vshell.abi import bpf as B
from vshell.abi.errno import EAGAIN, EBUSY, EINVAL, EIO, EMSGSIZE, ENETDOWN, ENXIO, EOPNOTSUPP, EPERM, KError
from vshell.abi.fcntl import O_ACCMODE, O_NONBLOCK, O_WRONLY, POLLIN, POLLOUT, S_IFCHR, Stat
from vshell.abi.netisr import BPF_D_IN, BPF_D_INOUT, BPF_D_OUT, XbpfD
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import (
    IFCAP_TXCSUM,
    IFCAP_TXCSUM_IPV6,
    IFF_LOOPBACK,
    IFF_RENAMING,
    IFF_UP,
    IFT_BRIDGE,
    IFT_ETHER,
    IFT_IEEE8023ADLAG,
    IFT_L2VLAN,
)
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.kern_priv import PRIV_NET_BPF, priv_check
from vshell.kernel.kern.kern_synch import tsleep
from vshell.kernel.kern.kern_sysctl import sysctl_handler
from vshell.kernel.kern.module import KernelModule, Sysctl, VnetModule
from vshell.kernel.net.ifioctl import ifunit
from vshell.kernel.net.ifnet import Ifnet, ifnet_departure_event, ifpromisc
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST, M_VLANTAG, Mbuf, m_get
from vshell.wire.bpf_filter import bpf_filter, bpf_validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

BPF_MINBUFSIZE = 32
BPF_PRIO_MAX = 7
IDLE, WAITING, TIMED_OUT = range(3)
ETHERS = (IFT_ETHER, IFT_L2VLAN, IFT_BRIDGE, IFT_IEEE8023ADLAG)
NS = 1_000_000_000
_new = Struct(B.READ_HEADER)
_old = Struct(B.OLD_HEADER)
_families = {4: AF_INET, 6: AF_INET6}
AF_LINK_NULL = 18


class Bpf(KernelModule):
    """The device, and the descriptors that have an interface."""

    maxinsns = Sysctl("net.bpf.maxinsns", 512, "Maximum bpf program instructions")
    maxbufsize = Sysctl("net.bpf.maxbufsize", 524288, "Maximum capture buffer in bytes")
    bufsize = Sysctl("net.bpf.bufsize", 4096, "Default capture buffer size in bytes")
    zerocopy_enable = Sysctl("net.bpf.zerocopy_enable", 0, "Enable new zero-copy BPF buffer sessions")

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.attached: list[BpfD] = []
        """Descriptors with an interface, the youngest first."""


@sysctl_handler("net.bpf.stats")
def bpf_stats(td: Proc, new: Any) -> Any:
    """bpf_stats_sysctl: the descriptors of all stacks; writing sets their counters to zero."""
    priv_check(td, PRIV_NET_BPF)
    attached = td.kernel[Bpf].attached
    if new is not None:
        for d in attached:
            d.rcount = d.dcount = d.fcount = 0
        return ()
    order = {id(d.ifp): -d.ifp.index for d in attached if d.ifp is not None}
    return tuple(d.xbpf() for d in sorted(attached, key=lambda d: order[id(d.ifp)]))


class VnetBpf(VnetModule):
    """What is of one stack."""

    optimize_writers = Sysctl("net.bpf.optimize_writers", 0, "Do not send packets until BPF program is set", flags="wt")


def bpf_dlts(ifp: Ifnet) -> tuple[int, ...]:
    """The link types an interface was attached with (bpfattach)."""
    own: tuple[int, ...] | None = getattr(ifp, "dlts", None)
    if own is not None:
        return own
    return (B.DLT_EN10MB,) if ifp.type in ETHERS and ifp.addrlen == 6 else (B.DLT_NULL,)


def bpf_ifdetach(ifp: Ifnet) -> None:
    """The interface goes away or moves to another stack: whoever listens learns of it (bpfdetach)."""
    if ifp.flags & IFF_RENAMING:
        return
    for d in [d for d in ifp.kernel[Bpf].attached if d.ifp is ifp]:
        d.detach(detached=True)


ifnet_departure_event.append(bpf_ifdetach)


def packet_bytes(ifp: Ifnet, m: Mbuf, dlt: int) -> bytearray:
    """A packet with the header of the link type, as a listener gets it."""
    data, off = m.data, m.off
    if dlt == B.DLT_NULL:
        family = _families.get(data[off] >> 4 if len(data) > off else 0, AF_LINK_NULL)
        packet = bytearray(family.to_bytes(4, "little")) + data[off:]
        at = 4
    elif m.flags & M_VLANTAG and dlt == B.DLT_EN10MB:
        packet = data[off : off + 12] + b"\x81\x00" + m.vtag.to_bytes(2, "big") + data[off + 12 :]
        at = 18
    else:
        packet = data[off:]
        at = 14 if dlt == B.DLT_EN10MB else 0
    if m.offload and ifp.capenable & (IFCAP_TXCSUM | IFCAP_TXCSUM_IPV6):
        pseudo_sum(packet, at)
    if ifp.flags & IFF_LOOPBACK and ifp.capenable & IFCAP_TXCSUM and packet[at : at + 1] == b"\x45" and not m.flags & M_MCAST:
        # lo(4) takes the checksum of the IP header for done as well.
        packet[at + 10 : at + 12] = b"\0\0"
    return packet


def pseudo_sum(packet: bytearray, at: int) -> None:
    """Put back what a transport checksum is before the hardware completes it: the sum over the pseudo header."""
    try:
        if packet[at] >> 4 == 4:
            if packet[at + 6] & 0x3F or packet[at + 7]:
                return
            proto, size = packet[at + 9], int.from_bytes(packet[at + 2 : at + 4], "big") - 20
            addresses, body = packet[at + 12 : at + 20], at + (packet[at] & 0xF) * 4
            size -= (packet[at] & 0xF) * 4 - 20
        else:
            proto, size = packet[at + 6], int.from_bytes(packet[at + 4 : at + 6], "big")
            addresses, body = packet[at + 8 : at + 40], at + 40
        field = body + {6: 16, 17: 6}[proto]
        if field + 2 > len(packet):
            return
    except (IndexError, KeyError):
        return
    total = sum(int.from_bytes(addresses[i : i + 2], "big") for i in range(0, len(addresses), 2)) + proto + size
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    packet[field : field + 2] = total.to_bytes(2, "big")
    return


class BpfD(File):
    """An open /dev/bpf (struct bpf_d)."""

    kind = "vnode"

    def __init__(self, td: Proc, flags: int) -> None:
        super().__init__(flags)
        self.kernel: Kernel = td.kernel
        self.module: Bpf = td.kernel[Bpf]
        self.ifp: Ifnet | None = None
        self.dlt = 0
        self.pid = td.pid
        self.bufsize = self.module.bufsize
        self.store: bytearray | None = None
        """The store buffer, None until there is an interface."""
        self.hold: bytes | None = None
        self.rfilter: Sequence[B.Insn] = ()
        self.wfilter: Sequence[B.Insn] = ()
        self.rcount = self.dcount = self.fcount = 0
        self.immediate = self.promisc = self.hdrcmplt = self.feedback = self.locked = False
        self.direction = BPF_D_INOUT
        self.tstamp = B.BPF_T_MICROTIME
        self.rtout = 0
        self.state = IDLE
        self.callout: Any = None
        self.writer = 2 if flags & O_ACCMODE == O_WRONLY else 0
        """How many filters of a kind must come before this counts as a listener (bd_writer)."""
        self.pcp = 0

    # listening -------------------------------------------------------------------------------------------------
    def tap(self, ifp: Ifnet, m: Mbuf, outgoing: bool) -> None:
        """bpf_mtap: a packet comes by."""
        if self.direction != BPF_D_INOUT and (self.direction == BPF_D_OUT) != outgoing:
            return
        self.rcount += 1
        packet = packet_bytes(ifp, m, self.dlt)
        size = len(packet)
        snap = bpf_filter(self.rfilter, packet) if self.rfilter else size
        if snap:
            self.fcount += 1
            self.catchpacket(packet, min(snap, size), size)

    def catchpacket(self, packet: bytes | bytearray, snap: int, size: int) -> None:
        """Put a packet into the store buffer."""
        store = self.store
        if store is None:
            self.dcount += 1
            return
        total = min(B.HEADER_SIZE + snap, self.bufsize)
        pad = -len(store) % B.BPF_ALIGNMENT
        wakeup = False
        if len(store) + pad + total > self.bufsize:
            if self.hold is not None:
                self.dcount += 1
                return
            self.rotate()
            store = self.store
            assert store is not None
            wakeup, pad = True, 0
        elif self.immediate or self.state == TIMED_OUT:
            wakeup = True
        caplen = total - B.HEADER_SIZE
        store += bytes(pad) + self.header(caplen, size) + packet[:caplen]
        if wakeup:
            self.wakeup()

    def header(self, caplen: int, size: int) -> bytes:
        """struct bpf_hdr or bpf_xhdr."""
        clock = self.kernel.clock
        form = self.tstamp & B.BPF_T_FORMAT_MASK
        seconds, ns = divmod(clock.now if self.tstamp & B.BPF_T_MONOTONIC else clock.realtime(), NS)
        if form == B.BPF_T_NONE:
            return _old.pack(0, 0, caplen, size, B.HEADER_SIZE)
        if form == B.BPF_T_MICROTIME:
            return _old.pack(seconds, ns // 1000, caplen, size, B.HEADER_SIZE)
        return _new.pack(seconds, ns if form == B.BPF_T_NANOTIME else (ns << 64) // NS + 1, caplen, size, B.HEADER_SIZE)

    def rotate(self) -> None:
        """ROTATE_BUFFERS."""
        self.hold, self.store = bytes(self.store or b""), bytearray()

    def wakeup(self) -> None:
        """bpf_wakeup."""
        if self.state == WAITING:
            self.stop()
        self.rchan.wakeup()

    def stop(self) -> None:
        """The timer of a poll is not needed any more."""
        if self.callout is not None:
            self.callout.stop()
            self.callout = None
        self.state = IDLE

    def timed_out(self, _: object = None) -> None:
        """bpf_timed_out."""
        self.callout = None
        if self.state == WAITING:
            self.state = TIMED_OUT
            if self.store:
                self.rchan.wakeup()

    def reset(self) -> None:
        """reset_d."""
        self.hold = None
        if self.store is not None:
            self.store = bytearray()
        self.rcount = self.dcount = self.fcount = 0

    def attach(self, ifp: Ifnet, dlt: int) -> None:
        """bpf_attachd."""
        if self.ifp is not None:
            self.detach()
        self.ifp, self.dlt = ifp, dlt
        self.module.attached.insert(0, self)
        if ifp.vnet[VnetBpf].optimize_writers or self.writer:
            self.writer = 2
        else:
            self.listen()
        self.reset()
        self.wakeup()

    def listen(self) -> None:
        """Join the listeners of the interface."""
        ifp = self.ifp
        if ifp is not None:
            ifp.bpf = [self.tap, *(ifp.bpf or ())]

    def detach(self, detached: bool = False) -> None:
        """bpf_detachd: leave the interface, which is itself about to leave if `detached`."""
        ifp = self.ifp
        if ifp is None:
            return
        self.ifp = None
        self.module.attached.remove(self)
        if ifp.bpf:
            ifp.bpf = [tap for tap in ifp.bpf if tap != self.tap] or None
        if detached:
            # Promiscuous mode stays on: nobody is left to turn it off, as in FreeBSD.
            self.wakeup()
        elif self.promisc:
            self.promisc = False
            try:
                ifpromisc(ifp, False)
            except KError:
                pass

    # the file --------------------------------------------------------------------------------------------------
    async def read(self, td: Proc, size: int) -> bytes:
        """bpfread: what has collected.  EINVAL unless it is asked for a whole buffer, ENXIO without interface."""
        if size != self.bufsize:
            raise KError(EINVAL)
        self.pid = td.pid
        timed_out = self.state == TIMED_OUT
        self.stop()
        while self.hold is None:
            if self.store and (self.immediate or self.flags & O_NONBLOCK or timed_out):
                self.rotate()
                break
            if self.ifp is None:
                raise KError(ENXIO)
            if self.flags & O_NONBLOCK:
                raise KError(EAGAIN)
            if not await tsleep(td, self.rchan, timeout=self.rtout or None, eintr=True) and self.hold is None:
                if not self.store:
                    return b""
                self.rotate()
        data, self.hold = self.hold or b"", None
        return data

    def poll(self, events: int) -> int:
        """bpfpoll."""
        if self.ifp is None:
            return events & (POLLIN | POLLOUT)
        ready = events & POLLOUT
        if events & POLLIN:
            if self.hold is not None or (self.store and (self.immediate or self.state == TIMED_OUT)):
                ready |= POLLIN
            elif self.rtout and self.state == IDLE:
                self.state = WAITING
                self.callout = self.kernel.clock.after(self.rtout, self.timed_out, None)
        return ready

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """bpfwrite: send a packet with its link-level header."""
        self.pid = td.pid
        ifp = self.ifp
        if ifp is None:
            raise KError(ENXIO)
        if not ifp.flags & IFF_UP:
            raise KError(ENETDOWN)
        if data:
            self.inject(ifp, bytearray(data))
        return len(data)

    def inject(self, ifp: Ifnet, data: bytearray) -> None:
        """bpf_movein, and out."""
        hlen = {B.DLT_EN10MB: 14, B.DLT_NULL: 4, B.DLT_RAW: 0}.get(self.dlt)
        if hlen is None:
            raise KError(EIO)
        if not hlen <= len(data) <= ifp.mtu + hlen:
            raise KError(EMSGSIZE)
        if self.wfilter and not bpf_filter(self.wfilter, data):
            raise KError(EPERM)
        if self.dlt == B.DLT_EN10MB:
            if not self.hdrcmplt:
                data[6:12] = ifp.lladdr
            m = m_get(data, ifp.fib)
            if data[0] & 1:
                m.flags |= M_BCAST if data[:6] == b"\xff" * 6 else M_MCAST
            copy = m.copy() if self.feedback else None
            error = self.send(ifp, m)
        else:
            family = int.from_bytes(data[:hlen], "little") if hlen else _families.get(data[0] >> 4, 0)
            m = m_get(data[hlen:], ifp.fib)
            copy = m.copy() if self.feedback else None
            error = ifp.output(m, family, bytes(16 if family == AF_INET6 else 4))
        if error:
            raise KError(error)
        if copy is not None:
            copy.rcvif = ifp
            ifp.input(copy)

    def send(self, ifp: Ifnet, m: Mbuf) -> int:
        """An Ethernet frame that is complete (ether_output with RT_HAS_HEADER)."""
        from vshell.kernel.net.if_ethersubr import RUNNING, ether_output_finished

        if ifp.flags & RUNNING != RUNNING:
            return ENETDOWN
        if self.pcp:
            m.vtag, m.flags = self.pcp << 13, m.flags | M_VLANTAG
        return ether_output_finished(ifp, m)

    def stat(self, td: Proc) -> Stat:
        """A device."""
        now = self.kernel.clock.boottime
        return Stat(0, 0, S_IFCHR | 0o600, 1, 0, 0, 0, now, now, now, 0)

    def close(self) -> None:
        """bpf_dtor."""
        self.stop()
        self.detach()

    def xbpf(self) -> XbpfD:
        """bpfstats_fill_xbpf."""
        return XbpfD(
            self.pid, self.ifp.xname if self.ifp is not None else "", self.promisc, self.immediate, self.hdrcmplt,
            self.direction, self.feedback, False, self.locked, self.rcount, self.dcount, self.fcount,
            len(self.store or b""), len(self.hold or b""),
        )  # fmt: skip

    # requests --------------------------------------------------------------------------------------------------
    def ioctl(self, td: Proc, request: Record) -> Any:
        """bpfioctl."""
        self.pid = td.pid
        self.stop()
        if self.locked and not isinstance(request, B.UNLOCKED):
            raise KError(EPERM)
        handler = _HANDLERS.get(type(request))
        if handler is None:
            raise KError(EINVAL)
        answer: Any = handler(self, request, td)
        return answer

    def interface(self) -> Ifnet:
        """The interface.  EINVAL without one."""
        if self.ifp is None:
            raise KError(EINVAL)
        return self.ifp

    def sblen(self, request: B.BIOCSBLEN, td: Proc) -> int:
        """bpf_buffer_ioctl_sblen."""
        if self.ifp is not None:
            raise KError(EINVAL)
        size: int = max(BPF_MINBUFSIZE, min(request.size, self.module.maxbufsize))
        self.bufsize = size
        return size

    def setf(self, request: B.BIOCSETF, td: Proc) -> None:
        """bpf_setf."""
        program = request.program
        if len(program) > self.module.maxinsns or not bpf_validate(program):
            raise KError(EINVAL)
        if isinstance(request, B.BIOCSETWF):
            self.wfilter = program
            return
        self.rfilter = program
        if not isinstance(request, B.BIOCSETFNR):
            self.reset()
        if self.writer and program and self.upgrade(request):
            self.writer = 0
            self.listen()

    def upgrade(self, request: B.BIOCSETF) -> bool:
        """bpf_check_upgrade: is this the filter of a listener?  The first one that takes everything is not."""
        program = request.program
        if isinstance(request, B.BIOCSETFNR) or len(program) != 1 or program[0][0] != 0x06:
            return True
        self.writer -= 1
        return not self.writer

    def setif(self, request: B.BIOCSETIF, td: Proc) -> None:
        """bpf_setif."""
        ifp = ifunit(td.vnet, request.name)
        if ifp is None or not bpf_dlts(ifp):
            raise KError(ENXIO)
        if self.store is None:
            self.store = bytearray()
        if ifp is self.ifp:
            self.reset()
        else:
            self.attach(ifp, bpf_dlts(ifp)[0])

    def setdlt(self, request: B.BIOCSDLT, td: Proc) -> None:
        """bpf_setdlt."""
        ifp = self.interface()
        if request.dlt == self.dlt:
            return
        if request.dlt not in bpf_dlts(ifp):
            raise KError(EINVAL)
        promisc = self.promisc
        self.attach(ifp, request.dlt)
        if promisc:
            ifpromisc(ifp, True)
            self.promisc = True

    def setpromisc(self, request: B.BIOCPROMISC, td: Proc) -> None:
        """BIOCPROMISC."""
        ifp = self.interface()
        if not self.promisc:
            ifpromisc(ifp, True)
            self.promisc = True

    def getdlt(self, request: B.BIOCGDLT, td: Proc) -> int:
        """BIOCGDLT."""
        self.interface()
        return self.dlt

    def setdirection(self, request: B.BIOCSDIRECTION, td: Proc) -> None:
        """BIOCSDIRECTION."""
        if request.direction not in (BPF_D_IN, BPF_D_INOUT, BPF_D_OUT):
            raise KError(EINVAL)
        self.direction = request.direction

    def settstamp(self, request: B.BIOCSTSTAMP, td: Proc) -> None:
        """BIOCSTSTAMP."""
        form = request.format
        if form != B.BPF_T_NONE and form & ~(B.BPF_T_FORMAT_MASK | B.BPF_T_FAST | B.BPF_T_MONOTONIC):
            raise KError(EINVAL)
        if form & B.BPF_T_FORMAT_MASK == B.BPF_T_NONE and form != B.BPF_T_NONE:
            raise KError(EINVAL)
        self.tstamp = form

    def setbufmode(self, request: B.BIOCSETBUFMODE, td: Proc) -> None:
        """BIOCSETBUFMODE."""
        if request.mode != B.BPF_BUFMODE_BUFFER:
            raise KError(EOPNOTSUPP if request.mode == B.BPF_BUFMODE_ZBUF and self.module.zerocopy_enable else EINVAL)
        if self.store is not None:
            raise KError(EBUSY)

    def setpcp(self, request: B.BIOCSETVLANPCP, td: Proc) -> None:
        """BIOCSETVLANPCP."""
        if not 0 <= request.pcp <= BPF_PRIO_MAX:
            raise KError(EINVAL)
        self.pcp = request.pcp

    def put(self, **values: Any) -> None:
        """Set attributes."""
        for name, value in values.items():
            setattr(self, name, value)


_HANDLERS: dict[type[Any], Any] = {
    B.FIONREAD: lambda d, r, td: len(d.store or b"") + len(d.hold or b""),
    B.BIOCGBLEN: lambda d, r, td: d.bufsize,
    B.BIOCSBLEN: BpfD.sblen,
    B.BIOCSETF: BpfD.setf,
    B.BIOCSETFNR: BpfD.setf,
    B.BIOCSETWF: BpfD.setf,
    B.BIOCFLUSH: lambda d, r, td: d.reset(),
    B.BIOCPROMISC: BpfD.setpromisc,
    B.BIOCGDLT: BpfD.getdlt,
    B.BIOCGDLTLIST: lambda d, r, td: bpf_dlts(d.interface()),
    B.BIOCSDLT: BpfD.setdlt,
    B.BIOCGETIF: lambda d, r, td: d.interface().xname,
    B.BIOCSETIF: BpfD.setif,
    B.BIOCSRTIMEOUT: lambda d, r, td: d.put(rtout=max(r.timeout, 0)),
    B.BIOCGRTIMEOUT: lambda d, r, td: d.rtout,
    B.BIOCGSTATS: lambda d, r, td: B.BpfStat(d.rcount, d.dcount),
    B.BIOCIMMEDIATE: lambda d, r, td: d.put(immediate=bool(r.on)),
    B.BIOCVERSION: lambda d, r, td: (B.BPF_MAJOR_VERSION, B.BPF_MINOR_VERSION),
    B.BIOCGHDRCMPLT: lambda d, r, td: int(d.hdrcmplt),
    B.BIOCSHDRCMPLT: lambda d, r, td: d.put(hdrcmplt=bool(r.on)),
    B.BIOCGDIRECTION: lambda d, r, td: d.direction,
    B.BIOCSDIRECTION: BpfD.setdirection,
    B.BIOCGTSTAMP: lambda d, r, td: d.tstamp,
    B.BIOCSTSTAMP: BpfD.settstamp,
    B.BIOCFEEDBACK: lambda d, r, td: d.put(feedback=bool(r.on)),
    B.BIOCLOCK: lambda d, r, td: d.put(locked=True),
    B.BIOCGETBUFMODE: lambda d, r, td: B.BPF_BUFMODE_BUFFER,
    B.BIOCSETBUFMODE: BpfD.setbufmode,
    B.BIOCSETVLANPCP: BpfD.setpcp,
}
