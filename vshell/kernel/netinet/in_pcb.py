"""Protocol control blocks of the Internet protocols: names of sockets and how a packet finds its socket (netinet/in_pcb.c).

Addresses are bytes of either family, so the same tables serve IPv4 and IPv6; an address of zeroes is any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EHOSTUNREACH, EINVAL, ENETUNREACH, KError
from vshell.abi.in_pcb import INP_IPV4, INP_IPV6, Xinpcb
from vshell.abi.socket import AF_INET, SO_ACCEPTCONN, SO_DONTROUTE, SO_REUSEADDR, SO_REUSEPORT, SOCK_RAW, SOCK_STREAM, SockaddrIn
from vshell.abi.sockio import IFF_BROADCAST, IFF_LOOPBACK
from vshell.kernel.kern.kern_priv import PRIV_NETINET_RESERVEDPORT, PRIV_NETINET_REUSEPORT, priv_check_cred
from vshell.kernel.kern.prison_ip import (
    IP_USER,
    prison_check_ip,
    prison_get_ip,
    prison_local_ip,
    prison_remote_ip,
    prison_restricts,
)  # fmt: skip
from vshell.kernel.kern.prison_params import PR_VNET
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.in_var import (
    ifa_ifwithaddr,
    ifa_ifwithdstaddr,
    ifa_ifwithnet,
    in_addrs,
    in_broadcast,
    in_multicast,
)  # fmt: skip
from vshell.kernel.netinet.ip_var import Ip, IpGlobal

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_jail import Prison
    from vshell.kernel.kern.kern_proc import Ucred
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.ip_moptions import Ipmoptions

ANY = bytes(4)
INP_HIGHPORT, INP_LOWPORT = 1, 2


class Inpcb:
    """struct inpcb."""

    __slots__ = (
        "anonport", "bindany", "cred", "dontfrag", "faddr", "fib", "fport", "hdrincl", "in6p", "info", "ip_p", "laddr",
        "lport", "minttl", "moptions", "onesbcast", "options", "portrange", "ppcb", "recv", "scope", "so", "tos", "ttl",
        "vflag",
    )  # fmt: skip

    def __init__(self, so: Socket, info: Inpcbinfo, vflag: int = INP_IPV4) -> None:
        self.so = so
        self.info = info
        self.cred: Ucred = so.cred
        self.fib = so.fibnum
        self.vflag = vflag
        self.laddr = self.faddr = ANY if vflag == INP_IPV4 else bytes(16)
        self.lport = self.fport = 0
        self.scope = 0
        """Interface index of a link-local foreign address."""
        self.ip_p = so.protocol
        self.ttl: int = so.vnet[Ip].ttl
        self.tos = 0
        self.minttl = 0
        self.hdrincl = self.dontfrag = self.onesbcast = self.bindany = self.anonport = False
        self.portrange = 0
        self.options: bytes | None = None
        """IP options as ip_output takes them."""
        self.recv: set[int] = set()
        """Control items the user wants with each packet: IP_RECVTTL ..."""
        self.moptions: Ipmoptions | None = None
        self.in6p: Any = None
        """The IPv6 options of a socket that has both (netinet6/in6_pcb.py)."""
        self.ppcb: Any = None
        """What the protocol keeps besides (struct tcpcb)."""

    def takes_both(self) -> bool:
        """True if a socket of IPv6, bound to any address, takes IPv4 as well."""
        return self.vflag == INP_IPV4 | INP_IPV6 and not any(self.laddr)


class Inpcbinfo:
    """All control blocks of a protocol in a stack (struct inpcbinfo)."""

    def __init__(self, vnet: Vnet) -> None:
        self.vnet = vnet
        self.pcbs: list[Inpcb] = []
        """The newest first."""
        self.ports: dict[int, list[Inpcb]] = {}
        """Bound ones by local port, the newest first."""
        self.unconnected: dict[int, list[Inpcb]] = {}
        """Those without a peer in the same way: what a packet may be for that belongs to no connection."""
        self.exact: dict[tuple[bytes, int, bytes, int], Inpcb] = {}
        """Connected ones by (foreign, port, local, port)."""
        self.lastport = self.lasthi = self.lastlow = 0

    def alloc(self, so: Socket, vflag: int = INP_IPV4) -> Inpcb:
        """in_pcballoc."""
        inp = Inpcb(so, self, vflag)
        inp.cred.prison.hold()
        self.pcbs.insert(0, inp)
        return inp

    def free(self, inp: Inpcb) -> None:
        """in_pcbfree."""
        self.remhash(inp)
        if inp in self.pcbs:
            self.pcbs.remove(inp)
            inp.cred.prison.free_later()
        if inp.moptions is not None:
            inp.moptions.destroy()
            inp.moptions = None

    def inshash(self, inp: Inpcb) -> None:
        """in_pcbinshash: make it findable under its present names."""
        if inp.lport:
            self.ports.setdefault(inp.lport, []).insert(0, inp)
        if any(inp.faddr):
            self.exact[inp.faddr, inp.fport, inp.laddr, inp.lport] = inp
        elif inp.lport:
            self.unconnected.setdefault(inp.lport, []).insert(0, inp)

    def remhash(self, inp: Inpcb) -> None:
        """in_pcbremhash."""
        for table in (self.ports, self.unconnected):
            same = table.get(inp.lport)
            if same is not None and inp in same:
                same.remove(inp)
                if not same:
                    del table[inp.lport]
        key = (inp.faddr, inp.fport, inp.laddr, inp.lport)
        if self.exact.get(key) is inp:
            del self.exact[key]

    # finding -------------------------------------------------------------------------------------------------------
    def lookup_local(self, laddr: bytes, lport: int, wild: bool, cred: Ucred | None, fib: int = -1) -> Inpcb | None:
        """in_pcblookup_local: who is bound to an address and port, closest match first."""
        best: Inpcb | None = None
        least = 9
        for inp in self.ports.get(lport, ()):
            bound = inp.laddr
            if len(bound) != len(laddr):
                if not inp.takes_both() or len(laddr) != 4:
                    continue
                bound = ANY
            if fib >= 0 and inp.fib != fib:
                continue
            if cred is not None and not prison_equal_ip(cred.prison, inp.cred.prison, len(laddr)):
                continue
            if not wild:
                if bound == laddr and not any(inp.faddr):
                    return inp
                continue
            count = int(any(inp.faddr))
            if any(bound):
                if not any(laddr):
                    count += 1
                elif bound != laddr:
                    continue
            elif any(laddr):
                count += 1
            if count < least:
                best, least = inp, count
                if not count:
                    break
        return best

    def lookup(self, faddr: bytes, fport: int, laddr: bytes, lport: int, wild: bool = True, fib: int = -1) -> Inpcb | None:
        """in_pcblookup_hash: the socket a packet is for; jails before the host, exact addresses before any."""
        inp = self.exact.get((faddr, fport, laddr, lport))
        if inp is not None and (fib < 0 or inp.fib == fib):
            return inp
        if not wild:
            return None
        best: Inpcb | None = None
        rank = 0
        for inp in self.unconnected.get(lport, ()):
            if any(inp.faddr) or (fib >= 0 and inp.fib != fib):
                continue
            mapped = len(inp.laddr) != len(laddr)
            if mapped and not (len(laddr) == 4 and inp.takes_both()):
                continue
            jailed = prison_restricts(inp.cred, AF_INET if len(laddr) == 4 else 28)
            if jailed and prison_check_ip(inp.cred, AF_INET if len(laddr) == 4 else 28, laddr):
                continue
            if mapped:
                value = 1
            else:
                value = (5 if jailed else 4) if inp.laddr == laddr else 0 if any(inp.laddr) else 3 if jailed else 2
            if value > rank:
                best, rank = inp, value
        return best


def prison_equal_ip(one: Prison, two: Prison, size: int) -> bool:
    """prison_equal_ip4: True if two jails use the same list of addresses."""
    flag = IP_USER[AF_INET if size == 4 else 28] | PR_VNET

    def owner(pr: Prison) -> Prison:
        while pr.parent is not None and not pr.flags & flag:
            pr = pr.parent
        return pr

    return owner(one) is owner(two)


# binding and connecting -----------------------------------------------------------------------------------------
def in_lport(inp: Inpcb, cred: Ucred, free: Any) -> int:
    """in_pcb_lport_dest: an ephemeral port for which `free(port)`.  EADDRNOTAVAIL, EACCES."""
    info = inp.info
    ip = info.vnet[Ip]
    if inp.portrange == INP_HIGHPORT:
        first, last, attr = ip.portrange_hifirst, ip.portrange_hilast, "lasthi"
    elif inp.portrange == INP_LOWPORT:
        if error := priv_check_cred(cred, PRIV_NETINET_RESERVEDPORT):
            raise KError(error)
        first, last, attr = ip.portrange_lowfirst, ip.portrange_lowlast, "lastlow"
    else:
        first, last, attr = ip.portrange_first, ip.portrange_last, "lastport"
    first, last = min(first, last), max(first, last)
    port: int = getattr(info, attr)
    if ip.portrange_randomized and last > first:
        port = first + info.vnet.kernel.random.uniform(last - first)
    for _ in range(last - first + 1):
        port += 1
        if not first <= port <= last:
            port = first
        if free(port):
            setattr(info, attr, port)
            return port
    raise KError(EADDRNOTAVAIL)


def check_in(addr: Record) -> SockaddrIn:
    """A socket address must be one of IPv4.  EAFNOSUPPORT, EINVAL."""
    if not isinstance(addr, SockaddrIn):
        raise KError(EAFNOSUPPORT)
    if len(addr.addr) != 4:
        raise KError(EINVAL)
    return addr


def in_pcbbind(inp: Inpcb, sin: SockaddrIn | None, cred: Ucred) -> None:
    """Give a socket its local name.  EINVAL, EADDRNOTAVAIL, EADDRINUSE, EACCES."""
    if inp.lport or any(inp.laddr):
        raise KError(EINVAL)
    laddr, lport = in_pcbbind_setup(inp, sin, cred)
    inp.info.remhash(inp)
    inp.laddr, inp.lport = laddr, lport
    if sin is None or not sin.port:
        inp.anonport = True
    inp.info.inshash(inp)


def in_pcbbind_setup(inp: Inpcb, sin: SockaddrIn | None, cred: Ucred) -> tuple[bytes, int]:
    """The local address and port a bind would give."""
    options = inp.so.options
    wild = not options & (SO_REUSEADDR | SO_REUSEPORT)
    error, laddr = prison_local_ip(cred, AF_INET, sin.addr if sin is not None else inp.laddr)
    if error:
        raise KError(error)
    lport = 0
    if sin is not None:
        lport = sin.port
        _bind_avail(inp, laddr, lport, wild, cred)
    if not lport:
        lport = in_lport(inp, cred, lambda port: inp.info.lookup_local(laddr, port, wild, cred) is None)
    return laddr, lport


def _bind_avail(inp: Inpcb, laddr: bytes, lport: int, wild: bool, cred: Ucred) -> None:
    """in_pcbbind_avail: may this name be had?"""
    vnet, so = inp.info.vnet, inp.so
    reuse = so.options & SO_REUSEPORT
    if in_multicast(laddr):
        if so.options & (SO_REUSEADDR | SO_REUSEPORT):
            reuse = SO_REUSEADDR | SO_REUSEPORT
    elif laddr != ANY and not inp.bindany and ifa_ifwithaddr(vnet, laddr) is None:
        raise KError(EADDRNOTAVAIL)
    if not lport:
        return
    shared = vnet.kernel[IpGlobal]
    if shared.reservedlow <= lport <= vnet[Ip].portrange_reservedhigh and priv_check_cred(cred, PRIV_NETINET_RESERVEDPORT):
        raise KError(EACCES)
    if not in_multicast(laddr) and priv_check_cred(inp.cred, PRIV_NETINET_REUSEPORT):
        t = inp.info.lookup_local(laddr, lport, True, cred)
        if t is not None and (so.pr.type != SOCK_STREAM or not any(t.faddr)) and t.cred.uid != inp.cred.uid:
            raise KError(EADDRINUSE)
    t = inp.info.lookup_local(laddr, lport, wild, cred)
    if t is not None and not reuse & t.so.options:
        raise KError(EADDRINUSE)


def in_pcbconnect(inp: Inpcb, sin: SockaddrIn, cred: Ucred) -> None:
    """Give a socket its foreign name, and a local one if it has none.  EADDRNOTAVAIL, ENETUNREACH, EADDRINUSE."""
    error, faddr = prison_remote_ip(cred, AF_INET, sin.addr)
    if error:
        raise KError(error)
    if not sin.port:
        raise KError(EADDRNOTAVAIL)
    info = inp.info
    if in_broadcast(faddr):
        faddr = _connect_wild(info.vnet, faddr, cred)
    laddr = inp.laddr if any(inp.laddr) else in_pcbladdr(inp, faddr, cred)
    lport = inp.lport
    if not lport:
        lport = in_lport(inp, cred, lambda port: info.lookup(faddr, sin.port, laddr, port) is None)
        inp.anonport = True
    elif info.lookup(faddr, sin.port, laddr, lport, False) is not None:
        raise KError(EADDRINUSE)
    info.remhash(inp)
    inp.faddr, inp.fport, inp.laddr, inp.lport = faddr, sin.port, laddr, lport
    info.inshash(inp)


def _connect_wild(vnet: Vnet, faddr: bytes, cred: Ucred) -> bytes:
    """net.inet.ip.connect_inaddr_wild: any is this host, all ones the primary interface's broadcast address."""
    ip = vnet[Ip]
    if not ip.connect_inaddr_wild or not ip.in_ifaddrhead:
        raise KError(ENETUNREACH)
    primary = ip.in_ifaddrhead[0]
    if faddr == ANY:
        return prison_get_ip(cred, AF_INET) or bytes(primary.addr)
    if primary.ifp.flags & IFF_BROADCAST and primary.broadaddr is not None:
        return bytes(primary.broadaddr)
    return faddr


def in_pcbdisconnect(inp: Inpcb) -> None:
    """Forget the foreign name, and a local one that came with it."""
    inp.info.remhash(inp)
    inp.faddr, inp.fport = bytes(len(inp.faddr)), 0
    inp.info.inshash(inp)


def in_pcbladdr(inp: Inpcb, faddr: bytes, cred: Ucred) -> bytes:
    """The source address for a destination (in_pcbladdr).  ENETUNREACH, EADDRNOTAVAIL, EHOSTUNREACH."""
    laddr = _select_laddr(inp, faddr, cred)
    if laddr == ANY:
        raise KError(EHOSTUNREACH)
    return laddr


def _select_laddr(inp: Inpcb, faddr: bytes, cred: Ucred) -> bytes:
    vnet: Vnet = inp.info.vnet
    ip = vnet[Ip]
    fib = inp.so.fibnum
    if in_multicast(faddr) and inp.moptions is not None and inp.moptions.ifp is not None:
        for ia in ip.in_ifaddrhead:
            if ia.ifp is inp.moptions.ifp and not prison_check_ip(cred, AF_INET, ia.addr):
                return ia.addr  # type: ignore[no-any-return]
        raise KError(EADDRNOTAVAIL)
    nh = None
    if not inp.so.options & SO_DONTROUTE:
        nh = fib_lookup(vnet, AF_INET, faddr, inp.fib)
    if nh is None:
        ia = ifa_ifwithdstaddr(vnet, faddr, fib) or ifa_ifwithnet(vnet, faddr, fib)
        if ia is None:
            raise KError(ENETUNREACH)
        return _jailed_addr(cred, ia)
    if not nh.ifp.flags & IFF_LOOPBACK:
        if nh.ifa is None or nh.ifa.family != AF_INET:
            return ANY
        return _jailed_addr(cred, nh.ifa)
    ia = ifa_ifwithdstaddr(vnet, faddr, fib) or ifa_ifwithnet(vnet, faddr, fib) or ifa_ifwithaddr(vnet, faddr)
    if ia is None:
        if not prison_restricts(cred, AF_INET):
            raise KError(ENETUNREACH)
        return _primary(cred)
    return _jailed_addr(cred, ia)


def _primary(cred: Ucred) -> bytes:
    primary = prison_get_ip(cred, AF_INET)
    if primary is None:
        raise KError(EAFNOSUPPORT)
    return primary


def _jailed_addr(cred: Ucred, ia: Any) -> bytes:
    """The address itself if the jail may use it, another one of its interface, the jail's first."""
    if not prison_restricts(cred, AF_INET) or not prison_check_ip(cred, AF_INET, ia.addr):
        return ia.addr  # type: ignore[no-any-return]
    for other in in_addrs(ia.ifp):
        if not prison_check_ip(cred, AF_INET, other.addr):
            return other.addr
    return _primary(cred)


# for the user ---------------------------------------------------------------------------------------------------
def in_pcbtoxinpcb(inp: Inpcb, tcp: Any = None) -> Xinpcb:
    """A control block as sysctl shows it."""
    so = inp.so
    listening = so.options & SO_ACCEPTCONN
    rcv, snd = (0, 0) if listening else (so.rcv.hiwat, so.snd.hiwat)
    # One entry of the table serves all raw sockets, and it names no protocol.
    proto = 0 if so.pr.type == SOCK_RAW else so.pr.protocol
    return Xinpcb(
        inp.vflag, proto, so.pr.type, inp.laddr, inp.lport, inp.faddr, inp.fport, inp.scope, inp.scope, so.rcv.cc, rcv,
        so.snd.cc, snd, so.cred.uid, so.options, inp.fib, len(so.complete), len(so.incomplete), so.qlimit, id(so),
        id(inp), inp.ip_p, tcp, inp.anonport,
    )  # fmt: skip


def cr_canseeinpcb(cred: Ucred, inp: Inpcb) -> bool:
    """True if a process may see a socket: same jail or below."""
    return cred.prison.contains(inp.cred.prison)


def in6_pcbtoxinpcb(so: Socket) -> Xinpcb:
    """The same for a socket whose control block is the one of netinet6/in6_pcb.py."""
    pcb = so.pcb
    return Xinpcb(
        INP_IPV6, so.pr.protocol or so.protocol, so.pr.type, pcb.laddr, pcb.lport, pcb.faddr, pcb.fport, pcb.scope, pcb.scope,
        so.rcv.cc, so.rcv.hiwat, so.snd.cc, so.snd.hiwat, so.cred.uid, so.options, so.fibnum, 0, 0, 0, id(so), id(pcb),
        so.protocol,
    )  # fmt: skip


def in_pcblist(info: Inpcbinfo, cred: Ucred) -> tuple[Xinpcb, ...]:
    """All control blocks a process may see."""
    return tuple(in_pcbtoxinpcb(inp) for inp in info.pcbs if cr_canseeinpcb(cred, inp))
