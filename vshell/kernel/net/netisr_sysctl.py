"""Protocol input and packet memory as sysctl tells of them: net.isr.proto, work, workstream (net/netisr.c), vm.zone_stats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.netisr import (
    NETISR_POLICY_FLOW,
    NETISR_POLICY_SOURCE,
    NetisrProto,
    NetisrWork,
    NetisrWorkstream,
    Sfstat,
    Zone,
)  # fmt: skip
from vshell.abi.sockio import IFT_ETHER
from vshell.kernel.kern.kern_sysctl import SysctlTree
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, KernelModule, sysctl_proc

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.vnet import Vnet

DIRECT = 3
QLIMIT = 256
IP, IGMP, RTSOCK, ARP, ETHER, IP6 = 1, 2, 3, 4, 5, 6
PROTOCOLS = (
    ("ip", IP, NETISR_POLICY_FLOW, 0), ("igmp", IGMP, NETISR_POLICY_SOURCE, 0), ("rtsock", RTSOCK, NETISR_POLICY_SOURCE, 0),
    ("arp", ARP, NETISR_POLICY_SOURCE, 0), ("ether", ETHER, NETISR_POLICY_SOURCE, DIRECT), ("ip6", IP6, NETISR_POLICY_FLOW, 0),
)  # fmt: skip

MSIZE, MHLEN, MCLBYTES = 256, 168, 2048
ZONES = (
    ("mbuf", MSIZE, "kern.ipc.nmbufs"), ("mbuf_packet", MSIZE, "kern.ipc.nmbufs"),
    ("mbuf_cluster", MCLBYTES, "kern.ipc.nmbclusters"), ("mbuf_jumbo_page", 4096, "kern.ipc.nmbjumbop"),
    ("mbuf_jumbo_9k", 9216, "kern.ipc.nmbjumbo9"), ("mbuf_jumbo_16k", 16384, "kern.ipc.nmbjumbo16"),
)  # fmt: skip


def received(vnet: Vnet) -> dict[int, int]:
    """How many packets each protocol of a stack was given, by what the protocol itself counts."""
    from vshell.kernel.netinet.if_ether import Arptab
    from vshell.kernel.netinet.ip_var import Ip
    from vshell.kernel.netinet6.in6_var import Ip6

    return {
        IP: vnet[Ip].counters().total,
        ARP: vnet[Arptab].stat.received,
        ETHER: sum(ifp.ipackets for ifp in vnet.ifnets if ifp.type == IFT_ETHER),
        IP6: vnet[Ip6].ip6stat.total,
    }


class NetisrSysctl(KernelModule, sub=SI_SUB_PROTO_DOMAIN):
    """The nodes that list."""

    @sysctl_proc("net.isr.proto", "Return list of protocols registered with netisr", flags="", fmt="opaque")
    def proto(self, td: Proc, new: Any) -> Any:
        """The protocols."""
        return tuple(NetisrProto(name, number, QLIMIT, policy, dispatch) for name, number, policy, dispatch in PROTOCOLS)

    @sysctl_proc("net.isr.workstream", "Return list of workstreams implemented by netisr", flags="", fmt="opaque")
    def workstream(self, td: Proc, new: Any) -> Any:
        """There is one processor."""
        return (NetisrWorkstream(0, 0),)

    @sysctl_proc("net.isr.work", "Return list of per-workstream, per-protocol work in netisr", flags="", fmt="opaque")
    def work(self, td: Proc, new: Any) -> Any:
        """Everything is dispatched directly."""
        counts: dict[int, int] = {}
        for vnet in self.kernel.vnets:
            for proto, count in received(vnet).items():
                counts[proto] = counts.get(proto, 0) + count
        return tuple(
            NetisrWork(0, number, dispatched=counts.get(number, 0), handled=counts.get(number, 0))
            for _, number, _, _ in PROTOCOLS
        )

    @sysctl_proc("vm.zone_stats", "Zone Stats", flags="", fmt="opaque")
    def zone_stats(self, td: Proc, new: Any) -> Any:
        """The zones of packets, by the packets there are.

        DIFFERS: memory of other kinds is the host language's; only packets can be told apart.
        """
        import gc

        from vshell.kernel.net.mbuf import Mbuf

        sizes = [len(o.data) for o in gc.get_objects() if type(o) is Mbuf]
        large = sum(size > MHLEN for size in sizes)
        counts = {"mbuf": len(sizes) - large, "mbuf_packet": large, "mbuf_cluster": large}
        tree = self.kernel[SysctlTree]
        return tuple(Zone(name, size, counts.get(name, 0), limit=tree.access(td, limit, None)) for name, size, limit in ZONES)

    @sysctl_proc("kern.ipc.sfstat", "sendfile statistics", fmt="opaque")
    def sfstat(self, td: Proc, new: Any) -> Any:
        """Nothing here sends files that way, so that there is nothing to set back to zero either."""
        return Sfstat()
