"""The requests of programs to dummynet (ip_dn_ctl, dummynet_get, do_config; netpfil/ipfw/ip_dummynet.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.dummynet import (
    DN_FS,
    DN_LINK,
    DN_MAX_ID,
    DN_QHT_HASH,
    IP_DUMMYNET3,
    DnChildren,
    DnConfig,
    DnDelete,
    DnExtra,
    DnFlow,
    DnFlush,
    DnFs,
    DnGet,
    DnGetExtra,
    DnObject,
)
from vshell.abi.errno import EINVAL, ENOPROTOOPT, EPERM, KError
from vshell.abi.record import replace
from vshell.kernel.kern.kern_priv import PRIV_NETINET_DUMMYNET, priv_check
from vshell.kernel.netinet.raw_ip import raw_setopt
from vshell.kernel.netpfil.ipfw.ip_dummynet import CONFIGURE, Dummynet
from vshell.kernel.netpfil.ipfw.ip_dummynet_flow import flow_hash, flow_id
from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import HZ, Counted, Fsk, Schk

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket


def ip_dn_ctl(so: Socket, name: int, request: Any, td: Proc) -> Any:
    """IP_DUMMYNET3 on a raw socket; a machine without the module does not know it."""
    dn = so.vnet.get(Dummynet)
    if dn is None:
        raise KError(ENOPROTOOPT)
    priv_check(td, PRIV_NETINET_DUMMYNET)
    dn.timer.sync()
    if isinstance(request, DnGet):
        return get(dn, request)
    if isinstance(request, DnGetExtra):
        return get_extra(dn, request)
    if td.ucred.prison.securelevel >= 3:
        raise KError(EPERM)
    if isinstance(request, DnConfig):
        extra: DnExtra | None = None
        for each in request.objects:
            if isinstance(each, DnExtra):
                extra = each
            else:
                CONFIGURE[type(each)](dn, each, extra)
    elif isinstance(request, DnDelete):
        _delete(dn, request)
    elif isinstance(request, DnFlush):
        dn.flush()
    else:
        raise KError(EINVAL)
    return None


raw_setopt[IP_DUMMYNET3] = ip_dn_ctl


def _delete(dn: Dummynet, request: DnDelete) -> None:
    """A pipe or a flowset; schedulers cannot be deleted."""
    if request.subtype == DN_LINK:
        dn.delete_pipe(request.number)
    elif request.subtype == DN_FS and 1 <= request.number < DN_MAX_ID:
        dn.delete_fs(request.number)
    else:
        raise KError(EINVAL)


def get_extra(dn: Dummynet, request: DnGetExtra) -> DnExtra:
    """Parameters of an AQM, of a scheduler; EINVAL if there is no such flowset or scheduler."""
    found = (dn.fshash if request.aqm else dn.schedhash).index.get(request.number)
    if found is None:
        raise KError(EINVAL)
    source = found.aqm if request.aqm else found.fp
    return (source.getconfig() if source is not None else None) or DnExtra()


def get(dn: Dummynet, request: DnGet) -> tuple[DnObject, ...]:
    """Objects in the order of the hash tables."""
    first = DN_MAX_ID if request.subtype == DN_LINK else 0
    ranges = request.ranges or ((first + 1, first + DN_MAX_ID - 1),)
    out: list[DnObject] = []
    if request.subtype == DN_FS:
        for fs in dn.fshash.scan():
            if fs.number < DN_MAX_ID and _within(fs.number, ranges):
                out.append(_flowset(fs))
                out += [_flow(q, flow_hash(q.flow)) for q in fs.queues()]
        return tuple(out)
    for s in dn.schedhash.scan():
        number = s.sch.sched_nr
        if (number > DN_MAX_ID if first else number < DN_MAX_ID) and _within(number, ranges):
            out += _scheduler(s)
    return tuple(out)


def _within(number: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= number <= high for low, high in ranges)


def _scheduler(s: Schk) -> list[DnObject]:
    """Link, profile, own flowset, scheduler, flowsets attached, instances."""
    link = s.link
    ticks = link.delay * 1000
    delay = ticks // HZ if ticks >= 0 else -(-ticks // HZ)
    out: list[DnObject] = [replace(link, delay=delay, burst=link.burst // (8 * HZ))]
    if s.profile is not None:
        out.append(replace(s.profile, samples=()))
    if s.fs is not None:
        out.append(_flowset(s.fs))
    instances = s.instances()
    out.append(replace(s.sch, count=len(instances)))
    out.append(DnChildren(tuple(fs.number for fs in s.fsk_list if fs.number < DN_MAX_ID)))
    out += [_flow(si, flow_hash(si.flow)) for si in instances]
    return out


def _flowset(fs: Fsk) -> DnFs:
    flags = fs.fs.flags | (DN_QHT_HASH if fs.hashed else 0)
    return replace(fs.fs, flags=flags, par=tuple(fs.par), count=len(fs.queues()))


def _flow(c: Counted, place: int) -> DnFlow:
    return DnFlow(place, flow_id(c.flow), c.tot_pkts, c.tot_bytes, c.length, c.len_bytes, c.drops)
