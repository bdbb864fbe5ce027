"""Looking at the machine from inside a jail, without a process there (vshell/abi/vshell.py)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError
from vshell.kernel.kern.kern_descrip import FileDesc
from vshell.kernel.kern.kern_proc import Proc
from vshell.kernel.kern.syscalls import ProcSyscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.vshell import OBSERVE


def serve(td: Proc, request: OBSERVE) -> ProcSyscalls:
    """Answer the request; the observer has no number, and nobody waits for it."""
    here = td.ucred.prison
    pr = here.find_child(int(request.jail)) if request.jail.isdecimal() else here.find_name(request.jail)
    if pr is None or not pr.isalive:
        raise KError(ENOENT)
    cred = td.ucred.copy()
    cred.prison = pr
    p = Proc(td.kernel, 0, td, cred)
    p.fd = FileDesc(p.limits)
    p.cdir = p.rdir = pr.root
    p.env = td.env
    sysent = p.sysent = ProcSyscalls(td.kernel, p)
    return sysent
