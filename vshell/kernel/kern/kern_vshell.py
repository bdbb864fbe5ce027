"""The door of the program `vshell`: questions about the machine as a whole."""

from __future__ import annotations

from vshell.abi.errno import ENOSYS, KError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vshell.abi.vshell import MetaRequest
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


class MetaCalls:
    """The system call that no FreeBSD has."""

    proc: Proc
    kernel: Kernel

    def vshell(self, request: MetaRequest) -> Any:
        """Ask the machine; ENOSYS if nobody is there to answer."""
        if request.server:
            return self.kernel.import_file(f"vshell.{request.server}").serve(self.proc, request)
        if self.kernel.outside is None:
            raise KError(ENOSYS)
        return self.kernel.outside(self.proc, request)
