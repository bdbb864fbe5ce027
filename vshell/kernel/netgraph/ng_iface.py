"""ng_iface(4): a point-to-point interface whose packets are those of the hooks "inet" and "inet6" (netgraph/ng_iface.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EAFNOSUPPORT, EBUSY, EINVAL, EISCONN, ELOOP, ENETDOWN, EPFNOSUPPORT, KError
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import (
    IFF_BROADCAST,
    IFF_DRV_RUNNING,
    IFF_MULTICAST,
    IFF_NOARP,
    IFF_POINTOPOINT,
    IFF_SIMPLEX,
    IFF_UP,
    IFT_PROPVIRTUAL,
    LINK_STATE_DOWN,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCSIFFLAGS,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.kernel.kern.module import Kld, Sysctl, VnetModule
from vshell.kernel.net.drops import drop
from vshell.kernel.net.ifnet import Ifnet, if_attach, if_detach, if_link_state_change
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.netgraph.ng_base import (
    NGM_FLOW_COOKIE,
    NGM_LINK_IS_DOWN,
    NGM_LINK_IS_UP,
    NgHook,
    NgMsg,
    Node,
    ng_name_node,
    ng_send_outbound,
    ngmsg,
)  # fmt: skip
from vshell.kernel.netgraph.ng_drop import ng_drop
from vshell.kernel.netgraph.ng_parse import STRING, UINT32
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Ifaddr
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3E18)

MTU_MIN, MTU_MAX, MTU_DEFAULT = 72, 65535, 1500
FAMILIES = {"inet": (AF_INET, ETHERTYPE_IP), "inet6": (AF_INET6, ETHERTYPE_IPV6)}
NESTED = "ng_iface"
WORKING = IFF_UP | IFF_DRV_RUNNING


class IfaceModule(VnetModule):
    """The unit numbers of a stack, and how deep its interfaces may be nested."""

    max_nest: int = Sysctl("net.graph.iface.max_nesting", 2, "Max nested tunnels")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.units: set[int] = set()

    def alloc(self) -> int:
        """The lowest free one."""
        unit = 0
        while unit in self.units:
            unit += 1
        self.units.add(unit)
        return unit


class NgIfnet(Ifnet):
    """The interface."""

    type = IFT_PROPVIRTUAL

    def __init__(self, kernel: Kernel, unit: int, node: Iface) -> None:
        super().__init__(kernel, "ng", unit)
        self.mtu = MTU_DEFAULT
        self.flags = IFF_SIMPLEX | IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST
        self.baudrate = 64000
        self.node = node

    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """ng_iface_output."""
        if self.flags & WORKING != WORKING:
            drop(self, m, "ng_iface_output", "interface is down")
            return ENETDOWN
        # A tunnel that runs through itself ends somewhere (if_tunnel_check_nesting).
        tags = m.tags = m.tags or {}
        seen: tuple[Any, ...] = tags.get(NESTED, ())
        if self in seen or len(seen) >= self.node.vnet[IfaceModule].max_nest:
            drop(self, m, "ng_iface_output", "the interface would send through itself")
            return ELOOP
        tags[NESTED] = (*seen, self)
        if len(gateway) == 16:
            family = AF_INET6
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        name = next((n for n, (af, _) in FAMILIES.items() if af == family), None)
        if name is None:
            self.kernel.log(4, f"{self.xname}: can't handle af{family}")
            return EAFNOSUPPORT
        hook = self.node.ends.get(name)
        if hook is None:
            drop(self, m, "ng_iface_output", f"the node has no hook {name}")
            return ENETDOWN
        size = len(m.data) - m.off
        error = ng_send_outbound(self.node, hook, m)
        if not error:
            self.obytes += size
            self.opackets += 1
        return error

    def setaddr(self, ifa: Ifaddr) -> None:
        """An address brings it up."""
        self.flags |= WORKING

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """ng_iface_ioctl."""
        if isinstance(request, SIOCSIFFLAGS):
            if self.flags & IFF_UP:
                self.flags |= IFF_DRV_RUNNING
            else:
                self.flags &= ~IFF_DRV_RUNNING
            return None
        if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI)):
            return None
        if isinstance(request, SIOCSIFMTU):
            if not MTU_MIN <= request.mtu <= MTU_MAX:
                raise KError(EINVAL)
            self.mtu = request.mtu
            return None
        raise KError(EINVAL)


class Iface(Node, ngtype="iface", cookie=1108312559):
    """The node."""

    ifp: NgIfnet

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.ends: dict[str, NgHook] = {}

    def constructor(self) -> None:
        """Make the interface."""
        self.ifp = ifp = NgIfnet(self.kernel, self.vnet[IfaceModule].alloc(), self)
        try:
            ng_name_node(self, ifp.xname)
        except KError:
            self.kernel.log(4, f"{ifp.xname}: can't acquire netgraph name")
        if_attach(ifp, self.vnet)

    def newhook(self, hook: NgHook, name: str) -> None:
        """One for each family."""
        if name not in FAMILIES:
            raise KError(EPFNOSUPPORT)
        if name in self.ends:
            raise KError(EISCONN)
        self.ends[name] = hook

    def disconnect(self, hook: NgHook) -> None:
        """One less."""
        self.ends.pop(hook.name, None)

    def shutdown(self) -> bool:
        """The interface goes along, wherever it is."""
        if_detach(self.ifp)
        self.vnet[IfaceModule].units.discard(self.ifp.dunit or 0)
        return False

    @ngmsg(1, "getifname", resp=STRING)
    def getifname(self, arg: Any, msg: NgMsg) -> str:
        """The interface's name."""
        return self.ifp.xname

    @ngmsg(2, "point2point")
    def point2point(self, arg: Any, msg: NgMsg) -> None:
        """There is one at the other end."""
        self._flags(IFF_POINTOPOINT, IFF_BROADCAST)

    @ngmsg(3, "broadcast")
    def broadcast(self, arg: Any, msg: NgMsg) -> None:
        """There are many."""
        self._flags(IFF_BROADCAST, IFF_POINTOPOINT)

    def _flags(self, on: int, off: int) -> None:
        if self.ifp.flags & IFF_UP:
            raise KError(EBUSY)
        self.ifp.flags = self.ifp.flags & ~off | on

    @ngmsg(4, "getifindex", resp=UINT32)
    def getifindex(self, arg: Any, msg: NgMsg) -> int:
        """The interface's index."""
        index: int = self.ifp.index
        return index

    def rcvmsg(self, msg: NgMsg) -> None:
        """Flow messages say what becomes of the link."""
        if msg.cookie != NGM_FLOW_COOKIE:
            super().rcvmsg(msg)
        elif msg.cmd in (NGM_LINK_IS_UP, NGM_LINK_IS_DOWN):
            if_link_state_change(self.ifp, LINK_STATE_UP if msg.cmd == NGM_LINK_IS_UP else LINK_STATE_DOWN)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ng_iface_rcvdata: a packet for the protocol of the hook."""
        ifp = self.ifp
        if not ifp.flags & IFF_UP:
            return ng_drop(self, hook, m, f"{ifp.xname} is down", 0 if self.graph.outbound else ENETDOWN)
        ifp.ipackets += 1
        ifp.ibytes += len(m.data) - m.off
        m.rcvif = ifp
        m.fib = ifp.fib
        m.flags = 0
        if ifp.bpf:
            for tap in ifp.bpf:
                tap(ifp, m, False)
        handler = netisr_handlers.get(FAMILIES[hook.name][1])
        if handler is None:
            return ng_drop(self, hook, m, "nobody takes the protocol of the hook", EAFNOSUPPORT)
        self.kernel.netisrq.append((handler, ifp, m))
        return 0
