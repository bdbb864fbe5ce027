"""Credentials of a process (kern_prot.c)."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, EPERM, KError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from vshell.kernel.kern.kern_proc import Proc, Ucred
    from vshell.kernel.kern.kernel import Kernel


class CredCalls:
    """System calls on user and group ids, and the fib."""

    proc: Proc
    kernel: Kernel

    def getuid(self) -> int:
        """getuid(2)."""
        return self.proc.ucred.ruid

    def geteuid(self) -> int:
        """geteuid(2)."""
        return self.proc.ucred.uid

    def getgid(self) -> int:
        """getgid(2)."""
        return self.proc.ucred.rgid

    def getegid(self) -> int:
        """getegid(2)."""
        return self.proc.ucred.gid

    def getgroups(self) -> tuple[int, ...]:
        """getgroups(2)."""
        return self.proc.ucred.groups

    def cap_enter(self) -> None:
        """cap_enter(2): from now on no path names anything."""
        self._change().capmode = True

    def _change(self) -> Ucred:
        self.proc.ucred = self.proc.ucred.copy()
        return self.proc.ucred

    def setuid(self, uid: int) -> None:
        """setuid(2)."""
        cred = self.proc.ucred
        if cred.uid != 0 and uid not in (cred.ruid, cred.svuid):
            raise KError(EPERM)
        cred = self._change()
        cred.uid = cred.ruid = cred.svuid = uid

    def setgid(self, gid: int) -> None:
        """setgid(2)."""
        cred = self.proc.ucred
        if cred.uid != 0 and gid not in (cred.rgid, cred.svgid):
            raise KError(EPERM)
        cred = self._change()
        cred.gid = cred.rgid = cred.svgid = gid

    def setgroups(self, groups: Sequence[int]) -> None:
        """setgroups(2)."""
        if self.proc.ucred.uid != 0:
            raise KError(EPERM)
        self._change().groups = tuple(groups)

    def getfib(self) -> int:
        """The routing table the process uses (net.my_fibnum)."""
        return self.proc.fibnum

    def setfib(self, fib: int) -> None:
        """setfib(2)."""
        if not 0 <= fib < self.proc.vnet.numfibs:
            raise KError(EINVAL)
        self.proc.fibnum = fib

    def setproctitle(self, comm: str) -> None:
        """Change the name ps(1) shows."""
        self.proc.comm = comm
