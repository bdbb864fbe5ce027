"""The ARP table over netlink: listing, adding and removing entries (netlink/route/neigh.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EAFNOSUPPORT, EINVAL, ENOENT, ENOMEM, EPERM, ESRCH, KError
from vshell.abi.neigh import Neighbour, NeighDelete, NeighDump, NeighNew
from vshell.abi.record import Record
from vshell.kernel.kern.kern_priv import PRIV_NET_ROUTE, priv_check
from vshell.kernel.net.ifnet import Ifnet, ifnet_byindex
from vshell.kernel.net.netlink import nlrequest
from vshell.kernel.net.rtmsg import lle_event
from vshell.kernel.netinet.if_ether import arprequest, lle_free, lltable_of
from vshell.kernel.netinet.in_rtcheck import in_lltable_rtcheck
from vshell.kernel.netinet.lltable import LLE_IFADDR, LLE_PUB, LLE_STATIC, LLE_VALID, Llentry, Lltable

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.vnet import Vnet


def _not_jailed(td: Proc) -> None:
    """A jail that shares its stack may not ask about neighbours (netlink_route.c: RTNL_F_ALLOW_NONVNET_JAIL)."""
    prison = td.ucred.prison
    if prison.isjail and not prison.owns_vnet:
        raise KError(EPERM)


def _record(ifp: Ifnet, lle: Llentry) -> Neighbour:
    valid = bool(lle.flags & LLE_VALID)
    return Neighbour(
        lle.addr, ifp.index, ifp.xname, ifp.type, lle.lladdr if valid else b"", bool(lle.flags & LLE_STATIC),
        bool(lle.flags & LLE_PUB), 0 if lle.flags & LLE_STATIC else lle.expire or -1, not valid,
        bool(lle.flags & LLE_IFADDR),
    )  # fmt: skip


@nlrequest(NeighDump)
def neigh_dump(vnet: Vnet, req: NeighDump, td: Proc) -> list[Record]:
    """RTM_GETNEIGH.  ESRCH."""
    _not_jailed(td)
    if req.addr is not None:
        ifp = ifnet_byindex(vnet, req.ifindex)
        if ifp is None:
            raise KError(EINVAL)
        table = lltable_of(ifp)
        lle = table.entries.get(req.addr) if table is not None else None
        if lle is None:
            raise KError(ESRCH)
        return [_record(ifp, lle)]
    found: list[Record] = []
    for ifp in vnet.ifnets:
        if not req.ifindex or ifp.index == req.ifindex:
            found += [_record(ifp, lle) for lle in lltable_of(ifp) or ()]
    return found


def _table(vnet: Vnet, ifindex: int) -> tuple[Ifnet, Lltable]:
    ifp = ifnet_byindex(vnet, ifindex)
    if ifp is None:
        raise KError(EINVAL, "no ifindex provided")
    table = lltable_of(ifp)
    if table is None:
        raise KError(EAFNOSUPPORT)
    return ifp, table


@nlrequest(NeighNew)
def neigh_new(vnet: Vnet, req: NeighNew, td: Proc) -> None:
    """RTM_NEWNEIGH, replacing what is there.  EINVAL, ENOMEM if no route covers the address, EPERM for one's own."""
    priv_check(td, PRIV_NET_ROUTE)
    _not_jailed(td)
    ifp, table = _table(vnet, req.ifindex)
    if len(req.lladdr) != ifp.addrlen:
        text = f"NDA_LLADDR address length ({len(req.lladdr)}) is different from expected ({ifp.addrlen})"
        raise KError(EINVAL, text)
    if in_lltable_rtcheck(ifp, req.addr):
        raise KError(ENOMEM)
    old = table.entries.get(req.addr)
    if old is not None:
        if old.flags & LLE_IFADDR:
            raise KError(EPERM)
        lle_free(ifp, old)
    lle = Llentry(table, req.addr, LLE_VALID | (LLE_STATIC if req.permanent else 0) | (LLE_PUB if req.proxy else 0))
    lle.lladdr = req.lladdr
    lle.expire = 0 if req.permanent else req.expire
    table.link(lle)
    lle_event(True, ifp, lle.addr, lle.lladdr)
    if req.proxy:
        arprequest(ifp, lle.addr, lle.addr, lle.lladdr)


@nlrequest(NeighDelete)
def neigh_delete(vnet: Vnet, req: NeighDelete, td: Proc) -> None:
    """RTM_DELNEIGH.  ENOENT, EPERM for one's own address."""
    priv_check(td, PRIV_NET_ROUTE)
    _not_jailed(td)
    ifp, table = _table(vnet, req.ifindex)
    lle = table.entries.get(req.addr)
    if lle is None:
        raise KError(ENOENT)
    if lle.flags & LLE_IFADDR:
        raise KError(EPERM)
    lle_event(False, ifp, lle.addr, lle.lladdr)
    lle_free(ifp, lle)
