"""gif(4): IP in IP (net/if_gif.c).  What an outer address family has to do is registered by netinet/in_gif.py and its kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, EIO, ENETDOWN, KError
from vshell.abi.if_tunnel import (
    GIF_IGNORE_SOURCE,
    GIF_NOCLAMP,
    GIFGOPTS,
    GIFSOPTS,
    SIOCDIFPHYADDR,
    SIOCGIFPDSTADDR,
    SIOCGIFPSRCADDR,
    SIOCSIFPHYADDR,
    embed_scope,
    recover_scope,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK, IPPROTO_ETHERIP, IPPROTO_IPV4, IPPROTO_IPV6
from vshell.abi.sockio import (
    IFCAP_LINKSTATE,
    IFF_DRV_RUNNING,
    IFF_MONITOR,
    IFF_MULTICAST,
    IFF_POINTOPOINT,
    IFF_UP,
    IFT_GIF,
    LINK_STATE_DOWN,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCGTUNFIB,
    SIOCSIFFLAGS,
    SIOCSIFMTU,
    SIOCSTUNFIB,
)  # fmt: skip
from vshell.abi.topology import TUNNEL
from vshell.kernel.kern.module import Sysctl, VnetModule
from vshell.kernel.kern.prison_ip import prison_check_ip
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.ifioctl import net_priv_check
from vshell.kernel.net.ifnet import Ifaddr, Ifnet, if_attach, if_detach, if_link_state_change, ifaddr_event
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST, M_SPLIT
from vshell.kernel.net.netisr import netisr_handlers
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Wiring
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

GIF_MTU, GIF_MTU_MIN, GIF_MTU_MAX = 1280, 1280, 8192
ETHERIP_HEADER = b"\x30\0"

gif_output: dict[int, Callable[[Any, Any, int], int]] = {}
"""Outer family -> f(ifp, m, protocol): put the outer header in front and send it."""
gif_localip: dict[int, Callable[[Any, bytes], bool]] = {}
"""Outer family -> f(vnet, address): True if the address is one of the stack's."""

gif_attach_event: list[Callable[[Any], None]] = []
"""f(ifp): a tunnel was made (ng_gif makes its node)."""
gif_detach_event: list[Callable[[Any], None]] = []
"""f(ifp): it is about to go."""

_INNER = {AF_INET: IPPROTO_IPV4, AF_INET6: IPPROTO_IPV6, AF_LINK: IPPROTO_ETHERIP}
_FAMILIES = {proto: family for family, proto in _INNER.items()}
_ISR = {IPPROTO_IPV4: ETHERTYPE_IP, IPPROTO_IPV6: ETHERTYPE_IPV6}


class GifModule(VnetModule):
    """The tunnels of a stack."""

    max_nesting = Sysctl("net.link.gif.max_nesting", 1, "Max nested tunnels")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.tunnels: list[Gif] = []
        """Those with outer addresses, the youngest first."""

    def lookup(self, src: bytes, dst: bytes) -> Gif | None:
        """The tunnel for a packet from `src` to `dst` (its ends swapped); exact ones before those that ignore the source."""
        for gif in self.tunnels:
            if gif.src == dst and gif.dst == src and not gif.options & GIF_IGNORE_SOURCE:
                return gif if gif.flags & IFF_UP else None
        for gif in self.tunnels:
            if gif.src == dst and gif.options & GIF_IGNORE_SOURCE:
                return gif if gif.flags & IFF_UP else None
        return None


def if_tunnel_check_nesting(ifp: Ifnet, m: Mbuf, tag: str, limit: int) -> int:
    """EIO for a packet that has been through this tunnel, or through too many."""
    seen: tuple[Ifnet, ...] = (m.tags or {}).get(tag, ())
    if ifp in seen or len(seen) > limit - 1:
        return EIO
    m.tags = {**(m.tags or {}), tag: (*seen, ifp)}
    return 0


class Tunnel(Ifnet):
    """What gif(4) and gre(4) have in common: two outer addresses, and a table for the packets between them."""

    outer = 0
    """The family of the outer addresses, 0 if there are none."""
    src = dst = b""
    options = 0
    scope = 0
    """Interface of outer link-local addresses."""

    def wiring(self) -> Iterable[Wiring]:
        """The ends of its tunnel."""
        return ((TUNNEL, (self.src, self.dst)),) if self.outer else ()

    def reassign(self, vnet: Vnet) -> None:
        """gif_reassign, gre_reassign."""
        self.delete_tunnel()

    def setaddr(self, ifa: Ifaddr) -> None:
        """gif_ioctl(SIOCSIFADDR)."""
        self.flags |= IFF_UP

    def delete_tunnel(self) -> None:
        """Forget the outer addresses."""
        raise NotImplementedError

    def set_running(self) -> None:
        """It works while its source address is there."""
        if gif_localip[self.outer](self.vnet, self.src):
            self.flags |= IFF_DRV_RUNNING
        else:
            self.flags &= ~IFF_DRV_RUNNING

    def ends(self, family: int, src: bytes, dst: bytes) -> tuple[bytes, bytes]:
        """Outer addresses as they were asked for, without their scope, which is kept.  EINVAL, EADDRNOTAVAIL."""
        size = 4 if family == AF_INET else 16
        (src, self.scope), (dst, _) = recover_scope(src), recover_scope(dst)
        if family not in gif_output or len(src) != size or len(dst) != size:
            raise KError(EINVAL)
        if not any(src) or not any(dst):
            raise KError(EADDRNOTAVAIL)
        return src, dst

    def tunnel_ioctl(self, request: Record, td: Proc | None, check: Callable[[Proc], None]) -> Any:
        """The requests both know; `check` is for those that change something.  EINVAL for all others."""
        if isinstance(request, (SIOCGIFPSRCADDR, SIOCGIFPDSTADDR)):
            if not self.outer:
                raise KError(EADDRNOTAVAIL)
            end = self.src if isinstance(request, SIOCGIFPSRCADDR) else self.dst
            if td is not None and (error := prison_check_ip(td.ucred, self.outer, end)):
                raise KError(error)
            return embed_scope(end, self.scope)
        if isinstance(request, SIOCGTUNFIB):
            return self.tunnelfib
        if not isinstance(request, SIOCSTUNFIB):
            raise KError(EINVAL)
        if td is not None:
            check(td)
        if not 0 <= request.fib < self.vnet.numfibs:
            raise KError(EINVAL)
        self.tunnelfib = request.fib
        return None


@cloner("gif")
class Gif(Tunnel):
    """gif(4)."""

    type = IFT_GIF
    node: Any = None
    """Its ng_gif node, which may take what comes out of the tunnel: `input(m, family)` is True if it did."""

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Gif:
        """gif_clone_create."""
        ifp = cls(ifc.vnet.kernel, "gif", unit)
        ifp.tunnelfib = td.fibnum if td is not None else 0
        ifp.mtu = GIF_MTU
        ifp.flags = IFF_POINTOPOINT | IFF_MULTICAST
        ifp.capabilities = ifp.capenable = IFCAP_LINKSTATE
        if_attach(ifp, ifc.vnet)
        for event in gif_attach_event:
            event(ifp)
        return ifp

    def destroy(self) -> None:
        """gif_clone_destroy."""
        self.delete_tunnel()
        for event in gif_detach_event:
            event(self)
        if_detach(self)

    # data ------------------------------------------------------------------------------------------------------
    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """gif_output, gif_transmit."""
        error = ENETDOWN
        working = IFF_UP | IFF_DRV_RUNNING
        if self.flags & IFF_MONITOR or self.flags & working != working or not self.outer:
            self.oerrors += 1
            drop(self, m, "gif_output", "the tunnel is not up and running, or has no ends", link=family == AF_LINK)
            return error
        error = if_tunnel_check_nesting(self, m, "gif", self.vnet[GifModule].max_nesting)
        if error:
            self.oerrors += 1
            drop(self, m, "gif_output", "a tunnel in itself, or too many tunnels in each other", link=family == AF_LINK)
            return error
        if family not in _INNER:
            self.oerrors += 1
            return EAFNOSUPPORT
        m.flags &= ~(M_BCAST | M_MCAST)
        m.fib = self.tunnelfib
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        self.opackets += 1
        self.obytes += len(m)
        if family == AF_LINK:
            m.prepend(ETHERIP_HEADER)
        error = gif_output[self.outer](self, m, _INNER[family])
        if error:
            self.oerrors += 1
        return error

    def transmit(self, m: Mbuf) -> int:
        """A bridge sends a frame through the tunnel."""
        return self.output(m, AF_LINK, b"")

    def decapsulated(self, m: Mbuf, proto: int) -> None:
        """gif_input: a packet without its outer header."""
        m.rcvif = self
        m.flags = M_SPLIT
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, False)
        if self.flags & IFF_MONITOR:
            self.ipackets += 1
            self.ibytes += len(m)
            return
        if self.node is not None and self.node.input(m, _FAMILIES.get(proto, AF_LINK)):
            self.ierrors += 1
            return
        if proto == IPPROTO_ETHERIP:
            self._ether_input(m)
            return
        self.ipackets += 1
        self.ibytes += len(m)
        m.fib = self.fib
        handler = netisr_handlers.get(_ISR.get(proto, 0))
        if handler is not None:
            handler(self, m)

    def _ether_input(self, m: Mbuf) -> None:
        if len(m) < 16 or m.data[m.off] >> 4 != 3:
            self.ierrors += 1
            drop(self, m, "gif_input", "not the header of EtherIP")
            return
        m.adj(2)
        if self.bridge is None:
            drop(self, m, "gif_input", "an Ethernet frame, but the tunnel is no member of a bridge", link=True)
            return
        if m.data[m.off] & 1:
            m.flags |= M_BCAST if m.data[m.off : m.off + 6] == b"\xff" * 6 else M_MCAST
            self.imcasts += 1
        kept = self.bridge.bridge_input(self, m)
        if kept is not None and kept.rcvif is not self:
            from vshell.kernel.net.if_ethersubr import ether_demux

            ether_demux(kept.rcvif, kept)

    # tunnel ----------------------------------------------------------------------------------------------------
    def delete_tunnel(self) -> None:
        """gif_delete_tunnel."""
        if self.outer:
            self.vnet[GifModule].tunnels.remove(self)
        self.outer, self.src, self.dst = 0, b"", b""
        self.flags &= ~IFF_DRV_RUNNING
        if_link_state_change(self, LINK_STATE_DOWN)

    def set_tunnel(self, family: int, src: bytes, dst: bytes) -> None:
        """in_gif_ioctl(SIOCSIFPHYADDR)."""
        src, dst = self.ends(family, src, dst)
        module = self.vnet[GifModule]
        if (self.src, self.dst) != (src, dst):
            if any(gif is not self and (gif.src, gif.dst) == (src, dst) for gif in module.tunnels):
                raise KError(EADDRNOTAVAIL)
            if self.outer:
                module.tunnels.remove(self)
            self.outer, self.src, self.dst = family, src, dst
            module.tunnels.insert(0, self)
            self.set_running()
        if_link_state_change(self, LINK_STATE_UP)

    # requests --------------------------------------------------------------------------------------------------
    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """gif_ioctl."""
        if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI, SIOCSIFFLAGS)):
            return None
        if isinstance(request, SIOCSIFMTU):
            if not GIF_MTU_MIN <= request.mtu <= GIF_MTU_MAX:
                raise KError(EINVAL)
            self.mtu = request.mtu
        elif isinstance(request, SIOCSIFPHYADDR):
            if td is not None:
                net_priv_check(td)
            self.set_tunnel(request.family, request.src, request.dst)
        elif isinstance(request, SIOCDIFPHYADDR):
            if td is not None:
                net_priv_check(td)
            if self.outer:
                self.delete_tunnel()
        else:
            return self._ask(request, td)
        return None

    def _ask(self, request: Record, td: Proc | None) -> Any:
        if isinstance(request, GIFGOPTS):
            return self.options
        if isinstance(request, GIFSOPTS):
            if td is not None:
                net_priv_check(td)
            return self._setopts(request.options)
        return self.tunnel_ioctl(request, td, net_priv_check)

    def _setopts(self, options: int) -> None:
        if options & ~(GIF_NOCLAMP | GIF_IGNORE_SOURCE):
            raise KError(EINVAL)
        # Once there are outer addresses only a change of IGNORE_SOURCE is taken, and all else with it.
        if not self.outer or (options ^ self.options) & GIF_IGNORE_SOURCE:
            self.options = options


def _srcaddr(ifp: Ifnet, ifa: Ifaddr, added: bool) -> None:
    """in_gif_srcaddr: an address came or went."""
    module = ifp.vnet.get(GifModule)
    if module is not None:
        for gif in module.tunnels:
            if gif.src == ifa.addr:
                gif.set_running()


ifaddr_event.append(_srcaddr)
