"""netstat -m: memory for packets (usr.bin/netstat/mbuf.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.netisr import Sfstat, Zone
from vshell.commands.netstat.options import Options
from vshell.userland.libxo import Xo

SENDFILE = (
    ("sendfile-syscalls", "sendfile syscalls", "syscalls"),
    ("sendfile-no-io", "sendfile syscalls completed without I\\/O request", "noiocnt"),
    ("sendfile-io-count", "requests for I\\/O initiated by sendfile", "iocnt"),
    ("sendfile-pages-sent", "pages read by sendfile as part of a request", "pages_read"),
    ("sendfile-pages-valid", "pages were valid at time of a sendfile request", "pages_valid"),
    ("sendfile-pages-bogus", "pages were valid and substituted to bogus page", "pages_bogus"),
    ("sendfile-requested-readahead", "pages were requested for read ahead by applications", "rhpages_requested"),
    ("sendfile-readahead", "pages were read ahead by sendfile", "rhpages_read"),
    ("sendfile-busy-encounters", "times sendfile encountered an already busy page", "busy"),
    ("sfbufs-alloc-failed", "requests for sfbufs denied", "allocfail"),
    ("sfbufs-alloc-wait", "requests for sfbufs delayed", "allocwait"),
)


def mbpr(o: Options) -> int:
    """The zones, then what sendfile(2) did."""
    xo = o.xo or Xo(o.p)
    try:
        zones: dict[str, Zone] = {zone.name: zone for zone in o.p.sys.sysctl("vm.zone_stats")}
    except KError as e:
        xo.warnx(f"memstat_sysctl_all: {e}")
        xo.finish()
        return 0
    xo.open_container("mbuf-statistics")
    _counts(xo, zones)
    _trouble(xo, zones)
    try:
        stats: Sfstat | None = o.p.sys.sysctl("kern.ipc.sfstat")
    except KError:
        stats = None
    if stats is not None:
        for name, text, field in SENDFILE:
            xo.emit(f"{{:{name}/%ju}} {{N:{text}}}\n", getattr(stats, field))
    xo.close_container("mbuf-statistics")
    xo.finish()
    return 0


def _counts(xo: Xo, zones: dict[str, Zone]) -> None:
    mbuf, packet, cluster = zones["mbuf"], zones["mbuf_packet"], zones["mbuf_cluster"]
    page, nine, sixteen = zones["mbuf_jumbo_page"], zones["mbuf_jumbo_9k"], zones["mbuf_jumbo_16k"]
    used, free = mbuf.count + packet.count, mbuf.free + packet.free
    xo.emit(
        "{:mbuf-current/%ju}/{:mbuf-cache/%ju}/{:mbuf-total/%ju} {N:mbufs in use (current\\/cache\\/total)}\n",
        used, free, used + free,
    )  # fmt: skip
    xo.emit(
        "{:cluster-current/%ju}/{:cluster-cache/%ju}/{:cluster-total/%ju}/{:cluster-max/%ju} "
        "{N:mbuf clusters in use (current\\/cache\\/total\\/max)}\n",
        cluster.count - packet.free, cluster.free + packet.free, cluster.count + cluster.free, cluster.limit,
    )  # fmt: skip
    xo.emit(
        "{:packet-count/%ju}/{:packet-free/%ju} {N:mbuf+clusters out of packet secondary zone in use (current\\/cache)}\n",
        packet.count, packet.free,
    )  # fmt: skip
    xo.emit(
        "{:jumbo-count/%ju}/{:jumbo-cache/%ju}/{:jumbo-total/%ju}/{:jumbo-max/%ju} {:jumbo-page-size/%ju}{U:k} {N:(page size)} "
        "{N:jumbo clusters in use (current\\/cache\\/total\\/max)}\n",
        page.count, page.free, page.count + page.free, page.limit, page.size // 1024,
    )  # fmt: skip
    xo.emit(
        "{:jumbo9-count/%ju}/{:jumbo9-cache/%ju}/{:jumbo9-total/%ju}/{:jumbo9-max/%ju} "
        "{N:9k jumbo clusters in use (current\\/cache\\/total\\/max)}\n",
        nine.count, nine.free, nine.count + nine.free, nine.limit,
    )  # fmt: skip
    xo.emit(
        "{:jumbo16-count/%ju}/{:jumbo16-cache/%ju}/{:jumbo16-total/%ju}/{:jumbo16-limit/%ju} "
        "{N:16k jumbo clusters in use (current\\/cache\\/total\\/max)}\n",
        sixteen.count, sixteen.free, sixteen.count + sixteen.free, sixteen.limit,
    )  # fmt: skip
    single, jumbos = (mbuf, cluster), (page, nine, sixteen)
    packets = (mbuf.size + cluster.size) * packet.free
    inuse = mbuf.count * mbuf.size + packet.count * packet.size + (cluster.count - packet.free) * cluster.size
    inuse += sum(zone.count * zone.size for zone in jumbos)
    cached = packets + sum(zone.free * zone.size for zone in single + jumbos)
    xo.emit(
        "{:bytes-in-use/%ju}{U:K}/{:bytes-in-cache/%ju}{U:K}/{:bytes-total/%ju}{U:K} "
        "{N:bytes allocated to network (current\\/cache\\/total)}\n",
        inuse // 1024, cached // 1024, (inuse + cached) // 1024,
    )  # fmt: skip


def _trouble(xo: Xo, zones: dict[str, Zone]) -> None:
    mbuf, packet, cluster = zones["mbuf"], zones["mbuf_packet"], zones["mbuf_cluster"]
    page, nine, sixteen = zones["mbuf_jumbo_page"], zones["mbuf_jumbo_9k"], zones["mbuf_jumbo_16k"]
    xo.emit(
        "{:mbuf-failures/%ju}/{:cluster-failures/%ju}/{:packet-failures/%ju} "
        "{N:requests for mbufs denied (mbufs\\/clusters\\/mbuf+clusters)}\n",
        mbuf.failures, cluster.failures, packet.failures,
    )  # fmt: skip
    xo.emit(
        "{:mbuf-sleeps/%ju}/{:cluster-sleeps/%ju}/{:packet-sleeps/%ju} "
        "{N:requests for mbufs delayed (mbufs\\/clusters\\/mbuf+clusters)}\n",
        mbuf.sleeps, cluster.sleeps, packet.sleeps,
    )  # fmt: skip
    xo.emit(
        "{:jumbop-sleeps/%ju}/{:jumbo9-sleeps/%ju}/{:jumbo16-sleeps/%ju} "
        "{N:/requests for jumbo clusters delayed (%juk\\/9k\\/16k)}\n",
        page.sleeps, nine.sleeps, sixteen.sleeps, page.size // 1024,
    )  # fmt: skip
    xo.emit(
        "{:jumbop-failures/%ju}/{:jumbo9-failures/%ju}/{:jumbo16-failures/%ju} "
        "{N:/requests for jumbo clusters denied (%juk\\/9k\\/16k)}\n",
        page.failures, nine.failures, sixteen.failures, page.size // 1024,
    )  # fmt: skip
