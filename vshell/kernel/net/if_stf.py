"""stf(4): IPv6 through IPv4 without configured ends, 6to4 (RFC 3056) and 6rd (RFC 5969) (net/if_stf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EAFNOSUPPORT, EINVAL, ENETDOWN, ENETUNREACH, KError
from vshell.abi.if_stf import STF6RD_GV4NET, STF6RD_SBR, STF6RD_SV4NET
from vshell.abi.socket import AF_INET6, IPPROTO_IPV6
from vshell.abi.sockio import (
    IFF_DRV_RUNNING,
    IFF_UP,
    IFT_STF,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCGDRVSPEC,
    SIOCSDRVSPEC,
    SIOCSIFFLAGS,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_clone import IfCloner, cloner, ifc_name2unit
from vshell.kernel.net.ifioctl import net_priv_check
from vshell.kernel.net.ifnet import Ifaddr, Ifnet, if_attach, if_detach
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.netinet.in_var import in_localip
from vshell.kernel.netinet.ip_encap import encap4, ip_encap_attach
from vshell.kernel.netinet.ip_output import ip_output
from vshell.wire.ether import ETHERTYPE_IPV6
from vshell.wire.ip import HEADER

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(modules=("if_stf",), size=0x5000)

STF_TTL, IPV6_MMTU = 40, 1280
NAMES = ("stf0", "stf", "6to4")


def _match(ifc: IfCloner, name: str) -> bool:
    return name in NAMES


@cloner("stf", autounit=False, maxunit=0, match=_match)
class Stf(Ifnet):
    """stf(4)."""

    type = IFT_STF
    source = relay = bytes(4)
    v4plen = 0

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Stf:
        """stf_clone_create: there is only unit 0, whatever it is called."""
        wildcard = ifc_name2unit(name) < 0
        unit = ifc.alloc_unit(0)
        ifp = cls(ifc.vnet.kernel, "stf", unit)
        ifp.xname = "stf0" if wildcard else name
        ifp.mtu = IPV6_MMTU
        if_attach(ifp, ifc.vnet)
        return ifp

    def destroy(self) -> None:
        """stf_clone_destroy."""
        if_detach(self)
        if self.cloner is not None:
            self.cloner.free_unit(self.dunit)

    def setaddr(self, ifa: Ifaddr) -> None:
        """stf_ioctl(SIOCSIFADDR)."""
        if ifa.family != AF_INET6:
            raise KError(EAFNOSUPPORT)
        self.flags |= IFF_UP | IFF_DRV_RUNNING

    def _embedded(self, addr: bytes, ifa: Ifaddr) -> bytes | None:
        """The IPv4 address in an IPv6 address, if that is of our prefix (stf_getin4addr_sin6)."""
        plen, bits = ifa.prefixlen, 32 - self.v4plen
        number, own = int.from_bytes(addr, "big"), int.from_bytes(ifa.addr, "big")
        if (number ^ own) >> (128 - plen) or plen + bits > 128:
            return None
        low = number >> (128 - plen - bits) & ((1 << bits) - 1)
        high = int.from_bytes(self.source, "big") >> bits << bits
        return (high | low).to_bytes(4, "big")

    def _ifa(self) -> tuple[Ifaddr, bytes] | None:
        """stf_getsrcifa6: an address of ours whose IPv4 address this machine has."""
        for ifa in self.addrs:
            if ifa.family == AF_INET6 and not (ifa.addr[0] == 0xFE and ifa.addr[1] & 0xC0 == 0x80):
                v4 = self._embedded(ifa.addr, ifa)
                if v4 is not None and in_localip(self.vnet, v4):
                    return ifa, v4
        return None

    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """stf_output."""
        if not self.flags & IFF_UP:
            return ENETDOWN
        found = self._ifa()
        if found is None or family != AF_INET6:
            self.oerrors += 1
            return ENETDOWN
        ifa, src = found
        dst = bytes(m.data[m.off + 24 : m.off + 40])
        v4 = self._embedded(dst, ifa) or self._embedded(gateway, ifa)
        if v4 is None and any(self.relay):
            v4 = self.relay
        if v4 is None:
            self.oerrors += 1
            drop(self, m, "stf_output", "the destination has no IPv4 address in it")
            return ENETUNREACH
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        tos = (m.data[m.off] << 4 | m.data[m.off + 1] >> 4) & 0xFF
        m.flags = 0
        m.fib = self.fib
        m.prepend(HEADER.pack(0x45, tos, len(m) + 20, 0, 0, STF_TTL, IPPROTO_IPV6, 0, src, v4))
        self.opackets += 1
        return ip_output(self.vnet, m)

    def decapsulated(self, m: Mbuf) -> None:
        """in_stf_input, without the outer header."""
        m.flags, m.rcvif, m.fib = 0, self, self.fib
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, False)
        self.ipackets += 1
        self.ibytes += len(m)
        netisr_handlers[ETHERTYPE_IPV6](self, m)

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """stf_ioctl."""
        if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI, SIOCSIFFLAGS)):
            return None
        if isinstance(request, SIOCSIFMTU):
            self.mtu = request.mtu
            return None
        if isinstance(request, SIOCGDRVSPEC) and isinstance(request.arg, STF6RD_GV4NET):
            return self.source, self.v4plen, self.relay
        if isinstance(request, SIOCSDRVSPEC):
            if td is not None:
                net_priv_check(td)
            if isinstance(request.arg, STF6RD_SV4NET):
                if not 1 <= request.arg.prefixlen <= 32:
                    raise KError(EINVAL)
                self.source, self.v4plen = request.arg.source, request.arg.prefixlen
                return None
            if isinstance(request.arg, STF6RD_SBR):
                self.relay = request.arg.relay
                return None
        raise KError(EINVAL)


def in_stf_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> bool:
    """A packet with IPv6 in IPv4 came in (stf_encapcheck)."""
    data, off = m.data, m.off
    src, dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
    for stf in ifp.vnet.ifnets:
        if not isinstance(stf, Stf) or not stf.flags & IFF_UP:
            continue
        found = stf._ifa()
        if found is None or found[1] != dst or len(m) < hlen + 40:
            continue
        inner = off + hlen
        claimed = stf._embedded(bytes(data[inner + 8 : inner + 24]), found[0])
        if src != (claimed if claimed is not None else stf.relay):
            continue
        m.adj(hlen)
        stf.decapsulated(m)
        return True
    return False


if in_stf_input not in encap4.get(IPPROTO_IPV6, ()):
    ip_encap_attach(IPPROTO_IPV6, in_stf_input)
