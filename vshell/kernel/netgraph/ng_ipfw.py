"""ng_ipfw(4): the one node that packets of "netgraph" and "ngtee" rules enter and leave by (netgraph/ng_ipfw.c).

Its hooks are numbers, which rules name.  A packet that comes back goes on behind its rule, or past all of them with
net.inet.ip.fw.one_pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, EPROTONOSUPPORT, ESRCH, KError
from vshell.kernel.kern.module import SI_SUB_NETGRAPH, KernelModule, Kld
from vshell.kernel.netgraph.ng_base import NgHook, Node, ng_name_node, ng_send_data
from vshell.kernel.netinet.ip_input import ip_input
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_rule_ref import DIVERTED_IN, DIVERTED_OUT
from vshell.kernel.netinet.ip_var import IP_FORWARDING
from vshell.kernel.netinet6.ip6_input import ip6_input
from vshell.kernel.netinet6.ip6_output import ip6_output

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.netinet.ip_rule_ref import RuleRef

KLD = Kld(depends=("netgraph", "ipfw"), size=0x2000)


class IpfwNode(Node, ngtype="ipfw", cookie=0):
    """The node."""

    def constructor(self) -> None:
        """There is one already."""
        raise KError(EINVAL)

    def newhook(self, hook: NgHook, name: str) -> None:
        """A number without leading zeros."""
        if (name[:1] == "0" and name != "0") or not (name.isascii() and name.isdigit()):
            raise KError(EINVAL)

    def findhook(self, name: str) -> NgHook | None:
        """By its number, however it is written."""
        text = name.lstrip(" \t\n\v\f\r").removeprefix("+")
        if not (text.isascii() and text.isdigit()):
            return None
        return self.hook(int(text))

    def hook(self, number: int) -> NgHook | None:
        """ng_ipfw_findhook1."""
        wanted = number & 0xFFFFFFFF
        return next((h for h in self.hooks if h.valid and int(h.name) & 0xFFFFFFFF == wanted), None)

    def shutdown(self) -> bool:
        """It is gone for good, until the file is loaded again."""
        self.kernel[NgIpfw].node = None
        return False

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """A packet comes back; it waits for its turn, so that no way in is within another."""
        ref: RuleRef | None = m.tags.get("ipfw_rule") if m.tags else None
        if ref is None:
            return EINVAL
        version = m.data[m.off] >> 4 if len(m) else 0
        if version not in (4, 6):
            return EPROTONOSUPPORT
        incoming = ref.info == DIVERTED_IN
        ref.info = 0
        ifp = m.rcvif or self.vnet.loif
        if incoming:
            if ifp is not None:
                self.kernel.netisrq.append((ip_input if version == 4 else ip6_input, ifp, m))
        elif ifp is not None:
            self.kernel.netisrq.append((self.output4 if version == 4 else self.output6, ifp, m))
        return 0

    def output4(self, ifp: Ifnet, m: Mbuf) -> None:
        """Send it on."""
        ip_output(self.vnet, m, flags=IP_FORWARDING)

    def output6(self, ifp: Ifnet, m: Mbuf) -> None:
        """Send it on."""
        ip6_output(self.vnet, m)


class NgIpfw(KernelModule, sub=SI_SUB_NETGRAPH):
    """Where the firewall finds the node (ng_ipfw_input_p)."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.node: IpfwNode | None = None

    def init(self) -> None:
        """Make the node and give it its name."""
        self.node = IpfwNode(self.kernel.vnet0)
        ng_name_node(self.node, "ipfw")

    def input(self, m: Mbuf, number: int, ref: RuleRef | None, incoming: bool) -> int:
        """ng_ipfw_input: into the graph, with the way back (or without, a copy)."""
        hook = None if self.node is None else self.node.hook(number)
        if hook is None:
            return ESRCH
        if ref is not None:
            ref.info = DIVERTED_IN if incoming else DIVERTED_OUT
            m.tags = {**(m.tags or {}), "ipfw_rule": ref}
        return ng_send_data(hook, m)
