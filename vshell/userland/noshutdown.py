"""/var/run/noshutdown (paths.h): while it is there, shutdown(8) and reboot(8) refuse to stop the machine."""

from __future__ import annotations

from vshell.abi.errno import KError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls

NOSHUTDOWN = "/var/run/noshutdown"


def prevented(sys: Syscalls) -> bool:
    """Is the file there?"""
    try:
        sys.stat(NOSHUTDOWN)
    except KError:
        return False
    return True
