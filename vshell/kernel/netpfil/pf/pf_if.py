"""Interfaces and groups as rules name them, and their addresses (netpfil/pf/pf_if.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.pf import PfAddr, PfiKif
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import IFF_BROADCAST, IFF_LOOPBACK, IFF_POINTOPOINT
from vshell.kernel.net.if_groups import Ifgroup
from vshell.kernel.net.ifnet import VnetIf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.kernel.net.ifnet import Ifaddr, Ifnet
    from vshell.kernel.net.vnet import Vnet

V4_BITS = 32


class Kif:
    """struct pfi_kkif: counters are [family][direction][pass, block]."""

    __slots__ = ("bytes", "flags", "name", "packets", "rulerefs", "tzero")

    def __init__(self, name: str, tzero: int) -> None:
        self.name = name
        self.flags = 0
        self.rulerefs = 0
        self.tzero = tzero
        self.zero()

    def zero(self) -> None:
        """Begin to count anew."""
        self.packets = [[[0, 0], [0, 0]], [[0, 0], [0, 0]]]
        self.bytes = [[[0, 0], [0, 0]], [[0, 0], [0, 0]]]


class Kifs:
    """All that rules can name in a stack; they come into being when first asked for."""

    def __init__(self, vnet: Vnet) -> None:
        self.vnet = vnet
        self.found: dict[str, Kif] = {}
        self.born = vnet.kernel.clock.realtime() // 1_000_000_000

    def get(self, name: str) -> Kif:
        """pfi_kkif_attach."""
        kif = self.found.get(name)
        if kif is None:
            kif = self.found[name] = Kif(name, self.born)
        return kif

    @property
    def groups(self) -> dict[str, Ifgroup]:
        """The interface groups of the stack."""
        found: dict[str, Ifgroup] = self.vnet[VnetIf].groups
        return found

    def members(self, name: str) -> list[Ifnet]:
        """The interface of a name, or those of a group."""
        for ifp in self.vnet.ifnets:
            if ifp.xname == name:
                return [ifp]
        group = self.groups.get(name)
        return list(group.members) if group is not None else []

    def export(self, wanted: str) -> list[PfiKif]:
        """pfi_get_ifaces."""
        names = {"all", *self.groups, *(ifp.xname for ifp in self.vnet.ifnets)}
        names |= {kif.name for kif in self.found.values() if kif.rulerefs or kif.flags}
        rows = []
        for name in sorted(names):
            if not skip_if(wanted, name):
                kif = self.get(name)
                group = name in self.groups
                packets = tuple(((x[0][0], x[0][1]), (x[1][0], x[1][1])) for x in kif.packets)
                octets = tuple(((x[0][0], x[0][1]), (x[1][0], x[1][1])) for x in kif.bytes)
                rows.append(PfiKif(name, kif.flags, group, kif.tzero, kif.rulerefs, packets, octets))
        return rows

    def set_flags(self, wanted: str, flags: int, on: bool) -> None:
        """pfi_set_flags, pfi_clear_flags."""
        if on and wanted:
            self.get(wanted)
        for ifp in self.vnet.ifnets:
            self.get(ifp.xname)
        for kif in self.found.values():
            if not skip_if(wanted, kif.name):
                kif.flags = kif.flags | flags if on else kif.flags & ~flags

    # addresses -------------------------------------------------------------------------------------------------
    def dynaddrs(self, addr: PfAddr, af: int) -> list[tuple[int, int]]:
        """pfi_instance_add: address and mask, as numbers, of what (interface) stands for in a family."""
        flags = addr.iflags
        bits = V4_BITS if af == AF_INET else 128
        full = (1 << bits) - 1
        rule_mask = int.from_bytes(addr.mask[: bits // 8], "big")
        found = []
        for ifp in self.members(addr.name):
            for ifa in _suitable(ifp, flags, af):
                mask = full ^ ((1 << (bits - ifa.prefixlen)) - 1) if flags & P.PFI_AFLAG_NETWORK else full
                octets = ifa.addr
                if flags & P.PFI_AFLAG_BROADCAST:
                    octets = ifa.broadaddr or b""
                elif flags & P.PFI_AFLAG_PEER:
                    octets = ifa.dstaddr or b""
                mask &= rule_mask
                found.append((int.from_bytes(octets, "big") & mask, mask))
        return found


def _suitable(ifp: Ifnet, flags: int, af: int) -> Iterator[Ifaddr]:
    """The addresses of an interface that the modifiers leave."""
    if flags & P.PFI_AFLAG_BROADCAST and (af == AF_INET6 or not ifp.flags & IFF_BROADCAST):
        return
    if flags & P.PFI_AFLAG_PEER and not ifp.flags & IFF_POINTOPOINT:
        return
    got = False
    for ifa in ifp.addrs:
        if ifa.family != af or (got and flags & P.PFI_AFLAG_NOALIAS):
            continue
        linklocal = af == AF_INET6 and ifa.addr[0] == 0xFE and ifa.addr[1] & 0xC0 == 0x80
        if linklocal and flags & (P.PFI_AFLAG_NETWORK | P.PFI_AFLAG_NOALIAS):
            continue
        got = True
        yield ifa


def skip_if(wanted: str, name: str) -> bool:
    """pfi_skip_if: a name without digits at its end stands for all units."""
    if not wanted or wanted == name:
        return False
    if wanted[-1].isdigit() or not name.startswith(wanted):
        return True
    return not name[len(wanted) : len(wanted) + 1].isdigit()


def kif_match(ifname: str, ifp: Ifnet) -> bool:
    """pfi_kkif_match: is a packet's interface the one, or in the group, that a rule names?"""
    if ifname == ifp.xname or ifname in ifp.groups:
        return True
    return ifname == "any" and not ifp.flags & IFF_LOOPBACK
