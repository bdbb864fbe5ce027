"""Every system call there is; see syscalls.py."""

from __future__ import annotations

from vshell.kernel.kern.kern_cpuset import CpusetCalls
from vshell.kernel.kern.kern_environment import EnvironmentCalls
from vshell.kernel.kern.kern_linker import LinkerCalls
from vshell.kernel.kern.kern_procctl import ProcctlCalls
from vshell.kernel.kern.kern_procinfo import ProcInfoCalls
from vshell.kernel.kern.kern_shutdown import ShutdownCalls
from vshell.kernel.kern.kern_sysctl import SysctlCalls
from vshell.kernel.kern.syscalls import ProcSyscalls
from vshell.kernel.kern.tty_pts import PtsCalls
from vshell.kernel.kern.uipc_syscalls import SocketCalls


class AllSyscalls(
    ProcSyscalls, ProcctlCalls, ProcInfoCalls, CpusetCalls, SysctlCalls, LinkerCalls, EnvironmentCalls, SocketCalls, PtsCalls,
    ShutdownCalls,
):  # fmt: skip
    """What one process can call, all of it."""
