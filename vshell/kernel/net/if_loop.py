"""The loopback interface lo(4), and looping of packets for others (net/if_loop.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EAFNOSUPPORT, EHOSTUNREACH, EINVAL, EOPNOTSUPP, KError
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import (
    IFCAP_HWCSUM,
    IFCAP_HWCSUM_IPV6,
    IFCAP_LINKSTATE,
    IFCAP_RXCSUM,
    IFCAP_RXCSUM_IPV6,
    IFCAP_TXCSUM,
    IFCAP_TXCSUM_IPV6,
    IFF_DRV_RUNNING,
    IFF_LOOPBACK,
    IFF_MULTICAST,
    IFF_UP,
    IFT_LOOP,
    LINK_STATE_DOWN,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCSIFCAP,
    SIOCSIFFLAGS,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.ifnet import Ifaddr, Ifnet, if_attach, if_detach, if_link_state_change
from vshell.kernel.net.mbuf import M_LOOP, M_MCAST
from vshell.kernel.net.netisr import netisr_handlers
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.mbuf import Mbuf

LOMTU = 16384
NHF_REJECT, NHF_BLACKHOLE = 0x0010, 0x0020
_ETHERTYPES = {AF_INET: ETHERTYPE_IP, AF_INET6: ETHERTYPE_IPV6}


@cloner("lo", minifs=1)
class Loop(Ifnet):
    """lo(4)."""

    type = IFT_LOOP

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Loop:
        """lo_clone_create.  The first one is the stack's own loopback."""
        ifp = cls(ifc.vnet.kernel, "lo", unit)
        ifp.mtu = LOMTU
        ifp.flags = IFF_LOOPBACK | IFF_MULTICAST
        ifp.capabilities = ifp.capenable = IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6 | IFCAP_LINKSTATE
        if_attach(ifp, ifc.vnet)
        if ifc.vnet.loif is None:
            ifc.vnet.loif = ifp
        return ifp

    def destroy(self) -> None:
        """lo_clone_destroy."""
        home = self.home_vnet
        if home is not None and home.loif is self:
            home.loif = None
        if_detach(self)

    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """looutput."""
        if ro is not None:
            flags = getattr(ro, "flags", 0)
            if flags & (NHF_REJECT | NHF_BLACKHOLE):
                return 0 if flags & NHF_BLACKHOLE else EHOSTUNREACH
        if family not in _ETHERTYPES:
            return EAFNOSUPPORT
        self.opackets += 1
        self.obytes += len(m)
        return if_simloop(self, m, family, 0)

    def setaddr(self, ifa: Ifaddr) -> None:
        """loioctl(SIOCSIFADDR)."""
        self.flags |= IFF_UP | IFF_DRV_RUNNING
        if_link_state_change(self, LINK_STATE_UP)

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """loioctl."""
        if isinstance(request, SIOCSIFMTU):
            self.mtu = request.mtu
        elif isinstance(request, SIOCSIFFLAGS):
            if_link_state_change(self, LINK_STATE_UP if self.flags & IFF_UP else LINK_STATE_DOWN)
        elif isinstance(request, SIOCSIFCAP):
            self._setcap(request.reqcap)
        elif isinstance(request, (SIOCADDMULTI, SIOCDELMULTI)):
            raise KError(EAFNOSUPPORT)
        else:
            raise KError(EINVAL)

    def _setcap(self, wanted: int) -> None:
        mask = self.capenable ^ wanted
        self.capenable ^= mask & (IFCAP_RXCSUM | IFCAP_TXCSUM)
        if mask & (IFCAP_RXCSUM_IPV6 | IFCAP_TXCSUM_IPV6):
            raise KError(EOPNOTSUPP)


def if_simloop(ifp: Ifnet, m: Mbuf, family: int, hlen: int) -> int:
    """Let an interface receive what it sends; `hlen` bytes of link header are at the front."""
    m.rcvif = ifp
    m.tags = None
    if hlen > 0:
        if ifp.bpf:
            for tap in ifp.bpf:
                tap(ifp, m, False)
        m.off += hlen
    else:
        lo = ifp.vnet.loif
        if lo is not None and lo.bpf and (lo is ifp or not m.flags & M_MCAST):
            for tap in lo.bpf:
                tap(lo, m, False)
    handler = netisr_handlers.get(_ETHERTYPES.get(family, 0))
    if handler is None:
        return EAFNOSUPPORT
    if family == AF_INET6:
        m.flags |= M_LOOP
    ifp.ipackets += 1
    ifp.ibytes += len(m.data) - m.off
    ifp.kernel.netisrq.append((handler, ifp, m))
    return 0
