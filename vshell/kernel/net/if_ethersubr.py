"""Ethernet: framing, address resolution on the way out, demultiplexing on the way in (net/if_ethersubr.c).

`ether_output` and `ether_input` are on the path of every packet: one unpack or pack of the header, and one test for each
feature that can be hooked in.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EACCES, EAFNOSUPPORT, EINVAL, ENETDOWN, EPERM, KError
from vshell.abi.jail import DEFAULT_HOSTUUID
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import (
    IFCAP_HWSTATS,
    IFCAP_VLAN_HWTAGGING,
    IFCAP_VLAN_MTU,
    IFF_BROADCAST,
    IFF_DRV_RUNNING,
    IFF_MONITOR,
    IFF_MULTICAST,
    IFF_NOARP,
    IFF_PPROMISC,
    IFF_SIMPLEX,
    IFF_UP,
    IFNET_PCP_NONE,
    IFT_ETHER,
    IFT_L2VLAN,
    SIOCGLANPCP,
    SIOCSIFMTU,
    SIOCSLANPCP,
)  # fmt: skip
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_loop import if_simloop
from vshell.kernel.net.ifnet import Ifaddr, Ifnet, if_attach, if_detach, if_printf
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST, M_PROMISC, M_VLANTAG
from vshell.kernel.net.netisr import netisr_handlers
from vshell.wire.ether import ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_jail import Prison
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

ETHER_HDR_LEN, ETHER_ADDR_LEN, ETHER_VLAN_ENCAP_LEN, ETHERMTU = 14, 6, 4, 1500
ETHER_BROADCAST = b"\xff" * 6
OUI_FREEBSD_GENERATED = b"\x58\x9c\xfc\x10"

HEADER = Struct("!6s6sH")
_unpack = HEADER.unpack_from
_unpack_input = Struct("!6s6xH").unpack_from
"""Destination and type."""
_pack = HEADER.pack_into

RUNNING = IFF_UP | IFF_DRV_RUNNING

resolvers: dict[int, Callable[[Ifnet, bool, Mbuf, bytes], bytes | int | None]] = {}
"""Address family -> f(ifp, is_gw, m, next hop): the link-level address; or, where there is none (yet), what became of the
packet: 0 or None when it is kept until there is, an errno when it was dropped (arpresolve, nd6_resolve)."""

_ETHERTYPES = {AF_INET: ETHERTYPE_IP, AF_INET6: ETHERTYPE_IPV6}

ether_ifattach_event: list[Callable[[Ifnet], Any]] = []
"""f(ifp): an Ethernet interface was attached (ng_ether makes its node)."""
ether_ifdetach_event: list[Callable[[Ifnet], Any]] = []
"""f(ifp): it is about to be detached."""
ether_reassign_event: list[Callable[[Ifnet, Vnet], Any]] = []
"""f(ifp, new vnet): it is between two stacks."""
arp_ifinit: list[Callable[[Ifnet, Ifaddr], Any]] = []
"""f(ifp, ifa): an IPv4 address came to an Ethernet interface: announce it (arp_ifinit)."""


# output --------------------------------------------------------------------------------------------------------
def ether_output(ifp: Ifnet, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
    """Send a packet to a next hop; returns an errno or 0."""
    flags = ifp.flags
    if flags & (RUNNING | IFF_MONITOR) != RUNNING:
        drop(ifp, m, "ether_output", "interface is down")
        return ENETDOWN
    if m.flags & (M_BCAST | M_MCAST):
        dst = ETHER_BROADCAST if m.flags & M_BCAST else _map_multicast(family, gateway)
    else:
        resolve = resolvers.get(family if len(gateway) != 16 else AF_INET6)
        if resolve is None:
            return EAFNOSUPPORT
        found = resolve(ifp, ro is not None, m, gateway)
        if not isinstance(found, bytes):
            return found or 0
        dst = found
        if dst == ifp.lladdr and any(ifa.addr == gateway for ifa in ifp.addrs):
            # Our own address (RT_L2_ME).  A neighbour published with our link-level address is sent to as any other.
            return if_simloop(ifp, m, family, 0)
    off = m.off - 14
    if off >= 0:
        m.off = off
        _pack(m.data, off, dst, ifp.lladdr, _ETHERTYPES[family])
    else:
        m.prepend(HEADER.pack(dst, ifp.lladdr, _ETHERTYPES[family]))
    if m.flags & M_BCAST and flags & IFF_SIMPLEX and not (m.tags and m.tags.get("pf_routed")):
        # A simplex interface does not hear its own broadcasts.
        if_simloop(ifp, m.copy(), family, ETHER_HDR_LEN)
    if ifp.hooked:
        return _output_hooks(ifp, m, family)
    return ifp.transmit(m)


def ether_output_finished(ifp: Ifnet, m: Mbuf) -> int:
    """Send a frame whose header is complete (RT_HAS_HEADER)."""
    return _output_hooks(ifp, m, 0) if ifp.hooked or m.flags & M_VLANTAG else ifp.transmit(m)


def _output_hooks(ifp: Ifnet, m: Mbuf, family: int) -> int:
    """What may take a framed packet before it is transmitted."""
    if ifp.bridge is not None:
        done: int = ifp.bridge.bridge_output(ifp, m)
        return done
    if ifp.carp is not None:
        error: int = ifp.carp.output(ifp, m, family)
        if error:
            return error
    if ifp.netgraph is not None:
        kept: Mbuf | int = ifp.netgraph.output(ifp, m)
        if isinstance(kept, int):
            return kept
        m = kept
    return ether_output_frame(ifp, m)


def ether_output_frame(ifp: Ifnet, m: Mbuf) -> int:
    """Hand a framed packet to the interface."""
    if ifp.pcp != IFNET_PCP_NONE and ifp.type != IFT_L2VLAN and not m.flags & M_VLANTAG:
        m.vtag, m.flags = ifp.pcp << 13, m.flags | M_VLANTAG
        if not ifp.capenable & IFCAP_VLAN_HWTAGGING:
            ether_vlanencap(m)
    if ifp.link_pfil is not None:
        verdict = ifp.link_pfil.run_out(m, ifp)
        if verdict:
            return EACCES if verdict == 1 else 0
    return ifp.transmit(m)


def ether_vlanencap(m: Mbuf, proto: int = ETHERTYPE_VLAN) -> None:
    """Put the tag the mbuf carries into the frame."""
    addresses = bytes(m.data[m.off : m.off + 12])
    m.off += 12
    m.prepend(addresses + proto.to_bytes(2, "big") + m.vtag.to_bytes(2, "big"))
    m.flags &= ~M_VLANTAG


def _map_multicast(family: int, group: bytes) -> bytes:
    """ETHER_MAP_IP_MULTICAST, ETHER_MAP_IPV6_MULTICAST."""
    if family == AF_INET:
        return b"\x01\x00\x5e" + bytes((group[1] & 0x7F,)) + group[2:4]
    return b"\x33\x33" + group[12:16]


# input ---------------------------------------------------------------------------------------------------------
def ether_input(ifp: Ifnet, m: Mbuf) -> None:
    """A frame came off the link."""
    flags = ifp.flags
    if not flags & IFF_UP:
        return
    data, off = m.data, m.off
    size = len(data) - off
    if size < 14:
        ifp.ierrors += 1
        drop(ifp, m, "ether_input", "frame is shorter than its header", True)
        return
    dst, etype = _unpack_input(data, off)
    if dst == ifp.lladdr:
        mine = True
    else:
        mine = bool(dst[0] & 1)
        if mine:
            m.flags |= M_BCAST if dst == ETHER_BROADCAST else M_MCAST
            ifp.imcasts += 1
    if ifp.bpf:
        for tap in ifp.bpf:
            tap(ifp, m, False)
    if not ifp.capenable & IFCAP_HWSTATS:
        ifp.ibytes += size
    m.fib = ifp.fib
    handler = netisr_handlers.get(etype)
    if handler is None or ifp.hooked or m.flags & M_VLANTAG or flags & IFF_MONITOR:
        _input_slow(ifp, m, etype)
    elif (mine or _forus(ifp, m, dst)) and not (etype == ETHERTYPE_ARP and flags & IFF_NOARP):
        m.off = off + 14
        handler(ifp, m)


def _forus(ifp: Ifnet, m: Mbuf, dst: bytes) -> bool:
    """True if a unicast frame for another address is taken all the same."""
    if ifp.carp is not None and ifp.carp.forus(ifp, dst):
        return True
    m.flags |= M_PROMISC
    return bool(ifp.flags & IFF_PPROMISC)


def _input_slow(ifp: Ifnet, m: Mbuf, etype: int) -> None:
    """ether_input with something hooked in, or with a tagged frame."""
    if ifp.flags & IFF_MONITOR:
        return
    if ifp.lagg is not None:
        kept = ifp.lagg.input(m)
        if kept is None:
            return
        ifp = m.rcvif or ifp
    if not m.flags & M_VLANTAG and etype in (ETHERTYPE_VLAN, ETHERTYPE_QINQ) and not _untag(m):
        ifp.ierrors += 1
        return
    if ifp.netgraph is not None:
        m.flags &= ~M_PROMISC
        kept = ifp.netgraph.input(ifp, m)
        if kept is None:
            return
        m = kept
    if ifp.bridge is not None:
        m.flags &= ~M_PROMISC
        kept = ifp.bridge.bridge_input(ifp, m)
        if kept is None:
            return
        m = kept
        ifp = m.rcvif or ifp
    dst = bytes(m.data[m.off : m.off + 6])
    if not dst[0] & 1 and dst != ifp.lladdr and not (ifp.carp is not None and ifp.carp.forus(ifp, dst)):
        m.flags |= M_PROMISC
    ether_demux(ifp, m)


def _untag(m: Mbuf) -> bool:
    """Move the 802.1Q tag of a frame into the mbuf."""
    data, off = m.data, m.off
    if len(data) - off < 18:
        return False
    m.vtag = data[off + 14] << 8 | data[off + 15]
    m.flags |= M_VLANTAG
    data[off + 4 : off + 16] = data[off : off + 12]
    m.off = off + 4
    return True


def ether_demux(ifp: Ifnet, m: Mbuf) -> None:
    """Hand a frame to its protocol."""
    if ifp.link_pfil is not None and not m.flags & M_PROMISC and ifp.link_pfil.run_in(m, ifp):
        return
    etype = m.data[m.off + 12] << 8 | m.data[m.off + 13]
    if m.flags & M_VLANTAG and m.vtag & 0xFFF:
        if ifp.vlantrunk is None:
            ifp.noproto += 1
            drop(ifp, m, "ether_demux", f"no interface for VLAN {m.vtag & 0xFFF}", True)
            return
        m.flags &= ~M_PROMISC
        ifp.vlantrunk.input(ifp, m)
        return
    if m.flags & M_PROMISC and not ifp.flags & IFF_PPROMISC:
        return
    m.flags &= ~M_VLANTAG
    handler = netisr_handlers.get(etype)
    if handler is None:
        if ifp.netgraph is not None:
            ifp.netgraph.input_orphan(ifp, m)
        else:
            drop(ifp, m, "ether_demux", f"nobody takes Ethernet type {etype:#06x}", True)
        return
    if etype == ETHERTYPE_ARP and ifp.flags & IFF_NOARP:
        return
    m.off += ETHER_HDR_LEN
    handler(ifp, m)


# interfaces ----------------------------------------------------------------------------------------------------
class EtherIfnet(Ifnet):
    """An interface that speaks Ethernet: what ether_ifattach gives it."""

    type = IFT_ETHER
    addrlen = ETHER_ADDR_LEN

    def __init__(self, kernel: Kernel, dname: str, dunit: int | None) -> None:
        super().__init__(kernel, dname, dunit)
        self.flags = IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST

    output = ether_output

    def input(self, m: Mbuf) -> None:
        """if_input."""
        m.rcvif = self
        ether_input(self, m)

    def setaddr(self, ifa: Ifaddr) -> None:
        """ether_ioctl(SIOCSIFADDR)."""
        self.flags |= IFF_UP
        self.init()
        if ifa.family == AF_INET:
            for announce in arp_ifinit:
                announce(self, ifa)

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """ether_ioctl."""
        if isinstance(request, SIOCSIFMTU):
            if request.mtu > ETHERMTU:
                raise KError(EINVAL)
            self.mtu = request.mtu
            return None
        if isinstance(request, SIOCGLANPCP):
            return self.pcp
        if isinstance(request, SIOCSLANPCP):
            if td is not None and td.ucred.uid != 0:
                raise KError(EPERM)
            if request.pcp > 7 and request.pcp != IFNET_PCP_NONE:
                raise KError(EINVAL)
            self.pcp = request.pcp
            return None
        raise KError(EINVAL)

    def reassign(self, vnet: Vnet) -> None:
        """ether_reassign."""
        for event in ether_reassign_event:
            event(self, vnet)


def ether_ifattach(ifp: Ifnet, vnet: Vnet, lladdr: bytes) -> None:
    """Attach an Ethernet interface with its address."""
    ifp.addrlen = ETHER_ADDR_LEN
    ifp.hdrlen = ETHER_HDR_LEN + (ETHER_VLAN_ENCAP_LEN if ifp.capabilities & IFCAP_VLAN_MTU else 0)
    ifp.mtu = ETHERMTU
    ifp.broadcastaddr = ETHER_BROADCAST
    ifp.lladdr = lladdr
    if ifp.type == IFT_ETHER:
        ifp.hwaddr = lladdr
    if not ifp.baudrate:
        ifp.baudrate = 10_000_000
    if_attach(ifp, vnet)
    if any(lladdr):
        if_printf(ifp, f"Ethernet address: {lladdr.hex(':')}")
    for event in ether_ifattach_event:
        event(ifp)


def ether_ifdetach(ifp: Ifnet) -> None:
    """Detach it for good."""
    for event in ether_ifdetach_event:
        event(ifp)
    ifp.bpf = None
    if_detach(ifp)


def ether_gen_addr(kernel: Kernel, prison: Prison, name: str) -> bytes:
    """An address from the FreeBSD Foundation's range, made of the host's UUID, the name and the jail's name.

    A jail without a UUID of its own gets a random one.
    """
    uuid = prison.hostuuid or DEFAULT_HOSTUUID
    if uuid == DEFAULT_HOSTUUID:
        octets = bytearray(kernel.random.bytes(6))
        octets[0] = octets[0] & 0xFE | 0x02
        return bytes(octets)
    from hashlib import sha1

    return OUI_FREEBSD_GENERATED + sha1(f"{uuid}-{name}-{prison.name}".encode(errors="surrogateescape")).digest()[:2]
