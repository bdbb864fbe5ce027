"""Interfaces: struct ifnet, its addresses, and its life in and between stacks (ifnet(9), net/if.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from vshell.abi.errno import EOPNOTSUPP, KError
from vshell.abi.sockio import IFF_SIMPLEX, LINK_STATE_UNKNOWN

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet


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


class Ifnet:
    """One interface.  A type derives from it, one file per type: if_epair.py is `epair`.

    Counters are plain integers: ipackets, ierrors, iqdrops, ibytes, imcasts, opackets, oerrors, oqdrops, obytes,
    omcasts, collisions, noproto.
    """

    type = 1
    """IFT_* (net/if_types.h)."""
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
        self.home_vnet: Vnet
        """The stack it was created in and returns to."""
        self.index = 0
        self.flags = IFF_SIMPLEX
        """IFF_*, the driver's (RUNNING, OACTIVE) included."""
        self.mtu = 1500
        self.metric = 0
        self.baudrate = 0
        self.link_state = LINK_STATE_UNKNOWN
        self.capabilities = 0
        self.capenable = 0
        self.capabilities2 = 0
        self.capenable2 = 0
        self.lladdr = b""
        """Link-level address (IF_LLADDR)."""
        self.hwaddr = b""
        """The address the hardware came with."""
        self.broadcastaddr = b""
        self.description = ""
        self.groups: list[str] = []
        self.addrs: list[Ifaddr] = []
        """Protocol addresses in order (if_addrhead without the link-level one)."""
        self.multiaddrs: dict[tuple[int, bytes], int] = {}
        """Group memberships at link and network level: (family, address) -> references."""
        self.fib = 0
        self.tunnelfib = 0
        self.pcount = 0
        """How many asked for promiscuous mode."""
        self.amcount = 0
        self.ipackets = self.ierrors = self.iqdrops = self.ibytes = self.imcasts = 0
        self.opackets = self.oerrors = self.oqdrops = self.obytes = self.omcasts = 0
        self.collisions = self.noproto = 0
        self.lastchange = 0
        self.epoch = 0
        self.bpf: list[Any] | None = None
        """Listeners of bpf(4), None while there is none: the data path asks `if ifp.bpf`."""
        self.bridge: Any = None
        """The bridge(4) it is a member of."""
        self.lagg: Any = None
        self.vlantrunk: Any = None
        self.carp: Any = None
        self.netgraph: Any = None
        """The ng_ether node, None while that module is not in."""
        self.softc: Any = None
        self.afdata: dict[int, Any] = {}
        """Per address family: AF_INET -> InIfinfo, AF_INET6 -> In6Ifextra (domifattach)."""
        self.dying = False

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

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """if_ioctl: what the generic code leaves to the type (SIOCSIFFLAGS, SIOCSIFMTU, media ...).  EINVAL."""
        raise KError(EOPNOTSUPP)

    def destroy(self) -> None:
        """The cloner's destroy: take the interface away for good."""
        raise KError(EOPNOTSUPP)

    def reassign(self, vnet: Vnet) -> None:
        """if_reassign: what has to happen when the interface changes its stack."""
