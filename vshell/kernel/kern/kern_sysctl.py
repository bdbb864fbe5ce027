"""The sysctl tree (sysctl(9), kern_sysctl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import ENOENT, KError

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


class SysctlCalls:
    """System calls on the sysctl tree."""

    proc: Proc
    kernel: Kernel

    def sysctl(self, name: str, new: Any = None) -> Any:
        """sysctl(3)."""
        raise KError(ENOENT)
