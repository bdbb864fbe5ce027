"""ICMP: errors we send, questions we answer, redirects we follow (icmp(4), netinet/ip_icmp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import ECONNREFUSED, EHOSTUNREACH, EINVAL, EMSGSIZE, ENOPROTOOPT, KError
from vshell.abi.inet_stats import Icmpstat
from vshell.abi.route import RTF_GATEWAY
from vshell.abi.socket import AF_INET, IPPROTO_ICMP, IPPROTO_TCP
from vshell.abi.sockio import IFF_BROADCAST, IFF_POINTOPOINT
from vshell.kernel.kern.clock import NS
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.drops import drop
from vshell.kernel.net.ifioctl import ifunit
from vshell.kernel.net.mbuf import LEADING_SPACE, M_BCAST, M_MCAST, M_SKIP_FIREWALL, M_SPLIT, Mbuf
from vshell.kernel.net.route.nhop import NHF_GATEWAY, NHF_HOST
from vshell.kernel.net.route.route import rib_add_redirect
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.counters import Counters
from vshell.kernel.netinet.in_proto import IPPROTO_ANY, ip_ctlprotox, ip_protox
from vshell.kernel.netinet.in_var import ifa_ifwithnet, ifaof_ifpforaddr, in_addrs, in_broadcast
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_var import Ip
from vshell.wire.cksum import in_cksum
from vshell.wire.icmp import (
    ICMP_ADVLENMIN,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_MASKLEN,
    ICMP_MASKREPLY,
    ICMP_MASKREQ,
    ICMP_MAXTYPE,
    ICMP_MINLEN,
    ICMP_PARAMPROB,
    ICMP_PARAMPROB_ERRATPTR,
    ICMP_PARAMPROB_LENGTH,
    ICMP_PARAMPROB_OPTABSENT,
    ICMP_REDIRECT,
    ICMP_TIMXCEED,
    ICMP_TIMXCEED_INTRANS,
    ICMP_TIMXCEED_REASS,
    ICMP_TSLEN,
    ICMP_TSTAMP,
    ICMP_TSTAMPREPLY,
    ICMP_UNREACH,
    ICMP_UNREACH_FILTER_PROHIB,
    ICMP_UNREACH_HOST_PROHIB,
    ICMP_UNREACH_NEEDFRAG,
    ICMP_UNREACH_NET_PROHIB,
    ICMP_UNREACH_PORT,
    ICMP_UNREACH_PRECEDENCE_CUTOFF,
    ICMP_UNREACH_PROTOCOL,
    icmp_infotype,
)  # fmt: skip
from vshell.wire.ip import IPOPT_EOL, IPOPT_RR, IPOPT_SECURITY, IPOPT_TS, inet_ntoa, ip_options

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet

BANDLIM_ICMP_UNREACH, BANDLIM_ICMP_ECHO, BANDLIM_ICMP_TSTAMP, BANDLIM_TCP_RST, BANDLIM_ICMP6_UNREACH = range(5)
_DESCRS = ("icmp unreach", "icmp ping", "icmp tstamp", "tcp reset", "icmp6 unreach", "sctp ootb")
LOG_NOTICE = 5


class Icmp(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """ICMP in one stack."""

    maskrepl = Sysctl("net.inet.icmp.maskrepl", 0, "Reply to ICMP Address Mask Request packets")
    maskfake = Sysctl("net.inet.icmp.maskfake", 0, "Fake reply to ICMP Address Mask Request packets", fmt="unsigned integer")
    drop_redirect = Sysctl("net.inet.icmp.drop_redirect", 0, "Ignore ICMP redirects")
    log_redirect = Sysctl("net.inet.icmp.log_redirect", 0, "Log ICMP redirects to the console")
    redirtimeout = Sysctl("net.inet.icmp.redirtimeout", 600, "Delay in seconds before expiring redirect route")
    reply_src = Sysctl("net.inet.icmp.reply_src", "", "ICMP reply source for non-local packets")
    reply_from_interface = Sysctl(
        "net.inet.icmp.reply_from_interface", 0, "ICMP reply from incoming interface for non-local packets"
    )
    quotelen = Sysctl("net.inet.icmp.quotelen", 548, "Number of bytes from original packet to quote in ICMP reply")
    bmcastecho = Sysctl("net.inet.icmp.bmcastecho", 0, "Reply to multicast ICMP Echo Request and Timestamp packets")
    tstamprepl = Sysctl("net.inet.icmp.tstamprepl", 1, "Respond to ICMP Timestamp packets")
    error_keeptags = Sysctl("net.inet.icmp.error_keeptags", 0, "ICMP error response keeps copy of mbuf_tags of original packet")
    icmplim_output = Sysctl("net.inet.icmp.icmplim_output", 1, "Enable logging of ICMP response rate limiting")
    limit = 200
    jitter = 16

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.stat = Counters(Icmpstat)
        self.rates: dict[int, list[int]] = {}
        """Per kind of answer: second in which it was counted, how many, jitter of the limit."""

    @sysctl_proc("net.inet.icmp.stats", "ICMP statistics (struct icmpstat, netinet/icmp_var.h)", fmt="opaque")
    def _stats(self, td: Proc, new: Any) -> Any:
        return self.stat.sysctl(new)

    @sysctl_proc("net.inet.icmp.icmplim", "Maximum number of ICMP responses per second", fmt="unsigned integer")
    def _icmplim(self, td: Proc, new: Any) -> Any:
        if new is not None:
            if new and new <= self.jitter:
                raise KError(EINVAL)
            self.limit = new
        return self.limit

    @sysctl_proc("net.inet.icmp.icmplim_jitter", "Random icmplim jitter adjustment limit", fmt="unsigned integer")
    def _icmplim_jitter(self, td: Proc, new: Any) -> Any:
        if new is not None:
            if new >= self.limit:
                raise KError(EINVAL)
            self.jitter = new
            self.rates.clear()
        return self.jitter

    def new_jitter(self) -> int:
        """icmplim_new_jitter: the limit wavers, so that it tells nothing to a scanner."""
        return self.vnet.kernel.random.uniform(self.jitter * 2 + 1) - self.jitter if self.jitter > 0 else 0


def badport_bandlim(vnet: Vnet, which: int) -> bool:
    """True if an answer may go out; False once there were too many this second (badport_bandlim)."""
    icmp = vnet[Icmp]
    if not icmp.limit:
        return True
    rate = icmp.rates.get(which)
    now = vnet.kernel.clock.now
    if rate is None:
        rate = icmp.rates[which] = [now, 0, icmp.new_jitter()]
    limit = icmp.limit + rate[2]
    if now - rate[0] >= NS:
        if rate[1] > limit and icmp.icmplim_output:
            text = f"Limiting {_DESCRS[which]} response from {rate[1]} to {limit} packets/sec"
            vnet.kernel.log(LOG_NOTICE, text)
            rate[2] = icmp.new_jitter()
        rate[0], rate[1] = now, 0
    rate[1] += 1
    return bool(rate[1] <= limit)


# errors ---------------------------------------------------------------------------------------------------------
def icmp_error(vnet: Vnet, m: Mbuf, kind: int, code: int, dest: bytes = b"", mtu: int = 0) -> None:
    """Tell the sender of a packet what is wrong with it; the packet is consumed."""
    icmp = vnet[Icmp]
    stat = icmp.stat
    if kind != ICMP_REDIRECT:
        stat.error += 1
    if m.flags & (M_BCAST | M_MCAST | M_SPLIT):
        return
    data, off = m.data, m.off
    if len(data) - off < 20 + ICMP_MINLEN:
        return
    hlen = (data[off] & 0xF) << 2
    if len(data) - off < hlen + ICMP_MINLEN:
        return
    if (data[off + 6] << 8 | data[off + 7]) & ~0x6000 & 0xFFFF:
        return  # not the first fragment
    proto = data[off + 9]
    if proto == IPPROTO_ICMP and kind != ICMP_REDIRECT and not icmp_infotype(data[off + hlen]):
        stat.oldicmp += 1
        return
    quote = _quotelen(icmp, m, hlen)
    if quote < 20:
        return
    void = dest if kind == ICMP_REDIRECT else bytes(4)
    if kind == ICMP_PARAMPROB:
        void, code = bytes((code, 0, 0, 0)), 0
    elif kind == ICMP_UNREACH and code == ICMP_UNREACH_NEEDFRAG and mtu:
        void = b"\0\0" + mtu.to_bytes(2, "big")
    stat.outhist[kind] += 1
    length = 20 + ICMP_MINLEN + quote
    new = bytearray(LEADING_SPACE) + data[off : off + 20] + bytes((kind, code, 0, 0)) + void + data[off : off + quote]
    at = LEADING_SPACE
    new[at], new[at + 1], new[at + 9] = 0x45, 0, IPPROTO_ICMP
    new[at + 2 : at + 4] = length.to_bytes(2, "big")
    n = Mbuf(new, at, m.rcvif, m.fib)
    n.flags |= m.flags & M_SKIP_FIREWALL
    if icmp.error_keeptags and m.tags:
        n.tags = dict(m.tags)
    icmp_reflect(vnet, n)


def _quotelen(icmp: Icmp, m: Mbuf, hlen: int) -> int:
    """How much of the packet goes into the message."""
    data, off = m.data, m.off
    size = data[off + 2] << 8 | data[off + 3]
    want = max(8, min(icmp.quotelen, size - hlen))
    if data[off + 9] == IPPROTO_TCP and hlen + 20 <= len(data) - off:
        tcphlen = data[off + hlen + 12] >> 4 << 2
        if tcphlen < 20 or size < hlen + tcphlen:
            return 0
        if hlen + tcphlen <= len(data) - off:
            want = max(tcphlen, min(icmp.quotelen, size - hlen))
    return min(hlen + want, len(data) - off)


def icmp_errmap(kind: int, code: int) -> int:
    """The error a message means to the sender of the packet (icmp_errmap)."""
    if kind == ICMP_UNREACH:
        if code == ICMP_UNREACH_NEEDFRAG:
            return EMSGSIZE
        refused = (
            ICMP_UNREACH_PROTOCOL, ICMP_UNREACH_PORT, ICMP_UNREACH_NET_PROHIB, ICMP_UNREACH_HOST_PROHIB,
            ICMP_UNREACH_FILTER_PROHIB,
        )  # fmt: skip
        if code in refused:
            return ECONNREFUSED
        return EHOSTUNREACH if code <= ICMP_UNREACH_PRECEDENCE_CUTOFF else 0
    if kind == ICMP_TIMXCEED:
        return EHOSTUNREACH if code == ICMP_TIMXCEED_INTRANS else 0
    if kind == ICMP_PARAMPROB:
        return ENOPROTOOPT if code in (ICMP_PARAMPROB_ERRATPTR, ICMP_PARAMPROB_OPTABSENT) else 0
    return 0


# input ----------------------------------------------------------------------------------------------------------
def icmp_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> None:
    """A message came in."""
    vnet = ifp.vnet
    icmp = vnet[Icmp]
    stat = icmp.stat
    data, off = m.data, m.off
    length = (data[off + 2] << 8 | data[off + 3]) - hlen
    at = off + hlen
    if length < ICMP_MINLEN:
        stat.tooshort += 1
        drop(ifp, m, "icmp_input", "message is too short")
        return
    if in_cksum(data[at : at + length]):
        stat.checksum += 1
        drop(ifp, m, "icmp_input", "checksum of the ICMP message is wrong")
        return
    kind, code = data[at], data[at + 1]
    if kind <= ICMP_MAXTYPE:
        stat.inhist[kind] += 1
        handler = _HANDLERS.get(kind)
        if handler is not None and handler(ifp, icmp, m, hlen, code, length):
            return
    ip_protox[IPPROTO_ANY](ifp, m, hlen, proto)


def _advise(ifp: Ifnet, icmp: Icmp, m: Mbuf, hlen: int, code: int, length: int) -> bool:
    """An error: advise the protocol whose packet it is about.  True if raw sockets must not see it."""
    data, at = m.data, m.off + hlen
    if code > _MAXCODE[data[at]]:
        icmp.stat.badcode += 1
        return False
    if length < ICMP_ADVLENMIN or length < 16 + ((data[at + 8] & 0xF) << 2) or data[at + 8] & 0xF < 5:
        icmp.stat.badlen += 1
        return True
    dst, src = data[at + 24 : at + 28], data[at + 20 : at + 24]
    if dst[0] & 0xF0 == 0xE0:
        icmp.stat.badcode += 1
        return False
    if dst == b"\0\0\0\0" or src == b"\0\0\0\0":
        return True
    advise = ip_ctlprotox.get(data[at + 17])
    if advise is not None:
        advise(ifp.vnet, bytes(data[at : at + length]))
    return False


_MAXCODE = {
    ICMP_UNREACH: ICMP_UNREACH_PRECEDENCE_CUTOFF, ICMP_TIMXCEED: ICMP_TIMXCEED_REASS, ICMP_PARAMPROB: ICMP_PARAMPROB_LENGTH,
}  # fmt: skip


def _reply(ifp: Ifnet, icmp: Icmp, m: Mbuf, hlen: int, kind: int) -> bool:
    """Turn a question into its answer."""
    icmp.stat.reflect += 1
    icmp.stat.outhist[kind] += 1
    m.data[m.off + hlen] = kind
    icmp_reflect(ifp.vnet, m)
    return True


def _echo(ifp: Ifnet, icmp: Icmp, m: Mbuf, hlen: int, code: int, length: int) -> bool:
    if m.flags & (M_MCAST | M_BCAST) and not icmp.bmcastecho:
        icmp.stat.bmcastecho += 1
        drop(ifp, m, "icmp_input", "requests to groups and broadcasts are ignored (net.inet.icmp.bmcastecho is 0)")
        return False
    if not badport_bandlim(ifp.vnet, BANDLIM_ICMP_ECHO):
        drop(ifp, m, "icmp_input", "too many echo requests this second (net.inet.icmp.icmplim)")
        return True
    return _reply(ifp, icmp, m, hlen, ICMP_ECHOREPLY)


def _tstamp(ifp: Ifnet, icmp: Icmp, m: Mbuf, hlen: int, code: int, length: int) -> bool:
    if not icmp.tstamprepl:
        return False
    if m.flags & (M_MCAST | M_BCAST) and not icmp.bmcastecho:
        icmp.stat.bmcasttstamp += 1
        drop(ifp, m, "icmp_input", "requests to groups and broadcasts are ignored (net.inet.icmp.bmcastecho is 0)")
        return False
    if length < ICMP_TSLEN:
        icmp.stat.badlen += 1
        return False
    if not badport_bandlim(ifp.vnet, BANDLIM_ICMP_TSTAMP):
        drop(ifp, m, "icmp_input", "too many timestamp requests this second (net.inet.icmp.icmplim)")
        return True
    at = m.off + hlen
    m.data[at + 12 : at + 20] = iptime(ifp.vnet) * 2
    return _reply(ifp, icmp, m, hlen, ICMP_TSTAMPREPLY)


def iptime(vnet: Vnet) -> bytes:
    """Milliseconds since midnight UTC."""
    ms = vnet.kernel.clock.realtime() // 1_000_000
    return (ms % 86_400_000).to_bytes(4, "big")


def _maskreq(ifp: Ifnet, icmp: Icmp, m: Mbuf, hlen: int, code: int, length: int) -> bool:
    if not icmp.maskrepl or length < ICMP_MASKLEN:
        return False
    data, off = m.data, m.off
    dst = bytes(data[off + 16 : off + 20])
    ia = ifaof_ifpforaddr(ifp, bytes(data[off + 12 : off + 16]) if in_broadcast(dst) else dst)
    if ia is None:
        return False
    mask = icmp.maskfake.to_bytes(4, "little") if icmp.maskfake else ia.mask
    data[off + hlen + 8 : off + hlen + 12] = mask
    if data[off + 12 : off + 16] == b"\0\0\0\0":
        if ia.ifp.flags & IFF_BROADCAST:
            data[off + 12 : off + 16] = ia.broadaddr or bytes(4)
        elif ia.ifp.flags & IFF_POINTOPOINT:
            data[off + 12 : off + 16] = ia.dstaddr or bytes(4)
    return _reply(ifp, icmp, m, hlen, ICMP_MASKREPLY)


def _redirect(ifp: Ifnet, icmp: Icmp, m: Mbuf, hlen: int, code: int, length: int) -> bool:
    """A router knows a better first hop: make a host route, if it is believable."""
    vnet = ifp.vnet
    data, off = m.data, m.off
    at = off + hlen
    source, gateway, target = bytes(data[off + 12 : off + 16]), bytes(data[at + 4 : at + 8]), bytes(data[at + 24 : at + 28])
    if icmp.log_redirect:
        words = [inet_ntoa(a) for a in (source, target.ljust(4, b"\0"), gateway)]
        vnet.kernel.log(6, f"icmp redirect from {words[0]}: {words[1]} => {words[2]}")
    if icmp.drop_redirect or vnet[Ip].forwarding:
        return False
    if code > 3:
        icmp.stat.badcode += 1
        return False
    if length < ICMP_ADVLENMIN or length < 16 + ((data[at + 8] & 0xF) << 2) or data[at + 8] & 0xF < 5:
        icmp.stat.badlen += 1
        return False
    if icmp_verify_redirect_gateway(vnet, source, target, gateway, m.fib):
        for fib in range(vnet.numfibs):
            try:
                rib_add_redirect(vnet, fib, AF_INET, target, (AF_INET, gateway, 0), ifp, RTF_GATEWAY, icmp.redirtimeout)
            except KError:
                continue
    return False


def icmp_verify_redirect_gateway(vnet: Vnet, source: bytes, target: bytes, gateway: bytes, fib: int) -> bool:
    """RFC 1122: it comes from our present router for the target, and names a neighbour that is not ourselves."""
    ia = ifa_ifwithnet(vnet, gateway, fib)
    if ia is None or gateway in vnet[Ip].inaddr_hash:
        return False
    nh = fib_lookup(vnet, AF_INET, target, fib)
    if nh is None or nh.gateway != source or nh.ifa is not ia:
        return False
    return bool(nh.flags & NHF_GATEWAY) and not nh.flags & NHF_HOST


_HANDLERS = {
    ICMP_UNREACH: _advise, ICMP_TIMXCEED: _advise, ICMP_PARAMPROB: _advise, ICMP_ECHO: _echo, ICMP_TSTAMP: _tstamp,
    ICMP_MASKREQ: _maskreq, ICMP_REDIRECT: _redirect,
}  # fmt: skip


# answers --------------------------------------------------------------------------------------------------------
def icmp_reflect(vnet: Vnet, m: Mbuf) -> None:
    """Send a packet back to where it came from, choosing our address."""
    ip = vnet[Ip]
    icmp = vnet[Icmp]
    data, off = m.data, m.off
    src, dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
    experimental = src[0] >= 0xF0 and not ip.allow_net240
    if src[0] & 0xF0 == 0xE0 or experimental or (src[0] == 0 and not ip.allow_net0) or src == b"\0\0\0\0":
        icmp.stat.badaddr += 1
        return
    mine = _reply_source(vnet, ip, icmp, m, dst, src)
    if mine is None:
        icmp.stat.noroute += 1
        return
    hlen = (data[off] & 0xF) << 2
    opts: bytes | None = None
    if hlen > 20:
        opts = _reply_options(m, bytes(data[off + 20 : off + hlen]))
        size = data[off + 2] << 8 | data[off + 3]
        header = bytearray(data[off : off + 20])
        header[0] = 0x45
        header[2:4] = (size - hlen + 20).to_bytes(2, "big")
        m.adj(hlen)
        m.prepend(header)
        data, off = m.data, m.off
    data[off + 16 : off + 20] = src
    data[off + 12 : off + 16] = mine
    data[off + 6] = data[off + 7] = 0
    data[off + 8] = ip.ttl
    m.tags = {k: v for k, v in m.tags.items() if k.startswith("keep_")} or None if m.tags else None
    m.flags &= ~(M_BCAST | M_MCAST)
    icmp_send(vnet, m, opts)


def _reply_source(vnet: Vnet, ip: Ip, icmp: Icmp, m: Mbuf, dst: bytes, src: bytes) -> bytes | None:
    """The address to answer from; None if there is no way back."""
    if dst in ip.inaddr_hash:
        return dst
    ifp = m.rcvif
    if ifp is not None and ifp.flags & IFF_BROADCAST:
        for ia in in_addrs(ifp):
            if ia.broadaddr == dst:
                return ia.addr
    if icmp.reply_from_interface and ifp is not None:
        for ia in in_addrs(ifp):
            return ia.addr
    if icmp.reply_src:
        chosen = ifunit(vnet, icmp.reply_src)
        for ia in in_addrs(chosen) if chosen is not None else ():
            return ia.addr
    nh = fib_lookup(vnet, AF_INET, src, m.fib)
    if nh is None:
        return None
    # Over an interface without an address it is the unspecified one that answers.
    return nh.ifa.addr if nh.ifa is not None else bytes(4)


def _reply_options(m: Mbuf, options: bytes) -> bytes:
    """The options of an answer: a source route turned round, record route and timestamps as they are."""
    route = m.tags.pop("srcroute", None) if m.tags else None
    out: bytes = route if route is not None else bytes(4)
    for kind, at, size in ip_options(options):
        if kind in (IPOPT_RR, IPOPT_TS, IPOPT_SECURITY) and size:
            out += options[at : at + size]
    return out + bytes((IPOPT_EOL,)) * (-len(out) % 4)


def icmp_send(vnet: Vnet, m: Mbuf, opts: bytes | None) -> None:
    """Checksum it and hand it to IP."""
    data, off = m.data, m.off
    size = data[off + 2] << 8 | data[off + 3]
    at = off + 20
    data[at + 2] = data[at + 3] = 0
    data[at + 2 : at + 4] = in_cksum(data[at : off + size]).to_bytes(2, "big")
    m.rcvif = None
    ip_output(vnet, m, opts)


ip_protox[IPPROTO_ICMP] = icmp_input
