"""Interfaces: struct ifnet, its addresses, and how it joins and leaves a stack (ifnet(9), net/if.c).

An interface has an index from the moment it is made (a table of the whole kernel, the lowest free number), is in exactly
one stack from `if_attach` to `if_detach`, and keeps its index when it moves (net/if_vmove.py).  What other subsystems do
when interfaces come and go they register in the lists below when their file is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from vshell.abi.errno import EINVAL, ENODEV, EOPNOTSUPP, KError
from vshell.abi.sockio import (
    IFF_ALLMULTI,
    IFF_DYING,
    IFF_PALLMULTI,
    IFF_PPROMISC,
    IFF_PROMISC,
    IFF_UP,
    IFNET_PCP_NONE,
    IFT_BRIDGE,
    IFT_ETHER,
    IFT_IEEE8023ADLAG,
    IFT_L2VLAN,
    LINK_STATE_UNKNOWN,
    LINK_STATE_UP,
    SIOCSIFFLAGS,
)  # fmt: skip
from vshell.kernel.kern.module import (
    SI_ORDER_SECOND,
    SI_SUB_INIT_IF,
    SI_SUB_PROTO_IFATTACHDOMAIN,
    KernelModule,
    Sysctl,
    VnetModule,
    sysctl_proc,
)  # fmt: skip
from vshell.kernel.net.if_groups import IFG_ALL, Ifgroup, if_addgroup, if_delgroups

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.if_clone import IfCloner
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

    Wiring = tuple[str, "Ifnet | tuple[bytes, bytes]"]

Event = Callable[..., Any]

ifnet_arrival_event: list[Event] = []
"""f(ifp): it is in its stack now (attached, moved in, or has a new name)."""
ifnet_departure_event: list[Event] = []
"""f(ifp): it is about to leave, or to get a new name (IFF_RENAMING is set then)."""
ifnet_link_event: list[Event] = []
"""f(ifp, link_state)."""
ifmsg_event: list[Event] = []
"""f(ifp): something changed that programs are told of (rt_ifmsg)."""
ifnet_rename_event: list[Event] = []
"""f(ifp, old name), after the change."""
ifnet_updown_event: list[Event] = []
"""f(ifp, up): IFF_UP was set or is about to be cleared (ifnet_event)."""
ifaddr_event: list[Event] = []
"""f(ifp, ifa, added): protocols tell about addresses."""
iflladdr_event: list[Event] = []
"""f(ifp): it has another link-level address."""
ifmtu_event: list[Event] = []
"""f(ifp): it has another MTU (if_notifymtu)."""
ifpurge_event: list[Event] = []
"""f(ifp): remove addresses, memberships and routes of your family, in the order of if_detach_internal."""

domain_ifattach: dict[int, Callable[[Any], Any]] = {}
"""Address family -> what makes its per-interface data, `ifp.afdata[family]` (dom_ifattach)."""
domain_ifdetach: dict[int, Callable[[Any, Any], None]] = {}
"""Address family -> what takes it apart: f(ifp, data)."""

LOG_INFO = 6


class Ifaddr:
    """An address on an interface (struct ifaddr); netinet/in_var.py and netinet6/in6_var.py derive theirs."""

    family: ClassVar[int] = 0

    def __init__(self, ifp: Ifnet) -> None:
        self.ifp = ifp
        self.addr = b""
        """The address in network order."""
        self.dstaddr: bytes | None = None
        self.prefixlen = 0
        self.broadaddr: bytes | None = None
        self.flags = 0
        self.ipackets = self.ibytes = self.opackets = self.obytes = 0
        self.carp: Any = None


class Iftable(KernelModule, sub=SI_SUB_INIT_IF, order=SI_ORDER_SECOND):
    """The table of interfaces by index, one for the whole kernel."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.table: dict[int, Ifnet] = {}
        self.lowest = 1
        """No index below is free."""

    log_link_state_change: int = Sysctl("net.link.log_link_state_change", 1)
    log_promisc_mode_change: int = Sysctl("net.link.log_promisc_mode_change", 1, flags="t")

    def alloc(self, ifp: Ifnet) -> int:
        """The lowest free index."""
        index = self.lowest
        table = self.table
        while index in table:
            index += 1
        self.lowest = index + 1
        table[index] = ifp
        return index

    def free(self, ifp: Ifnet) -> None:
        """Give an index back."""
        if self.table.get(ifp.index) is ifp:
            del self.table[ifp.index]
            self.lowest = min(self.lowest, ifp.index)


class VnetIf(VnetModule, sub=SI_SUB_INIT_IF, order=SI_ORDER_SECOND):
    """What a stack knows about its interfaces besides the list `vnet.ifnets`."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.groups: dict[str, Ifgroup] = {}
        """Groups in order of creation (V_ifg_head)."""
        self.cloners: list[IfCloner] = []
        """What can be cloned here, the youngest first (V_if_cloners)."""
        self.domains = False
        """True once the protocols are there (domain_init_status)."""

    @sysctl_proc("net.link.generic.system.ifcount", "Maximum known interface index", flags="r")
    def ifcount(self, td: Any, new: Any) -> int:
        """sysctl_ifcount."""
        return max((ifp.index for ifp in self.vnet.ifnets), default=0)


class IfAttachDomain(VnetModule, sub=SI_SUB_PROTO_IFATTACHDOMAIN, order=SI_ORDER_SECOND):
    """Gives the interfaces that were there before the protocols their per-family data (if_attachdomain)."""

    def init(self) -> None:
        """if_attachdomain."""
        self.vnet[VnetIf].domains = True
        for ifp in self.vnet.ifnets:
            if_attachdomain1(ifp)


def _hook(name: str) -> Any:
    """An attribute that most interfaces never have; `hooked` tells the data path whether to look for any of them."""
    slot = "_" + name

    def get(ifp: Ifnet) -> Any:
        return getattr(ifp, slot)

    def put(ifp: Ifnet, value: Any) -> None:
        setattr(ifp, slot, value)
        hooks = (ifp._bridge, ifp._carp, ifp._lagg, ifp._link_pfil, ifp._netgraph, ifp._vlantrunk)
        ifp.hooked = any(h is not None for h in hooks) or ifp._pcp != IFNET_PCP_NONE

    return property(get, put)


class Ifnet:
    """One interface.  A type derives from it, one file per type: if_epair.py is `epair`.

    Counters are plain integers: ipackets, ierrors, iqdrops, ibytes, imcasts, opackets, oerrors, oqdrops, obytes,
    omcasts, collisions, noproto.  The attributes in `__slots__` are those the packet path reads.
    """

    __slots__ = (
        "__dict__", "_bridge", "_carp", "_lagg", "_link_pfil", "_netgraph", "_pcp", "_vlantrunk", "bpf", "capenable", "fib",
        "flags", "hooked", "ibytes", "ipackets", "kernel", "lladdr", "mtu", "obytes", "opackets", "vnet",
    )  # fmt: skip

    type = IFT_ETHER
    """IFT_* (net/if_types.h)."""
    link_pfil = _hook("link_pfil")
    """The stack's link-level pfil head while it has hooks (net/pfil.py)."""
    bridge = _hook("bridge")
    """The bridge(4) it is a member of, which has `bridge_input(ifp, m) -> Mbuf | None` and `bridge_output(ifp, m) -> int`."""
    vlantrunk = _hook("vlantrunk")
    """Its VLANs: an object with `input(ifp, m)`."""
    carp = _hook("carp")
    lagg = _hook("lagg")
    """Its place in a lagg(4): an object with `input(m) -> Mbuf | None` and `linkstate(ifp)`."""
    netgraph = _hook("netgraph")
    """The ng_ether node, None while that module is not in: `input`, `output` take and return an mbuf or None."""
    pcp = _hook("pcp")
    """802.1p priority of untagged frames, IFNET_PCP_NONE if they get none."""
    hdrlen = 0
    addrlen = 0

    def __init__(self, kernel: Kernel, dname: str, dunit: int | None) -> None:
        self.kernel = kernel
        self.dname = dname
        """Driver name ("epair") and unit; `ifconfig -D` shows them whatever the interface is called now."""
        self.dunit = dunit
        self.xname = dname if dunit is None else f"{dname}{dunit}"
        """The name it goes by."""
        self.vnet: Vnet
        """The stack it is in now."""
        self.home_vnet: Vnet | None = None
        """The stack it was created in and returns to."""
        self.cloner: IfCloner | None = None
        """The cloner that made it, None for hardware."""
        self.flags = 0
        """IFF_*, the driver's (RUNNING, OACTIVE) included."""
        self.mtu = 0
        self.metric = 0
        self.baudrate = 0
        self.link_state = LINK_STATE_UNKNOWN
        self.capabilities = 0
        """IFCAP_*; the second word from bit 32 on."""
        self.capenable = 0
        self.lladdr = b""
        """Link-level address (IF_LLADDR)."""
        self.hwaddr: bytes | None = None
        """The address the hardware came with (if_hw_addr), None where there is no such thing."""
        self.broadcastaddr = b""
        self.description = ""
        self.groups: list[str] = []
        self.addrs: list[Ifaddr] = []
        """Protocol addresses in order (if_addrhead without the link-level one)."""
        self.multiaddrs: dict[tuple[int, bytes], int] = {}
        """Group memberships at link and network level: (family, address) -> references."""
        self.fib = 0
        self.tunnelfib = 0
        self._bridge = self._carp = self._lagg = self._link_pfil = self._netgraph = self._vlantrunk = None
        self._pcp = IFNET_PCP_NONE
        self.hooked = False
        """True if any of these is there."""
        self.pcount = 0
        """How many asked for promiscuous mode."""
        self.amcount = 0
        self.ipackets = self.ierrors = self.iqdrops = self.ibytes = self.imcasts = 0
        self.opackets = self.oerrors = self.oqdrops = self.obytes = self.omcasts = 0
        self.collisions = self.noproto = 0
        self.lastchange = 0
        self.epoch = 0
        self.bpf: list[Any] | None = None
        """Listeners of bpf(4), f(ifp, m, outgoing); None while there is none: the data path asks `if ifp.bpf`."""
        self.afdata: dict[int, Any] = {}
        """Per address family: AF_INET -> InIfinfo, AF_INET6 -> In6Ifextra (domifattach)."""
        self.index = kernel[Iftable].alloc(self)

    def __repr__(self) -> str:
        return f"<{self.xname} {self.index}>"

    # what a type provides --------------------------------------------------------------------------------------
    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """if_output: send a packet of an address family to a next hop (network address); returns an errno or 0."""
        return EOPNOTSUPP

    def transmit(self, m: Mbuf) -> int:
        """if_transmit: hand a finished frame to the link."""
        return EOPNOTSUPP

    def input(self, m: Mbuf) -> None:
        """if_input: a frame came off the link."""

    def init(self) -> None:
        """if_init: bring the hardware up."""

    def setaddr(self, ifa: Ifaddr) -> None:
        """if_ioctl(SIOCSIFADDR): it gets a network address, which brings it up.  Protocols call it when they add one.

        The caller must notice that IFF_UP appeared and call `if_up`; `ifioctl` does so after each request.
        """
        self.flags |= IFF_UP

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """if_ioctl: what the generic code leaves to the type (SIOCSIFFLAGS, SIOCSIFMTU, media ...).  EINVAL."""
        raise KError(EINVAL)

    def destroy(self) -> None:
        """The cloner's destroy: take the interface away for good."""
        raise KError(EOPNOTSUPP)

    def wiring(self) -> Iterable[Wiring]:
        """What it is connected to, for pictures: WIRE, MEMBER, ON or TUNNEL, and an interface or (source, destination)."""
        return ()

    def reassign(self, vnet: Vnet) -> None:
        """if_reassign: what has to happen when the interface changes its stack."""


# attachment ----------------------------------------------------------------------------------------------------
def ifnet_byindex(vnet: Vnet, index: int) -> Ifnet | None:
    """The interface of that index, if it is in that stack."""
    ifp: Ifnet | None = vnet.kernel[Iftable].table.get(index)
    return ifp if ifp is not None and getattr(ifp, "vnet", None) is vnet else None


def if_attach(ifp: Ifnet, vnet: Vnet) -> None:
    """Join a stack for the first time."""
    if_attach_internal(ifp, vnet, vmove=False)


def if_attach_internal(ifp: Ifnet, vnet: Vnet, vmove: bool) -> None:
    """if_attach_internal: also used for an interface that moves here."""
    ifp.vnet = vnet
    if ifp.home_vnet is None:
        ifp.home_vnet = vnet
    state = vnet[VnetIf]
    if_addgroup(ifp, IFG_ALL)
    if vmove and ifp.cloner is not None:
        # The group named after its type comes back, if this stack knows the type (if_clone_restoregroup).
        name = ifp.cloner.name
        if any(c.name == name for c in state.cloners):
            if_addgroup(ifp, name)
    ifp.lastchange = ifp.epoch = ifp.kernel.clock.now
    if not vmove and ifp.type == IFT_ETHER and ifp.hwaddr is None:
        ifp.hwaddr = bytes(ifp.addrlen)
    if state.domains:
        if_attachdomain1(ifp)
    vnet.ifnets.append(ifp)
    for event in ifnet_arrival_event:
        event(ifp)


def if_attachdomain1(ifp: Ifnet) -> None:
    """Make the per-family data."""
    for family, attach in domain_ifattach.items():
        if family not in ifp.afdata:
            ifp.afdata[family] = attach(ifp)


def if_detach(ifp: Ifnet) -> None:
    """Leave the stack for good (if_detach and if_free)."""
    ifp.vnet.ifnets.remove(ifp)
    ifp.flags |= IFF_DYING
    # In a stack that dies the protocols take down what is theirs as a whole.
    if_detach_internal(ifp, purge=not ifp.vnet.shutdown)
    ifp.kernel[Iftable].free(ifp)


def if_detach_internal(ifp: Ifnet, purge: bool = True) -> None:
    """Undo what stands between an interface that is off the list and its stack."""
    if_delgroups(ifp)
    if_down(ifp)
    if purge:
        for event in ifpurge_event:
            event(ifp)
        ifp.multiaddrs.clear()
    for event in ifnet_departure_event:
        event(ifp)
    afdata, ifp.afdata = ifp.afdata, {}
    for family, data in afdata.items():
        detach = domain_ifdetach.get(family)
        if detach is not None:
            detach(ifp, data)


# state ---------------------------------------------------------------------------------------------------------
def if_up(ifp: Ifnet) -> None:
    """Mark it up and tell the protocols."""
    ifp.flags |= IFF_UP
    ifp.lastchange = ifp.kernel.clock.now
    if ifp.carp:
        ifp.carp.linkstate(ifp)
    for event in ifmsg_event:
        event(ifp)
    for event in ifnet_updown_event:
        event(ifp, True)


def if_down(ifp: Ifnet) -> None:
    """Tell the protocols and mark it down."""
    for event in ifnet_updown_event:
        event(ifp, False)
    ifp.flags &= ~IFF_UP
    ifp.lastchange = ifp.kernel.clock.now
    if ifp.carp:
        ifp.carp.linkstate(ifp)
    for event in ifmsg_event:
        event(ifp)


def if_printf(ifp: Ifnet, text: str) -> None:
    """A line about an interface for the message buffer."""
    ifp.kernel.log(LOG_INFO, f"{ifp.xname}: {text}")


def if_link_state_change(ifp: Ifnet, state: int) -> None:
    """The link came or went: tell at once, as a software interrupt that comes before the caller goes on."""
    if ifp.link_state == state:
        return
    ifp.link_state = state
    do_link_state_change(ifp, None)


def do_link_state_change(ifp: Ifnet, _: object) -> None:
    """Tell about the link state as it is now."""
    if ifp.flags & IFF_DYING:
        return
    for owner in (ifp.vlantrunk, ifp.netgraph, ifp.carp, ifp.bridge, ifp.lagg):
        if owner is not None:
            owner.linkstate(ifp)
    for event in ifmsg_event:
        event(ifp)
    if ifp.kernel[Iftable].log_link_state_change:
        if_printf(ifp, f"link state changed to {'UP' if ifp.link_state == LINK_STATE_UP else 'DOWN'}")
    for event in ifnet_link_event:
        event(ifp, ifp.link_state)


def if_driver_flags(ifp: Ifnet) -> None:
    """Hand the present flags to the driver (if_ioctl(SIOCSIFFLAGS)); some have nothing to say to them."""
    ifp.ioctl(SIOCSIFFLAGS(ifp.xname, ifp.flags), None)


def if_setflag(ifp: Ifnet, flag: int, pflag: int, counter: str, on: bool) -> None:
    """Count who wants a flag; the first and the last one change it."""
    count = getattr(ifp, counter) + (1 if on else -1)
    if ifp.flags & pflag or count != (1 if on else 0):
        setattr(ifp, counter, count)
        return
    old = ifp.flags
    ifp.flags = old | flag if on else old & ~flag
    try:
        if_driver_flags(ifp)
    except KError:
        ifp.flags = old
        raise
    setattr(ifp, counter, count)


def ifpromisc(ifp: Ifnet, on: bool) -> None:
    """Ask for promiscuous mode, or withdraw that."""
    old = ifp.flags
    if_setflag(ifp, IFF_PROMISC, IFF_PPROMISC, "pcount", on)
    if (ifp.flags ^ old) & IFF_PROMISC and ifp.kernel[Iftable].log_promisc_mode_change:
        if_printf(ifp, f"promiscuous mode {'enabled' if ifp.flags & IFF_PROMISC else 'disabled'}")


def if_allmulti(ifp: Ifnet, on: bool) -> None:
    """Ask for all multicast frames, or withdraw that."""
    if_setflag(ifp, IFF_ALLMULTI, IFF_PALLMULTI, "amcount", on)


def if_setlladdr(ifp: Ifnet, lladdr: bytes) -> None:
    """Change the link-level address."""
    if len(lladdr) != ifp.addrlen:
        raise KError(EINVAL)
    if ifp.type not in (IFT_ETHER, IFT_L2VLAN, IFT_BRIDGE, IFT_IEEE8023ADLAG):
        raise KError(ENODEV)
    ifp.lladdr = lladdr
    if ifp.flags & IFF_UP:
        # The hardware's address filter is programmed anew.
        for up in (0, IFF_UP):
            ifp.flags = ifp.flags & ~IFF_UP | up
            try:
                if_driver_flags(ifp)
            except KError:
                pass
    for event in iflladdr_event:
        event(ifp)


def if_gethwaddr(ifp: Ifnet) -> bytes:
    """The address the hardware came with."""
    if ifp.hwaddr is None or ifp.type not in (IFT_ETHER, IFT_IEEE8023ADLAG):
        raise KError(ENODEV)
    return ifp.hwaddr
