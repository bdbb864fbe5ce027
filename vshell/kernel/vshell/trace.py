"""Following packets (vshell/abi/trace.py): a listener on every interface, as bpf(4) has one, and the drops of every stack."""

from __future__ import annotations

from vshell.abi.bpf import DLT_EN10MB
from vshell.abi.errno import EBUSY, KError
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.trace import DROPPED, IN, OUT, Seen
from vshell.kernel.kern.module import KernelModule
from vshell.kernel.kern.prison_params import PR_VNET
from vshell.kernel.net.bpf import bpf_dlts
from vshell.kernel.net.drops import SNAPLEN, Drops
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_GATEWAY, NHF_REJECT
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.in_var import in_localip
from vshell.kernel.netinet6.in6_var import in6_localip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.trace import TRACE
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

    Fate = tuple[str] | tuple[str, str, bytes]

MAXIMUM = 10_000
"""Packets a trace remembers."""


class Tracer(KernelModule):
    """The trace that is going on."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.owner: Proc | None = None
        self.seen: list[Seen] = []
        self.stacks: dict[Vnet, str] = {}
        self.taps: list[Ifnet] = []
        self.began = 0

    def start(self, td: Proc) -> None:
        """Listen everywhere."""
        here = td.ucred.prison
        self.owner, self.began, self.seen = td, self.kernel.clock.now, []
        self.stacks = {here.vnet: "" if here.parent is None else here.name}
        for pr in here.descendants():
            if pr.flags & PR_VNET:
                self.stacks[pr.vnet] = pr.name
        self.taps = [ifp for vnet in self.stacks for ifp in vnet.ifnets]
        for ifp in self.taps:
            ifp.bpf = [*(ifp.bpf or ()), self.tap]

    def stop(self) -> tuple[Seen, ...]:
        """Leave, and tell."""
        for ifp in self.taps:
            if ifp.bpf:
                ifp.bpf = [tap for tap in ifp.bpf if tap != self.tap] or None
        dropped = [
            Seen(drop.when, name, drop.ifname, DROPPED, f"{drop.reason} ({drop.place})", drop.data, drop.size, drop.link)
            for vnet, name in self.stacks.items()
            if Drops in vnet
            for drop in vnet[Drops].ring
            if drop.when >= self.began
        ]
        self.owner, self.taps, self.stacks = None, [], {}
        return tuple(sorted([*self.seen, *dropped], key=lambda seen: seen.when))

    def tap(self, ifp: Ifnet, m: Mbuf, outgoing: bool) -> None:
        """A packet comes by."""
        if len(self.seen) >= MAXIMUM:
            return
        link = bpf_dlts(ifp)[0] == DLT_EN10MB
        data = bytes(m.data[m.off : m.off + SNAPLEN])
        fate = ("",) if outgoing else self.fate(ifp, m, link)
        name = self.stacks.get(ifp.vnet, "?")
        event = OUT if outgoing else IN
        self.seen.append(Seen(self.kernel.clock.now, name, ifp.xname, event, fate[0], data, len(m.data) - m.off, link, *fate[1:]))

    def fate(self, ifp: Ifnet, m: Mbuf, link: bool) -> Fate:
        """Where a packet that came in goes, by the routes as they stand: what to say, interface and gateway of its route."""
        data, off = m.data, m.off
        if link:
            if ifp.bridge is not None or ifp.lagg is not None:
                return ("to the bridge" if ifp.bridge is not None else "to the lagg",)
            if data[off] & 1 or m.flags & (M_BCAST | M_MCAST):
                return ("",)
            if data[off : off + 6] != ifp.lladdr:
                return ("for another station",)
            if data[off + 12 : off + 14] not in (bytearray(b"\x08\x00"), bytearray(b"\x86\xdd")):
                return ("",)
            off += 14
        if len(data) >= off + 20 and data[off] >> 4 == 4:
            dst = bytes(data[off + 16 : off + 20])
            return ("for this stack",) if in_localip(ifp.vnet, dst) else self.route(ifp, AF_INET, dst)
        if len(data) >= off + 40 and data[off] >> 4 == 6:
            dst = bytes(data[off + 24 : off + 40])
            if dst[0] == 0xFF or dst[:2] == b"\xfe\x80" or in6_localip(ifp.vnet, dst, ifp):
                return ("for this stack",)
            return self.route(ifp, AF_INET6, dst)
        return ("",)

    @staticmethod
    def route(ifp: Ifnet, family: int, dst: bytes) -> Fate:
        """The route to a destination."""
        nh = fib_lookup(ifp.vnet, family, dst, ifp.fib)
        if nh is None:
            return ("no route",)
        if nh.flags & (NHF_REJECT | NHF_BLACKHOLE):
            return ("a route that rejects" if nh.flags & NHF_REJECT else "a route into a black hole",)
        return "routed", nh.ifp.xname, nh.gateway if nh.flags & NHF_GATEWAY and nh.gateway else b""


def serve(td: Proc, request: TRACE) -> tuple[Seen, ...]:
    """Answer the request."""
    kernel = td.kernel
    tracer = kernel.get(Tracer)
    if tracer is None:
        tracer = kernel[Tracer] = Tracer(kernel)
    if not request.on:
        return tracer.stop() if tracer.owner is td else ()
    if tracer.owner is not None and not tracer.owner.exited:
        raise KError(EBUSY)
    if tracer.owner is not None:
        tracer.stop()
    tracer.start(td)
    return ()
