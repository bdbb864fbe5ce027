"""netstat -s: what the protocols counted (usr.bin/netstat/inet.c).

-ss leaves out what is zero, -z sets everything back to zero and shows that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vshell.abi.errno import ENOENT, KError
from vshell.abi.record import Record
from vshell.commands.netstat import stat_tables
from vshell.commands.netstat.options import Options
from vshell.commands.netstat.protocols import Protox
from vshell.commands.netstat.stat_tables import Table
from vshell.userland.libxo import Xo

ICMPNAMES = {
    0: "echo reply", 3: "destination unreachable", 4: "source quench", 5: "routing redirect", 8: "echo",
    9: "router advertisement", 10: "router solicitation", 11: "time exceeded", 12: "parameter problem", 13: "time stamp",
    14: "time stamp reply", 15: "information request", 16: "information request reply", 17: "address mask request",
    18: "address mask reply", 37: "icmp type 37", 38: "icmp type 38",
}  # fmt: skip
TCPSTATES = (
    "CLOSED", "LISTEN", "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1", "CLOSING", "LAST_ACK", "FIN_WAIT_2",
    "TIME_WAIT",
)  # fmt: skip


def plural(kind: str, value: int) -> str:
    """The ending of a noun."""
    if kind == "ies":
        return "y" if value == 1 else "ies"
    return "" if value == 1 else kind


def fetch(o: Options, node: str, zero: bool = True) -> Any:
    """The record of a sysctl node, None if there is none; -z clears it first."""
    try:
        stats = o.p.sys.sysctl(node)
        if "z" in o.flags and zero:
            o.p.sys.sysctl(node, 0)
            stats = type(stats)() if isinstance(stats, Record) else stats
    except KError as e:
        if e.errno != ENOENT:
            (o.xo or o.p).warn(e, f"sysctl {node}")
        return None
    return stats


def show_all(o: Options) -> bool:
    """False with -ss: what is zero stays out."""
    return o.sflag <= 1


def emit_table(o: Options, xo: Xo, stats: Any, table: Table) -> None:
    """The lines of a table."""
    for fields, kinds, fmt in table:
        if fields == "{":
            xo.open_container(fmt)
            continue
        if fields == "}":
            xo.close_container(fmt)
            continue
        values = [getattr(stats, name, 0) for name in fields.split()]
        if not (any(values) or show_all(o)):
            continue
        args: list[Any] = []
        for i, value in enumerate(values):
            kind = kinds[i] if len(values) > 1 else kinds
            args.append(value)
            if kind != "-":
                args.append(plural(kind, value))
        xo.emit(fmt, *args)


def print_stats(o: Options, tp: Protox) -> None:
    """The statistics of one protocol."""
    show = STATS.get(tp.name)
    if show is None:
        return
    xo = o.xo or Xo(o.p)
    show(o, xo, tp.name)
    if o.xo is None:
        xo.flush()


def print_ifstats(o: Options, tp: Protox) -> None:
    """The statistics of one protocol per interface: only IPv6 keeps them."""
    from vshell.commands.netstat.stat_inet6 import print_ifstats6

    print_ifstats6(o, tp)


def _once(o: Options, name: str) -> bool:
    """UDP and TCP serve both families and are shown once."""
    if name in o.flags:
        return False
    o.flags.add(name)
    return True


def udp_stats(o: Options, xo: Xo, name: str) -> None:
    """udp_stats."""
    if not _once(o, "udp_done"):
        return
    stats = fetch(o, "net.inet.udp.stats")
    if stats is None:
        return
    xo.open_container("udp")
    xo.emit("{T:/%s}:\n", name)
    head = [row for row in stat_tables.UDP if row[0] not in ("fullsock", "pcbhashmiss", "opackets", "filtermcast")]
    emit_table(o, xo, stats, tuple(head))
    undelivered = stats.noportmcast + stats.noportbcast
    if undelivered or show_all(o):
        text = "\t{:dropped-broadcast-multicast/%ju} {N:/broadcast\\/multicast datagram%s undelivered}\n"
        xo.emit(text, undelivered, plural("s", undelivered))
    rest = [row for row in stat_tables.UDP if row not in head]
    emit_table(o, xo, stats, tuple(rest[:2]))
    delivered = stats.ipackets - stats.hdrops - stats.badlen - stats.badsum - stats.noport - stats.fullsock
    if delivered or show_all(o):
        xo.emit("\t{:delivered-packets/%ju} {N:/delivered}\n", delivered & (1 << 64) - 1)
    emit_table(o, xo, stats, tuple(rest[2:]))
    xo.close_container("udp")


def ip_stats(o: Options, xo: Xo, name: str) -> None:
    """ip_stats."""
    stats = fetch(o, "net.inet.ip.stats")
    if stats is None:
        return
    xo.open_container(name)
    xo.emit("{T:/%s}:\n", name)
    rows = stat_tables.IP
    at = next(i for i, row in enumerate(rows) if row[0] == "fastforward") + 1
    emit_table(o, xo, stats, rows[:at])
    if stats.forward or show_all(o):
        xo.emit("\n")
    emit_table(o, xo, stats, rows[at:])
    xo.close_container(name)


def histogram(xo: Xo, name: str, title: str, counts: tuple[int, ...]) -> None:
    """How often each type of ICMP message went by."""
    if not any(counts):
        return
    xo.open_list(name)
    xo.emit(f"\t{title}:\n")
    for kind, count in enumerate(counts):
        if count:
            xo.open_instance(name)
            xo.emit("\t\t{k:name/%s}: {:count/%lu}\n", ICMPNAMES.get(kind, f"#{kind}"), count)
            xo.close_instance(name)
    xo.close_list(name)


def icmp_stats(o: Options, xo: Xo, name: str) -> None:
    """icmp_stats."""
    stats = fetch(o, "net.inet.icmp.stats")
    if stats is None:
        return
    xo.open_container(name)
    xo.emit("{T:/%s}:\n", name)
    rows = stat_tables.ICMP
    emit_table(o, xo, stats, rows[:2])
    histogram(xo, "output-histogram", "Output histogram", stats.outhist)
    at = next(i for i, row in enumerate(rows) if row[0] == "reflect")
    emit_table(o, xo, stats, rows[2:at])
    histogram(xo, "input-histogram", "Input histogram", stats.inhist)
    emit_table(o, xo, stats, rows[at:])
    answers = o.sysctl("net.inet.icmp.maskrepl", 0)
    xo.emit("\tICMP address mask responses are {q:icmp-address-responses/%sabled}\n", "en" if answers else "dis")
    xo.close_container(name)


def table_stats(node: str, table: Table) -> Callable[[Options, Xo, str], None]:
    """A protocol whose statistics are nothing but a table."""

    def show(o: Options, xo: Xo, name: str) -> None:
        stats = fetch(o, node)
        if stats is None or not isinstance(stats, Record):
            return
        xo.open_container(name)
        xo.emit("{T:/%s}:\n", name)
        emit_table(o, xo, stats, table)
        xo.close_container(name)

    return show


def tcp_stats(o: Options, xo: Xo, name: str) -> None:
    """tcp_stats."""
    from vshell.commands.netstat.stat_tcp import TCP

    if not _once(o, "tcp_done"):
        return
    stats = fetch(o, "net.inet.tcp.stats")
    states = fetch(o, "net.inet.tcp.states", False)
    if not isinstance(stats, Record) or states is None:
        return
    xo.open_container("tcp")
    xo.emit("{T:/%s}:\n", name)
    emit_table(o, xo, stats, TCP)
    xo.open_container("TCP connection count by state")
    xo.emit("{T:/TCP connection count by state}:\n")
    for state, count in zip(TCPSTATES, states, strict=True):
        if count or show_all(o):
            noun = "connection " if count == 1 else "connections"
            xo.emit(f"\t{{:{state}/%ju}} {{N:/{noun}}} in {state} state\n", count)
    xo.close_container("TCP connection count by state")
    xo.close_container("tcp")


def inet6(o: Options, xo: Xo, name: str) -> None:
    """The protocols of IPv6 (stat_inet6.py)."""
    from vshell.commands.netstat.stat_inet6 import print_stats6

    print_stats6(o, xo, name)


STATS: dict[str, Callable[[Options, Xo, str], None]] = {
    "tcp": tcp_stats, "udp": udp_stats, "ip": ip_stats, "icmp": icmp_stats,
    "igmp": table_stats("net.inet.igmp.stats", stat_tables.IGMP), "pim": table_stats("net.inet.pim.stats", stat_tables.PIM),
    "carp": table_stats("net.inet.carp.stats", stat_tables.CARP), "arp": table_stats("net.link.ether.arp.stats", stat_tables.ARP),
    "divert": table_stats("net.inet.divert.stats", stat_tables.DIVERT),
    "ip6": inet6, "icmp6": inet6, "rip6": inet6,
}  # fmt: skip
