"""The end of a machine (reboot(2), kern_shutdown.c)."""

from __future__ import annotations

from vshell.abi.signal import SIGKILL
from vshell.kernel.kern.kern_priv import PRIV_REBOOT, priv_check
from vshell.kernel.kern.kern_sig import psignal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


class ShutdownCalls:
    """System calls that stop the machine."""

    proc: Proc
    kernel: Kernel

    def reboot(self, howto: int) -> None:
        """reboot(2).  EPERM.

        DIFFERS: nothing starts again: the processes die, and with the last session the program around the machine ends.
        """
        priv_check(self.proc, PRIV_REBOOT)
        for p in list(self.kernel.procs.values()):
            if p is not self.kernel.initproc and p.pid and not p.exited:
                psignal(p, SIGKILL)
