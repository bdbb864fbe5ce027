"""netstat -B: who listens with bpf(4) (usr.bin/netstat/bpf.c)."""

from __future__ import annotations

from vshell.abi.errno import ESRCH, KError
from vshell.abi.netisr import BPF_D_IN, BPF_D_OUT, XbpfD
from vshell.abi.proc import KinfoProc
from vshell.commands.netstat.options import Options
from vshell.userland.libxo import Xo


def bpf_stats(o: Options) -> int:
    """One line for each descriptor; -z sets the counters back instead."""
    xo = o.xo or Xo(o.p)
    if "z" in o.flags:
        try:
            o.p.sys.sysctl("net.bpf.stats", 0)
        except KError as e:
            xo.warn(e, "failed to zero bpf counters")
    else:
        _list(o, xo)
    xo.finish()
    return 0


def _list(o: Options, xo: Xo) -> None:
    try:
        rows: tuple[XbpfD, ...] = o.p.sys.sysctl("net.bpf.stats")
    except KError as e:
        xo.warn(e, "net.bpf.stats")
        return
    if not rows:
        return
    xo.emit(
        "{T:/%5s} {T:/%6s} {T:/%7s} {T:/%9s} {T:/%9s} {T:/%9s} {T:/%5s} {T:/%5s} {T:/%s}\n",
        "Pid", "Netif", "Flags", "Recv", "Drop", "Match", "Sblen", "Hblen", "Command",
    )  # fmt: skip
    xo.open_container("bpf-statistics")
    xo.open_list("bpf-entry")
    for d in rows:
        if o.interface is not None and o.interface != d.ifname:
            continue
        xo.open_instance("bpf-entry")
        xo.emit("{k:pid/%5d} {k:interface-name/%6s} ", d.pid, d.ifname)
        xo.emit(
            "{d:flags/%7s} {:received-packets/%9ju} {:dropped-packets/%9ju} {:filter-packets/%9ju} "
            "{:store-buffer-length/%5d} {:hold-buffer-length/%5d} {:process/%s}\n",
            _flags(xo, d), d.rcount, d.dcount, d.fcount, d.slen, d.hlen, _command(o, xo, d.pid),
        )  # fmt: skip
        xo.close_instance("bpf-entry")
    xo.close_list("bpf-entry")
    xo.close_container("bpf-statistics")


def _flags(xo: Xo, d: XbpfD) -> str:
    """The flags as letters, and for encoders each as a field of its own."""
    direction = "-" if d.direction == BPF_D_IN else "o" if d.direction == BPF_D_OUT else "s"
    letters = (
        ("p" if d.promisc else "-") + ("i" if d.immediate else "-") + ("-" if d.hdrcmplt else "f") + direction
        + ("b" if d.feedback else "-") + ("a" if d.async_ else "-") + ("l" if d.locked else "-")
    )  # fmt: skip
    for on, name in ((d.promisc, "promiscuous"), (d.immediate, "immediate"), (d.hdrcmplt, "header-complete")):
        if on:
            xo.emit("{e:" + name + "/}")
    xo.emit("{e:direction}", "input" if d.direction == BPF_D_IN else "output" if d.direction == BPF_D_OUT else "bidirectional")
    for on, name in ((d.feedback, "feedback"), (d.async_, "async"), (d.locked, "locked")):
        if on:
            xo.emit("{e:" + name + "/}")
    return letters


def _command(o: Options, xo: Xo, pid: int) -> str:
    procs: list[KinfoProc] = o.p.sys.sysctl("kern.proc")
    for proc in procs:
        if proc.pid == pid:
            return proc.comm
    xo.warn(ESRCH, "kern.proc.pid failed")
    return "??????"
