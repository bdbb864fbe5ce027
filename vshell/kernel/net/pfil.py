"""Packet filter hooks: the places on a packet's way where a firewall may look at it (pfil(9), net/pfil.c).

Each stack has its own heads.  A head without hooks costs the data path one test: `head.input` and `head.output` are None
then.  A hook is called with (m, ifp, direction, inp) and answers PFIL_PASS, or keeps or drops the packet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, ENOENT, KError
from vshell.kernel.kern.module import SI_SUB_PROTO_PFIL, VnetModule
from vshell.kernel.net.drops import drop
from vshell.kernel.net.ifnet import ifnet_arrival_event

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

PFIL_IN, PFIL_OUT = 1, 2
PFIL_PASS, PFIL_DROPPED, PFIL_CONSUMED = 0, 1, 2
PFIL_INET_NAME, PFIL_INET6_NAME, PFIL_ETHER_NAME = "inet", "inet6", "ethernet"

Hook = Callable[["Mbuf", "Ifnet | None", int, Any], int]


class PfilHead:
    """One filtering point: what is hooked in for each direction, in order; None while nothing is."""

    __slots__ = ("_names", "changed", "input", "name", "output", "vnet")

    def __init__(self, vnet: Vnet, name: str) -> None:
        self.vnet = vnet
        self.name = name
        self.input: list[Hook] | None = None
        self.output: list[Hook] | None = None
        self._names: dict[str, tuple[Hook, int]] = {}
        self.changed: Callable[[], None] | None = None
        """Called when hooks come or go: who remembers decisions made without them forgets those."""

    def link(self, name: str, hook: Hook, directions: int = PFIL_IN | PFIL_OUT, append: bool = False) -> None:
        """pfil_link.  The youngest hook sees incoming packets first and outgoing ones last, unless `append`.  EEXIST."""
        if name in self._names:
            raise KError(EEXIST)
        self._names[name] = (hook, directions)
        if directions & PFIL_IN:
            self.input = [*(self.input or []), hook] if append else [hook, *(self.input or [])]
        if directions & PFIL_OUT:
            self.output = [hook, *(self.output or [])] if append else [*(self.output or []), hook]
        self._publish()

    def unlink(self, name: str) -> None:
        """pfil_unlink.  ENOENT."""
        if name not in self._names:
            raise KError(ENOENT)
        hook, _ = self._names.pop(name)
        self.input = [h for h in self.input or [] if h is not hook] or None
        self.output = [h for h in self.output or [] if h is not hook] or None
        self._publish()

    def names(self) -> list[str]:
        """Who is hooked in."""
        return list(self._names)

    def run_in(self, m: Mbuf, ifp: Ifnet, inp: Any = None) -> int:
        """pfil_mbuf_in."""
        for hook in self.input or ():
            verdict = hook(m, ifp, PFIL_IN, inp)
            if verdict != PFIL_PASS:
                return verdict if verdict != PFIL_DROPPED else self._dropped(m, ifp, hook, "in")
        return PFIL_PASS

    def run_out(self, m: Mbuf, ifp: Ifnet, inp: Any = None) -> int:
        """pfil_mbuf_out."""
        for hook in self.output or ():
            verdict = hook(m, ifp, PFIL_OUT, inp)
            if verdict != PFIL_PASS:
                return verdict if verdict != PFIL_DROPPED else self._dropped(m, ifp, hook, "out")
        return PFIL_PASS

    def _dropped(self, m: Mbuf, ifp: Ifnet | None, hook: Hook, direction: str) -> int:
        """A hook refused a packet: keep who it was, and the rule it named (`denied`), if it did."""
        name = next((name for name, (its, _) in self._names.items() if its is hook), "firewall")
        rule = getattr(getattr(hook, "__self__", None), "denied", None)
        text = f"denied by ipfw rule {rule}, {direction}" if rule is not None else f"denied by the firewall {name}, {direction}"
        text = getattr(getattr(hook, "__self__", None), "why", "") or text
        drop(ifp if ifp is not None else self.vnet, m, "pfil", text, self.name == PFIL_ETHER_NAME)
        return PFIL_DROPPED

    def _publish(self) -> None:
        """Interfaces keep the link-level head at hand while it has hooks."""
        if self.changed is not None:
            self.changed()
        if self.name == PFIL_ETHER_NAME:
            for ifp in self.vnet.ifnets:
                _follow(ifp, self)


class Pfil(VnetModule, sub=SI_SUB_PROTO_PFIL):
    """The heads of a stack."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.inet = PfilHead(vnet, PFIL_INET_NAME)
        self.inet6 = PfilHead(vnet, PFIL_INET6_NAME)
        self.link = PfilHead(vnet, PFIL_ETHER_NAME)

    def heads(self) -> tuple[PfilHead, ...]:
        """All of them."""
        return self.inet, self.inet6, self.link


def _follow(ifp: Ifnet, head: PfilHead) -> None:
    ifp.link_pfil = head if head.input or head.output else None


def _arrived(ifp: Ifnet) -> None:
    pfil = ifp.vnet.get(Pfil)
    if pfil is not None:
        _follow(ifp, pfil.link)


ifnet_arrival_event.append(_arrived)
