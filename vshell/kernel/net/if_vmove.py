"""Interfaces change their stack: lending to a jail, taking back, coming home (if_vmove and kin of net/if.c).

An interface that moves keeps index, names, flags but IFF_UP, MTU, capabilities, description and counters.  It loses its
addresses, routes, multicast groups and interface groups, and joins "all" and the group of its type in its new stack.  When
a stack dies, what was lent to it goes back to where it was created, under the name it has by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EEXIST, ENXIO, KError
from vshell.abi.sockio import SIOCSIFRVNET, SIOCSIFVNET
from vshell.kernel.kern.module import VnetModule
from vshell.kernel.net.ifioctl import ifunit, stackrequest
from vshell.kernel.net.ifnet import Ifnet, if_attach_internal, if_detach_internal

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_jail import Prison
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.vnet import Vnet

SI_SUB_VNET_DONE = 0xDC00000


def if_vmove(ifp: Ifnet, new: Vnet) -> None:
    """Take an interface out of its stack and put it into another."""
    ifp.vnet.ifnets.remove(ifp)
    ifp.bpf = None
    if_detach_internal(ifp)
    ifp.reassign(new)
    if_attach_internal(ifp, new, vmove=True)


def _find(td: Proc, jid: int) -> Prison:
    pr = td.ucred.prison.find_child(jid)
    if pr is None:
        raise KError(ENXIO)
    return pr


@stackrequest(SIOCSIFVNET, priv=True)
def if_vmove_loan(so: Socket, request: SIOCSIFVNET, td: Proc) -> None:
    """Lend an interface to a jail below.  ENXIO without interface or jail, EEXIST for a name that is taken there."""
    ifp = ifunit(so.vnet, request.name)
    if ifp is None:
        raise KError(ENXIO)
    pr = _find(td, request.jid)
    if pr.vnet is td.vnet or ifunit(pr.vnet, request.name) is not None:
        raise KError(EEXIST)
    if_vmove(ifp, pr.vnet)


@stackrequest(SIOCSIFRVNET, priv=True)
def if_vmove_reclaim(so: Socket, request: SIOCSIFRVNET, td: Proc) -> None:
    """Take an interface back from a jail below.  A name that is taken here does not matter."""
    pr = _find(td, request.jid)
    ifp = ifunit(pr.vnet, request.name)
    if ifp is None:
        raise KError(ENXIO)
    if pr.vnet is td.vnet:
        raise KError(EEXIST)
    if_vmove(ifp, td.vnet)


class IfReturn(VnetModule, sub=SI_SUB_VNET_DONE):
    """Sends what was lent home before anything else of a dying stack goes (vnet_if_return)."""

    def destroy(self) -> None:
        """vnet_if_return."""
        for ifp in [i for i in self.vnet.ifnets if i.home_vnet is not self.vnet]:
            assert ifp.home_vnet is not None
            if_vmove(ifp, ifp.home_vnet)
