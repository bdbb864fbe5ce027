"""The system calls of a process, assembled from what each subsystem provides (init_sysent.c).

Those every program makes are here; the rest (network, jails, sysctl, modules) stands in syscalls_all.py and joins when a
process first makes one of them: a shell that only runs `true` must not wait for code it does not use.
"""

from __future__ import annotations

from vshell.kernel.kern.kern_descrip import DescripCalls
from vshell.kernel.kern.kern_fork import ProcessCalls
from vshell.kernel.kern.kern_jail import JailCalls
from vshell.kernel.kern.kern_prot import CredCalls
from vshell.kernel.kern.kern_sig import SignalCalls
from vshell.kernel.kern.kern_time import TimeCalls
from vshell.kernel.kern.kern_vshell import MetaCalls
from vshell.kernel.kern.sys_pipe import PipeCalls
from vshell.kernel.kern.tty import TtyCalls
from vshell.kernel.kern.vfs_syscalls import VfsCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


class ProcSyscalls(
    ProcessCalls, SignalCalls, TimeCalls, DescripCalls, PipeCalls, TtyCalls, VfsCalls, CredCalls, JailCalls, MetaCalls
):  # fmt: skip
    """What one process can call (abi.syscalls.Syscalls)."""

    def __init__(self, kernel: Kernel, proc: Proc) -> None:
        self.kernel = kernel
        self.proc = proc

    def __getattr__(self, name: str) -> Any:
        if type(self) is not ProcSyscalls:
            raise AttributeError(name)
        from vshell.kernel.kern.syscalls_all import AllSyscalls

        self.__class__ = AllSyscalls
        return getattr(self, name)
