"""ng_ether(4): every Ethernet interface has a node, with hooks to take its frames (netgraph/ng_ether.c).

"lower" gets what comes off the wire, "upper" what is about to be sent, "orphans" what nobody wanted.  The interface
knows of its node on the data path only while a hook is connected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRINUSE, EADDRNOTAVAIL, EBUSY, EINVAL, EISCONN, ENETDOWN, ENOENT, KError
from vshell.abi.socket import AF_LINK
from vshell.abi.sockio import IFF_DRV_RUNNING, IFF_UP, IFT_BRIDGE, IFT_ETHER, IFT_L2VLAN, LINK_STATE_DOWN, LINK_STATE_UP
from vshell.kernel.kern.module import Kld, VnetModule
from vshell.kernel.net.if_ethersubr import (
    ether_demux,
    ether_ifattach_event,
    ether_ifdetach_event,
    ether_output_frame,
    ether_reassign_event,
)  # fmt: skip
from vshell.kernel.net.ifnet import if_setlladdr, ifnet_arrival_event, ifpromisc
from vshell.kernel.netgraph.netgraph import NgVnet
from vshell.kernel.netgraph.ng_base import (
    NGM_FLOW_COOKIE,
    NGM_LINK_IS_DOWN,
    NGM_LINK_IS_UP,
    NgHook,
    NgMsg,
    Node,
    ng_name_node,
    ng_rmnode,
    ng_send_data,
    ng_send_msg,
    ng_send_outbound,
    ngmsg,
)  # fmt: skip
from vshell.kernel.netgraph.ng_drop import SHORT, ng_drop
from vshell.kernel.netgraph.ng_parse import ENADDR, INT32, STRING

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3BB0)

TYPES = (IFT_ETHER, IFT_L2VLAN, IFT_BRIDGE)
WORKING = IFF_UP | IFF_DRV_RUNNING


class Ether(Node, ngtype="ether", cookie=917786906):
    """The node of an interface."""

    ifp: Ifnet

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.ends: dict[str, NgHook] = {}
        self.promisc = self.autosrc = 0

    def constructor(self) -> None:
        """It comes with an interface only."""
        raise KError(EINVAL)

    def newhook(self, hook: NgHook, name: str) -> None:
        """One of each; "divert" is another word for "lower"."""
        if name == "divert":
            name = "lower"
        if name not in ("upper", "lower", "orphans"):
            raise KError(EINVAL)
        if name in self.ends:
            raise KError(EISCONN)
        hook.rcvdata = self.rcv_upper if name == "upper" else self.rcv_lower
        self.ends[name] = hook
        self.ifp.netgraph = self

    def disconnect(self, hook: NgHook) -> None:
        """With the last hook it is as new."""
        self.ends = {name: h for name, h in self.ends.items() if h is not hook}
        if not self.hooks:
            self.ifp.netgraph = None
            if self.valid:
                ng_rmnode(self)

    def shutdown(self) -> bool:
        """It lives as long as its interface."""
        if self.really_die:
            nodes = self.vnet.get(EtherNodes)
            if nodes is not None:
                nodes.nodes.pop(self.ifp, None)
            return False
        if self.promisc:
            ifpromisc(self.ifp, False)
            self.promisc = 0
        return True

    # data ------------------------------------------------------------------------------------------------------
    def input(self, ifp: Ifnet, m: Mbuf) -> Mbuf | None:
        """A frame came off the wire."""
        lower = self.ends.get("lower")
        if lower is None:
            return m
        ng_send_data(lower, m)
        return None

    def output(self, ifp: Ifnet, m: Mbuf) -> Mbuf | int:
        """A frame is about to leave; what became of it if it was taken."""
        upper = self.ends.get("upper")
        return m if upper is None else ng_send_outbound(self, upper, m)

    def input_orphan(self, ifp: Ifnet, m: Mbuf) -> None:
        """Nobody knows the protocol of a frame."""
        ng_send_data(self.ends.get("orphans"), m)

    def rcv_lower(self, hook: NgHook, m: Mbuf) -> int:
        """Send a frame out."""
        ifp = self.ifp
        if ifp.flags & WORKING != WORKING:
            return ng_drop(self, hook, m, f"{ifp.xname} is down", ENETDOWN)
        if len(m) < 14:
            return ng_drop(self, hook, m, SHORT, EINVAL)
        if self.autosrc:
            m.data[m.off + 6 : m.off + 12] = ifp.lladdr
        return ether_output_frame(ifp, m)

    def rcv_upper(self, hook: NgHook, m: Mbuf) -> int:
        """Hand a frame to the protocols."""
        ifp = self.ifp
        if len(m) < 14:
            return ng_drop(self, hook, m, SHORT, 0 if self.graph.outbound else EINVAL)
        m.rcvif = ifp
        if ifp.bridge is not None:
            kept = ifp.bridge.bridge_input(ifp, m)
            if kept is None:
                return 0
            m = kept
        ether_demux(ifp, m)
        return 0

    def linkstate(self, ifp: Ifnet) -> None:
        """Tell those who are interested."""
        cmd = {LINK_STATE_UP: NGM_LINK_IS_UP, LINK_STATE_DOWN: NGM_LINK_IS_DOWN}.get(ifp.link_state)
        if cmd is not None:
            for name in ("lower", "orphans"):
                ng_send_msg(self, self.ends.get(name), NgMsg(NGM_FLOW_COOKIE, cmd))

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(1, "getifname", resp=STRING)
    def getifname(self, arg: Any, msg: NgMsg) -> str:
        """The interface's name."""
        return self.ifp.xname

    @ngmsg(2, "getifindex", resp=INT32)
    def getifindex(self, arg: Any, msg: NgMsg) -> int:
        """The interface's index."""
        index: int = self.ifp.index
        return index

    @ngmsg(3, "getenaddr", resp=ENADDR)
    def getenaddr(self, arg: Any, msg: NgMsg) -> bytes:
        """The link-level address."""
        return self.ifp.lladdr

    @ngmsg(4, "setenaddr", arg=ENADDR)
    def setenaddr(self, arg: bytes, msg: NgMsg) -> None:
        """Change it."""
        if_setlladdr(self.ifp, arg)

    @ngmsg(5, "getpromisc", resp=INT32)
    def getpromisc(self, arg: Any, msg: NgMsg) -> int:
        """Did we ask for all frames?"""
        return self.promisc

    @ngmsg(6, "setpromisc", arg=INT32)
    def setpromisc(self, arg: int, msg: NgMsg) -> None:
        """Ask for all frames."""
        want = int(bool(arg))
        if want != self.promisc:
            ifpromisc(self.ifp, bool(want))
            self.promisc = want

    @ngmsg(7, "getautosrc", resp=INT32)
    def getautosrc(self, arg: Any, msg: NgMsg) -> int:
        """Are source addresses written?"""
        return self.autosrc

    @ngmsg(8, "setautosrc", arg=INT32)
    def setautosrc(self, arg: int, msg: NgMsg) -> None:
        """Write source addresses."""
        self.autosrc = int(bool(arg))

    @ngmsg(9, "addmulti", arg=ENADDR)
    def addmulti(self, arg: bytes, msg: NgMsg) -> None:
        """Join a group."""
        groups = self.ifp.multiaddrs
        if not arg[0] & 1:
            raise KError(EADDRNOTAVAIL)
        if (AF_LINK, arg) in groups:
            raise KError(EADDRINUSE)
        groups[AF_LINK, arg] = 1

    @ngmsg(10, "delmulti", arg=ENADDR)
    def delmulti(self, arg: bytes, msg: NgMsg) -> None:
        """Leave a group."""
        groups = self.ifp.multiaddrs
        if (AF_LINK, arg) not in groups:
            raise KError(ENOENT)
        groups[AF_LINK, arg] -= 1
        if not groups[AF_LINK, arg]:
            del groups[AF_LINK, arg]

    @ngmsg(11, "detach")
    def detach(self, arg: Any, msg: NgMsg) -> None:
        """The node leaves its interface."""
        ng_ether_detach(self.ifp)


class EtherNodes(VnetModule):
    """The nodes of a stack's interfaces (if_l2com)."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.nodes: dict[Ifnet, Ether] = {}

    def init(self) -> None:
        """vnet_ng_ether_init: nodes for the interfaces that are there."""
        for ifp in self.vnet.ifnets:
            if ifp.type in TYPES:
                ng_ether_attach(ifp)

    def quiesce(self) -> None:
        """Not while there are nodes."""
        if self.nodes:
            raise KError(EBUSY)


def _name(ifp: Ifnet) -> str:
    return ifp.xname.replace(".", "_").replace(":", "_")


def ng_ether_attach(ifp: Ifnet, vnet: Vnet | None = None) -> None:
    """Make a node, unless one of that name exists (that of an ng_eiface)."""
    vnet = vnet or ifp.vnet
    state = vnet.get(EtherNodes)
    name = _name(ifp)
    if state is None or name in vnet[NgVnet].by_name:
        return
    node = Ether(vnet)
    node.ifp = ifp
    state.nodes[ifp] = node
    _rename(node, name, "ng_ether_attach: can't name")


def ng_ether_detach(ifp: Ifnet) -> None:
    """The interface is going away."""
    state = ifp.vnet.get(EtherNodes)
    node = state.nodes.get(ifp) if state is not None else None
    if node is not None:
        node.really_die = True
        ng_rmnode(node)
        ifp.netgraph = None


def ng_ether_reassign(ifp: Ifnet, new: Vnet) -> None:
    """The interface moves to another stack, where it gets another node."""
    ng_ether_detach(ifp)
    ng_ether_attach(ifp, new)


def _arrival(ifp: Ifnet) -> None:
    """It may have another name."""
    state = ifp.vnet.get(EtherNodes)
    node = state.nodes.get(ifp) if state is not None else None
    if node is not None:
        _rename(node, _name(ifp), "ng_ether_ifnet_arrival_event: can't re-name")


def _rename(node: Ether, name: str, complaint: str) -> None:
    try:
        ng_name_node(node, name)
    except KError:
        node.kernel.log(4, f"{complaint} node {name}")


ether_ifattach_event.append(ng_ether_attach)
ether_ifdetach_event.append(ng_ether_detach)
ether_reassign_event.append(ng_ether_reassign)
ifnet_arrival_event.append(_arrival)
