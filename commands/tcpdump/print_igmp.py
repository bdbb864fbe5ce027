"""tcpdump: IGMP (print-igmp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo
from vshell.commands.tcpdump.print_groups import queried, report
from vshell.wire.cksum import in_cksum


def _query3(ndo: Ndo, at: int, length: int) -> None:
    ndo.p(" v3")
    if length < 12 or length & 3:
        ndo.p(f" [invalid len {length}]")
        return
    mrc = ndo.u1(at + 1)
    mrt = mrc if mrc < 128 else ((mrc & 0xF) | 0x10) << ((mrc >> 4 & 7) + 3)
    if mrc != 100:
        ndo.p(f" [max resp time {f'{mrt * 0.1:.1f}s' if mrt < 600 else ndo.relts(mrt // 10)}]")
    if not ndo.u4(at + 4):
        return
    ndo.p(f" [gaddr {ndo.ipaddr(at + 4)}")
    queried(ndo, at, length, 12, 4, ndo.ipaddr)


def _query(ndo: Ndo, at: int, length: int) -> None:
    ndo.p("igmp query")
    if length >= 12:
        _query3(ndo, at, length)
        return
    wait = ndo.u1(at + 1)
    if wait:
        ndo.p(" v2" + (f" [max resp time {wait}]" if wait != 100 else ""))
    else:
        ndo.p(" v1")
    if ndo.u4(at + 4):
        ndo.p(f" [gaddr {ndo.ipaddr(at + 4)}]")
    if length != 8:
        ndo.p(f" [len {length}]")


def _mtrace(ndo: Ndo, name: str, at: int, length: int) -> None:
    if length < 24:
        ndo.p(f" [invalid len {length}]")
        return
    back = ndo.get(at + 16, 4)
    ndo.p(f"{name} {ndo.u3(at + 21)}: {ndo.ipaddr(at + 8)} to {ndo.ipaddr(at + 12)} reply-to {ndo.host(back)}")
    if back[0] >> 4 == 14:
        ndo.p(f" with-ttl {ndo.u1(at + 20)}")


def igmp_print(ndo: Ndo, at: int, length: int) -> None:
    """A message."""
    ndo.protocol = "igmp"
    if ndo.q:
        ndo.p("igmp")
        return
    kind = ndo.u1(at)
    if kind == 0x11:
        _query(ndo, at, length)
    elif kind == 0x12:
        ndo.p(f"igmp v1 report {ndo.ipaddr(at + 4)}" + (f" [len {length}]" if length != 8 else ""))
    elif kind == 0x16:
        ndo.p(f"igmp v2 report {ndo.ipaddr(at + 4)}")
    elif kind == 0x22:
        ndo.p("igmp v3 report")
        report(ndo, at, length, 4, ndo.ipaddr, " [v3-report-#%u]")
    elif kind == 0x17:
        ndo.p(f"igmp leave {ndo.ipaddr(at + 4)}")
    elif kind == 0x13:
        ndo.p("igmp dvmrp" + (f" [len {length}]" if length < 8 else ""))
    elif kind == 0x14:
        ndo.p("igmp pimv1")
    elif kind in (0x1E, 0x1F):
        _mtrace(ndo, "mresp" if kind == 0x1E else "mtrace", at, length)
    else:
        ndo.p(f"igmp-{kind}")
    if ndo.v and length >= 4 and ndo.ttest(at, length) and in_cksum(ndo.get(at, length)):
        ndo.p(f" bad igmp cksum {ndo.u2(at + 2):x}!")
