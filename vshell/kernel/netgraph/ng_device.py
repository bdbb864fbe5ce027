"""ng_device(4): a device /dev/ngdN whose writes leave by the hook, and which reads what comes in (netgraph/ng_device.c)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EAGAIN, EIO, EISCONN, ENOBUFS, ENXIO, KError
from vshell.abi.fcntl import O_NONBLOCK, POLLIN, S_IFCHR, Stat
from vshell.kernel.kern.devfs import destroy_dev, make_dev
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.kern_synch import tsleep
from vshell.kernel.kern.module import KernelModule, Kld
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.ng_base import NgHook, NgMsg, Node, ng_name_node, ng_rmnode, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import STRING

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x36E8)

QUEUE_MAX, PACKET_MAX = 50, 65535


class DeviceUnits(KernelModule):
    """The numbers of the devices, the same for all stacks."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.units: set[int] = set()

    def alloc(self) -> int:
        """The lowest free one."""
        unit = 0
        while unit in self.units:
            unit += 1
        self.units.add(unit)
        return unit


class DeviceFile(File):
    """The open device."""

    kind = "vnode"

    def __init__(self, node: Device, flags: int) -> None:
        super().__init__(flags)
        self.node = node

    async def read(self, td: Proc, size: int) -> bytes:
        """The next packet."""
        node = self.node
        while not node.queue:
            if not node.valid:
                raise KError(ENXIO)
            if self.flags & O_NONBLOCK:
                raise KError(EAGAIN)
            await tsleep(td, self.rchan)
        return node.queue.popleft()[:size]

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """A packet leaves."""
        if not self.node.valid:
            raise KError(ENXIO)
        if len(data) > PACKET_MAX:
            raise KError(EIO)
        if data and (error := ng_send_data(self.node.end, m_get(data))):
            raise KError(error)
        return len(data)

    def poll(self, events: int) -> int:
        """Readable when there is a packet; nothing is said about writing."""
        return events & POLLIN if self.node.queue or not self.node.valid else 0

    def stat(self, td: Proc) -> Stat:
        """A device."""
        return Stat(0, 0, S_IFCHR | 0o600, 1, 0, 0, 0, 0, 0, 0)

    def close(self) -> None:
        """Nobody reads there any more."""
        if self in self.node.files:
            self.node.files.remove(self)


class Device(Node, ngtype="device", cookie=1091129178):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.end: NgHook | None = None
        self.queue: deque[bytes] = deque()
        self.files: list[DeviceFile] = []
        self.unit = -1

    def constructor(self) -> None:
        """Make the device; the node is named after it if it can be."""
        self.unit = self.kernel[DeviceUnits].alloc()
        make_dev(self.kernel, self.devname, self.opened)
        try:
            ng_name_node(self, self.devname)
        except KError:
            self.kernel.log(4, f"{self.devname}: can't acquire netgraph name")

    @property
    def devname(self) -> str:
        """The name under /dev."""
        return f"ngd{self.unit}"

    def opened(self, td: Proc, flags: int) -> File:
        """ngdopen."""
        file = DeviceFile(self, flags)
        self.files.append(file)
        return file

    def newhook(self, hook: NgHook, name: str) -> None:
        """One of any name."""
        if self.end is not None:
            raise KError(EISCONN)
        self.end = hook

    def disconnect(self, hook: NgHook) -> None:
        """Without its hook it goes."""
        self.end = None
        ng_rmnode(self)

    def shutdown(self) -> bool:
        """The device goes; those who read from it are woken."""
        destroy_dev(self.kernel, self.devname)
        self.kernel[DeviceUnits].units.discard(self.unit)
        self.queue.clear()
        for file in self.files:
            file.rchan.wakeup()
        return False

    @ngmsg(0, "getdevname", resp=STRING)
    def getdevname(self, arg: Any, msg: NgMsg) -> str:
        """The device's name."""
        return self.devname

    @ngmsg(1, "etheralign")
    def etheralign(self, arg: Any, msg: NgMsg) -> None:
        """Nothing has to be aligned on this machine."""

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Keep it for a reader."""
        if len(self.queue) >= QUEUE_MAX:
            return ENOBUFS
        self.queue.append(m.bytes())
        for file in self.files:
            file.rchan.wakeup()
        return 0
