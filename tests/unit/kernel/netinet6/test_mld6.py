"""Multicast listening: changes are told twice, queries are answered in the version they are asked in."""

from __future__ import annotations

from vshell.kernel.net.ifnet import Ifnet
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netinet6.in6_var import Ip6, ext6
from vshell.kernel.netinet6.mld6 import ROUTER_ALERT, in6_joingroup, in6_leavegroup
from vshell.kernel.netinet6.mld6_input import mld_input
from vshell.machine import Machine
from vshell.wire.ip6 import LINKLOCAL_ALLNODES, UNSPECIFIED, ip6_header

ROUTER = bytes.fromhex("fe80000000000000000000000000000a")
GROUP = bytes.fromhex("ff0e0000000000000000000000000123")


def link() -> tuple[Machine, Ifnet]:
    """A machine whose first interface speaks IPv6."""
    machine = Machine()
    machine.run("ifconfig vtnet0 inet6 no_dad 2001:db8::1/64; sleep 8")
    return machine, next(ifp for ifp in machine.kernel.vnet0.ifnets if ifp.xname == "vtnet0")


def hear(ifp: Ifnet, body: bytes, dst: bytes = LINKLOCAL_ALLNODES, hops: int = 1, alert: bytes = ROUTER_ALERT) -> None:
    """A message of a router on the link."""
    m = m_get(ip6_header(ROUTER, dst, 0 if alert else 58, len(alert) + len(body), hops) + alert + body)
    mld_input(ifp, m, ROUTER, dst, body)


def query(group: bytes = UNSPECIFIED, delay: int = 1000) -> bytes:
    """A query of version 1."""
    return bytes((130, 0, 0, 0)) + delay.to_bytes(2, "big") + b"\0\0" + group


def query2(group: bytes = UNSPECIFIED, delay: int = 1000) -> bytes:
    """A query of version 2: robustness 3, every 60 seconds."""
    return query(group, delay) + bytes((3, 60, 0, 0))


def sent(ifp: Ifnet) -> dict[int, int]:
    """Messages of MLD this stack has sent, by type."""
    return {kind: count for kind, count in enumerate(ifp.vnet[Ip6].icmp6stat.outhist) if count and kind in (131, 132, 143)}


def later(machine: Machine, ifp: Ifnet, seconds: int = 4) -> dict[int, int]:
    """What has been sent after some time that was not sent before."""
    before = sent(ifp)
    machine.run(f"sleep {seconds}")
    return {kind: count - before.get(kind, 0) for kind, count in sent(ifp).items() if count != before.get(kind, 0)}


def test_changes_are_told_twice() -> None:
    machine, ifp = link()
    in6_joingroup(ifp, GROUP)
    assert later(machine, ifp) == {143: 2}
    in6_leavegroup(ifp, GROUP)
    assert later(machine, ifp) == {143: 2}
    extra = ext6(ifp)
    assert extra is not None
    assert GROUP not in extra.mld.members


def test_queries_of_version_2() -> None:
    machine, ifp = link()
    in6_joingroup(ifp, GROUP)
    later(machine, ifp)
    hear(ifp, query2())
    hear(ifp, query2())
    assert later(machine, ifp) == {143: 1}
    hear(ifp, query2(GROUP))
    assert later(machine, ifp) == {143: 1}
    hear(ifp, query2(GROUP[:15] + b"\x99"))
    assert later(machine, ifp) == {}
    extra = ext6(ifp)
    assert extra is not None
    assert (extra.mld.rv, extra.mld.qi, extra.mld.qri) == (3, 60, 1000)


def test_what_is_no_query_of_a_router_on_the_link() -> None:
    machine, ifp = link()
    hear(ifp, query2(), hops=2)
    hear(ifp, query2(), alert=b"")
    assert later(machine, ifp) == {}


def test_version_1() -> None:
    machine, ifp = link()
    extra = ext6(ifp)
    assert extra is not None
    in6_joingroup(ifp, GROUP)
    later(machine, ifp)
    hear(ifp, query())
    assert later(machine, ifp) == {131: len(extra.mld.members)}
    hear(ifp, query(GROUP))
    hear(ifp, bytes((131, 0, 0, 0, 0, 0, 0, 0)) + GROUP, GROUP)  # another member was faster
    assert later(machine, ifp) == {}
    in6_leavegroup(ifp, GROUP)  # its reporter is the other one
    assert later(machine, ifp) == {}
    before = sent(ifp)
    in6_joingroup(ifp, GROUP)
    later(machine, ifp, 11)
    in6_leavegroup(ifp, GROUP)
    assert sent(ifp) == {**before, 131: before[131] + 1, 132: 1}
    assert extra.mld.version == 1
    later(machine, ifp, 300)
    assert extra.mld.version == 2
