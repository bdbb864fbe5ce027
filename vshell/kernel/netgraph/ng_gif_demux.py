"""ng_gif_demux(4): a hook for each address family of a gif(4) tunnel (netgraph/ng_gif_demux.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, EISCONN, EPFNOSUPPORT, KError
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import NgHook, Node, ng_send_data

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x2200)

FAMILIES = {"inet": AF_INET, "inet6": AF_INET6, "atalk": 16, "ipx": 23, "atm": 30, "natm": 29}
NAMES = {family: name for name, family in FAMILIES.items()}


class GifDemux(Node, ngtype="gif_demux", cookie=995567329):
    """The node; it stays when its hooks are gone."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """The tunnel, or a family."""
        if name != "gif" and name not in FAMILIES:
            raise KError(EPFNOSUPPORT)
        if name in self.hooks.names:
            raise KError(EISCONN)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """The family is the first byte of what is in the tunnel."""
        if hook.name != "gif":
            m.prepend(bytes((FAMILIES[hook.name],)))
            return ng_send_data(self.findhook("gif"), m)
        name = NAMES.get(m.data[m.off]) if len(m) else None
        if name is None:
            return EINVAL
        m.adj(1)
        return ng_send_data(self.findhook(name), m)
