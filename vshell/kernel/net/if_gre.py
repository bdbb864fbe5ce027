"""gre(4): tunnels for IPv4 and IPv6 in GRE, over IPv4, IPv6 or UDP (net/if_gre.c, netinet/ip_gre.c, netinet6/ip6_gre.c)."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENETDOWN, KError
from vshell.abi.if_tunnel import (
    GRE_ENABLE_CSUM,
    GRE_ENABLE_SEQ,
    GRE_UDPENCAP,
    GREGKEY,
    GREGOPTS,
    GREGPORT,
    GRESKEY,
    GRESOPTS,
    GRESPORT,
    SIOCDIFPHYADDR,
    SIOCSIFPHYADDR,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_INET6, IPPROTO_GRE, IPPROTO_UDP
from vshell.abi.sockio import (
    IFCAP_LINKSTATE,
    IFF_DRV_RUNNING,
    IFF_MONITOR,
    IFF_MULTICAST,
    IFF_POINTOPOINT,
    IFF_UP,
    IFT_TUNNEL,
    LINK_STATE_DOWN,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCSIFFLAGS,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.kernel.kern.kern_priv import PRIV_NET_GRE, priv_check
from vshell.kernel.kern.module import SI_SUB_PROTO_IFATTACHDOMAIN, Kld, Sysctl, VnetModule
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.if_gif import Tunnel, if_tunnel_check_nesting
from vshell.kernel.net.ifioctl import net_priv_check
from vshell.kernel.net.ifnet import Ifaddr, Ifnet, if_attach, if_detach, if_link_state_change, ifaddr_event
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST, Mbuf
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.net.udp_tunnel import udp_tunnel_open
from vshell.kernel.netinet.ip_encap import encap4, ip6_encap_attach, ip_encap_attach
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet6.in6_gif import encap6_handler
from vshell.kernel.netinet6.ip6_input import ip6_protox
from vshell.kernel.netinet6.ip6_output import ip6_output
from vshell.wire.cksum import in_cksum
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_WCCP
from vshell.wire.ip import HEADER

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(modules=("if_gre",), size=0x8000)

GREMTU, GREMTU_MIN = 1476, 576
GRE_UDPPORT = 4754
GRE_OPTMASK = GRE_ENABLE_CSUM | GRE_ENABLE_SEQ | GRE_UDPENCAP
FLAG_CSUM, FLAG_KEY, FLAG_SEQ = 0x8000, 0x2000, 0x1000
_PROTO = {AF_INET: ETHERTYPE_IP, AF_INET6: ETHERTYPE_IPV6}


class GreModule(VnetModule):
    """The tunnels of a stack."""

    max_nesting = Sysctl("net.link.gre.max_nesting", 1, "Max nested tunnels")
    ttl = Sysctl("net.inet.ip.grettl", 30, "Default TTL value for encapsulated packets")
    hlim = Sysctl("net.inet6.ip6.grehlim", 30, "Default hop limit for encapsulated packets")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.tunnels: list[Gre] = []
        """Those with outer addresses, the youngest first."""
        self.sockets: dict[bytes, Socket] = {}
        """Of tunnels over UDP, by local address."""

    def lookup(self, src: bytes, dst: bytes, udp: bool) -> Gre | None:
        """The tunnel for a packet from `src` to `dst` (its ends swapped)."""
        for gre in self.tunnels:
            if gre.src == dst and gre.dst == src and bool(gre.options & GRE_UDPENCAP) == udp:
                return gre if gre.flags & IFF_UP else None
        return None

    def taken(self, src: bytes, dst: bytes, options: int, but: Gre) -> bool:
        """Has another tunnel these ends?"""
        return any(
            g is not but and (g.src, g.dst) == (src, dst) and not (g.options ^ options) & GRE_UDPENCAP for g in self.tunnels
        )

    def close_unused(self) -> None:
        """Close sockets no tunnel needs."""
        for addr in list(self.sockets):
            if not any(g.src == addr and g.options & GRE_UDPENCAP for g in self.tunnels):
                self.sockets.pop(addr).close()


@cloner("gre", sub=SI_SUB_PROTO_IFATTACHDOMAIN)
class Gre(Tunnel):
    """gre(4)."""

    type = IFT_TUNNEL
    key = port = oseq = 0

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Gre:
        """gre_clone_create."""
        ifp = cls(ifc.vnet.kernel, "gre", unit)
        ifp.tunnelfib = td.fibnum if td is not None else 0
        ifp.mtu = GREMTU
        ifp.flags = IFF_POINTOPOINT | IFF_MULTICAST
        ifp.capabilities = ifp.capenable = IFCAP_LINKSTATE
        if_attach(ifp, ifc.vnet)
        return ifp

    def destroy(self) -> None:
        """gre_clone_destroy."""
        self.delete_tunnel()
        if_detach(self)

    # data ------------------------------------------------------------------------------------------------------
    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """gre_output, gre_transmit."""
        error = self._transmit(m, family)
        if error:
            self.oerrors += 1
        return error

    def _transmit(self, m: Mbuf, family: int) -> int:
        working = IFF_UP | IFF_DRV_RUNNING
        if self.flags & IFF_MONITOR or self.flags & working != working or not self.outer or family not in _PROTO:
            drop(self, m, "gre_output", "the tunnel is not up and running, or has no ends")
            return ENETDOWN
        module = self.vnet[GreModule]
        error = if_tunnel_check_nesting(self, m, "gre", module.max_nesting)
        if error:
            drop(self, m, "gre_output", "a tunnel in itself, or too many tunnels in each other")
            return error
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        m.flags &= ~(M_BCAST | M_MCAST)
        m.fib = self.tunnelfib
        data, off = m.data, m.off
        tos, ident = (data[off + 1], data[off + 4] << 8 | data[off + 5]) if family == AF_INET else (0, 0)
        flow = self._flow(m, family)
        m.prepend(self._header(m, family))
        size = len(m)
        proto = IPPROTO_GRE
        if self.options & GRE_UDPENCAP:
            proto = IPPROTO_UDP
            self._udp(m, flow)
        if self.outer == AF_INET:
            m.prepend(HEADER.pack(0x45, tos, len(m) + 20, ident, 0, module.ttl, proto, 0, self.src, self.dst))
            error = ip_output(self.vnet, m)
        else:
            label = flow & 0xFFFFF if self.options & GRE_UDPENCAP else 0
            m.prepend(pack("!IHBB", 0x60000000 | label, len(m), proto, module.hlim) + self.src + self.dst)
            error = ip6_output(self.vnet, m, scope=self.scope)
        if not error:
            self.opackets += 1
            self.obytes += size
        return error

    def _header(self, m: Mbuf, family: int) -> bytes:
        """The header of GRE (gre_update_hdr)."""
        flags, fields = 0, b""
        if self.options & GRE_ENABLE_CSUM:
            flags, fields = flags | FLAG_CSUM, bytes(4)
        if self.key:
            flags, fields = flags | FLAG_KEY, fields + pack("!I", self.key)
        if self.options & GRE_ENABLE_SEQ:
            flags, fields = flags | FLAG_SEQ, fields + pack("!I", self.oseq & 0xFFFFFFFF)
            self.oseq += 1
        header = pack("!HH", flags, _PROTO[family]) + fields
        if flags & FLAG_CSUM:
            cksum = in_cksum(header + m.bytes())
            header = header[:4] + pack("!H", cksum) + header[6:]
        return header

    def _flow(self, m: Mbuf, family: int) -> int:
        """gre_flowid."""
        if not self.options & GRE_UDPENCAP or self.port:
            return 0
        data, off = m.data, m.off
        a, b = (off + 12, off + 16) if family == AF_INET else (off + 20, off + 36)
        return int.from_bytes(data[a : a + 4], "big") ^ int.from_bytes(data[b : b + 4], "big")

    def _udp(self, m: Mbuf, flow: int) -> None:
        ip = self.vnet[Ip]
        sport = (self.port | ip.portrange_hifirst | flow >> 16 | flow & 0xFFFF) & 0xFFFF
        sport %= ip.portrange_hilast or 1
        size = len(m) + 8
        pseudo = self.src + self.dst + (pack("!BBH", 0, IPPROTO_UDP, size) if self.outer == AF_INET else pack("!II", size, 17))
        header = pack("!HHHH", sport, GRE_UDPPORT, size, 0)
        cksum = in_cksum(pseudo + header + m.bytes()) or 0xFFFF
        m.prepend(header[:6] + pack("!H", cksum))

    def decapsulated(self, m: Mbuf) -> None:
        """gre_input: `m` begins with the header of GRE."""
        if not self._decapsulate(m):
            self.ierrors += 1
            drop(self, m, "gre_input", "flags, checksum or protocol of the GRE header do not fit this tunnel")

    def _decapsulate(self, m: Mbuf) -> bool:
        data, off = m.data, m.off
        if len(m) < 20:
            return False
        flags, etype = data[off] << 8 | data[off + 1], data[off + 2] << 8 | data[off + 3]
        if flags & ~(FLAG_CSUM | FLAG_KEY | FLAG_SEQ):
            return False
        hlen = 4
        if flags & FLAG_CSUM:
            if data[off + 6] or data[off + 7] or in_cksum(m.bytes()):
                return False
            hlen += 4
        hlen += 4 * (bool(flags & FLAG_KEY) + bool(flags & FLAG_SEQ))
        if etype == ETHERTYPE_WCCP:
            if not flags and data[off + 4] & 0xF0 != 0x40:
                hlen += 4
            etype = ETHERTYPE_IP
        handler = netisr_handlers.get(etype)
        if handler is None or etype not in (ETHERTYPE_IP, ETHERTYPE_IPV6):
            return False
        m.adj(hlen)
        m.flags, m.rcvif, m.fib = 0, self, self.fib
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, False)
        self.ipackets += 1
        self.ibytes += len(m)
        if not self.flags & IFF_MONITOR:
            handler(self, m)
        return True

    # tunnel ----------------------------------------------------------------------------------------------------
    def delete_tunnel(self) -> None:
        """gre_delete_tunnel."""
        module = self.vnet[GreModule]
        if self.outer:
            module.tunnels.remove(self)
        self.outer, self.src, self.dst = 0, b"", b""
        module.close_unused()
        self.flags &= ~IFF_DRV_RUNNING
        if_link_state_change(self, LINK_STATE_DOWN)

    def set_tunnel(self, family: int, src: bytes, dst: bytes, td: Proc | None) -> None:
        """in_gre_ioctl(SIOCSIFPHYADDR)."""
        src, dst = self.ends(family, src, dst)
        module = self.vnet[GreModule]
        if (self.src, self.dst) != (src, dst):
            if module.taken(src, dst, self.options, self):
                raise KError(EADDRNOTAVAIL)
            if self.outer:
                module.tunnels.remove(self)
            self.outer, self.src, self.dst, self.oseq = family, src, dst, 0
            self._attach(td)
        if_link_state_change(self, LINK_STATE_UP)

    def _attach(self, td: Proc | None) -> None:
        module = self.vnet[GreModule]
        module.tunnels.insert(0, self)
        if not self.options & GRE_ENABLE_SEQ:
            self.oseq = 0
        module.close_unused()
        if self.options & GRE_UDPENCAP and self.src not in module.sockets and td is not None:
            try:
                module.sockets[self.src] = udp_tunnel_open(self.vnet, td, self.src, GRE_UDPPORT, _udp_input, bindany=True)
            except KError:
                module.tunnels.remove(self)
                self.outer, self.src, self.dst = 0, b"", b""
                raise
        self.set_running()

    # requests --------------------------------------------------------------------------------------------------
    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """gre_ioctl."""
        if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI, SIOCSIFFLAGS)):
            return None
        if isinstance(request, SIOCSIFMTU):
            if request.mtu < GREMTU_MIN:
                raise KError(EINVAL)
            self.mtu = request.mtu
        elif isinstance(request, SIOCSIFPHYADDR):
            if td is not None:
                net_priv_check(td)
            self.set_tunnel(request.family, request.src, request.dst, td)
        elif isinstance(request, SIOCDIFPHYADDR):
            if td is not None:
                net_priv_check(td)
            if self.outer:
                self.delete_tunnel()
        elif isinstance(request, (GRESKEY, GRESOPTS, GRESPORT)):
            if td is not None:
                priv_check(td, PRIV_NET_GRE)
            self._setopt(request, td)
        else:
            return self._ask(request, td)
        return None

    def _setopt(self, request: Record, td: Proc | None) -> None:
        attr, value = "key", 0
        if isinstance(request, GRESKEY):
            value = request.key
        elif isinstance(request, GRESOPTS):
            attr, value = "options", request.options
            if value & ~GRE_OPTMASK:
                raise KError(EINVAL)
            if (
                (value ^ self.options) & GRE_UDPENCAP
                and self.outer
                and self.vnet[GreModule].taken(self.src, self.dst, value, self)
            ):
                raise KError(EEXIST)
        elif isinstance(request, GRESPORT):
            attr, value = "port", request.port
            ip = self.vnet[Ip]
            if value and not ip.portrange_hifirst <= value <= ip.portrange_hilast:
                raise KError(EINVAL)
        if getattr(self, attr) == value:
            return
        setattr(self, attr, value)
        if self.outer:
            self.vnet[GreModule].tunnels.remove(self)
            self._attach(td)

    def _ask(self, request: Record, td: Proc | None) -> Any:
        if isinstance(request, GREGKEY):
            return self.key
        if isinstance(request, GREGOPTS):
            return self.options
        if isinstance(request, GREGPORT):
            return self.port
        return self.tunnel_ioctl(request, td, lambda td: priv_check(td, PRIV_NET_GRE))


def in_gre_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> bool:
    """A packet with GRE over IPv4 came in."""
    module = ifp.vnet.get(GreModule)
    data, off = m.data, m.off
    src, dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
    gre = module.lookup(src, dst, udp=False) if module is not None else None
    if gre is None:
        return False
    m.adj(hlen)
    gre.decapsulated(m)
    return True


def in6_gre_input(ifp: Ifnet, m: Mbuf, off: int, proto: int) -> bool:
    """A packet with GRE over IPv6 came in."""
    module = ifp.vnet.get(GreModule)
    data, at = m.data, m.off
    src, dst = bytes(data[at + 8 : at + 24]), bytes(data[at + 24 : at + 40])
    gre = module.lookup(src, dst, udp=False) if module is not None else None
    if gre is None:
        return False
    m.adj(off)
    gre.decapsulated(m)
    return True


def _udp_input(ifp: Ifnet, m: Mbuf, payload: bytes, src: bytes, port: int) -> bool:
    """A datagram with GRE came in."""
    module = ifp.vnet.get(GreModule)
    for gre in module.tunnels if module is not None else ():
        if gre.dst == src and gre.options & GRE_UDPENCAP and gre.flags & IFF_UP:
            inner = Mbuf(bytearray(payload), 0, ifp, m.fib)
            inner.tags = m.tags
            gre.decapsulated(inner)
            break
    return True


def _srcaddr(ifp: Ifnet, ifa: Ifaddr, added: bool) -> None:
    """in_gre_srcaddr: an address came or went."""
    module = ifp.vnet.get(GreModule)
    for gre in module.tunnels if module is not None else ():
        if gre.src == ifa.addr:
            gre.set_running()


ifaddr_event.append(_srcaddr)
if in_gre_input not in encap4.get(IPPROTO_GRE, ()):
    ip_encap_attach(IPPROTO_GRE, in_gre_input)
    ip6_encap_attach(IPPROTO_GRE, in6_gre_input)
    ip6_protox.setdefault(IPPROTO_GRE, encap6_handler(IPPROTO_GRE))
