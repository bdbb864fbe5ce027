"""ng_eiface(4): an Ethernet interface whose cable is the hook "ether" (netgraph/ng_eiface.c).

The node stays in the stack it was made in; its interface may move to others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EISCONN, ENETDOWN, EPFNOSUPPORT, KError
from vshell.abi.if_media import (
    IFM_10_T,
    IFM_10G_T,
    IFM_100_TX,
    IFM_1000_T,
    IFM_ACTIVE,
    IFM_AUTO,
    IFM_AVALID,
    IFM_ETHER,
    IFM_FDX,
)  # fmt: skip
from vshell.abi.sockio import (
    IFCAP_JUMBO_MTU,
    IFCAP_VLAN_MTU,
    IFF_DRV_RUNNING,
    IFF_MONITOR,
    IFF_UP,
    LINK_STATE_DOWN,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCGIFMEDIA,
    SIOCSIFFLAGS,
    SIOCSIFMEDIA,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.kernel.kern.module import Kld, VnetModule
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_ethersubr import EtherIfnet, ether_gen_addr, ether_ifattach, ether_ifdetach, ether_input
from vshell.kernel.net.if_media import Ifmedia
from vshell.kernel.net.ifnet import if_link_state_change, if_setlladdr
from vshell.kernel.net.mbuf import M_BCAST, M_CSUM_IP, M_MCAST, M_SPLIT, M_VLANTAG
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
from vshell.kernel.netgraph.ng_drop import SHORT, ng_drop
from vshell.kernel.netgraph.ng_parse import ENADDR, STRING

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3490)

MTU_MIN, MTU_MAX = 72, 65535
MEDIA = (
    IFM_ETHER | IFM_10_T, IFM_ETHER | IFM_10_T | IFM_FDX, IFM_ETHER | IFM_100_TX, IFM_ETHER | IFM_100_TX | IFM_FDX,
    IFM_ETHER | IFM_1000_T, IFM_ETHER | IFM_10G_T | IFM_FDX, IFM_ETHER | IFM_AUTO,
)  # fmt: skip
WORKING = IFF_UP | IFF_DRV_RUNNING


class EifaceUnits(VnetModule):
    """The unit numbers of a stack."""

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


class NgEthIfnet(EtherIfnet):
    """The interface."""

    def __init__(self, kernel: Kernel, unit: int, node: Eiface) -> None:
        super().__init__(kernel, "ngeth", unit)
        self.capabilities = self.capenable = IFCAP_VLAN_MTU | IFCAP_JUMBO_MTU
        self.node = node
        self.media_status = IFM_AVALID
        self.media = Ifmedia(MEDIA, self._media, lambda: None)
        self.media.current = self.media.media = IFM_ETHER | IFM_AUTO

    def _media(self) -> tuple[int, int]:
        active = self.media.current
        if active == IFM_ETHER | IFM_AUTO and self.media_status & IFM_ACTIVE:
            active = IFM_ETHER | IFM_1000_T | IFM_FDX
        return self.media_status, active

    def init(self) -> None:
        """ng_eiface_init."""
        self.flags |= IFF_DRV_RUNNING

    def transmit(self, m: Mbuf) -> int:
        """ng_eiface_start2: out by the hook."""
        self.obytes += len(m.data) - m.off
        if m.flags & (M_BCAST | M_MCAST):
            self.omcasts += 1
        if self.flags & WORKING != WORKING:
            drop(self, m, "ng_eiface_start", "interface is down", True)
            return 0
        m.tags = None
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        if self.flags & IFF_MONITOR:
            self.ipackets += 1
            return 0
        m.flags &= M_VLANTAG | M_CSUM_IP | M_SPLIT
        if ng_send_outbound(self.node, self.node.ether, m):
            self.oerrors += 1
        else:
            self.opackets += 1
        return 0

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """ng_eiface_ioctl."""
        if isinstance(request, SIOCSIFFLAGS):
            if self.flags & IFF_UP:
                self.flags |= IFF_DRV_RUNNING
            else:
                self.flags &= ~IFF_DRV_RUNNING
            return None
        if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI)):
            return None
        if isinstance(request, SIOCGIFMEDIA):
            return self.media.get()
        if isinstance(request, SIOCSIFMEDIA):
            return self.media.set(request.media)
        if isinstance(request, SIOCSIFMTU):
            if not MTU_MIN <= request.mtu <= MTU_MAX:
                raise KError(EINVAL)
            self.mtu = request.mtu
            return None
        raise KError(EINVAL)


class Eiface(Node, ngtype="eiface", cookie=948105892):
    """The node."""

    ifp: NgEthIfnet

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.ether: NgHook | None = None

    def constructor(self) -> None:
        """Make the interface; the node is named after it if it can be."""
        kernel, vnet = self.kernel, self.vnet
        self.ifp = ifp = NgEthIfnet(kernel, vnet[EifaceUnits].alloc(), self)
        try:
            ng_name_node(self, ifp.xname)
        except KError:
            kernel.log(4, f"{ifp.xname}: can't acquire netgraph name")
        td = kernel.curproc
        prison = td.ucred.prison if td is not None else kernel.prison0
        ether_ifattach(ifp, vnet, ether_gen_addr(kernel, prison, ifp.xname))
        ifp.baudrate = 1_000_000_000

    def newhook(self, hook: NgHook, name: str) -> None:
        """There is one, and with it the link."""
        if name != "ether":
            raise KError(EPFNOSUPPORT)
        if self.ether is not None:
            raise KError(EISCONN)
        self.ether = hook
        self._link(True)

    def _link(self, up: bool) -> None:
        ifp = self.ifp
        if up:
            ifp.media_status |= IFM_ACTIVE
        else:
            ifp.media_status &= ~IFM_ACTIVE
        if_link_state_change(ifp, LINK_STATE_UP if up else LINK_STATE_DOWN)

    @ngmsg(1, "getifname", resp=STRING)
    def getifname(self, arg: Any, msg: NgMsg) -> str:
        """The interface's name."""
        return self.ifp.xname

    @ngmsg(3, "set", arg=ENADDR)
    def setaddr(self, arg: bytes, msg: NgMsg) -> None:
        """Change the link-level address."""
        if_setlladdr(self.ifp, arg)

    def rcvmsg(self, msg: NgMsg) -> None:
        """Flow messages say what becomes of the link."""
        if msg.cookie != NGM_FLOW_COOKIE:
            super().rcvmsg(msg)
        elif msg.cmd in (NGM_LINK_IS_UP, NGM_LINK_IS_DOWN):
            self._link(msg.cmd == NGM_LINK_IS_UP)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ng_eiface_rcvdata: a frame for the interface."""
        ifp = self.ifp
        if ifp.flags & WORKING != WORKING:
            return ng_drop(self, hook, m, f"{ifp.xname} is down", 0 if self.graph.outbound else ENETDOWN)
        if len(m.data) - m.off < 14:
            return ng_drop(self, hook, m, SHORT, 0 if self.graph.outbound else EINVAL)
        m.rcvif = ifp
        ifp.ipackets += 1
        self.kernel.netisrq.append((ether_input, ifp, m))
        return 0

    def disconnect(self, hook: NgHook) -> None:
        """The link is gone."""
        self.ether = None
        self._link(False)

    def shutdown(self) -> bool:
        """ng_eiface_rmnode: the interface goes along, wherever it is."""
        ether_ifdetach(self.ifp)
        self.vnet[EifaceUnits].units.discard(self.ifp.dunit or 0)
        return False
