"""bridge(4): frames that are forwarded, seen by the packet filters (bridge_pfil)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EACCES
from vshell.kernel.net.pfil import PFIL_DROPPED, PFIL_IN, PFIL_OUT, PFIL_PASS, Pfil
from vshell.wire.ether import ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_REVARP

if TYPE_CHECKING:
    from vshell.kernel.net.bridge_path import BridgePath
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

CONSUMED = -1


def bridge_pfil(bridge: BridgePath, m: Mbuf, bifp: Ifnet | None, ifp: Ifnet | None, direction: int) -> int:
    """Ask the filters on the bridge's interface and on a member's, where they are wanted; 0 lets the frame pass."""
    from vshell.kernel.net.bridge_path import BridgeModule

    module = bridge.vnet[BridgeModule]
    pfil = bridge.vnet[Pfil]
    if not (module.pfil_bridge or module.pfil_member or module.pfil_ipfw):
        return 0
    etype = m.data[m.off + 12] << 8 | m.data[m.off + 13]
    if etype in (ETHERTYPE_ARP, ETHERTYPE_REVARP):
        if not module.ipfw_arp:
            return 0
    elif etype not in (ETHERTYPE_IP, ETHERTYPE_IPV6) and module.pfil_onlyip:
        return EACCES
    if pfil.link.output and module.pfil_ipfw and direction == PFIL_OUT and ifp is not None:
        verdict = pfil.link.run_out(m, ifp)
        if verdict:
            return EACCES if verdict == PFIL_DROPPED else CONSUMED
    if etype not in (ETHERTYPE_IP, ETHERTYPE_IPV6):
        return 0
    header = bytes(m.data[m.off : m.off + 14])
    m.off += 14
    if direction == PFIL_IN and not _sane(m, etype):
        return EACCES
    head = pfil.inet if etype == ETHERTYPE_IP else pfil.inet6
    verdict = PFIL_PASS
    if module.pfil_bridge and direction == PFIL_OUT and bifp is not None:
        verdict = head.run_out(m, bifp)
    if verdict == PFIL_PASS and module.pfil_member and ifp is not None:
        verdict = head.run_out(m, ifp) if direction == PFIL_OUT else head.run_in(m, ifp)
    if verdict == PFIL_PASS and module.pfil_bridge and direction == PFIL_IN and bifp is not None:
        verdict = head.run_in(m, bifp)
    if verdict != PFIL_PASS:
        return EACCES if verdict == PFIL_DROPPED else CONSUMED
    m.prepend(header)
    return 0


def _sane(m: Mbuf, etype: int) -> bool:
    """bridge_ip_checkbasic, bridge_ip6_checkbasic."""
    data, off = m.data, m.off
    if etype == ETHERTYPE_IPV6:
        return len(m) >= 40 and data[off] >> 4 == 6
    if len(m) < 20 or data[off] >> 4 != 4:
        return False
    hlen, total = (data[off] & 0xF) << 2, data[off + 2] << 8 | data[off + 3]
    return 20 <= hlen <= total <= len(m)
