"""netstat -s for IPv6, ICMPv6 and raw IPv6, of a stack and of an interface (usr.bin/netstat/inet6.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import EPFNOSUPPORT, KError
from vshell.abi.in6 import SIOCGIFSTAT_ICMP6, SIOCGIFSTAT_IN6
from vshell.abi.socket import AF_INET6, SOCK_DGRAM
from vshell.abi.sockio import IfRequest
from vshell.commands.netstat.options import Options
from vshell.commands.netstat.protocols import Protox
from vshell.commands.netstat.stat_tables import Table
from vshell.commands.netstat.stat_tables6 import ICMP6, ICMP6_IF, ICMP6NAMES, IP6, IP6_IF, IP6NH, RIP6
from vshell.commands.netstat.statistics import emit_table, fetch, plural, show_all
from vshell.userland.libxo import Xo
from vshell.userland.netdb import if_names

SCOPES = {1: "interface-local", 2: "link-local", 5: "site-local", 14: "global"}
SELECTIONS = (
    ("sources_sameif", "outgoing-interface", "source addresses on an outgoing I/F"),
    ("sources_otherif", "non-outgoing-interface", "source addresses on a non-outgoing I/F"),
    ("sources_samescope", "same-source", "source addresses of same scope"),
    ("sources_otherscope", "different-scope", "source addresses of a different scope"),
    ("sources_deprecated", "deprecated-source", "deprecated source addresses"),
)
IP6_RULE = "first candidate"


def print_stats6(o: Options, xo: Xo, name: str) -> None:
    """One of the protocols."""
    {"ip6": ip6_stats, "icmp6": icmp6_stats, "rip6": rip6_stats}[name](o, xo, name)


def histogram(xo: Xo, name: str, title: str, counts: tuple[int, ...], names: dict[int, str]) -> None:
    """How often each kind went by."""
    if not any(counts):
        return
    # ICMPv6 opens its list before the title, IPv6 after it: nobody can tell.
    xo.open_list(name)
    xo.emit("\t{T:" + title + "}:\n")
    for kind, count in enumerate(counts):
        if count:
            xo.open_instance(name)
            xo.emit("\t\t{k:name/%s}: {:count/%ju}\n", names.get(kind, f"#{kind}"), count)
            xo.close_instance(name)
    xo.close_list(name)


def ip6_stats(o: Options, xo: Xo, name: str) -> None:
    """ip6_stats."""
    stats = fetch(o, "net.inet6.ip6.stats")
    if stats is None:
        return
    xo.open_container(name)
    xo.emit("{T:/%s}:\n", name)
    at = next(i for i, row in enumerate(IP6) if row[0] == "{")
    emit_table(o, xo, stats, IP6[:at])
    histogram(xo, "input-histogram", "Input histogram", stats.nxthist, IP6NH)
    xo.open_container("mbuf-statistics")
    xo.emit("\t{T:Mbuf statistics}:\n")
    # Packets are in one piece here, so nothing is ever counted of their pieces.
    xo.emit("\t\t{:one-mbuf/%ju} {N:/one mbuf}\n", 0)
    xo.emit("\t\t{:one-extra-mbuf/%ju} {N:one ext mbuf}\n", 0)
    xo.emit("\t\t{:two-or-more-extra-mbufs/%ju} {N:/two or more ext mbuf}\n", 0)
    xo.close_container("mbuf-statistics")
    selection = next(i for i, row in enumerate(IP6) if row[2] == "source-address-selection")
    emit_table(o, xo, stats, IP6[at + 2 : selection + 2])
    for field, container, title in SELECTIONS:
        _selection(o, xo, getattr(stats, field), container, title)
    _rules(xo, sum(stats.sources_sameif) + sum(stats.sources_otherif))
    xo.close_container("source-address-selection")
    xo.close_container(name)


def _selection(o: Options, xo: Xo, counts: tuple[int, ...], container: str, title: str) -> None:
    if not any(counts):
        return
    xo.open_list(container)
    xo.emit(f"\t{title}\n")
    for scope, count in enumerate(counts):
        if not count:
            continue
        xo.open_instance(container)
        if scope in SCOPES:
            word = SCOPES[scope]
            xo.emit("\t\t{ke:name/" + word + "s}{:count/%ju} {N:/" + word + "%s}\n", count, plural("s", count))
        else:
            xo.emit("\t\t{qke:name/%#x}{:count/%ju} {N:/addresses scope=%#x}\n", scope, count, scope)
        xo.close_instance(container)
    xo.close_list(container)


def _rules(xo: Xo, count: int) -> None:
    """DIFFERS: all choices of a source count as made by the first rule."""
    if not count:
        return
    xo.open_list("rules-applied")
    xo.emit("\t{T:Source addresses selection rule applied}:\n")
    xo.open_instance("rules-applied")
    xo.emit("\t\t{ke:name/%s}{:count/%ju} {d:name/%s}\n", IP6_RULE, count, IP6_RULE)
    xo.close_instance("rules-applied")
    xo.close_list("rules-applied")


def icmp6_stats(o: Options, xo: Xo, name: str) -> None:
    """icmp6_stats."""
    stats = fetch(o, "net.inet6.icmp6.stats")
    if stats is None:
        return
    xo.emit("{T:/%s}:\n", name)
    xo.open_container(name)
    emit_table(o, xo, stats, ICMP6[:3])
    histogram(xo, "output-histogram", "Output histogram", stats.outhist, ICMP6NAMES)
    at = next(i for i, row in enumerate(ICMP6) if row[0] == "{")
    emit_table(o, xo, stats, ICMP6[3:at])
    histogram(xo, "input-histogram", "Input histogram", stats.inhist, ICMP6NAMES)
    xo.emit("\t{T:Histogram of error messages to be generated}:\n")
    emit_table(o, xo, stats, ICMP6[at:])
    xo.close_container(name)


def rip6_stats(o: Options, xo: Xo, name: str) -> None:
    """rip6_stats."""
    stats = fetch(o, "net.inet6.ip6.rip6stats")
    if stats is None:
        return
    xo.emit("{T:/%s}:\n", name)
    xo.open_container(name)
    emit_table(o, xo, stats, RIP6[:-1])
    if show_all(o):
        xo.emit("\t{:delivered-packets/%ju} {N:/delivered}\n", 0)
    emit_table(o, xo, stats, RIP6[-1:])
    xo.close_container(name)


# interfaces -------------------------------------------------------------------------------------------------------
class Counts:
    """Counters by name; what has not been counted is zero."""

    def __init__(self, pairs: Any) -> None:
        self.__dict__.update(dict(pairs))


def print_ifstats6(o: Options, tp: Protox) -> None:
    """ip6_ifstats and icmp6_ifstats, for the interface asked for or for all."""
    table, request, label = {
        "ip6": (IP6_IF, SIOCGIFSTAT_IN6, "IN6"), "icmp6": (ICMP6_IF, SIOCGIFSTAT_ICMP6, "ICMP6"),
    }[tp.name]  # fmt: skip
    xo = o.xo or Xo(o.p)
    for ifname in if_names(o.p).values():
        if o.interface in (None, ifname):
            _interface(o, xo, ifname, tp.name, table, request(ifname), label)
    if o.xo is None:
        xo.flush()


def _interface(o: Options, xo: Xo, ifname: str, name: str, table: Table, request: IfRequest, label: str) -> None:
    try:
        fd = o.p.sys.socket(AF_INET6, SOCK_DGRAM)
    except KError as e:
        xo.warn(e, "Warning: socket(AF_INET6)")
        return
    try:
        pairs = o.p.sys.ioctl(fd, request)
    except KError as e:
        if e.errno != EPFNOSUPPORT:
            xo.warn(e, f"Warning: ioctl(SIOCGIFSTAT_{label})")
        return
    finally:
        o.p.sys.close(fd)
    xo.emit("{T:/" + name + " on %s}:\n", ifname)
    xo.open_instance(f"{name}-interface-statistics")
    xo.emit("{ke:name/%s}", ifname)
    emit_table(o, xo, Counts(pairs), table)
    xo.close_instance(f"{name}-interface-statistics")
