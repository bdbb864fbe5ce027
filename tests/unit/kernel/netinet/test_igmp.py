"""IGMP of a host: what it reports in each version, what it answers, and which sources sockets hear."""

from __future__ import annotations

from tests.unit.kernel.netinet.lab import PAIR, lines
from vshell.kernel.net.ifnet import Ifnet
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netinet.igmp import Igmp
from vshell.kernel.netinet.igmp_input import igmp_input
from vshell.kernel.netinet.igmp_var import IgmpIfinfo, igmp_of
from vshell.kernel.netinet.in_mcast import in_joingroup, in_leavegroup
from vshell.machine import Machine
from vshell.wire.cksum import in_cksum
from vshell.wire.ip import Ip, ip_pack

GROUP = b"\xef\1\1\1"
OTHER = b"\xef\2\2\2"
ALLHOSTS = b"\xe0\0\0\1"
ROUTER = b"\x0a\0\0\xfe"


def link() -> tuple[Machine, Ifnet, IgmpIfinfo]:
    """A machine whose first interface has an address and the group."""
    machine = Machine()
    machine.run("ifconfig vtnet0 10.0.0.1/24; sleep 1")
    ifp = next(ifp for ifp in machine.kernel.vnet0.ifnets if ifp.xname == "vtnet0")
    in_joingroup(ifp, GROUP)
    machine.run("sleep 4")
    igi = igmp_of(ifp)
    assert igi is not None
    return machine, ifp, igi


def hear(ifp: Ifnet, body: bytes, dst: bytes = ALLHOSTS, src: bytes = ROUTER, ttl: int = 1) -> None:
    """A message of somebody on the link."""
    body = body[:2] + in_cksum(body[:2] + bytes(2) + body[4:]).to_bytes(2, "big") + body[4:]
    head = ip_pack(Ip(src, dst, 2, 24 + len(body), ttl, options=b"\x94\4\0\0"))
    igmp_input(ifp, m_get(head + body), len(head), 2)


def query(group: bytes = bytes(4), code: int = 10) -> bytes:
    """A query of version 2; of version 1 with a code of 0."""
    return bytes((0x11, code, 0, 0)) + group


def query3(group: bytes = bytes(4), *sources: bytes) -> bytes:
    """A query of version 3: answer within a second; robustness 3, every 60 seconds."""
    return query(group) + bytes((3, 60)) + len(sources).to_bytes(2, "big") + b"".join(sources)


def later(machine: Machine, ifp: Ifnet, seconds: int = 4) -> int:
    """Reports sent in some time."""
    stat = ifp.vnet[Igmp].stat
    before: int = stat.snd_reports
    machine.run(f"sleep {seconds}")
    return int(stat.snd_reports) - before


def test_changes_are_told_twice() -> None:
    machine, ifp, igi = link()
    in_joingroup(ifp, OTHER)
    assert later(machine, ifp) == 2
    in_leavegroup(ifp, OTHER)
    assert OTHER in igi.members
    assert later(machine, ifp) == 2
    assert OTHER not in igi.members


def test_queries_of_version_3() -> None:
    machine, ifp, igi = link()
    hear(ifp, query3())
    hear(ifp, query3())
    assert later(machine, ifp) == 1
    hear(ifp, query3(GROUP), GROUP)
    hear(ifp, query3(OTHER), OTHER)
    assert later(machine, ifp) == 1
    hear(ifp, query3(GROUP, ROUTER), GROUP)
    assert later(machine, ifp) == 0  # it has no filter
    assert (igi.rv, igi.qi, igi.qri) == (3, 60, 10)


def test_messages_that_are_no_good() -> None:
    machine, ifp, _ = link()
    stat = ifp.vnet[Igmp].stat
    hear(ifp, query3(), ttl=2)
    hear(ifp, query3()[:11])
    hear(ifp, query()[:7])
    hear(ifp, query3(bytes(4), ROUTER))
    hear(ifp, query3(), GROUP)
    assert later(machine, ifp) == 0
    assert (stat.rcv_badttl, stat.rcv_tooshort, stat.rcv_badqueries) == (1, 2, 2)


def test_version_2() -> None:
    machine, ifp, igi = link()
    hear(ifp, query())
    assert igi.version == 2
    assert later(machine, ifp) == 1
    hear(ifp, query(GROUP), GROUP)
    hear(ifp, bytes((0x16, 0, 0, 0)) + GROUP, GROUP, b"\x0a\0\0\x09")  # another member was faster
    assert later(machine, ifp) == 0
    in_leavegroup(ifp, GROUP)  # its reporter is the other one
    assert later(machine, ifp) == 0
    before = ifp.vnet[Igmp].stat.snd_reports
    in_joingroup(ifp, OTHER)
    assert later(machine, ifp, 11) == 0  # told at once
    in_leavegroup(ifp, OTHER)
    assert ifp.vnet[Igmp].stat.snd_reports == before + 2
    later(machine, ifp, 300)
    assert igi.version == 3


def test_version_1() -> None:
    machine, ifp, igi = link()
    hear(ifp, query(code=0))
    assert igi.version == 1
    assert later(machine, ifp, 11) == 1
    hear(ifp, query())
    assert igi.version == 1
    in_leavegroup(ifp, GROUP)
    assert later(machine, ifp) == 0
    machine.run("sysctl net.inet.igmp.v1enable=0")
    later(machine, ifp, 2)
    assert igi.version == 3


def test_sysctls() -> None:
    machine, ifp, igi = link()
    refused = machine.run("sysctl net.inet.igmp.default_version=4 2>&1").stdout
    assert refused.endswith(b"sysctl: net.inet.igmp.default_version=4: Invalid argument\n")
    machine.run("sysctl net.inet.igmp.default_version=2 net.inet.igmp.sendlocal=0")
    assert igi.version == 2
    in_joingroup(ifp, b"\xe0\0\0\x77")
    assert later(machine, ifp) == 0


FILTERS = """
cat > /tmp/m <<E
j 239.1.1.1 epair0a
j 239.1.1.1 epair0a
j 239.2.2.2 epair0a 10.0.0.9
s 5
j 239.2.2.2 epair0a 10.0.0.8
b 239.1.1.1 epair0a 10.0.0.7
s 5
i 239.2.2.2 epair0a 1
10.0.0.99
l 239.1.1.1 epair0a
g 239.2.2.2 epair0a 1
s 5
E
"""


def test_filters_are_reported() -> None:
    script = f"""{PAIR}{FILTERS}
    jexec b tcpdump -nvi epair0b -c 7 igmp 2> /dev/null | sed -n 's/.*record.s. //p' &
    jexec a mtest /tmp/m 2> /dev/null > /tmp/out &
    sleep 7; jexec a ifmcstat -i epair0a -f inet -v | grep srcs; wait %2; cat /tmp/out | tr '\\n' ' '; echo; wait
    """
    twice = [
        "[gaddr 239.2.2.2 to_in, 1 source(s)] [gaddr 239.1.1.1 to_ex, 0 source(s)]",
        "[gaddr 239.2.2.2 allow, 1 source(s)] [gaddr 239.1.1.1 block, 1 source(s)]",
        "[gaddr 239.2.2.2 block, 2 source(s)] [gaddr 239.2.2.2 allow, 1 source(s)] [gaddr 239.1.1.1 to_in, 0 source(s)]",
    ]
    shown = [line.strip() for line in lines(script)]
    assert shown == [
        "group 239.2.2.2 mode include srcs 10.0.0.8,10.0.0.9",
        "group 239.1.1.1 mode exclude srcs 10.0.0.7",
        "ok -1 ok ok ok ok ok ok ok include 1 10.0.0.99 ok ok",
        *(line for line in twice for _ in range(2)),
        "[gaddr 239.2.2.2 to_in, 0 source(s)]",
    ]


def test_what_ifmcstat_knows_of_the_querier() -> None:
    machine, ifp, _ = link()
    hear(ifp, query())
    shown = machine.run("ifmcstat -i vtnet0 -f inet -vv").stdout.decode().splitlines()[2]
    assert shown == "\tigmpv2 v1timer 0 v2timer 520 v3timer 0"


def test_groups_go_with_the_interface() -> None:
    machine = Machine()
    machine.run("ifconfig epair0 create; ifconfig epair0a 10.0.0.1/24")
    machine.run("{ echo j 239.1.1.1 epair0a; sleep 5; } | mtest & sleep 2; ifconfig epair0a destroy; wait")
    assert not machine.kernel.panics
