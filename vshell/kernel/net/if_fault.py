"""fault: a pair of Ethernet interfaces with a bad cable between them, of our own (FreeBSD has no such thing).

`ifconfig fault create` makes fault0a and fault0b, which behave as the ends of an epair(4) until their sysctls say
otherwise.  Those of an end are about the frames which that end sends, and belong to the host (a jail may only read them):

    net.link.fault.fault0a.loss        per cent of the frames that never arrive, "0.5" is one in two hundred
    net.link.fault.fault0a.duplicate   per cent that arrive twice
    net.link.fault.fault0a.reorder     per cent that are overtaken by what is sent after them
    net.link.fault.fault0a.corrupt     per cent of the IP packets in which one bit is wrong when they arrive
    net.link.fault.fault0a.mark        per cent of the packets that could be marked (ECN) and arrive marked as congested
    net.link.fault.fault0a.delay       milliseconds on the way, "2.5" is one and a half more than "1"
    net.link.fault.fault0a.jitter      up to so many milliseconds more, another number for each frame
    net.link.fault.fault0a.lost, .duplicated, .reordered, .corrupted, .marked    how many that were

What happens to a frame is decided by dice that the machine's seed determines, of each end its own, so that a run repeats.
A frame that is overtaken is late by one to three milliseconds.  Only IP packets are damaged, behind the Ethernet header:
what else goes wrong on a cable the check sum of Ethernet finds, and the frame is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.kernel.kern.clock import MS
from vshell.kernel.kern.kern_sysctl import SysctlTree
from vshell.kernel.kern.module import KernelModule, Kld, SysctlDecl
from vshell.kernel.kern.random import Random
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.if_epair import Epair
from vshell.kernel.net.mbuf import M_CSUM_IP
from vshell.wire.cksum import in_cksum
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(modules=("if_fault",), depends=("if_epair",))

WHOLE = 100_000_000
"""100 per cent, as the dice count."""
REORDER = 1 * MS
"""By one, two or three of this a frame is late that others overtake."""
SHARES = {
    "loss": "Per cent of the frames that are lost",
    "duplicate": "Per cent of the frames that arrive twice",
    "reorder": "Per cent of the frames that others overtake",
    "corrupt": "Per cent of the IP packets that are damaged",
    "mark": "Per cent of the ECN-capable packets that are marked",
}
TIMES = {
    "delay": "Milliseconds a frame is under way",
    "jitter": "Milliseconds a frame may be under way in addition",
}
COUNTS = {
    "lost": "Frames that were lost",
    "duplicated": "Frames that arrived twice",
    "reordered": "Frames that others overtook",
    "corrupted": "Packets that were damaged",
    "marked": "Packets that were marked",
}


class FaultModule(KernelModule):
    """What the sysctl nodes of the interfaces belong to."""

    def add(self, end: FaultIfnet) -> None:
        """The nodes of one end come."""
        nodes = {node.name: (FaultModule, node) for node in _nodes(end)}
        tree = self.kernel[SysctlTree]
        tree.added = {**tree.added, **nodes}

    def remove(self, end: FaultIfnet) -> None:
        """They go."""
        tree = self.kernel[SysctlTree]
        gone = f"{PREFIX}{end.node}."
        tree.added = {name: node for name, node in tree.added.items() if not name.startswith(gone)}


PREFIX = "net.link.fault."


def _nodes(end: FaultIfnet) -> list[SysctlDecl]:
    kinds = ((SHARES, "w", "string", _share), (TIMES, "w", "string", _time), (COUNTS, "r", "uint64_t", _count))
    return [
        SysctlDecl(f"{PREFIX}{end.node}.{name}", None, text, flags, kind, None, None, make(end.cable, name))
        for texts, flags, kind, make in kinds
        for name, text in texts.items()
    ]


def _share(cable: Cable, name: str) -> Callable[[Any, Proc, Any], str]:
    def handler(module: Any, td: Proc, new: Any) -> str:
        if new is not None:
            setattr(cable, name, parse(new, WHOLE // 100, WHOLE))
            cable.set()
        return show(getattr(cable, name), WHOLE // 100)

    return handler


def _time(cable: Cable, name: str) -> Callable[[Any, Proc, Any], str]:
    def handler(module: Any, td: Proc, new: Any) -> str:
        if new is not None:
            setattr(cable, name, parse(new, MS, 3_600_000 * MS))
            cable.set()
        return show(getattr(cable, name), MS)

    return handler


def _count(cable: Cable, name: str) -> Callable[[Any, Proc, Any], int]:
    def handler(module: Any, td: Proc, new: Any) -> int:
        return int(getattr(cable, name))

    return handler


def parse(text: str, unit: int, limit: int) -> int:
    """A decimal number in units of 1/`unit`.  EINVAL if it is none, or beyond the limit."""
    whole, dot, rest = text.partition(".")
    digits = len(str(unit)) - 1
    if not (whole + rest).isdecimal() or not text.isascii() or len(rest) > digits or len(whole) > 9 or (dot and not rest):
        raise KError(EINVAL)
    value = int(whole or "0") * unit + int(rest.ljust(digits, "0"))
    if value > limit:
        raise KError(EINVAL)
    return value


def show(value: int, unit: int) -> str:
    """The same number as text."""
    whole, rest = divmod(value, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


class Cable:
    """What lies behind an end: it takes the frames which epair_transmit would put into the queue of the other end."""

    __slots__ = (
        "corrupt", "corrupted", "cut", "delay", "dice", "duplicate", "duplicated", "end", "jitter", "kernel", "loss", "lost",
        "mark", "marked", "reorder", "reordered",
    )  # fmt: skip

    def __init__(self, end: FaultIfnet) -> None:
        self.end = end
        self.kernel: Kernel = end.kernel
        self.dice = Random(self.kernel.random.next64())
        self.loss = self.duplicate = self.reorder = self.corrupt = self.mark = self.delay = self.jitter = 0
        self.cut = False
        """The interfaces are gone: what is still under way is so for good."""
        self.lost = self.duplicated = self.reordered = self.corrupted = self.marked = 0

    def set(self) -> None:
        """A setting has changed: a good cable is none."""
        good = not (self.loss or self.duplicate or self.reorder or self.corrupt or self.mark or self.delay or self.jitter)
        self.end.netisrq = self.kernel.netisrq if good else self  # type: ignore[assignment]

    def _happens(self, share: int) -> bool:
        return share > 0 and self.dice.uniform(WHOLE) < share

    def append(self, frame: tuple[Any, Ifnet, Mbuf]) -> None:
        """A frame is sent."""
        handler, other, m = frame
        if self._happens(self.loss):
            self.lost += 1
            other.ipackets -= 1  # what epair_transmit has counted already
            drop(self.end, m, "fault", "lost on the bad cable", True)
            return
        twin = m.copy() if self._happens(self.duplicate) else None
        self._send(handler, other, m)
        if twin is not None:
            self.duplicated += 1
            other.ipackets += 1
            self._send(handler, other, twin)

    def _send(self, handler: Any, other: Ifnet, m: Mbuf) -> None:
        if self.mark and self._happens(self.mark):
            self._mark(m)
        if self._happens(self.corrupt):
            self._damage(m)
        late = self.delay + (self.dice.uniform(self.jitter + 1) if self.jitter else 0)
        if self._happens(self.reorder):
            self.reordered += 1
            late += REORDER * (1 + self.dice.uniform(3))
        if late:
            self.kernel.clock.after(late, self._arrive, handler, other, m)
        else:
            self.kernel.netisrq.append((handler, other, m))

    def _arrive(self, handler: Any, other: Ifnet, m: Mbuf) -> None:
        if not self.cut:
            self.kernel.netisrq.append((handler, other, m))

    def _mark(self, m: Mbuf) -> None:
        """Congestion experienced (RFC 3168), if the packet's sender says that it understands."""
        data, at = m.data, m.off + 14
        kind = data[at - 2] << 8 | data[at - 1]
        if kind == ETHERTYPE_IP and len(data) >= at + 20 and data[at + 1] & 3:
            head = slice(at, at + ((data[at] & 15) << 2))
            data[at + 1] |= 3
            data[at + 10 : at + 12] = b"\0\0"
            data[at + 10 : at + 12] = in_cksum(data[head]).to_bytes(2, "big")
        elif kind == ETHERTYPE_IPV6 and len(data) >= at + 40 and data[at + 1] & 0x30:
            data[at + 1] |= 0x30
        else:
            return
        self.marked += 1

    def _damage(self, m: Mbuf) -> None:
        data, at = m.data, m.off + 14
        size = len(data) - at
        if size <= 0 or (data[at - 2] << 8 | data[at - 1]) not in (ETHERTYPE_IP, ETHERTYPE_IPV6):
            return
        bit = self.dice.uniform(8 * size)
        data[at + bit // 8] ^= 1 << bit % 8
        m.flags &= ~M_CSUM_IP
        self.corrupted += 1


@cloner("fault", autounit=False)
class FaultIfnet(Epair):
    """One end of a bad cable."""

    driver = "fault"
    cable: Cable
    node: str
    """The name it got when it was made, by which the sysctl nodes go whatever it is called later."""

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Epair:
        """As epair_clone_create, with a cable."""
        first = super().clone(ifc, name, unit, params, td)
        for end in (first, first.oifp):
            assert isinstance(end, FaultIfnet)
            end.node, end.cable = end.xname, Cable(end)
            end.kernel[FaultModule].add(end)
        return first

    def destroy(self) -> None:
        """Both ends go, and their nodes."""
        self.kernel[FaultModule].remove(self)
        self.cable.cut = True
        super().destroy()
