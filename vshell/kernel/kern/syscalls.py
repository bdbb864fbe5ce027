"""The system calls of a process, assembled from what each subsystem provides (init_sysent.c)."""

from __future__ import annotations

from vshell.kernel.kern.kern_cpuset import CpusetCalls
from vshell.kernel.kern.kern_descrip import DescripCalls
from vshell.kernel.kern.kern_environment import EnvironmentCalls
from vshell.kernel.kern.kern_fork import ProcessCalls
from vshell.kernel.kern.kern_jail import JailCalls
from vshell.kernel.kern.kern_linker import LinkerCalls
from vshell.kernel.kern.kern_procctl import ProcctlCalls
from vshell.kernel.kern.kern_prot import CredCalls
from vshell.kernel.kern.kern_sig import SignalCalls
from vshell.kernel.kern.kern_sysctl import SysctlCalls
from vshell.kernel.kern.kern_time import TimeCalls
from vshell.kernel.kern.sys_pipe import PipeCalls
from vshell.kernel.kern.tty import TtyCalls
from vshell.kernel.kern.uipc_syscalls import SocketCalls
from vshell.kernel.kern.vfs_syscalls import VfsCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


class ProcSyscalls(
    ProcessCalls, SignalCalls, TimeCalls, DescripCalls, PipeCalls, TtyCalls, VfsCalls, CredCalls, ProcctlCalls, CpusetCalls, SysctlCalls,
    LinkerCalls, JailCalls, EnvironmentCalls, SocketCalls,
):  # fmt: skip
    """What one process can call (abi.syscalls.Syscalls)."""

    __slots__ = ("kernel", "proc")

    def __init__(self, kernel: Kernel, proc: Proc) -> None:
        self.kernel = kernel
        self.proc = proc
