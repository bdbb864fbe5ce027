"""netstat -g: multicast routing (usr.bin/netstat/mroute.c and mroute6.c).

DIFFERS: this kernel has no multicast routing, as a GENERIC one without ip_mroute, so that there are no tables to show.
"""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.commands.netstat.options import EX_DATAERR, Options
from vshell.userland.libxo import Xo

TABLES = {AF_INET: "net.inet.ip.viftable", AF_INET6: "net.inet6.ip6.mif6table"}


def mroutepr(o: Options) -> int:
    """What there is of the tables, or with -s of the counters."""
    xo = o.xo or Xo(o.p)
    if o.fib != -1:
        try:
            o.p.sys.setfib(o.fib)
        except KError as e:
            o.errx(EX_DATAERR, f"setfib: {e}")
    if o.xo is not None:
        o.open_statistics(o.xo)
    for family, table in TABLES.items():
        if o.af not in (0, family):
            continue
        if not o.sflag:
            xo.warn(ENOENT, f"sysctl: {table}")
        elif family == AF_INET:
            o.p.stderr.write("No IPv4 MROUTING kernel support.\n")
    if o.xo is not None:
        o.close_statistics(o.xo)
    return 0
