"""What a firewall tells dummynet about a packet (struct ip_fw_args)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netpfil.ipfw.ip_dummynet_flow import Flow


class DnArgs:
    """A packet for pipe or queue `number`.

    `flow` is (IPv6?, destination, source, destination port, source port, protocol, extra, flow label), all numbers.  `rule`
    comes back with the packet as its tag "ipfw_rule", None if there is nothing to come back.  A `layer2` packet begins with
    its Ethernet header.
    """

    __slots__ = ("flow", "ifp", "incoming", "ip6", "layer2", "number", "pipe", "rule")

    def __init__(
        self,
        number: int,
        pipe: bool,
        incoming: bool,
        ifp: Ifnet | None,
        flow: Flow,
        rule: Any = None,
        *,
        layer2: bool = False,
        ip6: bool = False,
    ) -> None:
        self.number = number
        self.pipe = pipe
        self.incoming = incoming
        self.ifp = ifp
        """The interface it goes out on; of no meaning for others."""
        self.flow = flow
        self.rule = rule
        self.layer2 = layer2
        self.ip6 = ip6
