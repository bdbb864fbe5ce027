"""ttyname(3): the name of a terminal."""

from __future__ import annotations

from vshell.abi.errno import KError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.userland.program import Program


def ttyname(p: Program, fd: int) -> str | None:
    """The device of the terminal that is open as `fd`."""
    if not p.sys.isatty(fd):
        return None
    me = p.sys.getpid()
    try:
        return next((f"/dev/{k.tty}" for k in p.sys.sysctl("kern.proc") if k.pid == me and k.tty), "/dev/console")
    except KError:
        return "/dev/console"
