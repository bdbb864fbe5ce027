"""Network stacks: struct vnet and its modules (VIMAGE, net/vnet.c).

A stack is a mapping from VnetModule classes to their instances: `vnet[Icmp].icmplim`.  Constructors run in SI_SUB order
when a stack is born, destructors in reverse when it dies; a module loaded later attaches to every living stack.
Nothing is ever shared between two stacks but links, over which packets travel as events.
"""

from __future__ import annotations

from vshell.kernel.kern.module import VnetModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Ifnet

    Instances = dict[type[VnetModule], Any]
    Iflist = list[Ifnet]
else:
    Iflist = list
    Instances = dict


class Interfaces(Iflist):
    """The interfaces of a stack in order of attachment, and the way from a name to its interface."""

    __slots__ = ("_named",)

    def __init__(self) -> None:
        super().__init__()
        self._named: dict[str, list[Ifnet]] = {}
        """Several have one name where an interface came home to a stack that had given the name to another."""

    def append(self, ifp: Ifnet) -> None:
        """An interface is attached."""
        super().append(ifp)
        self._named.setdefault(ifp.xname, []).append(ifp)

    def remove(self, ifp: Ifnet) -> None:
        """An interface leaves: mostly one that came late."""
        at = len(self) - 1
        while self[at] is not ifp:
            at -= 1
        del self[at]
        self._forget(ifp)

    def rename(self, ifp: Ifnet, name: str) -> None:
        """Give an interface another name."""
        self._forget(ifp)
        ifp.xname = name
        self._named.setdefault(name, []).append(ifp)

    def named(self, name: str) -> Ifnet | None:
        """The interface of that name, the one that was attached first."""
        found = self._named.get(name)
        return found[0] if found else None

    def _forget(self, ifp: Ifnet) -> None:
        same = self._named[ifp.xname]
        same.remove(ifp)
        if not same:
            del self._named[ifp.xname]


class Vnet(Instances):
    """One network stack."""

    __slots__ = ("ifindex", "ifnets", "kernel", "loif", "numfibs", "shutdown", "sockcnt")
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self.kernel = kernel
        self.ifnets = Interfaces()
        """V_ifnet."""
        self.loif: Ifnet | None = None
        """The loopback interface (V_loif)."""
        self.numfibs = 1
        self.shutdown = False
        """True from the moment the stack begins to die."""
        self.sockcnt = 0

    def __eq__(self, other: object) -> bool:
        return self is other


def _order(cls: type[VnetModule]) -> tuple[int, int]:
    return cls.sub, cls.order


def vnet_alloc(kernel: Kernel) -> Vnet:
    """A new stack with every module constructed (vnet_alloc)."""
    vnet = Vnet(kernel)
    kernel.vnets.append(vnet)
    for cls in kernel.vnet_modules:
        vnet[cls] = cls(vnet)
    for cls in kernel.vnet_modules:
        vnet[cls].init()
    return vnet


def vnet_destroy(vnet: Vnet) -> None:
    """Take a stack down, modules in reverse order (vnet_destroy)."""
    vnet.shutdown = True
    for cls in reversed(vnet.kernel.vnet_modules):
        vnet[cls].destroy()
    vnet.clear()
    vnet.kernel.vnets.remove(vnet)


def vnet_register(kernel: Kernel, classes: list[type[VnetModule]]) -> None:
    """Add modules to the kernel and to every living stack (vnet_register_sysinit)."""
    new = sorted((c for c in classes if c not in kernel.vnet_modules), key=_order)
    kernel.vnet_modules = sorted([*kernel.vnet_modules, *new], key=_order)
    for vnet in kernel.vnets:
        for cls in new:
            vnet[cls] = cls(vnet)
        for cls in new:
            vnet[cls].init()


def vnet_deregister(kernel: Kernel, classes: list[type[VnetModule]]) -> None:
    """Remove modules from every living stack and from the kernel (vnet_deregister_sysinit)."""
    old = [c for c in kernel.vnet_modules if c in classes]
    for vnet in kernel.vnets:
        for cls in reversed(old):
            vnet[cls].destroy()
            del vnet[cls]
    kernel.vnet_modules = [c for c in kernel.vnet_modules if c not in classes]
