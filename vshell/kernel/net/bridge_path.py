"""bridge(4), the way of a frame: learning, forwarding, flooding, VLAN filtering (net/if_bridge.c).

`ifp.bridge` of a member is the bridge's own interface; frames come here by `bridge_input` and `bridge_output`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOSPC
from vshell.abi.if_bridge import (
    DOT1Q_VID_MAX,
    IFBAF_DYNAMIC,
    IFBAF_STICKY,
    IFBAF_TYPEMASK,
    IFBIF_DISCOVER,
    IFBIF_LEARNING,
    IFBIF_PRIVATE,
    IFBIF_QINQ,
    IFBIF_STICKY,
    IFBIF_STP,
    IFBRF_VLANFILTER,
)  # fmt: skip
from vshell.abi.sockio import IFCAP_VLAN_HWTAGGING, IFF_DRV_RUNNING, IFF_MONITOR, IFT_GIF
from vshell.kernel.kern.module import Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.bridge_pfil import bridge_pfil
from vshell.kernel.net.bridgestp import BSTP_ETHERADDR, DISCARDING, LEARNING, Port
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_ethersubr import EtherIfnet, ether_input, ether_vlanencap
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST, M_VLANTAG
from vshell.kernel.net.pfil import PFIL_IN, PFIL_OUT
from vshell.wire.ether import ETHERTYPE_QINQ, ETHERTYPE_VLAN

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

RTABLE_MAX, RTABLE_TIMEOUT, RTABLE_PRUNE_PERIOD = 2000, 20 * 60, 5 * 60
SECOND = 1_000_000_000
GROUP = M_BCAST | M_MCAST
LOG_NOTICE = 5


class BridgeModule(VnetModule):
    """The bridges of a stack, and what all of them do."""

    pfil_ipfw = 0

    @sysctl_proc("net.link.bridge.ipfw", "Layer2 filter with IPFW")
    def ipfw(self, td: Any, new: Any) -> int:
        """sysctl_pfil_ipfw: filtering at link level takes the place of that at network level."""
        if new is not None and new & 1 != self.pfil_ipfw:
            self.pfil_ipfw = new & 1
            if self.pfil_ipfw:
                self.pfil_onlyip = self.pfil_bridge = self.pfil_member = 0
        return self.pfil_ipfw

    member_addresses = Sysctl(
        "net.link.bridge.member_ifaddrs", 1, "Allow layer 3 addresses on bridge members (deprecated)", fmt="uint8_t"
    )
    log_mac_flap = Sysctl("net.link.bridge.log_mac_flap", 1, "Log MAC address port flapping", fmt="uint8_t")
    allow_llz_overlap = Sysctl(
        "net.link.bridge.allow_llz_overlap", 0,
        "Allow overlap of link-local scope zones of a bridge interface and the member interfaces",
    )  # fmt: skip
    inherit_mac = Sysctl("net.link.bridge.inherit_mac", 0, "Inherit MAC address from the first bridge member", flags="wt")
    log_stp = Sysctl("net.link.bridge.log_stp", 0, "Log STP state changes", flags="wt")
    pfil_local_phys = Sysctl(
        "net.link.bridge.pfil_local_phys", 0, "Packet filter on the physical interface for locally destined packets", flags="wt"
    )
    pfil_member = Sysctl("net.link.bridge.pfil_member", 0, "Packet filter on the member interface", flags="wt")
    ipfw_arp = Sysctl("net.link.bridge.ipfw_arp", 0, "Filter ARP packets through IPFW layer2", flags="wt")
    pfil_bridge = Sysctl("net.link.bridge.pfil_bridge", 0, "Packet filter on the bridge interface", flags="wt")
    pfil_onlyip = Sysctl("net.link.bridge.pfil_onlyip", 1, "Only pass IP packets when pfil is enabled", flags="wt")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.bridges: list[BridgePath] = []
        """The youngest first."""
        self.flaps = (0, 0)
        """Second, and messages about addresses that moved in it."""


class BridgePort:
    """A member or, with `stp` None, a span port (struct bridge_iflist)."""

    __slots__ = ("addrcnt", "addrexceeded", "addrmax", "flags", "ifp", "pvid", "savedcaps", "stp", "vlanproto", "vlans")

    def __init__(self, ifp: Ifnet, flags: int, stp: Port | None) -> None:
        self.ifp = ifp
        self.flags = flags
        self.stp = stp
        self.savedcaps = ifp.capenable
        self.addrmax = self.addrcnt = self.addrexceeded = 0
        self.pvid = 0
        """VLAN of untagged frames, 0 for none."""
        self.vlans = 0
        """VLANs that may be tagged, as bits."""
        self.vlanproto = 0

    def discarding(self) -> bool:
        """True if the spanning tree has closed it."""
        return bool(self.flags & IFBIF_STP) and self.stp is not None and self.stp.state == DISCARDING


class RtNode:
    """An address in the forwarding table (struct bridge_rtnode)."""

    __slots__ = ("addr", "expire", "flags", "port", "vlan")

    def __init__(self, addr: bytes, vlan: int, port: BridgePort) -> None:
        self.addr = addr
        self.vlan = vlan
        self.port = port
        self.expire = 0
        self.flags = IFBAF_STICKY if port.flags & IFBIF_STICKY else IFBAF_DYNAMIC


class BridgePath(EtherIfnet):
    """The part of a bridge that frames meet."""

    def __init__(self, kernel: Kernel, unit: int) -> None:
        super().__init__(kernel, "bridge", unit)
        self.clock = kernel.clock
        self.ports: list[BridgePort] = []
        """Members, the youngest first."""
        self.member: dict[Ifnet, BridgePort] = {}
        self.spans: list[BridgePort] = []
        self.table: dict[tuple[bytes, int], RtNode] = {}
        """The forwarding table, the oldest first."""
        self.tablemax = RTABLE_MAX
        self.timeout = RTABLE_TIMEOUT
        self.bflags = 0
        """IFBRF_*."""
        self.defpvid = 0

    # from this machine -----------------------------------------------------------------------------------------
    def transmit(self, m: Mbuf) -> int:
        """bridge_transmit: sent by the bridge's own interface."""
        if self.bpf:
            self._tap(m, True)
        if not m.flags & GROUP:
            node = self.table.get((bytes(m.data[m.off : m.off + 6]), m.vtag & 0xFFF if m.flags & M_VLANTAG else 0))
            if node is not None:
                return self.enqueue(m, node.port)
        self.broadcast(self, m, False)
        return 0

    def bridge_output(self, ifp: Ifnet, m: Mbuf) -> int:
        """Sent by a member's interface."""
        if not self.flags & IFF_DRV_RUNNING:
            return self._output_unicast(m, self.member.get(ifp))
        dst = bytes(m.data[m.off : m.off + 6])
        node = None if dst[0] & 1 else self.table.get((dst, m.vtag & 0xFFF if m.flags & M_VLANTAG else 0))
        if node is not None:
            if node.port.ifp is not ifp and self.bpf:
                self._tap(m, True)
            return self._output_unicast(m, node.port)
        if self.bpf:
            self._tap(m, True)
        if self.spans:
            self.span(m)
        for port in self.ports:
            out = port.ifp
            if out.type == IFT_GIF or not out.flags & IFF_DRV_RUNNING or (out is not ifp and port.discarding()):
                continue
            self.enqueue(m.copy(), port)
        return 0

    def _output_unicast(self, m: Mbuf, port: BridgePort | None) -> int:
        if self.spans:
            self.span(m)
        if port is not None and port.ifp.flags & IFF_DRV_RUNNING:
            self.enqueue(m, port)
        return 0

    # from outside ----------------------------------------------------------------------------------------------
    def bridge_input(self, ifp: Ifnet, m: Mbuf) -> Mbuf | None:
        """A member received a frame: take it, or give it back for this machine (as `m.rcvif` received it)."""
        m.rcvif = ifp
        if m.flags & M_VLANTAG and m.vtag & 0xFFF and ifp.vlantrunk is not None:
            return m
        if not self.flags & IFF_DRV_RUNNING:
            return m
        if self.flags & IFF_MONITOR:
            if self.bpf:
                self._tap(m, False)
            self.ipackets += 1
            self.ibytes += len(m)
            return None
        port = self.member[ifp]
        if (self.bflags & IFBRF_VLANFILTER or port.pvid or m.flags & M_VLANTAG) and not self._vfilter_in(port, m):
            self.ierrors += 1
            drop(self, m, "bridge_input", f"VLAN is not allowed on member {ifp.xname}", True)
            return None
        if self.spans:
            self.span(m)
        if m.flags & GROUP:
            return self._input_group(port, m)
        if port.flags & IFBIF_STP and port.discarding():
            return m
        data, off = m.data, m.off
        dst, src = bytes(data[off : off + 6]), bytes(data[off + 6 : off + 12])
        ours = self._ours(ifp, dst, src)
        if ours is None:
            self.forward(port, m, dst, src)
            return None
        if ours is _DROP:
            drop(self, m, "bridge_input", "our own frame came back", True)
            return None
        return self._deliver(port, m, src, ours)

    def _ours(self, ifp: Ifnet, dst: bytes, src: bytes) -> Any:
        """The interface here a frame is for, _DROP for one we sent ourselves, or None (GRAB_OUR_PACKETS)."""
        candidates: list[Ifnet] = [self]
        if self.vnet[BridgeModule].member_addresses:
            candidates.append(ifp)
            candidates.extend(port.ifp for port in self.ports)
        for iface in candidates:
            if iface.type == IFT_GIF:
                continue
            carp = iface.carp
            if dst == iface.lladdr or (carp is not None and carp.forus(iface, dst)):
                return iface
            if src == iface.lladdr or (carp is not None and carp.forus(iface, src)):
                return _DROP
        return None

    def _deliver(self, port: BridgePort, m: Mbuf, src: bytes, ours: Ifnet) -> Mbuf | None:
        """The frame is for an interface of this machine."""
        vlan = m.vtag & 0xFFF if m.flags & M_VLANTAG else 0
        if port.flags & IFBIF_LEARNING and self.rtupdate(src, vlan, port) is not None and port.addrmax:
            return None
        ifp, m.rcvif = m.rcvif, ours
        if ours is ifp:
            return m
        if self.bpf:
            self._tap(m, False)
        self.ipackets += 1
        self.ibytes += len(m)
        if self.vnet[BridgeModule].pfil_local_phys and bridge_pfil(self, m, None, ifp, PFIL_IN):
            return None
        if ours is not self and ours.bpf:
            for tap in ours.bpf:
                tap(ours, m, False)
        if vlan:
            if self.vlantrunk is not None:
                self.vlantrunk.input(self, m)
            return None
        return m

    def _input_group(self, port: BridgePort, m: Mbuf) -> Mbuf | None:
        """A frame to a group: everybody gets it, this machine both as member and as bridge."""
        data, off = m.data, m.off
        dst = bytes(data[off : off + 6])
        if dst == BSTP_ETHERADDR:
            if port.stp is not None:
                port.stp.input(m)
            return None
        if port.discarding():
            return m
        self.forward(port, m.copy(), dst, bytes(data[off + 6 : off + 12]))
        again = m.copy()
        again.rcvif = self
        ether_input(self, again)
        return m

    # forwarding ------------------------------------------------------------------------------------------------
    def forward(self, port: BridgePort, m: Mbuf, dst: bytes, src: bytes) -> None:
        """bridge_forward: from one member to others."""
        self.ipackets += 1
        self.ibytes += len(m.data) - m.off
        flags = port.flags
        vlan = m.vtag & 0xFFF if m.flags & M_VLANTAG else 0
        if flags & IFBIF_LEARNING and self.rtupdate(src, vlan, port) is not None and port.addrmax:
            return
        if flags & IFBIF_STP and port.stp is not None and port.stp.state == LEARNING:
            drop(self, m, "bridge_forward", f"member {port.ifp.xname} is still learning", True)
            return
        node: RtNode | None = None
        if not m.flags & GROUP:
            node = self.table.get((dst, vlan))
            if node is not None and node.port is port:
                return
        else:
            if dst[:5] == BSTP_ETHERADDR[:5] and dst[5] <= 0x0F:
                return
            self.imcasts += 1
        if self.bpf and not m.flags & GROUP:
            self._tap(m, False)
        module = self.vnet[BridgeModule]
        filtered = module.pfil_bridge or module.pfil_member or module.pfil_ipfw
        if filtered and bridge_pfil(self, m, self, port.ifp, PFIL_IN):
            return
        if node is None:
            self.broadcast(port.ifp, m, bool(filtered))
            return
        out = node.port
        if not out.ifp.flags & IFF_DRV_RUNNING or flags & out.flags & IFBIF_PRIVATE or out.discarding():
            why = "is down" if not out.ifp.flags & IFF_DRV_RUNNING else "is private" if not out.discarding() else "is blocked"
            drop(self, m, "bridge_forward", f"member {out.ifp.xname} {why}", True)
            return
        if filtered and bridge_pfil(self, m, self, out.ifp, PFIL_OUT):
            return
        self.enqueue(m, out)

    def broadcast(self, source: Ifnet, m: Mbuf, filtered: bool) -> None:
        """bridge_broadcast: to all members but the one it came from."""
        if filtered and bridge_pfil(self, m, self, None, PFIL_OUT):
            return
        sender = self.member.get(source)
        private = sender.flags & IFBIF_PRIVATE if sender is not None else 0
        group = m.flags & GROUP
        for port in self.ports:
            out = port.ifp
            if (
                out is source
                or private & port.flags
                or (port.flags & IFBIF_STP and port.discarding())
                or not (port.flags & IFBIF_DISCOVER or group)
                or not out.flags & IFF_DRV_RUNNING
            ):
                continue
            copy = m.copy()
            if not (filtered and bridge_pfil(self, copy, None, out, PFIL_OUT)):
                self.enqueue(copy, port)

    def span(self, m: Mbuf) -> None:
        """bridge_span: a copy for each listener."""
        for port in self.spans:
            if port.ifp.flags & IFF_DRV_RUNNING:
                self.enqueue(m.copy(), port)

    def enqueue(self, m: Mbuf, port: BridgePort) -> int:
        """bridge_enqueue: send a frame by a member."""
        out = port.ifp
        if self.bflags & IFBRF_VLANFILTER and not self._vfilter_out(port, m):
            return 0
        size = len(m.data) - m.off
        flags = m.flags
        if flags & M_VLANTAG:
            if port.pvid and m.vtag & 0xFFF == port.pvid:
                m.flags &= ~M_VLANTAG
                m.vtag = 0
            elif not out.capenable & IFCAP_VLAN_HWTAGGING or port.vlanproto != ETHERTYPE_VLAN:
                ether_vlanencap(m, port.vlanproto)
        error = out.transmit(m)
        if error:
            self.oerrors += 1
            return error
        self.opackets += 1
        self.obytes += size
        if flags & M_MCAST:
            self.omcasts += 1
        return 0

    def _tap(self, m: Mbuf, outgoing: bool) -> None:
        for tap in self.bpf or ():
            tap(self, m, outgoing)

    # VLANs -----------------------------------------------------------------------------------------------------
    def _vfilter_in(self, port: BridgePort, m: Mbuf) -> bool:
        """bridge_vfilter_in: may it come in, and as which VLAN?"""
        vlan = m.vtag & 0xFFF if m.flags & M_VLANTAG else 0
        if vlan > DOT1Q_VID_MAX:
            return False
        if self.bflags & IFBRF_VLANFILTER:
            if not port.flags & IFBIF_QINQ:
                proto = m.data[m.off + 12] << 8 | m.data[m.off + 13]
                if proto in (ETHERTYPE_VLAN, ETHERTYPE_QINQ):
                    return False
            if vlan:
                return bool(port.vlans >> vlan & 1)
            if not port.pvid:
                return False
        if not vlan and port.pvid:
            m.vtag = port.pvid
            m.flags |= M_VLANTAG
        return True

    def _vfilter_out(self, port: BridgePort, m: Mbuf) -> bool:
        """bridge_vfilter_out: may it leave there?"""
        if port.stp is None:
            return True
        vlan = m.vtag & 0xFFF if m.flags & M_VLANTAG else 0
        if not vlan:
            return bytes(m.data[m.off : m.off + 6]) == BSTP_ETHERADDR
        return vlan == port.pvid or bool(port.vlans >> vlan & 1)

    # the forwarding table --------------------------------------------------------------------------------------
    def rtupdate(self, addr: bytes, vlan: int, port: BridgePort, flags: int | None = None) -> tuple[int, str] | None:
        """bridge_rtupdate: an address is behind a member; without `flags` it was learnt.  None, or errno and why not."""
        node = self.table.get((addr, vlan))
        if node is None:
            error = self._rtcreate(addr, vlan, port)
            if error is not None:
                return error
            node = self.table[addr, vlan]
        elif node.port is not port and node.flags & IFBAF_TYPEMASK == IFBAF_DYNAMIC:
            old, node.port = node.port, port
            old.addrcnt -= 1
            port.addrcnt += 1
            self._log_flap(node, old)
        if not flags:
            node.expire = self.clock.now // SECOND + self.timeout
        if flags is not None:
            node.flags = flags
        return None

    def _rtcreate(self, addr: bytes, vlan: int, port: BridgePort) -> tuple[int, str] | None:
        if addr[0] & 1:
            return EINVAL, "Multicast address not permitted"
        if not any(addr):
            return EINVAL, "Zero address not permitted"
        if len(self.table) >= self.tablemax:
            return ENOSPC, "Address table is full"
        if port.addrmax and port.addrcnt >= port.addrmax:
            port.addrexceeded += 1
            return ENOSPC, "Interface address limit exceeded"
        self.table[addr, vlan] = RtNode(addr, vlan, port)
        port.addrcnt += 1
        return None

    def _log_flap(self, node: RtNode, old: BridgePort) -> None:
        module = self.vnet[BridgeModule]
        if not module.log_mac_flap:
            return
        second, count = self.clock.now // SECOND, 0
        if module.flaps[0] == second:
            count = module.flaps[1]
        module.flaps = (second, count + 1)
        if count < 5:
            addr = ":".join(f"{octet:02x}" for octet in node.addr)
            self.kernel.log(
                LOG_NOTICE,
                f"{self.xname}: mac address {addr} vlan {node.vlan} moved from {old.ifp.xname} to {node.port.ifp.xname}",
            )

    def rtdestroy(self, node: RtNode) -> None:
        """bridge_rtnode_destroy."""
        del self.table[node.addr, node.vlan]
        node.port.addrcnt -= 1

    def rtflush(self, full: bool, port: BridgePort | None = None) -> None:
        """bridge_rtflush, bridge_rtdelete: forget what was learnt, or all; of one member, or all."""
        for node in list(self.table.values()):
            if (full or node.flags & IFBAF_TYPEMASK == IFBAF_DYNAMIC) and port in (None, node.port):
                self.rtdestroy(node)

    def rtage(self) -> None:
        """bridge_rtage: forget what has not been seen for long."""
        now = self.clock.now // SECOND
        for node in list(self.table.values()):
            if node.flags & IFBAF_TYPEMASK == IFBAF_DYNAMIC and now >= node.expire:
                self.rtdestroy(node)

    def rttrim(self) -> None:
        """bridge_rttrim: make room."""
        if len(self.table) > self.tablemax:
            self.rtage()
        for node in reversed(list(self.table.values())):
            if len(self.table) <= self.tablemax:
                break
            if node.flags & IFBAF_TYPEMASK == IFBAF_DYNAMIC:
                self.rtdestroy(node)


_DROP = object()
