"""Reassembly of IPv4 fragments (netinet/ip_reass.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.kernel.kern.clock import NS
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, KernelModule, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.drops import drop
from vshell.kernel.net.mbuf import LEADING_SPACE, Mbuf
from vshell.kernel.netinet.ip_var import Ip
from vshell.wire.ip import IP_MAXPACKET, IP_MF

if TYPE_CHECKING:
    from vshell.kernel.kern.clock import Callout
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.vnet import Vnet

Key = tuple[bytes, bytes, int, int]
_ECN_MASK, _ECN_CE = 3, 3


class Ipq:
    """The fragments of one packet."""

    __slots__ = ("expire", "frags", "header", "maxoff", "rcvif", "timer", "tos")

    def __init__(self, expire: int, rcvif: Any) -> None:
        self.frags: list[tuple[int, bytes, bool]] = []
        """(offset, data, more follow), in order."""
        self.maxoff = -1
        """Where the packet ends, once the last fragment is there."""
        self.header = b""
        """The header of the first fragment."""
        self.tos = -1
        self.expire = expire
        self.rcvif = rcvif
        self.timer: Callout | None = None


class IpReass(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """The packets of a stack that are not complete yet."""

    maxfragpackets = Sysctl("net.inet.ip.maxfragpackets", 946, "Maximum number of IPv4 fragment reassembly queue entries")
    maxfragsperpacket = Sysctl("net.inet.ip.maxfragsperpacket", 16, "Maximum number of IPv4 fragments allowed per packet")
    maxfragbucketsize = Sysctl(
        "net.inet.ip.maxfragbucketsize", 1, "Maximum number of IPv4 fragment reassembly queue entries per bucket", minimum=1
    )
    reass_hashsize = Sysctl(
        "net.inet.ip.reass_hashsize", 1024, "Size of IP fragment reassembly hashtable", flags="t", fmt="unsigned integer"
    )
    ttl = 30

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.queues: dict[Key, Ipq] = {}

    def destroy(self) -> None:
        """The stack is gone and what waits with it."""
        for key in list(self.queues):
            self.drop(key)

    @sysctl_proc("net.inet.ip.fragttl", "IP fragment life time on reassembly queue (seconds)")
    def _fragttl(self, td: Proc, new: Any) -> Any:
        if new is not None:
            if not 1 <= new <= 255:
                raise KError(EINVAL)
            self.ttl = new
        return self.ttl

    @sysctl_proc("net.inet.ip.fragpackets", "Current number of IPv4 fragment reassembly queue entries", flags="r")
    def _fragpackets(self, td: Proc, new: Any) -> Any:
        return len(self.queues)

    def drop(self, key: Key) -> int:
        """ipq_free: forget a packet; returns how many fragments of it there were."""
        fp = self.queues.pop(key)
        if fp.timer is not None:
            fp.timer.stop()
        self.vnet.kernel[ReassGlobal].nfrags -= len(fp.frags)
        return len(fp.frags)

    def timeout(self, key: Key) -> None:
        """A packet stayed incomplete for too long."""
        count = self.drop(key)
        self.vnet[Ip].stat.fragtimeout += count


class ReassGlobal(KernelModule, sub=SI_SUB_PROTO_DOMAIN):
    """Limits over all stacks."""

    maxfrags = Sysctl("net.inet.ip.maxfrags", 946, "Maximum number of IPv4 fragments allowed across all reassembly queues")

    def __init__(self, kernel: Any) -> None:
        super().__init__(kernel)
        self.nfrags = 0

    @sysctl_proc(
        "net.inet.ip.curfrags", "Current number of IPv4 fragments across all reassembly queues", flags="r", fmt="unsigned integer"
    )
    def _curfrags(self, td: Proc, new: Any) -> Any:
        return self.nfrags


def ip_reass(vnet: Vnet, m: Mbuf) -> Mbuf | None:
    """Take a fragment; the whole packet once it is complete."""
    stat = vnet[Ip].stat
    reass = vnet[IpReass]
    shared = vnet.kernel[ReassGlobal]
    data, off = m.data, m.off
    hlen = (data[off] & 0xF) << 2
    body = bytes(data[off + hlen : off + (data[off + 2] << 8 | data[off + 3])])
    frag = data[off + 6] << 8 | data[off + 7]
    more = bool(frag & IP_MF)
    at = (frag & 0x1FFF) << 3
    if reass.maxfragsperpacket == 0 or (shared.maxfrags >= 0 and shared.nfrags >= shared.maxfrags):
        stat.fragments += 1
        stat.fragdropped += 1
        drop(vnet, m, "ip_reass", "no room for fragments (net.inet.ip.maxfrags, maxfragsperpacket)")
        return None
    if not body or (more and len(body) & 7):
        stat.toosmall += 1
        stat.fragdropped += 1
        drop(vnet, m, "ip_reass", "fragment is empty, or its length is no multiple of 8")
        return None
    if at + len(body) > IP_MAXPACKET:
        stat.toolong += 1
        stat.fragdropped += 1
        drop(vnet, m, "ip_reass", "packet would be longer than 65535 bytes")
        return None
    stat.fragments += 1
    key = (bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20]), data[off + 9], data[off + 4] << 8 | data[off + 5])
    fp = reass.queues.get(key)
    if fp is None:
        if reass.maxfragpackets >= 0 and len(reass.queues) >= reass.maxfragpackets:
            if not reass.queues:
                stat.fragdropped += 1
                drop(vnet, m, "ip_reass", "fragments are refused (net.inet.ip.maxfragpackets)")
                return None
            stat.fragtimeout += reass.drop(next(iter(reass.queues)))
        fp = reass.queues[key] = Ipq(vnet.kernel.clock.now + reass.ttl * NS, m.rcvif)
        fp.timer = vnet.kernel.clock.after(reass.ttl * NS, reass.timeout, key)
    if not _insert(stat, shared, fp, at, body, more, data[off + 1] & _ECN_MASK):
        drop(vnet, m, "ip_reass", "fragment does not fit to the others")
        return None
    if at == 0:
        fp.header = bytes(data[off : off + hlen])
    return _complete(vnet, reass, key, fp, m)


def _insert(stat: Any, shared: ReassGlobal, fp: Ipq, at: int, body: bytes, more: bool, ecn: int) -> bool:
    """Put a fragment in its place, trimming what overlaps; False if it was dropped."""
    end = at + len(body)
    if fp.maxoff > 0:
        if (more and end >= fp.maxoff) or (not more and end != fp.maxoff):
            stat.fragdropped += 1
            return False
    elif not more:
        fp.maxoff = end
    if fp.tos < 0:
        fp.tos = ecn
    elif ecn == _ECN_CE and fp.tos != _ECN_CE and fp.tos:
        fp.tos = _ECN_CE
    elif (ecn == _ECN_CE and not fp.tos) or (not ecn and fp.tos):
        stat.fragdropped += 1
        return False
    place = next((i for i, (o, _, _) in enumerate(fp.frags) if o > at), len(fp.frags))
    if place:
        before, data, _ = fp.frags[place - 1]
        over = before + len(data) - at
        if over >= len(body):
            stat.fragdropped += 1
            return False
        if over > 0:
            at, body = at + over, body[over:]
    while place < len(fp.frags) and end > fp.frags[place][0]:
        o, data, last = fp.frags[place]
        over = end - o
        if over < len(data):
            fp.frags[place] = (o + over, data[over:], last)
            break
        stat.fragdropped += 1
        shared.nfrags -= 1
        del fp.frags[place]
    fp.frags.insert(place, (at, body, more))
    shared.nfrags += 1
    return True


def _complete(vnet: Vnet, reass: IpReass, key: Key, fp: Ipq, m: Mbuf) -> Mbuf | None:
    """The packet if nothing is missing any more."""
    stat = vnet[Ip].stat
    want = 0
    for at, body, _ in fp.frags:
        if at != want:
            break
        want += len(body)
    else:
        if not fp.frags[-1][2]:
            return _join(vnet, reass, key, fp, m, want)
    if len(fp.frags) > reass.maxfragsperpacket:
        stat.fragdropped += reass.drop(key)
    return None


def _join(vnet: Vnet, reass: IpReass, key: Key, fp: Ipq, m: Mbuf, size: int) -> Mbuf | None:
    stat = vnet[Ip].stat
    if size + len(fp.header) > IP_MAXPACKET:
        stat.toolong += 1
        stat.fragdropped += reass.drop(key)
        return None
    reass.drop(key)
    header = bytearray(fp.header)
    header[2:4] = (len(header) + size).to_bytes(2, "big")
    header[6] = header[7] = 0
    if fp.tos == _ECN_CE:
        header[1] |= _ECN_CE
    new = Mbuf(bytearray(LEADING_SPACE) + header + b"".join(body for _, body, _ in fp.frags), LEADING_SPACE, m.rcvif, m.fib)
    new.flags, new.flowid, new.tags = m.flags, m.flowid, m.tags
    stat.reassembled += 1
    return new
