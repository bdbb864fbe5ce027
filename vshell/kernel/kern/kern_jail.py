"""Jails: struct prison and the jail system calls (jail(2), kern_jail.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import ENOSYS, KError

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.kern.vfs import Vnode
    from vshell.kernel.net.vnet import Vnet


class Prison:
    """One jail; prison0 is the host."""

    def __init__(self, kernel: Kernel, jid: int, name: str, parent: Prison | None) -> None:
        self.kernel = kernel
        self.id = jid
        self.name = name
        self.parent = parent
        self.children: list[Prison] = []
        self.root: Vnode
        self.vnet: Vnet
        self.hostname = ""
        self.procs: list[Proc] = []

    def contains(self, other: Prison) -> bool:
        """True if `other` is this jail or below it."""
        pr: Prison | None = other
        while pr is not None:
            if pr is self:
                return True
            pr = pr.parent
        return False

    def proc_enter(self, p: Proc) -> None:
        """A process joined."""
        self.procs.append(p)

    def proc_leave(self, p: Proc) -> None:
        """A process left or ended."""
        self.procs.remove(p)

    def check_af(self, domain: int) -> None:
        """prison_check_af: EPROTONOSUPPORT if the jail may not use the address family."""


def prison0(kernel: Kernel) -> Prison:
    """The host itself."""
    pr = Prison(kernel, 0, "0", None)
    pr.hostname = "vhost"
    return pr


class JailCalls:
    """System calls on jails."""

    proc: Proc
    kernel: Kernel

    def jail_set(self, params: dict[str, Any], flags: int) -> int:
        """jail_set(2)."""
        raise KError(ENOSYS)
