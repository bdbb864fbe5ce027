"""tun(4), tap(4) and vmnet(4): interfaces whose other end is a process with the device open (net/if_tuntap.c)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from vshell.abi.errno import (
    EAFNOSUPPORT,
    EAGAIN,
    EBUSY,
    EEXIST,
    EHOSTDOWN,
    EINVAL,
    EIO,
    ENOBUFS,
    ENXIO,
    KError,
)  # fmt: skip
from vshell.abi.fcntl import O_NONBLOCK, POLLIN, POLLOUT, S_IFCHR, Stat
from vshell.abi.if_media import IFM_1000_T, IFM_ACTIVE, IFM_AVALID, IFM_ETHER, IFM_FDX
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import (
    IFCAP_LINKSTATE,
    IFCAP_LRO,
    IFCAP_MEXTPG,
    IFCAP_RXCSUM,
    IFCAP_RXCSUM_IPV6,
    IFF_BROADCAST,
    IFF_DRV_RUNNING,
    IFF_LINK0,
    IFF_MULTICAST,
    IFF_POINTOPOINT,
    IFF_RENAMING,
    IFF_SIMPLEX,
    IFF_UP,
    IFT_PPP,
    LINK_STATE_DOWN,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCGIFMEDIA,
    SIOCGIFSTATUS,
    SIOCSIFCAP,
    SIOCSIFFLAGS,
    SIOCSIFMTU,
    IfMediaReq,
)  # fmt: skip
from vshell.kernel.kern.devfs import destroy_dev, make_dev
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.kern_synch import tsleep
from vshell.kernel.kern.module import KernelModule, Sysctl
from vshell.kernel.net.if_clone import IF_MAXUNIT, IfCloner, cloner, ifc_name2unit
from vshell.kernel.net.if_ethersubr import EtherIfnet, ether_gen_addr, ether_ifattach, ether_ifdetach
from vshell.kernel.net.ifnet import (
    Ifaddr,
    Ifnet,
    if_attach,
    if_detach,
    if_down,
    if_link_state_change,
    ifnet_rename_event,
    ifpurge_event,
)  # fmt: skip
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.net.netisr import netisr_handlers
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf

TUNMTU = 1500
IFQ_MAXLEN = 50


class TunTap(KernelModule):
    """What all of them share: unit numbers count through the whole kernel, for each driver."""

    tun_cloning = Sysctl("net.link.tun.devfs_cloning", 1, "Enable legacy devfs interface creation", flags="wt")
    tap_cloning = Sysctl("net.link.tap.devfs_cloning", 1, "Enable legacy devfs interface creation", flags="wt")
    up_on_open = Sysctl("net.link.tap.up_on_open", 0, "Bring interface up when /dev/tap is opened")
    user_open = Sysctl("net.link.tap.user_open", 0, "Enable legacy devfs interface creation for all users")

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.units: dict[str, set[int]] = {"tun": set(), "tap": set(), "vmnet": set()}

    def alloc(self, driver: str, unit: int) -> int:
        """That unit, or with -1 the lowest free one.  EEXIST."""
        units = self.units[driver]
        if unit < 0:
            unit = next(n for n in range(IF_MAXUNIT + 1) if n not in units)
        elif unit in units or unit > IF_MAXUNIT:
            raise KError(EEXIST)
        units.add(unit)
        return unit


class TunFile(File):
    """The open device."""

    kind = "vnode"

    def __init__(self, tun: TunMixin, flags: int) -> None:
        super().__init__(flags)
        self.tun: TunMixin | None = tun

    async def read(self, td: Proc, size: int) -> bytes:
        """The next packet."""
        while True:
            if self.tun is None or self.tun.gone:
                raise KError(ENXIO)
            if self.tun.queue:
                return self.tun.queue.popleft()[:size]
            if self.flags & O_NONBLOCK:
                raise KError(EAGAIN)
            await tsleep(td, self.rchan)

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """A packet comes in."""
        if self.tun is None or self.tun.gone:
            raise KError(ENXIO)
        self.tun.receive(data)
        return len(data)

    def poll(self, events: int) -> int:
        """Readable when there is a packet."""
        readable = self.tun is None or bool(self.tun.queue)
        return events & POLLOUT | (events & POLLIN if readable else 0)

    def stat(self, td: Proc) -> Stat:
        """A device."""
        return Stat(0, 0, S_IFCHR | 0o600, 1, 0, 0, 0, 0, 0, 0)

    def close(self) -> None:
        """tundtor."""
        tun, self.tun = self.tun, None
        if tun is not None:
            tun.closed()


class TunMixin(Ifnet):
    """What the three have in common."""

    driver: ClassVar[str]

    def setup(self) -> None:
        """The device, and nobody at it."""
        self.queue: deque[bytes] = deque()
        self.file: TunFile | None = None
        self.pid = 0
        self.gone = self.dying = False
        self.device = self.alias = f"{self.dname}{self.dunit}"
        make_dev(self.kernel, self.device, self.opened)

    def opened(self, td: Proc, flags: int) -> File:
        """tunopen.  EBUSY if somebody is there already."""
        if self.gone:
            raise KError(ENXIO)
        if self.file is not None or self.dying:
            raise KError(EBUSY)
        self.file = TunFile(self, flags)
        self.pid = td.pid
        self.on_open()
        if_link_state_change(self, LINK_STATE_UP)
        return self.file

    def on_open(self) -> None:
        """What a driver does besides."""

    def closed(self) -> None:
        """The process is gone: the interface goes down and loses its addresses."""
        self.queue.clear()
        if self.keeps_state():
            pass
        else:
            if self.flags & IFF_UP:
                if_down(self)
            if self.flags & IFF_DRV_RUNNING:
                self.flags &= ~IFF_DRV_RUNNING
                for event in ifpurge_event:
                    event(self)
        if_link_state_change(self, LINK_STATE_DOWN)
        self.file, self.pid = None, 0
        if self.dying:
            self.detach()

    def keeps_state(self) -> bool:
        """True where closing does not matter."""
        return False

    def receive(self, data: bytes) -> None:
        """The process sent a packet."""
        raise NotImplementedError

    def detach(self) -> None:
        """Leave the stack."""
        raise NotImplementedError

    def enqueue(self, data: bytes) -> int:
        """Keep a packet for the process."""
        if len(self.queue) >= IFQ_MAXLEN:
            self.oqdrops += 1
            return ENOBUFS
        self.queue.append(data)
        if self.file is not None:
            self.file.rchan.wakeup()
        return 0

    def destroy(self) -> None:
        """tun_destroy."""
        self.kernel[TunTap].units[self.driver].discard(self.dunit or 0)
        destroy_dev(self.kernel, self.device)
        destroy_dev(self.kernel, self.alias)
        if self.file is not None:
            # DIFFERS: the destroyer does not wait for the process to let go; the interface goes when it does.
            self.dying = True
            return
        self.detach()

    def renamed(self) -> None:
        """tunrename: the device can be found under the new name too."""
        if self.alias != self.device:
            destroy_dev(self.kernel, self.alias)
        self.alias = self.device
        if self.xname != self.device and self.xname not in self.kernel.devices:
            make_dev(self.kernel, self.xname, self.opened)
            self.alias = self.xname

    def common_ioctl(self, request: Record) -> tuple[bool, Any]:
        """Requests all three answer alike: (answered, answer)."""
        if isinstance(request, SIOCGIFSTATUS):
            return True, f"\tOpened by PID {self.pid}\n" if self.pid else ""
        if isinstance(request, SIOCSIFMTU):
            self.mtu = request.mtu
        elif isinstance(request, SIOCSIFCAP):
            self.capenable = request.reqcap
            if self.vlantrunk is not None:
                self.vlantrunk.capabilities(self)
        elif not isinstance(request, (SIOCSIFFLAGS, SIOCADDMULTI, SIOCDELMULTI)):
            return False, None
        return True, None


def tuntap_unit(ifc: IfCloner, name: str) -> int:
    """The unit in a name, or the next one; a name that is taken anywhere is EEXIST."""
    unit: int = ifc.vnet.kernel[TunTap].alloc(ifc.name, ifc_name2unit(name))
    return unit


@cloner("tun", autounit=False)
class Tun(TunMixin):
    """tun(4): packets without link-level header."""

    type = IFT_PPP
    driver = "tun"

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Tun:
        """tun_clone_create."""
        ifp = cls(ifc.vnet.kernel, "tun", tuntap_unit(ifc, name))
        ifp.flags = IFF_MULTICAST | IFF_POINTOPOINT
        ifp.capabilities = ifp.capenable = IFCAP_LINKSTATE | IFCAP_MEXTPG
        ifp.mtu = TUNMTU
        ifp.setup()
        if_attach(ifp, ifc.vnet)
        return ifp

    def detach(self) -> None:
        """Leave the stack."""
        self.gone = True
        if_detach(self)

    def setaddr(self, ifa: Ifaddr) -> None:
        """tuninit."""
        self.flags |= IFF_UP | IFF_DRV_RUNNING

    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """tunoutput."""
        if self.file is None or self.flags & (IFF_UP | IFF_DRV_RUNNING) != IFF_UP | IFF_DRV_RUNNING:
            return EHOSTDOWN
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        if family != AF_INET:
            return EAFNOSUPPORT
        error = self.enqueue(m.bytes())
        if not error:
            self.opackets += 1
            self.obytes += len(m)
        return error

    def receive(self, data: bytes) -> None:
        """tunwrite_l3."""
        if not data:
            raise KError(EIO)
        family = AF_INET6 if data[0] >> 4 == 6 else AF_INET
        m = m_get(data, self.fib)
        m.rcvif = self
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, False)
        self.ipackets += 1
        self.ibytes += len(data)
        handler = netisr_handlers.get(ETHERTYPE_IPV6 if family == AF_INET6 else ETHERTYPE_IP)
        if handler is not None:
            self.kernel.netisrq.append((handler, self, m))

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """tunifioctl."""
        done, answer = self.common_ioctl(request)
        if not done:
            raise KError(EINVAL)
        return answer


class TapMixin(TunMixin, EtherIfnet):
    """Ethernet frames."""

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> TapMixin:
        """tun_clone_create."""
        kernel = ifc.vnet.kernel
        ifp = cls(kernel, ifc.name, tuntap_unit(ifc, name))
        ifp.flags = IFF_MULTICAST | IFF_BROADCAST | IFF_SIMPLEX
        ifp.capenable = IFCAP_LINKSTATE | IFCAP_MEXTPG
        ifp.capabilities = ifp.capenable | IFCAP_RXCSUM | IFCAP_RXCSUM_IPV6 | IFCAP_LRO
        ifp.setup()
        prison = td.ucred.prison if td is not None else kernel.prison0
        ether_ifattach(ifp, ifc.vnet, ether_gen_addr(kernel, prison, ifp.xname))
        return ifp

    def detach(self) -> None:
        """Leave the stack."""
        self.gone = True
        ether_ifdetach(self)

    def init(self) -> None:
        """tunifinit."""
        self.flags |= IFF_DRV_RUNNING

    def on_open(self) -> None:
        """A process makes it run."""
        self.flags |= IFF_DRV_RUNNING
        if self.kernel[TunTap].up_on_open:
            self.flags |= IFF_UP

    def transmit(self, m: Mbuf) -> int:
        """tap_transmit."""
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        if not self.keeps_state() and (self.file is None or not self.flags & IFF_DRV_RUNNING):
            self.oerrors += 1
            return 0
        size = len(m)
        error = self.enqueue(m.bytes())
        if not error:
            self.opackets += 1
            self.obytes += size
        return error

    def receive(self, data: bytes) -> None:
        """tunwrite_l2."""
        if len(data) < 14:
            return
        if data[:6] != self.lladdr and not data[0] & 1 and not self.pcount and self.bridge is None:
            return
        self.ipackets += 1
        self.input(m_get(data, self.fib))

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """tunifioctl."""
        done, answer = self.common_ioctl(request)
        if done:
            return answer
        if isinstance(request, SIOCGIFMEDIA):
            word = IFM_ETHER | IFM_FDX | IFM_1000_T
            return IfMediaReq(word, 0, IFM_AVALID | (IFM_ACTIVE if self.file is not None else 0), word, (IFM_ETHER,))
        return EtherIfnet.ioctl(self, request, td)


@cloner("tap", autounit=False)
class Tap(TapMixin):
    """tap(4)."""

    driver = "tap"

    def keeps_state(self) -> bool:
        """LINK0 makes it a vmnet(4)."""
        return bool(self.flags & IFF_LINK0)


@cloner("vmnet", autounit=False)
class Vmnet(TapMixin):
    """vmnet(4): stays as it is when the process goes."""

    driver = "vmnet"

    def keeps_state(self) -> bool:
        """Always."""
        return True


def _renamed(ifp: Ifnet, old: str) -> None:
    if isinstance(ifp, TunMixin) and not ifp.flags & IFF_RENAMING:
        ifp.renamed()


ifnet_rename_event.append(_renamed)
