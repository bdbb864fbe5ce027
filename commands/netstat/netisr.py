"""netstat -Q: protocol input (usr.bin/netstat/netisr.c)."""

from __future__ import annotations

from typing import cast

from vshell.abi.errno import KError
from vshell.abi.netisr import (
    DISPATCH,
    NETISR_POLICY_CPU,
    NETISR_POLICY_FLOW,
    NETISR_POLICY_SOURCE,
    NETISR_SNP_DRAINEDCPU,
    NETISR_SNP_M2CPUID,
    NETISR_SNP_M2FLOW,
    NetisrProto,
    NetisrWork,
    NetisrWorkstream,
)  # fmt: skip
from vshell.commands.netstat.options import EX_OSERR, Options
from vshell.userland.libxo import Xo

POLICIES = {NETISR_POLICY_SOURCE: "source", NETISR_POLICY_FLOW: "flow", NETISR_POLICY_CPU: "cpu"}


def _load(o: Options, xo: Xo, name: str) -> object:
    try:
        value: object = o.p.sys.sysctl(name)
    except KError as e:
        xo.err(EX_OSERR, e, name)
    return value


def netisr_stats(o: Options) -> int:
    """The configuration, the protocols, and what each thread did."""
    xo = o.xo or Xo(o.p)
    bind, most, threads, qlimit, maxq = (
        cast(int, _load(o, xo, "net.isr." + name))
        for name in ("bindthreads", "maxthreads", "numthreads", "defaultqlimit", "maxqlimit")
    )
    dispatch = cast(str, _load(o, xo, "net.isr.dispatch"))
    protos = cast("tuple[NetisrProto, ...]", _load(o, xo, "net.isr.proto"))
    streams = cast("tuple[NetisrWorkstream, ...]", _load(o, xo, "net.isr.workstream"))
    work = cast("tuple[NetisrWork, ...]", _load(o, xo, "net.isr.work"))
    xo.open_container("netisr")
    xo.emit("{T:Configuration}:\n")
    xo.emit("{T:/%-25s} {T:/%12s} {T:/%12s}\n", "Setting", "Current", "Limit")
    xo.emit("{T:/%-25s} {T:/%12u} {T:/%12u}\n", "Thread count", threads, most)
    xo.emit("{T:/%-25s} {T:/%12u} {T:/%12u}\n", "Default queue limit", qlimit, maxq)
    xo.emit("{T:/%-25s} {T:/%12s} {T:/%12s}\n", "Dispatch policy", dispatch, "n/a")
    xo.emit("{T:/%-25s} {T:/%12s} {T:/%12s}\n", "Threads bound to CPUs", "enabled" if bind else "disabled", "n/a")
    xo.emit("\n")
    _protocols(xo, protos)
    xo.emit("\n")
    _workstreams(xo, streams, work, {proto.proto: proto.name for proto in protos})
    xo.close_container("netisr")
    xo.finish()
    return 0


def _protocols(xo: Xo, protos: tuple[NetisrProto, ...]) -> None:
    xo.emit("{T:Protocols}:\n")
    xo.emit(
        "{T:/%-6s} {T:/%5s} {T:/%6s} {T:/%-6s} {T:/%-8s} {T:/%-5s}\n", "Name", "Proto", "QLimit", "Policy", "Dispatch", "Flags"
    )
    xo.open_list("protocol")
    for proto in protos:
        xo.open_instance("protocol")
        xo.emit("{[:-6}{k:name/%s}{]:}", proto.name)
        xo.emit(" {:protocol/%5u}", proto.proto)
        xo.emit(" {:queue-limit/%6u}", proto.qlimit)
        xo.emit(" {:policy-type/%6s}", POLICIES.get(proto.policy, "-"))
        xo.emit(" {:policy/%8s}", DISPATCH.get(proto.dispatch, "unknown"))
        letters = ((NETISR_SNP_M2CPUID, "C"), (NETISR_SNP_DRAINEDCPU, "D"), (NETISR_SNP_M2FLOW, "F"))
        xo.emit("   {:flags/%s%s%s}\n", *(letter if proto.flags & bit else "-" for bit, letter in letters))
        xo.close_instance("protocol")
    xo.close_list("protocol")


def _workstreams(xo: Xo, streams: tuple[NetisrWorkstream, ...], work: tuple[NetisrWork, ...], names: dict[int, str]) -> None:
    xo.emit("{T:Workstreams}:\n")
    xo.emit("{T:/%4s} {T:/%3s} ", "WSID", "CPU")
    xo.emit("{P:/%2s}", "")
    xo.emit(
        "{T:/%-6s} {T:/%5s} {T:/%5s} {T:/%8s} {T:/%8s} {T:/%8s} {T:/%8s} {T:/%8s}\n",
        "Name", "Len", "WMark", "Disp'd", "HDisp'd", "QDrops", "Queued", "Handled",
    )  # fmt: skip
    xo.open_list("workstream")
    for stream in streams:
        xo.open_instance("workstream")
        xo.open_list("work")
        for row in work:
            if row.wsid == stream.wsid:
                _work(xo, stream, row, names.get(row.proto, "unknown"))
        xo.close_list("work")
        xo.close_instance("workstream")
    xo.close_list("workstream")


def _work(xo: Xo, stream: NetisrWorkstream, row: NetisrWork, name: str) -> None:
    xo.open_instance("work")
    xo.emit("{t:workstream/%4u} ", stream.wsid)
    xo.emit("{t:cpu/%3u} ", stream.cpu)
    xo.emit("{P:  }")
    xo.emit("{t:name/%-6s}", name)
    xo.emit(" {t:length/%5u}", row.length)
    xo.emit(" {t:watermark/%5u}", row.watermark)
    xo.emit(" {t:dispatched/%8ju}", row.dispatched)
    xo.emit(" {t:hybrid-dispatched/%8ju}", row.hybrid_dispatched)
    xo.emit(" {t:queue-drops/%8ju}", row.qdrops)
    xo.emit(" {t:queued/%8ju}", row.queued)
    xo.emit(" {t:handled/%8ju}", row.handled)
    xo.emit("\n")
    xo.close_instance("work")
