"""ng_gif(4): a node for every gif(4) tunnel (netgraph/ng_gif.c).  A packet on its hook has its address family in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EISCONN, KError
from vshell.abi.sockio import IFT_GIF
from vshell.kernel.kern.module import Kld, VnetModule
from vshell.kernel.net.if_gif import Gif, gif_attach_event, gif_detach_event
from vshell.kernel.netgraph.ng_base import NgHook, NgMsg, Node, ng_name_node, ng_rmnode, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import INT32, STRING

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph", "if_gif"), size=0x2A60)

LOG_WARNING = 4


class GifNode(Node, ngtype="gif", cookie=994115727):
    """The node; it lives as long as its interface."""

    ifp: Gif

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.lower: NgHook | None = None
        self.orphans = False

    def constructor(self) -> None:
        """It comes with an interface only."""
        raise KError(EINVAL)

    def newhook(self, hook: NgHook, name: str) -> None:
        """One: all packets, or those no protocol takes."""
        if name not in ("lower", "divert", "orphans"):
            raise KError(EINVAL)
        if self.lower is not None:
            raise KError(EISCONN)
        self.lower, self.orphans = hook, name == "orphans"

    def disconnect(self, hook: NgHook) -> None:
        """The packets go their way again."""
        self.lower, self.orphans = None, False
        if self.valid:
            ng_rmnode(self)

    def shutdown(self) -> bool:
        """It stays while there is an interface."""
        return True

    @ngmsg(1, "getifname", resp=STRING)
    def getifname(self, arg: Any, msg: NgMsg) -> str:
        """The interface's name."""
        return self.ifp.xname

    @ngmsg(2, "getifindex", resp=INT32)
    def getifindex(self, arg: Any, msg: NgMsg) -> int:
        """The interface's index."""
        index: int = self.ifp.index
        return index

    def input(self, m: Mbuf, family: int) -> bool:
        """ng_gif_input: a packet came out of the tunnel; True if it was taken.  All families of this kernel have a protocol."""
        if self.lower is None or self.orphans:
            return False
        m.prepend(bytes((family,)))
        ng_send_data(self.lower, m)
        return True

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Into the tunnel."""
        if not len(m):
            return EINVAL
        family = m.data[m.off]
        m.adj(1)
        return self.ifp.output(m, family, b"")


class GifNodes(VnetModule):
    """Makes nodes for the interfaces that are there when the module comes."""

    def init(self) -> None:
        """ng_gif_mod_event."""
        for ifp in self.vnet.ifnets:
            if ifp.type == IFT_GIF and isinstance(ifp, Gif):
                ng_gif_attach(ifp)


def ng_gif_attach(ifp: Gif) -> None:
    """Make its node."""
    if ifp.vnet.get(GifNodes) is None:
        return
    node = GifNode(ifp.vnet)
    node.ifp = ifp
    ifp.node = node
    try:
        ng_name_node(node, ifp.xname)
    except KError:
        node.kernel.log(LOG_WARNING, f"ng_gif_attach: can't name node {ifp.xname}")


def ng_gif_detach(ifp: Gif) -> None:
    """The interface goes, and its node."""
    node = ifp.node
    if node is not None:
        ifp.node = None
        node.really_die = True
        ng_rmnode(node)


gif_attach_event.append(ng_gif_attach)
gif_detach_event.append(ng_gif_detach)
